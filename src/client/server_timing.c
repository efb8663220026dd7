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

static void take_parameter(struct wend_arena *arena, struct wend_str name, struct wend_str value,
                           struct wend_server_metric *metric)
{
    if (value.ptr == NULL)
        return;
    value = wend_field_unquote(arena, value);
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
    struct wend_str element, name, value;

    while (wend_field_list_next(rest, &element)) {
        if (!wend_field_param_next(&element, &name, &value) || value.ptr != NULL ||
            !wend_field_name_valid(name))
            continue;
        *metric = (struct wend_server_metric){.name = name, .duration_ns = -1, .offset_ns = -1};
        while (wend_field_param_next(&element, &name, &value))
            take_parameter(arena, name, value, metric);
        return true;
    }
    return false;
}
