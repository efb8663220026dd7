/* net/process.h - a master and its workers, without policy.
 *
 * What it is for. One process keeps the listeners and the others alive: it starts workers, waits
 * until they say they are ready, replaces crashed ones, and changes generations on a reload:
 *
 *   load() ─► start generation 2 ─► all ready ─► drain generation 1 ─► all gone ─► discard(1)
 *                     └ one fails before it is ready ─► generation 2 is stopped, 1 goes on
 *
 * What the workers do and what a configuration is, is the caller's: struct wend_master_policy.
 *
 * Who owns what. The master owns pids, channels and the pid file; a generation's `config` is the
 * policy's, given back by discard() exactly once.
 *
 * What it promises. Signals: HUP reload, QUIT drain and exit, TERM and INT stop, USR1 reopen logs,
 * WINCH drain workers and stay, USR2 starts another executable beside this one (net/upgrade.h)
 * where the policy has `give`; then HUP brings workers back that WINCH sent away. A crashed worker
 * is logged (alert) and replaced at once, then after 100 ms, 200 ms ... 5 s while it keeps crashing
 * young. A worker that exits with WEND_EXIT_FATAL is not replaced; when it happens before the first
 * generation was ready, the master ends. Workers whose master is gone get WEND_ORDER_ORPHAN.
 *
 * How. Signal handlers write to a pipe. (Not signalfd: it needs blocked signals, and a blocked
 * mask, unlike a handler, is inherited by whatever an application executes.)
 */
#ifndef WEND_NET_PROCESS_H
#define WEND_NET_PROCESS_H

#include "base/code.h"
#include "base/log.h"
#include "base/str.h"
#include "fiber/io.h"

#include <sched.h>
#include <sys/types.h>

#define WEND_GROUPS_MAX 32    /* kinds of workers in one generation */
#define WEND_WORKERS_MAX 1024 /* processes of all generations together */
#define WEND_EXIT_FATAL 2     /* exit status: starting me again does not help */
#define WEND_READY_TIMEOUT_MS 120000
#define WEND_STOP_TIMEOUT_MS 3000 /* from a stop order to SIGKILL */
#define WEND_WORKER_ENV "WEND_WORKER"

/* --- in the worker ----------------------------------------------------------------------- */

enum wend_order {
    WEND_ORDER_DRAIN,  /* accept no more, finish what runs, then exit 0 */
    WEND_ORDER_STOP,   /* exit 0 now */
    WEND_ORDER_REOPEN, /* log files */
    WEND_ORDER_ORPHAN  /* the master died; drain */
};

/* A worker's view of itself. Lives as long as the process. */
struct wend_worker {
    unsigned group, slot; /* slot counts from 0 inside the group */
    unsigned generation;
    pid_t master;
    int channel;              /* to the master; -1: there is none (single process) */
    const char *name, *title; /* "wend", "worker process"; NULL in an executed worker */
    void (*on_order)(struct wend_worker *worker, enum wend_order order);
    void *data;
    /* its own */
    struct wend_io channel_io, signal_io;
    unsigned given; /* bits of the orders given already: each comes once, but REOPEN */
};

/* Orders and signals (TERM and INT stop, QUIT drains, USR1 reopens, HUP and PIPE are ignored)
 * arrive as on_order calls on this loop from now on. */
enum wend_code wend_worker_attach(struct wend_worker *worker,
                                  struct wend_loop *loop) WEND_MUST_CHECK;
void wend_worker_detach(struct wend_worker *worker);
/* Says that connections can be served. Once. */
void wend_worker_ready(struct wend_worker *worker);
/* As if the master had got HUP: for servers that watch their sources. */
void wend_worker_ask_reload(struct wend_worker *worker);

/* In an executed worker: who am I? WEND_E_NOT_FOUND: started by a person; WEND_E_PROTOCOL. */
enum wend_code wend_worker_from_environment(struct wend_worker *worker) WEND_MUST_CHECK;

/* --- who a process is -------------------------------------------------------------------- */

struct wend_identity {
    const char *user; /* as initgroups() wants it; NULL: stay who we are */
    uid_t uid;
    gid_t gid;
    const char *working_directory;      /* NULL: none */
    int64_t nofile_max, core_bytes_max; /* rlimits; -1: as they are */
    int priority;                       /* nice value, 0: as it is */
    const cpu_set_t *cpus;              /* NULL: all */
};
#define WEND_IDENTITY_NONE ((struct wend_identity){.nofile_max = -1, .core_bytes_max = -1})

/* In the order that works: priority and limits while still root, groups, gid, uid, then the rest.
 * Only losing privileges must work (WEND_E_DENIED); the rest is logged and passed over, as nginx
 * does. Root is dropped only when we are root. */
enum wend_code wend_process_become(const struct wend_identity *identity) WEND_MUST_CHECK;

/* The text `ps` shows. init first thing in main: it moves environ away to make room. */
void wend_title_init(int argc, char **argv);
void wend_title_set(const char *format, ...) WEND_PRINTF(1, 2);
/* The command line as it was given, joined by spaces (for the master's title). */
const char *wend_title_command(void);
/* The same as a vector, NULL at its end; NULL before wend_title_init(). */
char *const *wend_title_arguments(void);

/* --- in the master ----------------------------------------------------------------------- */

/* One kind of worker. Either `run` (forked) or `exec` (another executable). */
struct wend_worker_group {
    const char *title; /* "worker process": for ps and the log */
    unsigned count;
    struct wend_identity identity; /* of all of the group; `cpus` may be set per slot by prepare */
    /* In the child, identity taken on, title set. What it returns is the exit status. */
    int (*run)(struct wend_worker *worker, void *config);
    /* In the child instead: executes something and returns only when it could not. WEND_WORKER is
     * set in the environment and the channel survives. wend_handover_export() belongs here. */
    int (*exec)(struct wend_worker *worker, void *config);
    /* In the child before the identity is taken on, while still root; may change it. May be NULL.
     */
    void (*prepare)(struct wend_worker *worker, void *config, struct wend_identity *identity);
};

/* What load() fills in. */
struct wend_generation {
    unsigned number; /* set by the master, from 1 */
    void *config;
    struct wend_worker_group groups[WEND_GROUPS_MAX];
    size_t group_count;
    const char *pid_file;     /* NULL: none. The text lives as long as the generation */
    int64_t drain_timeout_ms; /* worker_shutdown_timeout; 0: as long as it takes */
    int64_t ready_timeout_ms; /* 0: WEND_READY_TIMEOUT_MS */
};

struct wend_master_policy {
    void *data;
    const char *name; /* "wend" or "nginx": for titles */
    /* Reads the configuration and opens the listeners; at start and at each reload. `old` is the
     * one that runs now, or NULL. On failure it has logged why and nothing changes. */
    enum wend_code (*load)(void *data, const struct wend_generation *old,
                           struct wend_generation *out);
    /* No process of the generation is left, and no newer one needs it. */
    void (*discard)(void *data, struct wend_generation *generation);
    /* All workers of the generation are ready, the older ones are told to drain. Listeners that
     * only the old configuration had can be closed now. May be NULL. */
    void (*started)(void *data, struct wend_generation *generation);
    /* Nobody of this generation is started any more, those there are will be told to drain: what
     * the master held open for them can be closed. May be NULL. */
    void (*retired)(void *data, struct wend_generation *generation);
    /* Around every fork() of a worker, for a master that contains an interpreter. May be NULL. */
    void (*before_fork)(void *data);
    void (*after_fork)(void *data, bool in_child);
    /* USR1, in the master. May be NULL. */
    void (*reopen)(void *data);
    /* USR2: in the child that is about to become the other master, wend_upgrade_give() for each
     * listening socket. NULL: not supported. */
    void (*give)(void *data);
    /* Told once when the master begins to leave, so that it gives up its copies of the listening
     * sockets: nobody should connect to a socket that no worker accepts from. May be NULL. */
    void (*leaving)(void *data);
    /* A worker is gone; status as of waitpid(). May be NULL. */
    void (*worker_gone)(void *data, const struct wend_generation *generation, unsigned group,
                        unsigned slot, pid_t pid, int status);
};

struct wend_master_options {
    /* Leave the terminal after the listeners are open. The process that started us exits 0 when the
     * pid file is written, or 1 when it came to nothing, so an init system need not guess. */
    bool daemonize;
    bool keep_stderr;  /* of a daemon: it is the error log already */
    bool single;       /* no workers: group 0's run() in this process, as whoever started it
                        * (master_process off) */
    bool term_drains;  /* the signals of application servers: TERM drains, QUIT stops */
    bool watch_parent; /* stop when the process that started us is gone (tests) */
    /* This master is itself a worker of another one (a zygote): orders come from there, readiness
     * and wishes to reload go there, HUP and WINCH mean nothing. NULL: it is the first. */
    struct wend_worker *above;
};

/* The whole life of a master. Returns the process's exit status: 0 after QUIT, TERM or INT; 1 when
 * the first load or start failed. */
int wend_master_run(const struct wend_master_policy *policy,
                    const struct wend_master_options *options);

#endif
