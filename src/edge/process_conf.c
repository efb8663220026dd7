/* edge/process_conf.c - rows of the main and events contexts. */
#include "edge/process_conf.h"

#include "net/process.h"

#include "base/log.h"
#include "edge/error_log.h"
#include "edge/location.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

static enum wend_code set_user(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_process_conf *process = slot;
    const struct wend_statement *s = conf->statement;
    const struct passwd *user;

    (void)row;
    if (process->user.ptr != NULL)
        return wend_conf_bad(conf, "\"user\" directive is duplicate");
    process->user = wend_arena_keep(conf->arena, s->args[1]);
    process->group = wend_arena_keep(conf->arena, s->args[s->count > 2 ? 2 : 1]);
    if (geteuid() != 0) {
        wend_log(
            wend_log_process, WEND_LOG_WARN, 0, 0,
            "the \"user\" directive makes sense only if the master process runs with super-user "
            "privileges, ignored in %.*s:%u",
            WEND_STR_ARG(s->file->path), s->line);
        return WEND_OK;
    }
    user = getpwnam(process->user.ptr);
    if (user == NULL)
        return wend_conf_bad(conf, "getpwnam(\"%s\") failed", process->user.ptr);
    if (s->count > 2 ? getgrnam(process->group.ptr) == NULL : getgrgid(user->pw_gid) == NULL)
        return wend_conf_bad(conf, "getgrnam(\"%s\") failed", process->group.ptr);
    return WEND_OK;
}

static enum wend_code set_workers(struct wend_conf *conf, const struct wend_directive *row,
                                  void *slot)
{
    struct wend_process_conf *process = slot;
    uint64_t count;

    if (wend_str_eq(conf->statement->args[1], WEND_STR("auto"))) {
        if (process->workers != WEND_UNSET)
            return wend_conf_bad(conf, "\"worker_processes\" directive is duplicate");
        process->workers = 0;
        return WEND_OK;
    }
    if (process->workers == WEND_UNSET && !wend_str_to_u64(conf->statement->args[1], &count))
        return wend_conf_invalid(conf);
    if (wend_set_number(conf, row, &process->workers) != WEND_OK)
        return WEND_E_CONFIG;
    if (process->workers < 1 || process->workers > WEND_WORKERS_MAX) {
        wend_conf_invalid(conf);
        return wend_conf_advise(conf->error, "1 to %d, or auto", WEND_WORKERS_MAX);
    }
    return WEND_OK;
}

static enum wend_code set_priority(struct wend_conf *conf, const struct wend_directive *row,
                                   void *slot)
{
    struct wend_process_conf *process = slot;
    struct wend_str text = conf->statement->args[1];
    bool minus = text.len > 1 && text.ptr[0] == '-';
    uint64_t value;

    (void)row;
    if (process->priority_set)
        return wend_conf_bad(conf, "\"worker_priority\" directive is duplicate");
    if (!wend_str_to_u64(wend_str_from(text, minus), &value))
        return wend_conf_bad(conf, "\"worker_priority\" directive invalid number");
    if (value > 20) /* beyond it the kernel clamps, too */
        value = 20;
    process->priority = minus ? -(int64_t)value : (int64_t)value;
    process->priority_set = true;
    return WEND_OK;
}

static enum wend_code parse_mask(struct wend_conf *conf, struct wend_str text, cpu_set_t *set)
{
    CPU_ZERO(set);
    if (text.len > CPU_SETSIZE)
        return wend_conf_bad(conf, "\"worker_cpu_affinity\" supports up to %d CPUs only",
                             CPU_SETSIZE);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[text.len - 1 - i];

        if (c != '0' && c != '1')
            return wend_conf_bad(conf, "invalid character \"%c\" in \"worker_cpu_affinity\"", c);
        if (c == '1')
            CPU_SET(i, set);
    }
    return WEND_OK;
}

static enum wend_code set_affinity(struct wend_conf *conf, const struct wend_directive *row,
                                   void *slot)
{
    struct wend_process_conf *process = slot;
    const struct wend_statement *s = conf->statement;
    unsigned first = 1;

    (void)row;
    if (process->cpus != NULL || process->cpu_auto)
        return wend_conf_bad(conf, "\"worker_cpu_affinity\" directive is duplicate");
    if (wend_str_eq(s->args[1], WEND_STR("auto"))) {
        process->cpu_auto = true;
        first = 2;
    }
    process->cpus = wend_arena_array(conf->arena, s->count, sizeof(cpu_set_t));
    for (unsigned i = first; i < s->count && process->cpu_count < WEND_CPU_MASKS_MAX; i++)
        if (parse_mask(conf, s->args[i], &process->cpus[process->cpu_count++]) != WEND_OK)
            return WEND_E_CONFIG;
    return WEND_OK;
}

static enum wend_code set_error_log(struct wend_conf *conf, const struct wend_directive *row,
                                    void *slot)
{
    struct wend_process_conf *process = slot;
    const struct wend_statement *s = conf->statement;
    enum wend_log_level level = WEND_LOG_ERROR;

    (void)row;
    if (s->count > 2 && !wend_log_level_parse(s->args[2], &level) &&
        !wend_str_starts(s->args[2], WEND_STR("debug_")))
        return wend_conf_bad(conf, "invalid log level \"%.*s\"", WEND_STR_ARG(s->args[2]));
    if (s->args[1].len == 0)
        return wend_conf_bad(conf, "the error log's name is empty");
    if (conf->context != WEND_CTX_MAIN)
        return wend_edge_add_error_log(conf, s->args[1], level,
                                       &wend_edge_core_at(conf)->error_log);
    return wend_edge_note_error_log(conf, s->args[1], level, &process->error_logs);
}

static enum wend_code set_pid(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_str *path = slot;

    if (wend_set_str(conf, row, slot) != WEND_OK)
        return WEND_E_CONFIG;
    *path = wend_edge_full_path(conf->data, *path, false);
    return WEND_OK;
}

static enum wend_code set_env(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_process_conf *process = slot;
    struct wend_str *all = wend_arena_array(conf->arena, process->env_count + 1, sizeof(*all));

    (void)row;
    if (process->env_count != 0)
        memcpy(all, process->env, process->env_count * sizeof(*all));
    all[process->env_count++] = wend_arena_keep(conf->arena, conf->statement->args[1]);
    process->env = all;
    return WEND_OK;
}

static enum wend_code set_events(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    struct wend_process_conf *process = slot;

    (void)row;
    if (process->has_events)
        return wend_conf_bad(conf, "\"events\" directive is duplicate");
    process->has_events = true;
    return wend_conf_apply(conf, conf->statement->children, WEND_CTX_EVENTS, conf->scope);
}

static enum wend_code set_use(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_str name = conf->statement->args[1];

    (void)row;
    if (((struct wend_str *)slot)->ptr != NULL)
        return wend_conf_bad(conf, "\"use\" directive is duplicate");
    *(struct wend_str *)slot = name;
    if (wend_str_eq(name, WEND_STR("epoll")))
        return WEND_OK;
    wend_conf_bad(conf, "invalid event type \"%.*s\"", WEND_STR_ARG(name));
    return wend_conf_advise(conf->error, "here it is always epoll");
}

static enum wend_code set_connections(struct wend_conf *conf, const struct wend_directive *row,
                                      void *slot)
{
    struct wend_str text = conf->statement->args[1];
    uint64_t value;

    (void)row;
    if (*(int64_t *)slot != WEND_UNSET)
        return wend_conf_bad(conf, "\"worker_connections\" directive is duplicate");
    if (!wend_str_to_u64(text, &value) || value > INT32_MAX)
        return wend_conf_bad(conf, "invalid number \"%.*s\"", WEND_STR_ARG(text));
    *(int64_t *)slot = (int64_t)value;
    return WEND_OK;
}

/* thread_pool NAME threads=N [max_queue=N] */
static enum wend_code set_thread_pool(struct wend_conf *conf, const struct wend_directive *row,
                                      void *slot)
{
    const struct wend_statement *s = conf->statement;
    struct wend_process_conf *process = slot;
    struct wend_thread_pool_name **last = &process->pools;
    uint64_t number;

    (void)row;
    for (; *last != NULL; last = &(*last)->next)
        if (wend_str_eq((*last)->name, s->args[1]))
            return wend_conf_bad(conf, "duplicate thread pool \"%.*s\"", WEND_STR_ARG(s->args[1]));
    *last = WEND_NEW(conf->arena, struct wend_thread_pool_name);
    if (*last == NULL)
        return WEND_E_MEMORY;
    (*last)->name = s->args[1];
    for (unsigned i = 2; i < s->count; i++) {
        struct wend_str word = s->args[i];

        if (wend_str_starts(word, WEND_STR("threads="))) {
            if (!wend_str_to_u64(wend_str_from(word, 8), &number) || number == 0)
                return wend_conf_bad(conf, "invalid threads value \"%.*s\"", WEND_STR_ARG(word));
        } else if (wend_str_starts(word, WEND_STR("max_queue="))) {
            if (!wend_str_to_u64(wend_str_from(word, 10), &number))
                return wend_conf_bad(conf, "invalid max_queue value \"%.*s\"", WEND_STR_ARG(word));
        } else {
            return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(word));
        }
    }
    return WEND_OK;
}

static enum wend_code set_load_module(struct wend_conf *conf, const struct wend_directive *row,
                                      void *slot)
{
    static const char *const contained[] = {"ngx_http_js", "ngx_stream_js", "lua", "perl",
                                            "ngx_mail"};
    struct wend_str path = conf->statement->args[1];

    (void)row;
    (void)slot;
    for (size_t i = 0; i < WEND_COUNT(contained); i++)
        if (wend_str_find(path, wend_str_of(contained[i])) >= 0)
            return wend_conf_bad(
                conf,
                "\"load_module\" of \"%.*s\": scripting inside the server and mail are "
                "not what wend is for; an application behind app_pass or uwsgi_pass can do it",
                WEND_STR_ARG(path));
    return WEND_OK;
}

#define AT(field) .level = WEND_LEVEL_MAIN, .offset = offsetof(struct wend_process_conf, field)
#define WHOLE .level = WEND_LEVEL_MAIN
#define M WEND_CTX_MAIN

static const struct wend_conf_word debug_words[] = {{"stop", 0}, {"abort", 1}, {NULL, 0}};

static const struct wend_directive rows[] = {
    {"user", M, 1, 2, .set = set_user, WHOLE, .fallback = "nobody", .help = "who the workers are"},
    {"worker_processes", M, 1, 1, .set = set_workers, WHOLE, .fallback = "1",
     .help = "how many workers; auto: one per CPU"},
    {"worker_rlimit_nofile", M, 1, 1, .set = wend_set_number, AT(nofile),
     .help = "descriptors per worker"},
    {"worker_rlimit_core", M, 1, 1, .set = wend_set_size, AT(core_bytes),
     .help = "size of a core dump"},
    {"worker_cpu_affinity", M, 1, -1, .set = set_affinity, WHOLE,
     .help = "the CPUs of each worker, as bits"},
    {"worker_priority", M, 1, 1, .set = set_priority, WHOLE, .fallback = "0",
     .help = "nice value of the workers"},
    {"worker_shutdown_timeout", M, 1, 1, .set = wend_set_msec, AT(shutdown_timeout_ms),
     .help = "a worker that drains is stopped after this"},
    {"working_directory", M, 1, 1, .set = wend_set_str, AT(working_directory),
     .help = "where workers run (and dump core)"},
    {"daemon", M, 1, 1, .set = wend_set_flag, AT(daemon), .fallback = "on",
     .help = "leave the terminal"},
    {"master_process", M, 1, 1, .set = wend_set_flag, AT(master), .fallback = "on",
     .help = "off: one process, for debugging"},
    {"pid", M, 1, 1, .set = set_pid, AT(pid), .fallback = "logs/nginx.pid",
     .help = "the file with the master's process id"},
    {"lock_file", M, 1, 1, .set = wend_set_str, AT(lock_file), .fallback = "logs/nginx.lock",
     .help = "checked: no lock file is needed"},
    {"error_log", M | WEND_CTX_HTTP_ALL, 1, 2, .set = set_error_log, WHOLE,
     .fallback = "logs/error.log error",
     .help = "where errors are written, and from which level on"},
    {"env", M, 1, 1, .set = set_env, WHOLE,
     .help = "a variable of the workers' environment, NAME=VALUE; those the master has stay"},
    {"load_module", M, 1, 1, .set = set_load_module,
     .help = "accepted: what nginx loads is built in"},
    {"pcre_jit", M, 1, 1, .set = wend_set_flag, AT(pcre_jit), .fallback = "off",
     .help = "checked: expressions are always compiled"},
    {"thread_pool", M, 2, 3, .set = set_thread_pool, WHOLE,
     .help = "checked: one pool of threads sizes itself"},
    {"debug_points", M, 1, 1, .set = wend_set_enum, AT(debug_points), .extra = debug_words,
     .help = "checked: a failed check always ends the process"},
    {"timer_resolution", M, 1, 1, .set = wend_set_msec, AT(timer_resolution_ms),
     .help = "checked, without effect"},
    {"ssl_engine", M, 1, 1, .set = wend_set_ignored, .help = "checked, without effect"},
    {"events", M, 0, 0, true, .set = set_events, WHOLE, .help = "how connections are accepted"},
    {"worker_connections", WEND_CTX_EVENTS, 1, 1, .set = set_connections, AT(connections),
     .fallback = "512", .help = "connections of one worker"},
    {"multi_accept", WEND_CTX_EVENTS, 1, 1, .set = wend_set_flag, AT(multi_accept),
     .fallback = "off", .help = "accept all waiting connections at once"},
    {"use", WEND_CTX_EVENTS, 1, 1, .set = set_use, AT(method), .fallback = "epoll",
     .help = "only epoll"},
    {"accept_mutex", WEND_CTX_EVENTS, 1, 1, .set = wend_set_flag, AT(accept_mutex),
     .fallback = "off", .help = "checked: the kernel wakes one worker per connection"},
    {"accept_mutex_delay", WEND_CTX_EVENTS, 1, 1, .set = wend_check_msec, .fallback = "500ms",
     .help = "checked, without effect"},
    {"debug_connection", WEND_CTX_EVENTS, 1, 1, .set = wend_set_ignored,
     .help = "checked: look at the trace instead"},
    {"worker_aio_requests", WEND_CTX_EVENTS, 1, 1, .set = wend_check_number, .fallback = "32",
     .help = "checked, without effect"},
};

static void init(void *settings)
{
    struct wend_process_conf *p = settings;

    p->workers = p->connections = p->nofile = p->core_bytes = p->shutdown_timeout_ms = WEND_UNSET;
    p->timer_resolution_ms = p->debug_points = WEND_UNSET;
    p->daemon = p->master = p->multi_accept = p->accept_mutex = p->pcre_jit = WEND_UNSET;
}

static enum wend_code finish(struct wend_conf *conf, struct wend_edge *edge)
{
    struct wend_process_conf *p = wend_edge_process_conf(edge);
    size_t listens = 0;

    if (!p->has_events)
        return wend_conf_fail(conf->error, NULL, "no \"events\" section in configuration");
    if (p->workers == WEND_UNSET)
        p->workers = 1;
    if (p->workers == 0)
        p->workers = sysconf(_SC_NPROCESSORS_ONLN);
    if (p->connections == WEND_UNSET)
        p->connections = 512;
    for (const struct wend_edge_listen *listen = edge->listens; listen != NULL;
         listen = listen->next)
        listens += listen->covered_by == NULL;
    if (p->connections < (int64_t)listens + 1)
        return wend_conf_fail(conf->error, NULL,
                              "%lld worker_connections are not enough for %zu listening sockets",
                              (long long)p->connections, listens);
    if (p->daemon == WEND_UNSET)
        p->daemon = 1;
    if (p->master == WEND_UNSET)
        p->master = 1;
    return wend_edge_hold_error_logs(conf, p->error_logs);
}

const struct wend_edge_module wend_edge_process = {
    .name = "core",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {sizeof(struct wend_process_conf), 0, 0},
    .init = {init, NULL, NULL},
    .finish = finish,
};

struct wend_process_conf *wend_edge_process_conf(const struct wend_edge *edge)
{
    return edge->main[wend_edge_module_index(&wend_edge_process)];
}

void wend_edge_apply_env(const struct wend_edge *edge)
{
    const struct wend_process_conf *p = wend_edge_process_conf(edge);

    for (size_t i = 0; i < p->env_count; i++) {
        ptrdiff_t equals = wend_str_find_byte(p->env[i], '=');
        char *name = equals <= 0 ? NULL : strndup(p->env[i].ptr, (size_t)equals);

        if (name != NULL)
            setenv(name, p->env[i].ptr + equals + 1, 1);
        free(name);
    }
}
