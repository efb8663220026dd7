/* conf/directive.c - applying rows to a tree; see conf/directive.h. */
#include "conf/directive.h"

#include "base/log.h"

#include <stdio.h>

#include <stdarg.h>

#include <string.h>

#define DISTANCE_WORD_MAX 64u

/* --- finding rows ----------------------------------------------------------------------------- */

/* The row of that name that may stand here; else *known is set to one that may not. */
static const struct wend_directive *find_row(struct wend_conf *conf, struct wend_str name,
                                             const struct wend_directive **known)
{
    *known = NULL;
    for (const struct wend_directive_table *const *table = conf->tables; *table != NULL; table++)
        for (size_t i = 0; i < (*table)->count; i++) {
            const struct wend_directive *row = &(*table)->rows[i];

            if (!wend_str_eq(wend_str_of(row->name), name))
                continue;
            if ((row->contexts & conf->context) != 0) {
                conf->table = *table;
                return row;
            }
            *known = row;
        }
    return NULL;
}

unsigned wend_conf_distance(struct wend_str a, struct wend_str b, unsigned limit)
{
    unsigned rows[3][DISTANCE_WORD_MAX + 1];
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];

    if (a.len > DISTANCE_WORD_MAX || b.len > DISTANCE_WORD_MAX)
        return limit + 1;
    for (size_t j = 0; j <= b.len; j++)
        last[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned *spare;

        now[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned best = last[j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);

            best = last[j] + 1 < best ? last[j] + 1 : best;
            best = now[j - 1] + 1 < best ? now[j - 1] + 1 : best;
            if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
        spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.len] <= limit ? last[b.len] : limit + 1;
}

/* The name among all tables that is nearest to `name`; NULL when none is near. */
static const char *nearest_name(const struct wend_directive_table *const *tables,
                                struct wend_str name)
{
    unsigned best = name.len < 5 ? 1 : name.len < 9 ? 2 : 3;
    const char *nearest = NULL;

    for (; *tables != NULL; tables++)
        for (size_t i = 0; i < (*tables)->count; i++) {
            const char *other = (*tables)->rows[i].name;
            unsigned distance = wend_conf_distance(name, wend_str_of(other), best);

            if (distance <= best && (nearest == NULL || distance < best)) {
                nearest = other;
                best = distance;
            }
        }
    return nearest;
}

static enum wend_code refuse(struct wend_conf *conf, struct wend_str name,
                             const struct wend_directive *known)
{
    const char *reason, *nearest;

    if (known != NULL)
        return wend_conf_bad(conf, "\"%.*s\" directive is not allowed here", WEND_STR_ARG(name));
    reason = conf->explain != NULL ? conf->explain(name) : NULL;
    if (reason != NULL)
        return wend_conf_bad(conf, "\"%.*s\" %s", WEND_STR_ARG(name), reason);
    nearest = nearest_name(conf->tables, name);
    wend_conf_bad(conf, "unknown directive \"%.*s\"", WEND_STR_ARG(name));
    if (nearest != NULL)
        wend_conf_advise(conf->error, "did you mean \"%s\"?", nearest);
    return WEND_E_CONFIG;
}

static enum wend_code apply_one(struct wend_conf *conf)
{
    const struct wend_statement *statement = conf->statement;
    struct wend_str name = statement->args[0];
    const struct wend_directive *known;
    const struct wend_directive *row = find_row(conf, name, &known);
    int count = (int)statement->count - 1;

    if (row == NULL)
        return refuse(conf, name, known);
    if (row->block && !statement->has_block)
        return wend_conf_bad(conf, "directive \"%.*s\" has no opening \"{\"", WEND_STR_ARG(name));
    if (!row->block && statement->has_block)
        return wend_conf_bad(conf, "directive \"%.*s\" is not terminated by \";\"",
                             WEND_STR_ARG(name));
    if (count < row->args_min || (row->args_max >= 0 && count > row->args_max))
        return wend_conf_bad(conf, "invalid number of arguments in \"%.*s\" directive",
                             WEND_STR_ARG(name));
    return row->set(conf, row, conf->slot == NULL ? NULL : conf->slot(conf, row));
}

enum wend_code wend_conf_apply(struct wend_conf *conf, const struct wend_statement *first,
                               unsigned context, void *scope)
{
    struct wend_conf before = *conf;
    enum wend_code code = WEND_OK;

    conf->context = context;
    conf->scope = scope;
    for (; first != NULL && code == WEND_OK; first = first->next) {
        conf->statement = first;
        code = apply_one(conf);
    }
    conf->context = before.context;
    conf->scope = before.scope;
    if (code == WEND_OK)
        conf->statement = before.statement;
    conf->table = before.table;
    return code;
}

/* --- units ------------------------------------------------------------------------------------ */

static bool read_digits(struct wend_str *text, int64_t *value)
{
    size_t i = 0;

    *value = 0;
    for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++)
        if (__builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, text->ptr[i] - '0', value))
            return false;
    *text = wend_str_from(*text, i);
    return i != 0;
}

int64_t wend_conf_size(struct wend_str text)
{
    int64_t value, unit = 1;

    if (!read_digits(&text, &value) || text.len > 1)
        return -1;
    if (text.len == 1) {
        char c = wend_lower(text.ptr[0]);

        unit = c == 'k' ? 1 << 10 : c == 'm' ? 1 << 20 : c == 'g' ? 1 << 30 : 0;
    }
    return unit == 0 || __builtin_mul_overflow(value, unit, &value) ? -1 : value;
}

enum { SECONDS = 1, MILLISECONDS = 2, BOTH = 3 };

/* The units in the order they must come, and where: nginx counts years and months only in seconds.
 * "M" is a month, "m" a minute. */
static const struct {
    struct wend_str name;
    int64_t ms;
    unsigned where;
} time_units[] = {
    {WEND_STR_INIT("y"), INT64_C(31536000000), SECONDS},
    {WEND_STR_INIT("M"), INT64_C(2592000000), SECONDS},
    {WEND_STR_INIT("w"), 604800000, BOTH},
    {WEND_STR_INIT("d"), 86400000, BOTH},
    {WEND_STR_INIT("h"), 3600000, BOTH},
    {WEND_STR_INIT("ms"), 1, MILLISECONDS},
    {WEND_STR_INIT("m"), 60000, BOTH},
    {WEND_STR_INIT("s"), 1000, BOTH},
};

static int64_t read_time(struct wend_str text, unsigned where)
{
    int64_t total = 0, largest = INT64_MAX;

    if (text.len == 0)
        return -1;
    while (text.len != 0) {
        int64_t value, unit = 0;

        if (!read_digits(&text, &value))
            return -1;
        if (text.len == 0 || text.ptr[0] == ' ')
            unit = 1000;
        for (size_t i = 0; i < WEND_COUNT(time_units) && unit == 0; i++)
            if ((time_units[i].where & where) != 0 && wend_str_starts(text, time_units[i].name)) {
                unit = time_units[i].ms;
                text = wend_str_from(text, time_units[i].name.len);
            }
        if (unit == 0 || unit >= largest || __builtin_mul_overflow(value, unit, &value) ||
            __builtin_add_overflow(total, value, &total))
            return -1;
        largest = unit;
        while (text.len != 0 && text.ptr[0] == ' ')
            text = wend_str_from(text, 1);
    }
    return total;
}

int64_t wend_conf_msec(struct wend_str text)
{
    return read_time(text, MILLISECONDS);
}

int64_t wend_conf_sec(struct wend_str text)
{
    int64_t ms = read_time(text, SECONDS);

    return ms < 0 ? -1 : ms / 1000;
}

/* --- setters ---------------------------------------------------------------------------------- */

static enum wend_code duplicate(struct wend_conf *conf)
{
    return wend_conf_bad(conf, "\"%.*s\" directive is duplicate",
                         WEND_STR_ARG(conf->statement->args[0]));
}

enum wend_code wend_set_flag(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_str value = conf->statement->args[1];
    int *flag = slot;

    (void)row;
    if (*flag != WEND_UNSET)
        return duplicate(conf);
    if (wend_str_eq_nocase(value, WEND_STR("on")))
        *flag = 1;
    else if (wend_str_eq_nocase(value, WEND_STR("off")))
        *flag = 0;
    else
        return wend_conf_bad(
            conf, "invalid value \"%.*s\" in \"%.*s\" directive, it must be \"on\" or \"off\"",
            WEND_STR_ARG(value), WEND_STR_ARG(conf->statement->args[0]));
    return WEND_OK;
}

enum wend_code wend_conf_invalid(struct wend_conf *conf)
{
    return wend_conf_bad(conf, "\"%.*s\" directive invalid value",
                         WEND_STR_ARG(conf->statement->args[0]));
}

void wend_conf_warn(const struct wend_conf *conf, const char *format, ...)
{
    const struct wend_statement *at = conf->statement;
    char text[WEND_LOG_LINE_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    wend_log(wend_log_process, WEND_LOG_WARN, 0, 0, "%s in %.*s:%u", text,
             WEND_STR_ARG(at->file->path), at->line);
}

static enum wend_code set_parsed(struct wend_conf *conf, int64_t *slot, int64_t value)
{
    if (*slot != WEND_UNSET)
        return duplicate(conf);
    if (value < 0)
        return wend_conf_invalid(conf);
    *slot = value;
    return WEND_OK;
}

enum wend_code wend_set_number(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_str text = conf->statement->args[1];
    int64_t value;

    (void)row;
    if (*(int64_t *)slot != WEND_UNSET)
        return duplicate(conf);
    if (!read_digits(&text, &value) || text.len != 0)
        return wend_conf_bad(conf, "\"%.*s\" directive invalid number",
                             WEND_STR_ARG(conf->statement->args[0]));
    return set_parsed(conf, slot, value);
}

enum wend_code wend_set_size(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    (void)row;
    return set_parsed(conf, slot, wend_conf_size(conf->statement->args[1]));
}

enum wend_code wend_set_msec(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    (void)row;
    return set_parsed(conf, slot, wend_conf_msec(conf->statement->args[1]));
}

enum wend_code wend_set_str(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_str *text = slot;

    (void)row;
    if (text->ptr != NULL)
        return duplicate(conf);
    *text = wend_arena_keep(conf->arena, conf->statement->args[1]);
    return WEND_OK;
}

enum wend_code wend_set_enum(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_str value = conf->statement->args[1];
    const struct wend_conf_word *word = row->extra;

    if (*(int *)slot != WEND_UNSET)
        return duplicate(conf);
    for (; word->name != NULL; word++)
        if (wend_str_eq_nocase(value, wend_str_of(word->name))) {
            *(int *)slot = word->value;
            return WEND_OK;
        }
    return wend_conf_bad(conf, "invalid value \"%.*s\"", WEND_STR_ARG(value));
}

enum wend_code wend_check_flag(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    int value = WEND_UNSET;

    (void)slot;
    return wend_set_flag(conf, row, &value);
}

enum wend_code wend_check_number(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    int64_t value = WEND_UNSET;

    (void)slot;
    return wend_set_number(conf, row, &value);
}

enum wend_code wend_check_size(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    int64_t value = WEND_UNSET;

    (void)slot;
    return wend_set_size(conf, row, &value);
}

enum wend_code wend_check_msec(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    int64_t value = WEND_UNSET;

    (void)slot;
    return wend_set_msec(conf, row, &value);
}

enum wend_code wend_set_temp_path(struct wend_conf *conf, const struct wend_directive *row,
                                  void *slot)
{
    enum wend_code code = wend_set_str(conf, row, slot);
    uint64_t digits;

    for (unsigned i = 2; i < conf->statement->count && code == WEND_OK; i++)
        if (!wend_str_to_u64(conf->statement->args[i], &digits) || digits == 0)
            code = wend_conf_invalid(conf);
    return code;
}

enum wend_code wend_set_ignored(struct wend_conf *conf, const struct wend_directive *row,
                                void *slot)
{
    (void)conf;
    (void)row;
    (void)slot;
    return WEND_OK;
}
