/* cmd/launch.h - a Python site from a command line: listeners, master, workers.
 *
 * What it is for. `wend serve module:app`, the uwsgi and the gunicorn link say the same things in
 * three languages. Each fills a struct wend_launch. The links call wend_launch_run(); `wend serve`
 * makes a configuration of it and runs the edge.
 *
 * How. This process opens the listeners and becomes the master; it contains no Python. Its workers
 * execute wend-python3.11, which lies beside it, with the listeners and the options below handed
 * over (net/handover.h, cmd/python_worker.c).
 */
#ifndef WEND_CMD_LAUNCH_H
#define WEND_CMD_LAUNCH_H

#include "base/buffer.h"
#include "net/handover.h"
#include "net/listen.h"

#define WEND_LAUNCH_OPTIONS_MAX 256
#define WEND_LAUNCH_LISTENERS_MAX 16
#define WEND_LAUNCH_PORT 8000

struct wend_launch {
    const char *name;     /* "wend", "uwsgi": in messages */
    const char *what;     /* for the banner: "mysite.wsgi:application" */
    const char *log_path; /* NULL: standard error */
    unsigned workers;
    struct wend_arena arena;
    struct wend_handover_option options[WEND_LAUNCH_OPTIONS_MAX];
    size_t option_count;
    struct wend_listener listeners[WEND_LAUNCH_LISTENERS_MAX];
    bool uwsgi[WEND_LAUNCH_LISTENERS_MAX]; /* which of them speak it */
    size_t listener_count;
};

void wend_launch_init(struct wend_launch *launch, const char *name);
/* A word of app/app.h or cmd/python_worker.c. NULL values are passed over. */
void wend_launch_set(struct wend_launch *launch, const char *word, const char *value);
/* PORT, :PORT (everywhere), HOST:PORT or unix:PATH. False: said why. */
bool wend_launch_bind(struct wend_launch *launch, const char *text, bool uwsgi) WEND_MUST_CHECK;
/* Whether all listeners can be reached from this machine only. */
bool wend_launch_is_local(const struct wend_launch *launch);
/* The virtualenv to use: the one named, else $VIRTUAL_ENV, else .venv or venv below `beside`. */
void wend_launch_home(struct wend_launch *launch, const char *named, const char *beside);

/* The options as the words of an `app` block: each in quotes, one a line. */
void wend_launch_write_words(const struct wend_launch *launch, struct wend_buffer *conf);
void wend_launch_write_quoted(struct wend_buffer *conf, struct wend_str word);

/* Whether the addresses can be had; says who has one. For those who open them later themselves. */
bool wend_launch_probe(struct wend_launch *launch) WEND_MUST_CHECK;
/* "  on http://127.0.0.1:8000/" for each address, to standard output. */
void wend_launch_print_addresses(const struct wend_launch *launch);

/* Listens, serves, and returns the exit status. */
int wend_launch_run(struct wend_launch *launch);

/* "--threads 8": a number from 1 to most; 0 after a message. */
unsigned wend_launch_number(const struct wend_launch *launch, const char *option, const char *text,
                            unsigned most);

#endif
