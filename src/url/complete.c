/* url/complete.c - what a person typed, completed to a URL.
 *
 * The rules are ours, no standard's: a name alone is https, as in today's browsers; what is likely
 * to be a development server (localhost, an address, a port) is http. Whoever wants the other one
 * types the scheme. */
#include "url/url.h"

static bool is_local_name(struct wend_str host)
{
    return wend_str_eq(host, WEND_STR("localhost")) || wend_str_ends(host, WEND_STR(".localhost"));
}

static bool is_scheme(struct wend_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = wend_lower(text.ptr[i]);

        if (!(c >= 'a' && c <= 'z') &&
            (i == 0 || (!(c >= '0' && c <= '9') && c != '+' && c != '-' && c != '.')))
            return false;
    }
    return text.len > 0;
}

/* "name:" with a scheme's letters, followed by what no port looks like: "http:x", "ftp://x",
 * "mailto:x". "host:80", "host:80/x" and "user:word@host" are no schemes. */
static bool has_scheme(struct wend_str typed)
{
    ptrdiff_t colon = wend_str_find_byte(typed, ':');
    struct wend_str rest, scheme;
    size_t end = 0;

    if (colon <= 0 || !is_scheme(wend_str_slice(typed, 0, (size_t)colon)))
        return false;
    scheme = wend_str_slice(typed, 0, (size_t)colon);
    rest = wend_str_from(typed, (size_t)colon + 1);
    if (wend_str_starts(rest, WEND_STR("//")) || wend_str_eq_nocase(scheme, WEND_STR("http")) ||
        wend_str_eq_nocase(scheme, WEND_STR("https")))
        return true;
    while (end < rest.len && memchr("/\\?#", rest.ptr[end], 4) == NULL)
        end++;
    rest = wend_str_slice(rest, 0, end);
    if (wend_str_find_byte(rest, '@') >= 0)
        return false;
    for (size_t i = 0; i < rest.len; i++) {
        if (rest.ptr[i] < '0' || rest.ptr[i] > '9')
            return true;
    }
    return false;
}

/* Parses prefix + typed; offsets are counted in `typed`. */
static enum wend_code parse_with(struct wend_arena *arena, const char *prefix,
                                 struct wend_str typed, struct wend_url *out, size_t *why_offset,
                                 const char **why)
{
    size_t before = strlen(prefix), offset = 0;
    char *joined = wend_arena_alloc(arena, before + typed.len + 1);
    enum wend_code code;

    if (joined == NULL)
        return WEND_E_MEMORY;
    memcpy(joined, prefix, before);
    if (typed.len > 0)
        memcpy(joined + before, typed.ptr, typed.len);
    code =
        wend_url_parse(arena, wend_str_make(joined, before + typed.len), NULL, out, &offset, why);
    if (code != WEND_OK && why_offset != NULL)
        *why_offset = offset < before ? 0 : offset - before;
    return code;
}

/* Which scheme a text without one means. The port tells most; a default port vanishes when parsed,
 * so both schemes are tried. */
static enum wend_code complete_scheme(struct wend_arena *arena, struct wend_str typed,
                                      struct wend_url *out, size_t *why_offset, const char **why)
{
    struct wend_url plain;
    enum wend_code code = parse_with(arena, "https://", typed, out, why_offset, why);

    if (code != WEND_OK)
        return code;
    code = parse_with(arena, "http://", typed, &plain, why_offset, why);
    if (code != WEND_OK)
        return code;
    if (out->port >= 0 ||
        (plain.port != 443 && (is_local_name(out->host) || wend_url_host_is_address(out))))
        *out = plain;
    return WEND_OK;
}

enum wend_code wend_url_complete(struct wend_arena *arena, struct wend_str typed,
                                 struct wend_url *out, bool *completed, size_t *why_offset,
                                 const char **why)
{
    bool own, host_first;

    while (typed.len > 0 && (uint8_t)typed.ptr[0] <= 0x20)
        typed = wend_str_from(typed, 1);
    own = has_scheme(typed);
    if (completed != NULL)
        *completed = !own;
    if (own)
        return wend_url_parse(arena, typed, NULL, out, why_offset, why);
    if (typed.len > 1 && typed.ptr[0] == ':' && typed.ptr[1] >= '0' && typed.ptr[1] <= '9')
        return parse_with(arena, "http://localhost", typed, out, why_offset, why);
    host_first = typed.len > 0 && memchr("/\\?#", typed.ptr[0], 4) == NULL;
    if (host_first || wend_str_starts(typed, WEND_STR("//")))
        return complete_scheme(arena, typed, out, why_offset, why);
    if (why_offset != NULL)
        *why_offset = 0;
    if (why != NULL)
        *why = "no host: type one, as in example.org/path or :8000/path";
    return WEND_E_URL;
}
