/* cmd/launch.h - a site from a command line: the configuration it stands for, and the edge that
 * runs it.
 *
 * What it is for. `wend serve module:app`, the uwsgi and the gunicorn link say the same things in
 * three languages. Each fills a struct wend_launch; a configuration is made of it, and the edge
 * serves that one as it would one from a file: same reload, same traces, same logs. (The links had
 * a server of their own once; it had to learn everything twice.)
 *
 * Who owns what. What the launch keeps lives as long as the process.
 */
#ifndef WEND_CMD_LAUNCH_H
#define WEND_CMD_LAUNCH_H

#include "base/buffer.h"
#include "edge/serve.h"

#define WEND_LAUNCH_WORDS_MAX 256
#define WEND_LAUNCH_LISTENERS_MAX 16
#define WEND_LAUNCH_PORT 8000
#define WEND_LAUNCH_CONF_MAX 262144 /* bytes of the configuration made of it */
#define WEND_LAUNCH_DRAIN_S 30      /* how long the last requests may take */

/* A word of an `app` block; app/app.h has them. */
struct wend_launch_word {
    struct wend_str word, value;
};

struct wend_launch {
    const char *name;        /* "wend serve", "uwsgi": in messages */
    const char *what;        /* for the banner: "mysite.wsgi:application" */
    const char *notes;       /* after the workers in the banner; NULL: none */
    const char *log_path;    /* standard output and error go there; NULL: they stay */
    const char *log_level;   /* NULL: notice */
    const char *pid_path;    /* NULL: none */
    const char *access_log;  /* "-" is standard output; NULL: none */
    const char *access_form; /* a log_format's name; NULL: the short one */
    const char *admin;       /* where traces and state are told; NULL: nowhere */
    const char *prefix;      /* where relative paths start: absolute */
    unsigned workers, drain_s, backlog;
    bool term_drains;      /* TERM finishes what runs, QUIT stops at once */
    int failed_status;     /* exit status when the site could not be started; 0: 1 */
    const char *bind_hint; /* how to choose another address: "-b" */
    struct wend_arena arena;
    struct wend_launch_word words[WEND_LAUNCH_WORDS_MAX];
    size_t word_count;
    struct wend_listener listeners[WEND_LAUNCH_LISTENERS_MAX];
    bool uwsgi[WEND_LAUNCH_LISTENERS_MAX]; /* which of them speak it */
    size_t listener_count;
};

void wend_launch_init(struct wend_launch *launch, const char *name);
/* A word of app/app.h. NULL values are passed over. */
void wend_launch_set(struct wend_launch *launch, const char *word, const char *value);
/* PORT, :PORT (everywhere), HOST:PORT or unix:PATH. False: said why. */
bool wend_launch_bind(struct wend_launch *launch, const char *text, bool uwsgi) WEND_MUST_CHECK;
/* Where wend_status and wend_traces answer: as above, but only this machine. */
bool wend_launch_bind_admin(struct wend_launch *launch, const char *text) WEND_MUST_CHECK;
/* Whether all listeners can be reached from this machine only. */
bool wend_launch_is_local(const struct wend_launch *launch);
/* The virtualenv to use: the one named, else $VIRTUAL_ENV, else .venv or venv below `beside`. */
void wend_launch_home(struct wend_launch *launch, const char *named, const char *beside);
/* "--threads 8": a number from 1 to most; 0 after a message. */
unsigned wend_launch_number(const struct wend_launch *launch, const char *option, const char *text,
                            unsigned most);

/* The configuration, in parts: up to the first thing inside http; the addresses of a server; the
 * end, with the admin's server. */
void wend_launch_write_head(const struct wend_launch *launch, struct wend_buffer *conf);
void wend_launch_write_listens(const struct wend_launch *launch, struct wend_buffer *conf);
void wend_launch_write_end(const struct wend_launch *launch, struct wend_buffer *conf);
void wend_launch_write_quoted(struct wend_buffer *conf, struct wend_str word);

/* Serves that configuration and gives its text back; the exit status. Without listeners: false is
 * said and 1 returned. */
int wend_launch_run_conf(struct wend_launch *launch, struct wend_buffer *conf);
/* The Python application that the words describe, at every path of every address. */
int wend_launch_run_python(struct wend_launch *launch);

#endif
