/* trace/print.c - waterfall, Server-Timing and JSON of one view. */
#include "trace/print.h"

#include <stdio.h>

#define LABEL_COLUMNS_MAX 26
#define DURATION_COLUMNS 9
#define BAR_COLUMNS_MIN 10

static struct wend_str number_meaning(const struct wend_view_span *span)
{
    return wend_str_of(span->event < WEND_EVENTS_COUNT ? wend_events[span->event].number : "-");
}

static bool has_number(const struct wend_view_span *span)
{
    return span->number != 0 && !wend_str_eq(number_meaning(span), WEND_STR("-"));
}

/* --- text for a terminal --------------------------------------------------------------------- */

/* Reads one character; returns its bytes, 0 when they are not UTF-8. */
static size_t read_character(struct wend_str s, uint32_t *out)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)s.ptr[0];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t c;

    if (len == 0 || first > 0xf4 || s.len < len)
        return 0;
    c = len == 1 ? first : first & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        unsigned char byte = (unsigned char)s.ptr[i];

        if ((byte & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (byte & 0x3f);
    }
    if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *out = c;
    return len;
}

/* Controls, and the invisible characters that reorder or hide the text around them. */
static bool is_deceptive(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

/* Takes the next character of *rest, or one byte that is none, ready to show. `shown` has room for
 * four escaped bytes. Returns how many columns it takes: wide characters count as one, which costs
 * alignment and nothing else. */
static size_t take_shown(struct wend_str *rest, char shown[17], size_t *bytes)
{
    static const char hex[] = "0123456789abcdef";
    uint32_t c = 0;
    size_t len = read_character(*rest, &c), columns = 0;
    bool plain = len > 0 && !is_deceptive(c);

    *bytes = 0;
    if (len == 0)
        len = 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char byte = (unsigned char)rest->ptr[i];

        if (plain) {
            shown[(*bytes)++] = (char)byte;
            continue;
        }
        shown[(*bytes)++] = '\\';
        shown[(*bytes)++] = 'x';
        shown[(*bytes)++] = hex[byte >> 4];
        shown[(*bytes)++] = hex[byte & 15];
        columns += 4;
    }
    *rest = wend_str_from(*rest, len);
    return plain ? 1 : columns;
}

static size_t shown_columns(struct wend_str text, size_t max)
{
    char shown[17];
    size_t bytes, columns = 0;

    while (text.len > 0 && columns <= max)
        columns += take_shown(&text, shown, &bytes);
    return columns < max ? columns : max;
}

static void add_spaces(struct wend_buffer *out, size_t count)
{
    while (count-- > 0)
        wend_buffer_add_byte(out, ' ');
}

/* `text` in exactly `columns` columns: cut with an ellipsis, or filled with spaces. */
static void add_cell(struct wend_buffer *out, struct wend_str text, size_t columns, bool ascii)
{
    bool fits = shown_columns(text, columns + 1) <= columns;
    size_t limit = fits ? columns : columns - 1, used = 0;
    char shown[17];
    size_t bytes;

    while (text.len > 0) {
        size_t width = take_shown(&text, shown, &bytes);

        if (used + width > limit)
            break;
        wend_buffer_add(out, wend_str_make(shown, bytes));
        used += width;
    }
    if (!fits) {
        wend_buffer_add(out, ascii ? WEND_STR("~") : WEND_STR("\xe2\x80\xa6"));
        used++;
    }
    add_spaces(out, columns - used);
}

/* --- durations -------------------------------------------------------------------------------- */

struct duration_text {
    char text[24];
    size_t columns;
};

static struct duration_text write_duration(int64_t ns, bool ascii)
{
    struct duration_text out;
    double value = (double)ns;
    const char *unit = "s";
    int decimals, len;

    if (ns < 999500) {
        value /= 1e3;
        unit = ascii ? "us" : "\xc2\xb5s";
    } else if (ns < 999500000) {
        value /= 1e6;
        unit = "ms";
    } else {
        value /= 1e9;
    }
    decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
    if (ns < 999500)
        decimals = value < 9.95 ? 1 : 0;
    len = snprintf(out.text, sizeof out.text, "%.*f %s", decimals, value, unit);
    out.columns = (size_t)len - (unit[0] == '\xc2' ? 1 : 0);
    return out;
}

void wend_print_duration(struct wend_buffer *out, int64_t ns)
{
    struct duration_text text = write_duration(ns, false);

    wend_buffer_add(out, wend_str_of(text.text));
}

/* --- the waterfall ---------------------------------------------------------------------------- */

struct layout {
    size_t label, note, bar;
    int64_t total_ns; /* what the whole bar stands for; at least 1 */
    const struct wend_print_style *style;
};

#define NOTE_TEXT_MAX 320

/* The note of a span says it already: the port stands in the address, one address is the note. */
static bool number_is_said(const struct wend_view_span *span)
{
    return span->note.len > 0 &&
           (wend_str_eq(number_meaning(span), WEND_STR("port")) ||
            (wend_str_eq(number_meaning(span), WEND_STR("addresses")) && span->number == 1));
}

/* Note and number as one text: "/static/a.css 1024 bytes", "shop.views.cart 200". */
static struct wend_str note_text(const struct wend_view_span *span, char into[NOTE_TEXT_MAX])
{
    struct wend_str meaning = number_meaning(span);
    size_t len = span->note.len < NOTE_TEXT_MAX - 64 ? span->note.len : NOTE_TEXT_MAX - 64;

    if (len > 0)
        memcpy(into, span->note.ptr, len);
    if (!has_number(span) || number_is_said(span))
        return wend_str_make(into, len);
    if (wend_str_eq(meaning, WEND_STR("status")))
        meaning = WEND_STR("");
    len += (size_t)snprintf(into + len, 64, "%s%lld%s%.*s", len > 0 ? " " : "",
                            (long long)span->number, meaning.len > 0 ? " " : "",
                            WEND_STR_ARG(meaning));
    return wend_str_make(into, len);
}

static struct layout measure(const struct wend_view *view, const struct wend_print_style *style)
{
    struct layout l = {.style = style};
    size_t columns = style->columns == 0 ? 80 : (size_t)(style->columns < 0 ? 0 : style->columns);
    size_t note_max;
    char text[NOTE_TEXT_MAX];

    if (columns < WEND_PRINT_COLUMNS_MIN)
        columns = WEND_PRINT_COLUMNS_MIN;
    if (columns > WEND_PRINT_COLUMNS_MAX)
        columns = WEND_PRINT_COLUMNS_MAX;
    l.label = 8;
    for (uint16_t i = 0; i < view->count; i++) {
        const struct wend_view_span *span = &view->spans[i];
        size_t wanted = 2 * (size_t)span->depth + shown_columns(span->label, LABEL_COLUMNS_MAX);
        size_t noted = shown_columns(note_text(span, text), WEND_PRINT_COLUMNS_MAX);

        l.label = wanted > l.label ? wanted : l.label;
        l.note = noted > l.note ? noted : l.note;
    }
    if (l.label > LABEL_COLUMNS_MAX)
        l.label = LABEL_COLUMNS_MAX;
    if (l.label > columns / 3)
        l.label = columns / 3;
    columns -= l.label + 2 + DURATION_COLUMNS + 2; /* what note and bar share */
    note_max = columns > BAR_COLUMNS_MIN + 2 ? (columns - 2) / 2 : 0;
    if (l.note > note_max)
        l.note = note_max;
    l.bar = columns - (l.note > 0 ? l.note + 2 : 0);
    l.total_ns = view->duration_ns > 0 ? view->duration_ns : 1;
    return l;
}

static const char *color_of(const struct wend_view_span *span)
{
    static const struct {
        const char *layer, *color;
    } colors[] = {{"client", "\033[36m"}, {"net", "\033[34m"},  {"tls", "\033[34m"},
                  {"http", "\033[32m"},   {"edge", "\033[33m"}, {"app", "\033[35m"}};

    if (span->event == WEND_EV_FAIL)
        return "\033[31m";
    for (size_t i = 0; i < WEND_COUNT(colors) && span->event < WEND_EVENTS_COUNT; i++) {
        if (strcmp(colors[i].layer, wend_events[span->event].layer) == 0)
            return colors[i].color;
    }
    return "\033[37m";
}

/* Which cells of the bar a time falls into. */
static size_t cell_of(const struct layout *l, int64_t ns)
{
    size_t cell = (size_t)((double)ns / (double)l->total_ns * (double)l->bar);

    return cell < l->bar ? cell : l->bar;
}

static void add_bar(struct wend_buffer *out, const struct layout *l, const struct wend_view *view,
                    const struct wend_view_span *span)
{
    size_t from = cell_of(l, span->start_ns);
    size_t to = cell_of(l, span->start_ns + wend_view_length(view, span));
    struct wend_str mark = l->style->ascii ? WEND_STR("=") : WEND_STR("\xe2\x94\x81");

    if (from == l->bar)
        from--;
    if (to <= from)
        to = from + 1;
    add_spaces(out, from);
    if (l->style->color)
        wend_buffer_add(out, wend_str_of(color_of(span)));
    for (size_t i = from; i < to; i++)
        wend_buffer_add(out, mark);
    if (l->style->color)
        wend_buffer_add(out, WEND_STR("\033[0m"));
    add_spaces(out, l->bar - to);
}

static void add_line(struct wend_buffer *out, const struct layout *l, const struct wend_view *view,
                     const struct wend_view_span *span)
{
    size_t indent = 2 * (size_t)span->depth;
    struct duration_text length = write_duration(wend_view_length(view, span), l->style->ascii);
    char text[NOTE_TEXT_MAX];

    if (span->end_ns == WEND_VIEW_OPEN) /* not over when it was looked at */
        length = (struct duration_text){.text = "open", .columns = 4};
    if (indent > l->label / 2)
        indent = l->label / 2;
    add_spaces(out, indent);
    add_cell(out, span->label, l->label - indent, l->style->ascii);
    add_spaces(out, 2);
    if (l->note > 0) {
        add_cell(out, note_text(span, text), l->note, l->style->ascii);
        add_spaces(out, 2);
    }
    add_bar(out, l, view, span);
    add_spaces(out, 2 + DURATION_COLUMNS - length.columns);
    wend_buffer_add(out, wend_str_of(length.text));
    wend_buffer_add_byte(out, '\n');
}

void wend_print_waterfall(struct wend_buffer *out, const struct wend_view *view,
                          const struct wend_print_style *style)
{
    struct layout l = measure(view, style);

    for (uint16_t i = 0; i < view->count; i++)
        add_line(out, &l, view, &view->spans[i]);
    if (view->dropped > 0)
        wend_buffer_printf(out, "(%u more spans were not kept)\n", view->dropped);
}

/* --- Server-Timing -------------------------------------------------------------------------- */

#define METRIC_TEXT_MAX 64
#define METRIC_BYTES_MAX 256

/* The metric's name: the event's, in lower case; a foreign label's bytes that a token allows. */
static size_t write_metric_name(const struct wend_view_span *span, char out[40])
{
    struct wend_str name = span->event < WEND_EVENTS_COUNT
                               ? wend_str_of(wend_events[span->event].name)
                               : wend_str_slice(span->label, 0, 40);
    size_t len = 0;

    for (size_t i = 0; i < name.len && len < 40; i++) {
        char c = wend_lower(name.ptr[i]);

        out[len++] = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ? c : '-';
    }
    return len;
}

/* quoted-string content of visible ASCII; everything else is '?': a field is no place for it. */
static size_t write_quoted(struct wend_str text, char out[2 * METRIC_TEXT_MAX])
{
    size_t len = 0;

    text = wend_str_slice(text, 0, METRIC_TEXT_MAX);
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '"' || c == '\\')
            out[len++] = '\\';
        out[len++] = c >= 0x20 && c < 0x7f ? c : '?';
    }
    return len;
}

static size_t write_metric(const struct wend_view *view, const struct wend_view_span *span,
                           char out[METRIC_BYTES_MAX])
{
    char name[40], quoted[2 * METRIC_TEXT_MAX];
    size_t name_len = write_metric_name(span, name), quoted_len = write_quoted(span->note, quoted);
    int len = snprintf(out, METRIC_BYTES_MAX, "%.*s;dur=%.3f;t=%.3f", (int)name_len, name,
                       (double)wend_view_length(view, span) / 1e6, (double)span->start_ns / 1e6);

    if (quoted_len > 0)
        len += snprintf(out + len, METRIC_BYTES_MAX - (size_t)len, ";desc=\"%.*s\"",
                        (int)quoted_len, quoted);
    return (size_t)len;
}

uint16_t wend_print_server_timing(struct wend_buffer *out, const struct wend_view *view,
                                  uint16_t from, bool open, size_t bytes_max)
{
    size_t used = 0;
    uint16_t i;

    for (i = from; i < view->count; i++) {
        char metric[METRIC_BYTES_MAX];
        size_t len;

        if (!open && view->spans[i].end_ns == WEND_VIEW_OPEN)
            continue;
        len = write_metric(view, &view->spans[i], metric);
        if (used + len + 2 > bytes_max)
            break;
        if (used > 0)
            wend_buffer_add(out, WEND_STR(", "));
        wend_buffer_add(out, wend_str_make(metric, len));
        used += len + 2;
    }
    return i;
}

/* --- JSON ----------------------------------------------------------------------------------- */

static void add_member(struct wend_buffer *out, const char *name)
{
    wend_buffer_printf(out, ",\"%s\":", name);
}

static void add_text(struct wend_buffer *out, struct wend_str text)
{
    if (text.ptr == NULL) {
        wend_buffer_add(out, WEND_STR("null"));
        return;
    }
    wend_buffer_add_byte(out, '"');
    wend_buffer_add_json(out, text);
    wend_buffer_add_byte(out, '"');
}

/* Hexadecimal text, since JSON's numbers end at 2^53; null for the id that was never made. */
static void add_id(struct wend_buffer *out, const uint64_t *words, size_t count)
{
    char hex[32];
    bool named = false;

    for (size_t i = 0; i < count; i++) {
        wend_trace_write_hex(words[i], hex + 16 * i);
        named |= words[i] != 0;
    }
    add_text(out, named ? wend_str_make(hex, 16 * count) : WEND_STR_NULL);
}

static void add_ms(struct wend_buffer *out, int64_t ns)
{
    wend_buffer_printf(out, "%lld.%06lld", (long long)(ns / WEND_NS_PER_MS),
                       (long long)(ns % WEND_NS_PER_MS));
}

static void add_json_span(struct wend_buffer *out, const struct wend_view_span *span)
{
    bool known = span->event < WEND_EVENTS_COUNT;

    wend_buffer_add(out, WEND_STR("{\"event\":"));
    add_text(out, known ? wend_str_of(wend_events[span->event].name) : WEND_STR_NULL);
    add_member(out, "label");
    add_text(out, span->label);
    add_member(out, "layer");
    add_text(out, known ? wend_str_of(wend_events[span->event].layer) : WEND_STR_NULL);
    add_member(out, "start_ms");
    add_ms(out, span->start_ns);
    add_member(out, "duration_ms");
    if (span->end_ns == WEND_VIEW_OPEN)
        wend_buffer_add(out, WEND_STR("null"));
    else
        add_ms(out, span->end_ns - span->start_ns);
    add_member(out, "parent");
    if (span->parent == WEND_SPAN_NONE)
        wend_buffer_add(out, WEND_STR("null"));
    else
        wend_buffer_add_u64(out, span->parent);
    add_member(out, "number");
    wend_buffer_printf(out, "%lld", (long long)span->number);
    add_member(out, "note");
    add_text(out, span->note);
    if (span->remote)
        wend_buffer_add(out, WEND_STR(",\"remote\":true"));
    wend_buffer_add_byte(out, '}');
}

void wend_print_json(struct wend_buffer *out, const struct wend_view *view)
{
    wend_buffer_add(out, WEND_STR("{\"id\":"));
    add_id(out, view->id, 2);
    add_member(out, "span");
    add_id(out, &view->span_id, 1);
    add_member(out, "parent");
    add_id(out, &view->parent_id, 1);
    add_member(out, "time");
    wend_buffer_printf(out, "%lld.%06lld", (long long)(view->wall_ns / WEND_NS_PER_S),
                       (long long)(view->wall_ns % WEND_NS_PER_S / 1000));
    add_member(out, "duration_ms");
    add_ms(out, view->duration_ns);
    add_member(out, "subject");
    add_text(out, view->subject);
    add_member(out, "dropped");
    wend_buffer_add_u64(out, view->dropped);
    wend_buffer_add(out, WEND_STR(",\"spans\":["));
    for (uint16_t i = 0; i < view->count; i++) {
        if (i > 0)
            wend_buffer_add_byte(out, ',');
        add_json_span(out, &view->spans[i]);
    }
    wend_buffer_add(out, WEND_STR("]}"));
}
