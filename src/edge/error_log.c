/* edge/error_log.c - the process's error logs, and those of places; see edge/error_log.h.
 *
 * Both are a list of targets behind one wend_log. A place's is the configuration's. The process's
 * has an arena and references of its own, so that it outlives the configuration that named it: a
 * message about a configuration that was given back still has where to go.
 */
#include "edge/serve.h"

#include "base/log.h"
#include "edge/error_log.h"
#include "edge/log_file.h"
#include "edge/syslog.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct wend_str SYSLOG = WEND_STR_INIT("syslog:");

/* --- targets --------------------------------------------------------------------------------- */

struct target {
    enum wend_log_level level;
    struct wend_log_file *file;
    struct wend_syslog *syslog; /* neither: stderr */
    struct target *next;
};

struct target_log {
    struct wend_log log; /* its level is the most talkative of the targets' */
    struct target *first;
};

/* syslog's numbers are ours less one: there is none for "stderr". */
static int severity_of(enum wend_log_level level)
{
    return level <= WEND_LOG_EMERG ? 0 : (int)level - WEND_LOG_EMERG;
}

static bool stderr_has_it; /* the line that is being written */

static void write_target(const struct target *target, enum wend_log_level level,
                         struct wend_str line)
{
    if (target->syslog != NULL)
        wend_syslog_send(target->syslog, severity_of(level), wend_str_slice(line, 0, line.len - 1));
    else if (target->file != NULL)
        (void)!write(wend_log_file_descriptor(target->file), line.ptr, line.len);
    else if (!stderr_has_it)
        (void)!write(STDERR_FILENO, line.ptr, line.len);
}

static void write_targets(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    const struct target_log *targets = log->data;

    for (const struct target *target = targets->first; target != NULL; target = target->next)
        if (level <= target->level)
            write_target(target, level, line);
}

static void add_target(struct target_log *log, struct target *target, enum wend_log_level level)
{
    struct target **last = &log->first;

    while (*last != NULL)
        last = &(*last)->next;
    *last = target;
    target->level = level;
    if (level > log->log.level)
        log->log.level = level;
}

static void init_log(struct target_log *log)
{
    log->log = (struct wend_log){.level = WEND_LOG_STDERR, .sink = write_targets, .data = log};
}

static bool is_stderr(struct wend_str where)
{
    return where.len == 0 || wend_str_eq(where, WEND_STR("stderr"));
}

/* --- of a place ------------------------------------------------------------------------------ */

static enum wend_code say_cannot_open(struct wend_conf *conf, struct wend_str path)
{
    return wend_conf_fail(conf->error, NULL, "open() \"%.*s\" failed (%d: %s)", WEND_STR_ARG(path),
                          errno, strerror(errno));
}

static enum wend_code parse_syslog(struct wend_conf *conf, struct wend_str where,
                                   struct wend_syslog **out)
{
    struct wend_str problem = WEND_STR_NULL;
    enum wend_code code =
        wend_syslog_parse(conf->arena, wend_str_from(where, SYSLOG.len), out, &problem);

    return code == WEND_E_CONFIG ? wend_conf_bad(conf, "%.*s", WEND_STR_ARG(problem)) : code;
}

static enum wend_code open_target(struct wend_conf *conf, struct wend_str where,
                                  struct target *target)
{
    struct wend_edge *edge = conf->data;
    struct wend_str path;

    if (is_stderr(where))
        return WEND_OK;
    if (wend_str_starts(where, SYSLOG))
        return parse_syslog(conf, where, &target->syslog);
    path = wend_edge_full_path(edge, where, false);
    if (wend_log_file_hold(conf->arena, &edge->logs, path, &target->file) == WEND_OK)
        return WEND_OK;
    return say_cannot_open(conf, path);
}

enum wend_code wend_edge_add_error_log(struct wend_conf *conf, struct wend_str where,
                                       enum wend_log_level level, struct wend_log **log)
{
    struct target *target = WEND_NEW(conf->arena, struct target);
    struct target_log *place;

    if (target == NULL)
        return WEND_E_MEMORY;
    if (*log == NULL) {
        place = WEND_NEW(conf->arena, struct target_log);
        if (place == NULL)
            return WEND_E_MEMORY;
        init_log(place);
        *log = &place->log;
    }
    add_target((*log)->data, target, level);
    return open_target(conf, where, target);
}

/* --- of the process -------------------------------------------------------------------------- */

struct process_log {
    struct target_log targets;
    struct wend_arena arena;
    struct wend_log_file_hold *held;
};

static struct process_log *process_log;

enum wend_code wend_edge_note_error_log(struct wend_conf *conf, struct wend_str where,
                                        enum wend_log_level level, struct wend_error_log **logs)
{
    struct wend_error_log *line = WEND_NEW(conf->arena, struct wend_error_log);
    struct wend_syslog *checked;

    if (line == NULL)
        return WEND_E_MEMORY;
    while (*logs != NULL)
        logs = &(*logs)->next;
    *logs = line;
    line->level = level;
    if (is_stderr(where) || wend_str_starts(where, SYSLOG))
        line->where = wend_arena_keep(conf->arena, where);
    else
        line->where = wend_edge_full_path(conf->data, where, false);
    return wend_str_starts(where, SYSLOG) ? parse_syslog(conf, where, &checked) : WEND_OK;
}

bool wend_edge_error_log_is_file(const struct wend_error_log *log)
{
    return !is_stderr(log->where) && !wend_str_starts(log->where, SYSLOG);
}

enum wend_code wend_edge_hold_error_logs(struct wend_conf *conf, const struct wend_error_log *logs)
{
    struct wend_edge *edge = conf->data;
    struct wend_log_file *file;

    for (; logs != NULL; logs = logs->next)
        if (wend_edge_error_log_is_file(logs) &&
            wend_log_file_hold(conf->arena, &edge->logs, logs->where, &file) != WEND_OK)
            return say_cannot_open(conf, logs->where);
    return WEND_OK;
}

static void release_process_log(struct process_log *log)
{
    for (const struct target *target = log->targets.first; target != NULL; target = target->next)
        if (target->syslog != NULL)
            wend_syslog_close(target->syslog);
    wend_log_files_release(log->held);
    wend_arena_release(&log->arena);
    free(log);
}

static enum wend_code add_process_target(struct process_log *log, const struct wend_error_log *line)
{
    struct target *target = WEND_NEW(&log->arena, struct target);
    struct wend_str problem;

    if (target == NULL)
        return WEND_E_MEMORY;
    add_target(&log->targets, target, line->level);
    if (wend_str_starts(line->where, SYSLOG))
        return wend_syslog_parse(&log->arena, wend_str_from(line->where, SYSLOG.len),
                                 &target->syslog, &problem);
    if (is_stderr(line->where))
        return WEND_OK;
    return wend_log_file_hold(&log->arena, &log->held, line->where, &target->file);
}

enum wend_code wend_edge_open_error_logs(const struct wend_error_log *logs)
{
    struct process_log *log = calloc(1, sizeof(*log)), *before = process_log;
    enum wend_code code = WEND_OK;

    if (log == NULL)
        return WEND_E_MEMORY;
    wend_arena_init(&log->arena, WEND_ARENA_UNLIMITED);
    init_log(&log->targets);
    for (; logs != NULL && code == WEND_OK; logs = logs->next)
        code = add_process_target(log, logs);
    if (code != WEND_OK) {
        int error = errno;

        release_process_log(log);
        errno = error;
        return code;
    }
    process_log = log;
    wend_log_process = &log->targets.log;
    if (before != NULL)
        release_process_log(before);
    return WEND_OK;
}

int wend_edge_error_log_descriptor(void)
{
    const struct target *target = process_log == NULL ? NULL : process_log->targets.first;

    while (target != NULL && target->syslog != NULL)
        target = target->next;
    return target == NULL || target->file == NULL ? STDERR_FILENO
                                                  : wend_log_file_descriptor(target->file);
}

void wend_edge_keep_own_logs(const struct wend_edge *edge)
{
    wend_log_files_close_others(edge->logs, process_log == NULL ? NULL : process_log->held);
}

void wend_edge_emerg(const struct wend_edge_options *options, const char *text)
{
    fprintf(stderr, "%s: [emerg] %s\n", options->as_nginx ? "nginx" : "wend", text);
    if (process_log == NULL)
        return;
    stderr_has_it = true;
    wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "%s", text);
    stderr_has_it = false;
}
