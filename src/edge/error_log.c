/* edge/error_log.c - the process's error log, and those of places; see edge/error_log.h. */
#include "edge/serve.h"

#include "base/log.h"
#include "edge/error_log.h"
#include "edge/log_file.h"
#include "edge/syslog.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    struct wend_log log;
    struct wend_log_file *file; /* NULL: stderr; reopened with all the others */
} process_log;

int wend_edge_error_log_descriptor(void)
{
    return process_log.file != NULL ? wend_log_file_descriptor(process_log.file) : STDERR_FILENO;
}

static void write_line(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log;
    (void)level;
    (void)!write(wend_edge_error_log_descriptor(), line.ptr, line.len);
}

enum wend_code wend_edge_open_error_log(struct wend_str path, enum wend_log_level level)
{
    struct wend_log_file *file = NULL;

    process_log.log = (struct wend_log){.level = level, .sink = write_line};
    if (path.len != 0 && !wend_str_eq(path, WEND_STR("stderr"))) {
        if (wend_log_file_open(path, &file) != WEND_OK)
            return wend_code_of_errno(errno);
        if (process_log.file != NULL)
            wend_log_file_unref(process_log.file);
        process_log.file = file;
    }
    wend_log_process = &process_log.log;
    return WEND_OK;
}

void wend_edge_keep_own_logs(const struct wend_edge *edge)
{
    wend_log_files_close_others(edge->logs, process_log.file);
}

/* --- of a place ------------------------------------------------------------------------------ */

struct target {
    enum wend_log_level level;
    struct wend_log_file *file;
    struct wend_syslog *syslog; /* neither: stderr */
    struct target *next;
};

struct place_log {
    struct wend_log log; /* its level is the most talkative of the targets' */
    struct target *targets;
};

/* syslog's numbers are ours less one: there is none for "stderr". */
static int severity_of(enum wend_log_level level)
{
    return level <= WEND_LOG_EMERG ? 0 : (int)level - WEND_LOG_EMERG;
}

static void write_targets(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    const struct place_log *place = log->data;

    for (const struct target *target = place->targets; target != NULL; target = target->next) {
        if (level > target->level)
            continue;
        if (target->syslog != NULL)
            wend_syslog_send(target->syslog, severity_of(level),
                             wend_str_slice(line, 0, line.len - 1));
        else if (target->file != NULL)
            (void)!write(wend_log_file_descriptor(target->file), line.ptr, line.len);
        else
            (void)!write(STDERR_FILENO, line.ptr, line.len);
    }
}

static enum wend_code open_target(struct wend_conf *conf, struct wend_str where,
                                  struct target *target)
{
    struct wend_str problem = WEND_STR_NULL, path;
    struct wend_edge *edge;
    enum wend_code code;

    if (wend_str_eq(where, WEND_STR("stderr")))
        return WEND_OK;
    if (wend_str_starts(where, WEND_STR("syslog:"))) {
        code = wend_syslog_parse(conf->arena, wend_str_from(where, 7), &target->syslog, &problem);
        return code == WEND_E_CONFIG ? wend_conf_bad(conf, "%.*s", WEND_STR_ARG(problem)) : code;
    }
    edge = conf->data;
    path = wend_edge_full_path(edge, where, false);
    if (wend_log_file_hold(conf->arena, &edge->logs, path, &target->file) == WEND_OK)
        return WEND_OK;
    return wend_conf_fail(conf->error, NULL, "open() \"%.*s\" failed (%d: %s)", WEND_STR_ARG(path),
                          errno, strerror(errno));
}

enum wend_code wend_edge_add_error_log(struct wend_conf *conf, struct wend_str where,
                                       enum wend_log_level level, struct wend_log **log)
{
    struct target *target = WEND_NEW(conf->arena, struct target);
    struct place_log *place;

    if (target == NULL)
        return WEND_E_MEMORY;
    if (*log == NULL) {
        place = WEND_NEW(conf->arena, struct place_log);
        if (place == NULL)
            return WEND_E_MEMORY;
        place->log = (struct wend_log){.level = level, .sink = write_targets, .data = place};
        *log = &place->log;
    }
    place = (*log)->data;
    if (level > place->log.level)
        place->log.level = level;
    target->level = level;
    target->next = place->targets;
    place->targets = target;
    return open_target(conf, where, target);
}

void wend_edge_emerg(const struct wend_edge_options *options, const char *text)
{
    fprintf(stderr, "%s: [emerg] %s\n", options->as_nginx ? "nginx" : "wend", text);
    if (process_log.file != NULL)
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "%s", text);
}
