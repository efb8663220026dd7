/* edge/log_format.c - a line of the access log; see edge/log_format.h. */
#include "edge/log_format.h"

struct compiler {
    struct wend_arena *arena;
    wend_log_find find;
    void *context;
    struct wend_log_format *out;
    struct wend_str *problem;
};

static bool name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* The name after a '$', with or without braces. */
static enum wend_code take_name(struct compiler *c, struct wend_str *rest, struct wend_str *name)
{
    bool braces = rest->len > 0 && rest->ptr[0] == '{';
    size_t len = 0;

    if (braces)
        *rest = wend_str_from(*rest, 1);
    while (len < rest->len && name_byte(rest->ptr[len]))
        len++;
    *name = wend_str_slice(*rest, 0, len);
    *rest = wend_str_from(*rest, len);
    if (braces && (rest->len == 0 || rest->ptr[0] != '}')) {
        *c->problem = wend_arena_printf(
            c->arena, "the closing bracket in \"%.*s\" variable is missing", WEND_STR_ARG(*name));
        return WEND_E_CONFIG;
    }
    if (braces)
        *rest = wend_str_from(*rest, 1);
    return WEND_OK;
}

static enum wend_code add_value(struct compiler *c, struct wend_str *rest, struct wend_str whole)
{
    struct wend_log_part *part = &c->out->parts[c->out->count];
    struct wend_str name;
    enum wend_code code = take_name(c, rest, &name);

    if (code != WEND_OK)
        return code;
    if (name.len == 0) {
        *c->problem =
            wend_arena_printf(c->arena, "invalid parameter \"%.*s\"", WEND_STR_ARG(whole));
        return WEND_E_CONFIG;
    }
    part->literal = WEND_STR_NULL;
    part->value = c->find(c->context, name);
    if (part->value == NULL) {
        *c->problem = wend_arena_printf(c->arena, "unknown \"%.*s\" variable", WEND_STR_ARG(name));
        return WEND_E_CONFIG;
    }
    c->out->count++;
    return WEND_OK;
}

static enum wend_code add_text(struct compiler *c, struct wend_str text)
{
    struct wend_str rest = text;
    enum wend_code code = WEND_OK;

    while (rest.len > 0 && code == WEND_OK) {
        ptrdiff_t dollar = wend_str_find_byte(rest, '$');
        struct wend_str literal = dollar < 0 ? rest : wend_str_slice(rest, 0, (size_t)dollar);

        if (literal.len > 0)
            c->out->parts[c->out->count++] = (struct wend_log_part){.literal = literal};
        rest = wend_str_from(rest, literal.len);
        if (rest.len == 0)
            break;
        rest = wend_str_from(rest, 1);
        code = add_value(c, &rest, text);
    }
    return code;
}

/* At most: every '$' is a value with a literal before it, and one literal ends each text. */
static size_t parts_max(const struct wend_str *texts, size_t count)
{
    size_t parts = 0;

    for (size_t i = 0; i < count; i++) {
        parts++;
        for (size_t at = 0; at < texts[i].len; at++)
            parts += texts[i].ptr[at] == '$' ? 2 : 0;
    }
    return parts;
}

enum wend_code wend_log_format_compile(struct wend_arena *arena, const struct wend_str *texts,
                                       size_t count, enum wend_log_escape escape,
                                       wend_log_find find, void *context,
                                       struct wend_log_format *out, struct wend_str *problem)
{
    struct compiler c = {arena, find, context, out, problem};
    enum wend_code code = WEND_OK;

    *out = (struct wend_log_format){.escape = escape};
    out->parts = wend_arena_array(arena, parts_max(texts, count), sizeof(*out->parts));
    if (out->parts == NULL)
        return WEND_E_MEMORY;
    for (size_t i = 0; i < count && code == WEND_OK; i++)
        code = add_text(&c, texts[i]);
    return code;
}

void wend_log_format_write(const struct wend_log_format *format, wend_log_value value,
                           void *context, struct wend_buffer *out)
{
    for (size_t i = 0; i < format->count; i++) {
        const struct wend_log_part *part = &format->parts[i];
        struct wend_str text;

        if (part->literal.ptr != NULL) {
            wend_buffer_add(out, part->literal);
            continue;
        }
        text = value(context, part->value);
        if (text.ptr != NULL)
            wend_log_escape_add(out, format->escape, text);
        else if (format->escape == WEND_LOG_ESCAPE_DEFAULT)
            wend_buffer_add_byte(out, '-');
    }
    wend_buffer_add_byte(out, '\n');
}
