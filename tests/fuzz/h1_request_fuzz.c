/* tests/fuzz/h1_request_fuzz.c - request heads: whole or in parts they end the same, and what is
 * accepted keeps the parser's promises.
 *
 * The first byte chooses policy, step and limits; the rest is the head. */
#include "base/assert.h"
#include "http/h1_parse.h"
#include "http/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_host(const struct wend_request *request)
{
    for (size_t i = 0; i < request->host.len; i++) {
        uint8_t c = (uint8_t)request->host.ptr[i];

        WEND_ASSERT(c > 0x20 && c < 0x7f && !(c >= 'A' && c <= 'Z'));
        WEND_ASSERT(memchr("/\\?#@<>\"", c, 8) == NULL);
    }
    WEND_ASSERT(request->port == -1 || (request->port > 0 && request->port <= 65535));
    WEND_ASSERT(request->version < WEND_HTTP_11 || request->host.len > 0);
}

static void check_fields(const struct wend_request *request, enum wend_h1_policy policy)
{
    for (unsigned i = 0; i < request->fields.count; i++) {
        const struct wend_field *field = &request->fields.at[i];

        WEND_ASSERT(wend_field_name_valid(field->name));
        WEND_ASSERT(wend_field_lookup(field->name) == field->id);
        WEND_ASSERT(policy == WEND_H1_NGINX || wend_field_value_valid(field->value));
        for (size_t at = 0; at < field->value.len; at++)
            WEND_ASSERT(field->value.ptr[at] != '\r' && field->value.ptr[at] != '\n' &&
                        field->value.ptr[at] != '\0');
    }
}

static void check_path(struct wend_arena *arena, struct wend_str raw)
{
    struct wend_str path, rest, segment, again;

    if (wend_path_normalise(arena, raw, true, &path) != WEND_OK)
        return;
    WEND_ASSERT(path.len > 0 && path.ptr[0] == '/' && path.len <= raw.len);
    WEND_ASSERT(wend_str_find_byte(path, '\0') < 0);
    WEND_ASSERT(wend_str_find(path, WEND_STR("//")) < 0);
    rest = path;
    while (wend_str_split(&rest, '/', &segment)) {
        WEND_ASSERT(!wend_str_eq(segment, WEND_STR(".")));
        WEND_ASSERT(!wend_str_eq(segment, WEND_STR("..")));
    }
    again = wend_escape(arena, path, WEND_ESCAPE_URI);
    WEND_ASSERT(wend_path_normalise(arena, again, true, &again) == WEND_OK);
    WEND_ASSERT(wend_str_eq(again, path));
}

static enum wend_code parse_in_parts(struct wend_arena *arena, const char *head, size_t len,
                                     size_t step, enum wend_h1_policy policy,
                                     const struct wend_h1_limits *limits,
                                     struct wend_request *request, size_t *used,
                                     struct wend_h1_error *error)
{
    enum wend_code code = WEND_MORE;
    size_t seen = 0, have = 0;

    while (code == WEND_MORE && have < len) {
        have = step < len - have ? have + step : len;
        code =
            wend_h1_parse_request(arena, head, have, policy, limits, &seen, request, used, error);
        WEND_ASSERT(seen <= have);
    }
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_h1_limits limits = wend_h1_limits_default;
    struct wend_arena arena;
    struct wend_request request, again;
    struct wend_h1_error error = {0}, error_again = {0};
    enum wend_h1_policy policy;
    enum wend_code code, code_again;
    const char *head = (const char *)bytes + 1;
    size_t used, used_again;

    if (len < 2)
        return 0;
    len--;
    policy = bytes[0] & 1 ? WEND_H1_STRICT : WEND_H1_NGINX;
    limits.underscores = (bytes[0] & 2) != 0;
    limits.ignore_invalid = (bytes[0] & 4) != 0;
    if (bytes[0] & 8)
        limits = (struct wend_h1_limits){40, 30, 100, 4, true, true};
    wend_arena_init(&arena, 1 << 22);
    code = parse_in_parts(&arena, head, len, len, policy, &limits, &request, &used, &error);
    code_again = parse_in_parts(&arena, head, len, (bytes[0] >> 4) + 1u, policy, &limits, &again,
                                &used_again, &error_again);
    WEND_ASSERT((code == WEND_OK) == (code_again == WEND_OK));
    /* in parts, what is wrong in a line may be found only once the line is complete */
    WEND_ASSERT(code_again == WEND_MORE || code != WEND_MORE);
    if (code == WEND_OK) {
        WEND_ASSERT(used == used_again && used <= len && request.head_bytes == used);
        WEND_ASSERT(request.fields.count == again.fields.count);
        WEND_ASSERT(wend_str_eq(request.target, again.target));
        WEND_ASSERT(!request.chunked || request.content_length == -1);
        WEND_ASSERT(request.fields.count <= limits.fields && used <= limits.head_bytes + 100);
        check_host(&request);
        check_fields(&request, policy);
        check_path(&arena, request.path_raw);
    } else if (code != WEND_MORE) {
        WEND_ASSERT(error.status >= 400 && error.status <= 505 && error.text != NULL);
        WEND_ASSERT(error.offset <= len);
        WEND_ASSERT(code_again != WEND_E_SYNTAX || code == WEND_E_LIMIT ||
                    error.status == error_again.status);
    }
    wend_arena_release(&arena);
    return 0;
}
