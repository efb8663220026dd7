/* app/app.h - what is known about an application before it runs.
 *
 * What it is for. Command lines (`wend serve`, the uwsgi and gunicorn links) and the
 * configuration's `app` block all end in one struct wend_app_settings; app/host.h makes a handler
 * of it.
 *
 * Who owns what. Nothing is owned here: texts live as long as the process's configuration.
 */
#ifndef WEND_APP_APP_H
#define WEND_APP_APP_H

#include "http/exchange.h"

#define WEND_APP_THREADS_DEFAULT 8
#define WEND_APP_THREADS_MAX 512
#define WEND_APP_QUEUE_DEFAULT 1024 /* requests that wait for a thread; 503 beyond */
#define WEND_APP_BODY_MEMORY (128u << 10)
#define WEND_APP_LIST_MAX 64 /* pythonpath, env, trusted */

/* Where in the site a request is, when whoever routed it knows better than the request line. */
struct wend_app_place {
    struct wend_str script_name; /* the part of the path in front of the application */
    struct wend_str path_info;   /* decoded; null: made from request.path_raw */
    struct wend_str server_name; /* null: the address the client connected to */
    struct wend_str remote_user;
    struct wend_str variables; /* of a uwsgi packet that came another way; null: x's own */
};

/* Whose X-Forwarded-* fields are believed. */
struct wend_app_network {
    struct wend_address address;
    unsigned bits; /* of the prefix */
};

struct wend_app_settings {
    struct wend_str name;      /* in logs and traces */
    struct wend_str module;    /* "mysite.wsgi"; "mysite.wsgi:application" as well */
    struct wend_str callable;  /* null: what the module part says, else "application", then "app" */
    struct wend_str wsgi_file; /* instead of module: a path */
    struct wend_str project;   /* instead of module: a Django project's folder */
    struct wend_str chdir;     /* null: stay */
    struct wend_str home;      /* a virtualenv; null: the system's Python */
    struct wend_str script_name; /* where it is mounted: "/shop"; null: at the root */
    struct wend_str pythonpath[WEND_APP_LIST_MAX];
    size_t pythonpath_count;
    struct wend_str env[WEND_APP_LIST_MAX]; /* KEY=VALUE, set before the interpreter starts */
    size_t env_count;
    struct wend_app_network trusted[WEND_APP_LIST_MAX];
    size_t trusted_count;       /* peers on unix sockets are trusted anyway */
    unsigned threads;           /* 0: WEND_APP_THREADS_DEFAULT */
    unsigned processes;         /* for wsgi.multiprocess */
    size_t queue_max;           /* 0: WEND_APP_QUEUE_DEFAULT */
    size_t body_memory_bytes;   /* 0: WEND_APP_BODY_MEMORY; larger bodies go to a nameless file */
    const char *body_directory; /* NULL: /tmp */
    bool development;           /* traceback pages, static files of the application's packages */
    bool static_files;          /* Django's are served before the application is asked */
    bool reload;                /* a changed source file asks for new workers */
    void (*place)(struct wend_exchange *x,
                  struct wend_app_place *out); /* NULL: see wend_app_place */
};

/* One setting by its word: what the rows of an `app` block, command lines and the hand-over to a
 * worker executable have in common. The value is kept, not copied, and NUL-terminated. On
 * WEND_E_CONFIG *error is a literal that says what the value should be; WEND_E_NOT_FOUND: no such
 * word.
 *
 *   name module callable wsgi_file project chdir home mount threads processes queue
 *   body_memory body_directory development static reload pythonpath* env* trust*   (* adds one) */
enum wend_code wend_app_settings_set(struct wend_app_settings *settings, struct wend_str word,
                                     struct wend_str value, const char **error) WEND_MUST_CHECK;

/* Row `index` of those words, for help and reference; false beyond the last. */
struct wend_app_word {
    struct wend_str word;
    const char *fallback; /* NULL: none */
    const char *help;
};
bool wend_app_settings_word(size_t index, struct wend_app_word *out);

/* "10.0.0.0/8", "::1", "*" (everybody). False when it is none. */
bool wend_app_network_parse(struct wend_str text, struct wend_app_network *out) WEND_MUST_CHECK;
bool wend_app_trusts(const struct wend_app_settings *settings, const struct wend_address *peer);
/* The last element of a list that a trusted peer appended to: the one it saw itself. */
struct wend_str wend_app_forwarded_last(struct wend_str list);
/* The client of an X-Forwarded-For list; null when its last element is no address. From the right,
 * every address that is a trusted proxy's own is passed over; what a client wrote to the left of
 * the first untrusted one proves nothing. */
struct wend_str wend_app_forwarded_client(const struct wend_app_settings *settings,
                                          struct wend_str list);

#endif
