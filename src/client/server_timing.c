/* client/server_timing.c - a list of metrics, each a token and parameters. */
#include "client/server_timing.h"

#include "base/clock.h"
#include "http/fields.h"

#define MS_MAX 86400000 /* a day: nothing longer is believed */

/* Milliseconds with a fraction, as nanoseconds; -1 when it is none. */
static int64_t parse_ms(struct wend_str text)
{
    uint64_t whole = 0, fraction = 0, unit = WEND_NS_PER_MS;
    ptrdiff_t point = wend_str_find_byte(text, '.');
    struct wend_str before = wend_str_slice(text, 0, point < 0 ? text.len : (size_t)point);

    if (!wend_str_to_u64(before, &whole) || whole > MS_MAX)
        return -1;
    for (size_t i = (size_t)point + 1; point >= 0 && i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return -1;
        unit /= 10;
        fraction += unit * (uint64_t)(text.ptr[i] - '0');
    }
    return (int64_t)(whole * WEND_NS_PER_MS + fraction);
}

static struct wend_str unquote(struct wend_arena *arena, struct wend_str value)
{
    char *text;
    size_t len = 0;

    if (value.len < 2 || value.ptr[0] != '"' || value.ptr[value.len - 1] != '"')
        return value;
    value = wend_str_slice(value, 1, value.len - 1);
    if (wend_str_find_byte(value, '\\') < 0)
        return value;
    text = wend_arena_alloc(arena, value.len);
    if (text == NULL)
        return WEND_STR_NULL;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] == '\\' && i + 1 < value.len)
            i++;
        text[len++] = value.ptr[i];
    }
    return (struct wend_str){text, len};
}

/* The text before the next ';' that is not inside quotes. */
static struct wend_str take_part(struct wend_str *rest)
{
    bool quoted = false;
    size_t at = 0;
    struct wend_str part;

    for (; at < rest->len && (quoted || rest->ptr[at] != ';'); at++) {
        if (rest->ptr[at] == '"')
            quoted = !quoted;
        else if (quoted && rest->ptr[at] == '\\' && at + 1 < rest->len)
            at++;
    }
    part = wend_str_slice(*rest, 0, at);
    *rest = wend_str_from(*rest, at + 1);
    return wend_str_trim(part);
}

static void take_parameter(struct wend_arena *arena, struct wend_str part,
                           struct wend_server_metric *metric)
{
    ptrdiff_t equals = wend_str_find_byte(part, '=');
    struct wend_str name, value;

    if (equals < 0)
        return;
    name = wend_str_trim(wend_str_slice(part, 0, (size_t)equals));
    value = unquote(arena, wend_str_trim(wend_str_from(part, (size_t)equals + 1)));
    if (wend_str_eq_nocase(name, WEND_STR("dur")))
        metric->duration_ns = parse_ms(value);
    else if (wend_str_eq_nocase(name, WEND_STR("t")))
        metric->offset_ns = parse_ms(value);
    else if (wend_str_eq_nocase(name, WEND_STR("desc")))
        metric->text = value;
}

bool wend_server_timing_next(struct wend_arena *arena, struct wend_str *rest,
                             struct wend_server_metric *metric)
{
    struct wend_str element;

    while (wend_field_list_next(rest, &element)) {
        *metric = (struct wend_server_metric){.duration_ns = -1, .offset_ns = -1};
        metric->name = take_part(&element);
        while (element.len > 0)
            take_parameter(arena, take_part(&element), metric);
        if (wend_field_name_valid(metric->name))
            return true;
    }
    return false;
}
