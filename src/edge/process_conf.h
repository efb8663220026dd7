/* edge/process_conf.h - the top of the file: user, workers, pid, limits, the error log. */
#ifndef WEND_EDGE_PROCESS_CONF_H
#define WEND_EDGE_PROCESS_CONF_H

#include "edge/edge.h"
#include "edge/error_log.h"

#include <sched.h>

#define WEND_CPU_MASKS_MAX 256

/* Names of thread_pool, so that none is given twice. */
struct wend_thread_pool_name {
    struct wend_str name;
    struct wend_thread_pool_name *next;
};

struct wend_process_conf {
    struct wend_str user, group; /* null: stay who we are */
    int64_t workers;             /* 0: one per CPU */
    int64_t connections;         /* worker_connections, per worker */
    struct wend_str method;      /* use */
    int64_t nofile, core_bytes;
    int64_t shutdown_timeout_ms;
    int64_t priority;
    struct wend_str working_directory, pid;
    struct wend_error_log *error_logs; /* NULL: the one of the command line */
    int64_t timer_resolution_ms;
    struct wend_str lock_file;
    struct wend_thread_pool_name *pools;
    int debug_points;
    int daemon, master, multi_accept, accept_mutex, pcre_jit;
    cpu_set_t *cpus; /* per worker, the last repeated */
    size_t cpu_count;
    bool cpu_auto, priority_set, has_events;
    struct wend_str *env; /* NAME or NAME=VALUE */
    size_t env_count;
};

extern const struct wend_edge_module wend_edge_process;
struct wend_process_conf *wend_edge_process_conf(const struct wend_edge *edge);

/* In a worker: what `env NAME=VALUE` says. */
void wend_edge_apply_env(const struct wend_edge *edge);

#endif
