/* edge/access_log_module.c - a line for every request: log_format, access_log, open_log_file_cache.
 */
#include "edge/content.h"
#include "edge/log_file.h"
#include "edge/log_format.h"
#include "edge/log_paths.h"
#include "edge/request.h"
#include "edge/syslog.h"

#include <errno.h>

#define FORMATS_MAX 1024
#define LOGS_MAX 256 /* of one place */
#define GZIP_LEVEL 1
#define GZIP_BUFFER_BYTES (64 << 10)

struct format {
    struct wend_str name;
    struct wend_log_format compiled;
    struct format *next;
};

struct access_main {
    struct format *formats;
    size_t count;
    uint64_t configuration; /* its number */
};

/* One access_log directive: exactly one of file, syslog and path is there. */
struct log {
    const struct wend_log_format *format;
    struct wend_log_file *file;
    struct wend_syslog *syslog;
    struct wend_template path;
    struct wend_template condition;
    struct log *next;
};

struct paths_place {
    struct wend_log_paths_settings settings;
    struct wend_log_paths *paths; /* made by the process that needs it */
};

struct access_location {
    struct log *logs, *last;
    size_t count;
    bool off;
    int paths_set;
    struct paths_place *paths;
};

/* --- formats --------------------------------------------------------------------------------- */

static const void *find_variable(void *context, struct wend_str name)
{
    return wend_variable_use(context, name);
}

static enum wend_code add_format(struct wend_conf *conf, struct access_main *s,
                                 struct wend_str name, const struct wend_str *texts, size_t count,
                                 enum wend_log_escape escape)
{
    struct format *format = WEND_NEW(conf->arena, struct format);
    struct wend_str problem = WEND_STR_NULL;
    enum wend_code code;

    if (format == NULL)
        return WEND_E_MEMORY;
    if (s->count++ == FORMATS_MAX)
        return wend_conf_bad(conf, "more than %d \"log_format\" directives", FORMATS_MAX);
    format->name = name;
    code = wend_log_format_compile(conf->arena, texts, count, escape, find_variable, conf,
                                   &format->compiled, &problem);
    if (code == WEND_E_CONFIG)
        return wend_conf_bad(conf, "%.*s", WEND_STR_ARG(problem));
    format->next = s->formats;
    s->formats = format;
    return code;
}

static struct format *find_format(const struct access_main *s, struct wend_str name)
{
    for (struct format *format = s->formats; format != NULL; format = format->next)
        if (wend_str_eq(format->name, name))
            return format;
    return NULL;
}

/* nginx's own format is there without being written down. */
static enum wend_code combined(struct wend_conf *conf, struct access_main *s,
                               const struct wend_log_format **out)
{
    struct wend_str name = WEND_STR("combined"), text = WEND_STR(WEND_LOG_COMBINED);
    enum wend_code code = WEND_OK;

    if (find_format(s, name) == NULL)
        code = add_format(conf, s, name, &text, 1, WEND_LOG_ESCAPE_DEFAULT);
    if (code == WEND_OK)
        *out = &find_format(s, name)->compiled;
    return code;
}

static enum wend_code set_format(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    static const struct {
        struct wend_str word;
        enum wend_log_escape escape;
    } escapes[] = {
        {WEND_STR_INIT("default"), WEND_LOG_ESCAPE_DEFAULT},
        {WEND_STR_INIT("json"), WEND_LOG_ESCAPE_JSON},
        {WEND_STR_INIT("none"), WEND_LOG_ESCAPE_NONE},
    };
    const struct wend_statement *statement = conf->statement;
    struct wend_str name = statement->args[1];
    enum wend_log_escape escape = WEND_LOG_ESCAPE_DEFAULT;
    unsigned first = 2;

    (void)row;
    if (find_format(slot, name) != NULL || wend_str_eq(name, WEND_STR("combined")))
        return wend_conf_bad(conf, "duplicate \"log_format\" name \"%.*s\"", WEND_STR_ARG(name));
    if (wend_str_starts(statement->args[2], WEND_STR("escape="))) {
        struct wend_str word = wend_str_from(statement->args[2], 7);
        size_t i = 0;

        while (i < WEND_COUNT(escapes) && !wend_str_eq(escapes[i].word, word))
            i++;
        if (i == WEND_COUNT(escapes))
            return wend_conf_bad(conf, "unknown log format escaping \"%.*s\"", WEND_STR_ARG(word));
        escape = escapes[i].escape;
        first = 3;
    }
    return add_format(conf, slot, name, statement->args + first, statement->count - first, escape);
}

/* --- access_log ------------------------------------------------------------------------------ */

static enum wend_code open_file(struct wend_conf *conf, struct wend_str path,
                                struct wend_log_file **out)
{
    const struct access_main *s = wend_edge_conf_at(conf, &wend_edge_access_log, WEND_LEVEL_MAIN);
    struct wend_edge *edge = conf->data;
    struct wend_str full = wend_edge_full_path(edge, path, false);
    enum wend_code code = wend_log_file_hold(conf->arena, &edge->logs, full, out);

    if (code == WEND_OK) {
        wend_log_file_claim(*out, s->configuration);
        return WEND_OK;
    }
    return wend_conf_fail(conf->error, NULL, "open() \"%.*s\" failed (%d: %s)", WEND_STR_ARG(full),
                          errno, strerror(errno));
}

/* Where the lines go: the directive's first word. */
static enum wend_code set_target(struct wend_conf *conf, struct log *log, struct wend_str target)
{
    struct wend_str problem = WEND_STR_NULL;
    enum wend_code code;

    if (wend_str_starts(target, WEND_STR("syslog:"))) {
        code = wend_syslog_parse(conf->arena, wend_str_from(target, 7), &log->syslog, &problem);
        return code == WEND_E_CONFIG ? wend_conf_bad(conf, "%.*s", WEND_STR_ARG(problem)) : code;
    }
    if (wend_template_has_variables(target))
        return wend_template_compile(conf, target, &log->path);
    return open_file(conf, target, &log->file);
}

struct buffering {
    int64_t bytes, flush_ms; /* 0: none */
    int gzip_level;
};

/* "" or "=LEVEL"; it needs a buffer, of 64k when none is asked for. */
static enum wend_code set_gzip(struct wend_conf *conf, struct wend_str level,
                               struct buffering *buffering)
{
    uint64_t number = GZIP_LEVEL;

    if (level.len != 0 &&
        (!wend_str_to_u64(wend_str_from(level, 1), &number) || number < 1 || number > 9))
        return wend_conf_bad(conf, "invalid compression level \"%.*s\"",
                             WEND_STR_ARG(wend_str_from(level, 1)));
    buffering->gzip_level = (int)number;
    if (buffering->bytes == 0)
        buffering->bytes = GZIP_BUFFER_BYTES;
    return WEND_OK;
}

static enum wend_code set_option(struct wend_conf *conf, struct log *log, struct wend_str option,
                                 struct buffering *buffering)
{
    if (wend_str_starts(option, WEND_STR("buffer="))) {
        buffering->bytes = wend_conf_size(wend_str_from(option, 7));
        if (buffering->bytes > 0 && buffering->bytes <= WEND_LOG_BUFFER_MAX)
            return WEND_OK;
        return wend_conf_bad(conf, "invalid buffer size \"%.*s\"",
                             WEND_STR_ARG(wend_str_from(option, 7)));
    }
    if (wend_str_starts(option, WEND_STR("flush="))) {
        buffering->flush_ms = wend_conf_msec(wend_str_from(option, 6));
        if (buffering->flush_ms > 0)
            return WEND_OK;
        return wend_conf_bad(conf, "invalid flush time \"%.*s\"",
                             WEND_STR_ARG(wend_str_from(option, 6)));
    }
    if (wend_str_starts(option, WEND_STR("if=")))
        return wend_template_compile(conf, wend_str_from(option, 3), &log->condition);
    if (wend_str_eq(option, WEND_STR("gzip")) || wend_str_starts(option, WEND_STR("gzip=")))
        return set_gzip(conf, wend_str_from(option, 4), buffering);
    return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(option));
}

static enum wend_code apply_buffering(struct wend_conf *conf, struct log *log,
                                      const struct buffering *buffering)
{
    struct wend_str target = conf->statement->args[1];

    if (buffering->flush_ms > 0 && buffering->bytes == 0)
        return wend_conf_bad(conf, "no buffer is defined for access_log \"%.*s\"",
                             WEND_STR_ARG(target));
    if (buffering->bytes == 0)
        return WEND_OK;
    if (log->syslog != NULL)
        return wend_conf_bad(conf, "logs to syslog cannot be buffered");
    if (log->file == NULL)
        return wend_conf_bad(conf, "buffered logs cannot have variables in name");
    if (wend_log_file_buffer(log->file, (size_t)buffering->bytes, buffering->flush_ms,
                             buffering->gzip_level) == WEND_OK)
        return WEND_OK;
    return wend_conf_bad(conf, "access_log \"%.*s\" already defined with conflicting parameters",
                         WEND_STR_ARG(target));
}

static enum wend_code fill_log(struct wend_conf *conf, struct log *log)
{
    const struct wend_statement *statement = conf->statement;
    struct access_main *s = wend_edge_conf_at(conf, &wend_edge_access_log, WEND_LEVEL_MAIN);
    struct buffering buffering = {0};
    enum wend_code code;

    code = set_target(conf, log, statement->args[1]);
    if (code != WEND_OK)
        return code;
    if (statement->count == 2 || wend_str_eq(statement->args[2], WEND_STR("combined"))) {
        code = combined(conf, s, &log->format);
    } else {
        struct format *format = find_format(s, statement->args[2]);

        if (format == NULL)
            return wend_conf_bad(conf, "unknown log format \"%.*s\"",
                                 WEND_STR_ARG(statement->args[2]));
        log->format = &format->compiled;
    }
    for (unsigned i = 3; i < statement->count && code == WEND_OK; i++)
        code = set_option(conf, log, statement->args[i], &buffering);
    return code == WEND_OK ? apply_buffering(conf, log, &buffering) : code;
}

static void append(struct access_location *s, struct log *log)
{
    if (s->last == NULL)
        s->logs = log;
    else
        s->last->next = log;
    s->last = log;
    s->count++;
}

static enum wend_code set_log(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct access_location *s = slot;
    struct log *log;
    enum wend_code code;

    (void)row;
    if (wend_str_eq(conf->statement->args[1], WEND_STR("off"))) {
        s->off = true;
        if (conf->statement->count == 2)
            return WEND_OK;
        return wend_conf_bad(conf, "invalid parameter \"%.*s\"",
                             WEND_STR_ARG(conf->statement->args[2]));
    }
    if (s->count == LOGS_MAX)
        return wend_conf_bad(conf, "more than %d access logs in one place", LOGS_MAX);
    log = WEND_NEW(conf->arena, struct log);
    if (log == NULL)
        return WEND_E_MEMORY;
    code = fill_log(conf, log);
    if (code == WEND_OK)
        append(s, log);
    return code;
}

/* --- open_log_file_cache --------------------------------------------------------------------- */

static bool paths_number(struct wend_str arg, const char *name, int64_t *out)
{
    struct wend_str prefix = wend_str_of(name);
    uint64_t number;

    if (!wend_str_starts(arg, prefix) ||
        !wend_str_to_u64(wend_str_from(arg, prefix.len), &number) || number == 0 ||
        number > WEND_LOG_PATHS_MAX)
        return false;
    *out = (int64_t)number;
    return true;
}

static bool paths_time(struct wend_str arg, const char *name, int64_t *out)
{
    struct wend_str prefix = wend_str_of(name);

    if (!wend_str_starts(arg, prefix))
        return false;
    *out = wend_conf_msec(wend_str_from(arg, prefix.len));
    return *out >= 0;
}

static enum wend_code set_paths(struct wend_conf *conf, const struct wend_directive *row,
                                void *slot)
{
    struct access_location *s = slot;
    int64_t max = 0, min_uses = 1, inactive_ms = 10000, valid_ms = 60000;

    (void)row;
    if (s->paths_set != WEND_UNSET)
        return wend_conf_bad(conf, "\"open_log_file_cache\" directive is duplicate");
    s->paths_set = 1;
    for (unsigned i = 1; i < conf->statement->count; i++) {
        struct wend_str arg = conf->statement->args[i];

        if (wend_str_eq(arg, WEND_STR("off")) && conf->statement->count == 2)
            return WEND_OK;
        if (!paths_number(arg, "max=", &max) && !paths_number(arg, "min_uses=", &min_uses) &&
            !paths_time(arg, "inactive=", &inactive_ms) && !paths_time(arg, "valid=", &valid_ms))
            return wend_conf_bad(conf, "invalid \"open_log_file_cache\" parameter \"%.*s\"",
                                 WEND_STR_ARG(arg));
    }
    if (max == 0)
        return wend_conf_bad(conf, "\"open_log_file_cache\" must have \"max\" parameter");
    s->paths = WEND_NEW(conf->arena, struct paths_place);
    if (s->paths == NULL)
        return WEND_E_MEMORY;
    s->paths->settings =
        (struct wend_log_paths_settings){(size_t)max, inactive_ms, valid_ms, (unsigned)min_uses};
    return WEND_OK;
}

/* --- rows and merging ------------------------------------------------------------------------ */

/* clang-format off */
static const struct wend_directive rows[] = {
    {.name = "log_format", .contexts = WEND_CTX_HTTP, .level = WEND_LEVEL_MAIN, .args_min = 2,
     .args_max = -1, .set = set_format, .once_checked = true, .fallback = "combined \"...\"",
     .help = "NAME [escape=default|json|none] TEXT ...: what a line of the access log looks like."},
    {.name = "access_log",
     .contexts = WEND_CTX_HTTP_ALL | WEND_CTX_IF_LOCATION | WEND_CTX_LIMIT_EXCEPT,
     .level = WEND_LEVEL_LOCATION, .args_min = 1, .args_max = -1, .set = set_log,
     .once_checked = true, .fallback = "logs/access.log combined",
     .help = "PATH|syslog:... [FORMAT [buffer=SIZE] [gzip[=LEVEL]] [flush=TIME] [if=CONDITION]], or off."},
    {.name = "open_log_file_cache", .contexts = WEND_CTX_HTTP_ALL, .level = WEND_LEVEL_LOCATION,
     .args_min = 1, .args_max = 4, .set = set_paths, .once_checked = true, .fallback = "off",
     .help = "Keep log files with variables in their names open: max=N [inactive=] [min_uses=] [valid=]."},
};
/* clang-format on */

static void init_main(void *settings)
{
    static uint64_t counter;
    struct access_main *s = settings;

    s->configuration = ++counter;
}

static void init_location(void *settings)
{
    struct access_location *s = settings;

    s->paths_set = WEND_UNSET;
}

static enum wend_code add_default(struct wend_conf *conf, struct access_location *s)
{
    struct access_main *formats = wend_edge_conf_at(conf, &wend_edge_access_log, WEND_LEVEL_MAIN);
    struct log *log = WEND_NEW(conf->arena, struct log);
    enum wend_code code;

    if (log == NULL)
        return WEND_E_MEMORY;
    code = combined(conf, formats, &log->format);
    if (code == WEND_OK)
        code = open_file(conf, ((const struct wend_edge *)conf->data)->access_log, &log->file);
    if (code == WEND_OK)
        append(s, log);
    return code;
}

static enum wend_code merge(struct wend_conf *conf, void *parent_settings, void *child_settings)
{
    const struct access_location *parent = parent_settings;
    struct access_location *s = child_settings;

    if (s->paths_set == WEND_UNSET) {
        s->paths_set = parent->paths_set;
        s->paths = parent->paths;
    }
    if (s->off || s->count > 0)
        return WEND_OK;
    s->off = parent->off;
    s->logs = parent->logs;
    s->last = parent->last;
    s->count = parent->count;
    return s->off || s->count > 0 ? WEND_OK : add_default(conf, s);
}

/* --- writing --------------------------------------------------------------------------------- */

static struct wend_str value_of(void *context, const void *variable)
{
    struct wend_value value = wend_variable_value(context, variable);

    if (!value.found)
        return WEND_STR_NULL;
    return value.text.ptr == NULL ? WEND_STR("") : value.text;
}

static bool wanted(struct wend_exchange *x, const struct log *log)
{
    struct wend_str value;

    if (!wend_template_set(&log->condition))
        return true;
    value = wend_template_value(x, &log->condition);
    return value.len > 0 && !wend_str_eq(value, WEND_STR("0"));
}

static void write_to_path(struct wend_exchange *x, const struct access_location *s,
                          const struct log *log, struct wend_str line)
{
    struct wend_str path = wend_template_value(x, &log->path);
    char *full;

    if (s->paths != NULL && s->paths->paths == NULL)
        s->paths->paths = wend_log_paths_new(&s->paths->settings);
    if (path.ptr != NULL && (path.len == 0 || path.ptr[0] != '/'))
        path = wend_arena_printf(&x->task->arena, "%.*s%.*s",
                                 WEND_STR_ARG(wend_edge_of(x)->edge->prefix), WEND_STR_ARG(path));
    full = path.ptr == NULL ? NULL : wend_arena_cstr(&x->task->arena, path);
    if (full == NULL)
        return;
    if (wend_log_paths_write(s->paths == NULL ? NULL : s->paths->paths, wend_str_of(full), line,
                             wend_loop_now_ns(x->task->loop)) != WEND_OK)
        wend_edge_log(x, WEND_LOG_CRIT, errno, "open() \"%s\" failed", full);
}

/* Returns the line's length. */
static size_t write_line(struct wend_exchange *x, const struct access_location *s,
                         const struct log *log)
{
    struct wend_buffer buffer;
    struct wend_str line;

    wend_buffer_init_arena(&buffer, &x->task->arena, WEND_LOG_LINE_BYTES_MAX);
    wend_log_format_write(log->format, value_of, x, &buffer);
    line = wend_buffer_str(&buffer);
    if (log->syslog != NULL)
        wend_syslog_send(log->syslog, -1, wend_str_slice(line, 0, line.len - 1));
    else if (log->file != NULL)
        wend_log_file_write(log->file, x->task->loop, line);
    else
        write_to_path(x, s, log, line);
    return line.len;
}

static void write_logs(struct wend_exchange *x)
{
    const struct access_location *s =
        wend_edge_settings(x, &wend_edge_access_log, WEND_LEVEL_LOCATION);

    size_t bytes = 0;
    uint16_t span;

    if (s->off || s->logs == NULL)
        return;
    span = wend_span_begin(x->task->trace, WEND_EV_LOG);
    for (const struct log *log = s->logs; log != NULL; log = log->next)
        if (wanted(x, log))
            bytes += write_line(x, s, log);
    wend_span_end(x->task->trace, span, (int64_t)bytes);
}

static void stop_worker(struct wend_edge *edge)
{
    (void)edge;
    wend_log_files_flush();
}

const struct wend_edge_module wend_edge_access_log = {
    .name = "http_log",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {[WEND_LEVEL_MAIN] = sizeof(struct access_main),
              [WEND_LEVEL_LOCATION] = sizeof(struct access_location)},
    .init = {[WEND_LEVEL_MAIN] = init_main, [WEND_LEVEL_LOCATION] = init_location},
    .merge_location = merge,
    .log = write_logs,
    .stop_worker = stop_worker,
};
