/* tests/fuzz/h1_oracle_fuzz.c - our strict policy against another parser, Debian's http-parser.
 *
 * Whatever we accept, it must accept and understand alike: method, target, fields, length, chunked
 * body. The other way round we are free to refuse more. Where it is known to refuse what RFC 9112
 * allows, the input is passed over:
 *   - methods it has no number for
 *   - HTAB after Content-Length or around chunk extensions
 *   - longer names that start with Transfer-Encoding, which it takes for that field
 */
#include "base/assert.h"
#include "http/h1_parse.h"

#include <http_parser.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define ORACLE_FIELDS_MAX 2000

/* What the oracle saw. All slices lie in the input: it calls back with pieces of it, in order. */
struct seen {
    struct wend_str target;
    struct wend_str names[ORACLE_FIELDS_MAX], values[ORACLE_FIELDS_MAX];
    unsigned count;
    bool in_value, head_done, message_done;
    size_t body_bytes;
    uint32_t body_hash;
    bool chunked;
    uint64_t content_length;
};

static void extend(struct wend_str *s, const char *at, size_t len)
{
    if (s->ptr == NULL)
        s->ptr = at;
    s->len = (size_t)(at + len - s->ptr);
}

static int on_url(http_parser *parser, const char *at, size_t len)
{
    extend(&((struct seen *)parser->data)->target, at, len);
    return 0;
}

static int on_name(http_parser *parser, const char *at, size_t len)
{
    struct seen *seen = parser->data;

    if (seen->head_done)
        return 0; /* a trailer */
    if (seen->in_value || seen->count == 0) {
        WEND_ASSERT(seen->count < ORACLE_FIELDS_MAX);
        seen->names[seen->count++] = WEND_STR_NULL;
        seen->values[seen->count - 1] = WEND_STR_NULL;
        seen->in_value = false;
    }
    extend(&seen->names[seen->count - 1], at, len);
    return 0;
}

static int on_value(http_parser *parser, const char *at, size_t len)
{
    struct seen *seen = parser->data;

    if (seen->head_done)
        return 0;
    seen->in_value = true;
    extend(&seen->values[seen->count - 1], at, len);
    return 0;
}

static int on_head(http_parser *parser)
{
    struct seen *seen = parser->data;

    seen->head_done = true;
    seen->chunked = (parser->flags & F_CHUNKED) != 0;
    seen->content_length = parser->content_length;
    return 0;
}

static uint32_t mix(uint32_t hash, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (uint8_t)at[i]) * 16777619u;
    return hash;
}

static int on_body(http_parser *parser, const char *at, size_t len)
{
    struct seen *seen = parser->data;

    seen->body_bytes += len;
    seen->body_hash = mix(seen->body_hash, at, len);
    return 0;
}

static int on_end(http_parser *parser)
{
    ((struct seen *)parser->data)->message_done = true;
    return 0;
}

static bool oracle_knows(struct wend_str method)
{
    for (int i = 0; i < 64; i++) {
        if (wend_str_eq(method, wend_str_of(http_method_str((enum http_method)i))))
            return true;
    }
    return false;
}

static bool has_longer_name(const struct wend_request *request)
{
    struct wend_str name = WEND_STR("Transfer-Encoding");

    for (unsigned i = 0; i < request->fields.count; i++) {
        if (request->fields.at[i].name.len > name.len &&
            wend_str_starts_nocase(request->fields.at[i].name, name))
            return true;
    }
    return false;
}

static void check_head(const struct wend_request *request, const http_parser *parser,
                       const struct seen *seen)
{
    struct wend_str target = seen->target;

    WEND_ASSERT(seen->head_done);
    WEND_ASSERT(wend_str_eq(request->method_text,
                            wend_str_of(http_method_str((enum http_method)parser->method))));
    WEND_ASSERT(request->target.ptr != NULL);
    if (target.ptr[0] == '/' || target.ptr[0] == '*')
        WEND_ASSERT(wend_str_eq(request->target, target));
    WEND_ASSERT(parser->http_major == 1);
    WEND_ASSERT((parser->http_minor == 0) == (request->version == WEND_HTTP_10));
    WEND_ASSERT(request->fields.count == seen->count);
    for (unsigned i = 0; i < seen->count; i++) {
        WEND_ASSERT(wend_str_eq(request->fields.at[i].name, seen->names[i]));
        WEND_ASSERT(wend_str_eq(request->fields.at[i].value, wend_str_trim(seen->values[i])));
    }
    WEND_ASSERT(request->chunked == seen->chunked);
    if (request->content_length >= 0)
        WEND_ASSERT((uint64_t)request->content_length == seen->content_length);
    else
        WEND_ASSERT(seen->content_length == 0 || seen->content_length == UINT64_MAX);
}

/* Whether the trailer section is one a server would take. The oracle reads lengths even here, where
 * they mean nothing (RFC 9110 6.5.1): such sections are passed over. */
static bool trailers_fine(struct wend_arena *arena, struct wend_str bytes)
{
    struct wend_h1_limits limits = wend_h1_limits_default;
    struct wend_fields fields;
    struct wend_h1_error error;
    size_t seen = 0, used;

    limits.ignore_invalid = false;
    if (wend_h1_parse_fields(arena, bytes.ptr, bytes.len, &limits, &seen, &fields, &used, &error) !=
        WEND_OK)
        return false;
    for (unsigned i = 0; i < fields.count; i++) {
        if (!wend_field_value_valid(fields.at[i].value))
            return false;
    }
    return wend_fields_get(&fields, WEND_FIELD_CONTENT_LENGTH) == NULL &&
           wend_fields_get(&fields, WEND_FIELD_TRANSFER_ENCODING) == NULL;
}

/* The bytes of our decoder; false when the body is not whole or refused. */
static bool decode(struct wend_arena *arena, const char *bytes, size_t len, size_t *used,
                   size_t *count, uint32_t *hash)
{
    struct wend_h1_chunks chunks = {0};
    enum wend_code code = WEND_MORE;
    struct wend_buffer trailers;

    wend_buffer_init_arena(&trailers, arena, WEND_H1_TRAILER_MAX);
    *used = *count = 0;
    while (code == WEND_MORE && *used < len) {
        struct wend_str data;
        size_t step;

        code = wend_h1_chunks_decode(&chunks, bytes + *used, len - *used, &step, &data, &trailers);
        *count += data.len;
        *hash = mix(*hash, data.ptr, data.len);
        *used += step;
    }
    return code == WEND_OK && trailers_fine(arena, wend_buffer_str(&trailers));
}

static void run_oracle(http_parser *parser, struct seen *seen, const char *bytes, size_t len)
{
    http_parser_settings settings;

    http_parser_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_header_field = on_name;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_head;
    settings.on_body = on_body;
    settings.on_message_complete = on_end;
    http_parser_init(parser, HTTP_REQUEST);
    parser->data = seen;
    (void)http_parser_execute(parser, &settings, bytes, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t len)
{
    static struct seen seen;
    const char *bytes = (const char *)input;
    struct wend_h1_limits limits = wend_h1_limits_default;
    struct wend_arena arena;
    struct wend_request request;
    struct wend_h1_error error;
    size_t at = 0, used, body_used = 0, count = 0;
    uint32_t hash = 0;
    http_parser parser;

    wend_arena_init(&arena, 1 << 22);
    limits.underscores = true;
    if (wend_h1_parse_request(&arena, bytes, len, WEND_H1_STRICT, &limits, &at, &request, &used,
                              &error) != WEND_OK ||
        !oracle_knows(request.method_text) || has_longer_name(&request) ||
        memchr(bytes, '\t', len) != NULL) {
        wend_arena_release(&arena);
        return 0;
    }
    seen = (struct seen){0};
    if (request.chunked && decode(&arena, bytes + used, len - used, &body_used, &count, &hash)) {
        run_oracle(&parser, &seen, bytes, used + body_used);
        WEND_ASSERT(seen.message_done && seen.body_bytes == count && seen.body_hash == hash);
    } else {
        run_oracle(&parser, &seen, bytes, used);
    }
    check_head(&request, &parser, &seen);
    wend_arena_release(&arena);
    return 0;
}
