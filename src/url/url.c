/* url/url.c - the WHATWG URL parser for http and https.
 *
 * The standard describes a machine that looks at one character at a time; for these two schemes it
 * comes down to cutting the text at known places: scheme, authority, path, query, fragment. Cutting
 * is shorter to read and to check, and the tests hold it to the standard's results. */
#include "url/url.h"

#include "base/buffer.h"
#include "url/host.h"

#include <string.h>

struct reader {
    struct wend_arena *arena;
    struct wend_str text; /* trimmed, without TAB, LF and CR */
    size_t at;
    size_t why_offset;
    const char *why;
};

/* --- percent-encode sets (1.3), each the one before and more -----------------------------------
 */

enum part { FRAGMENT, QUERY, PATH, USERINFO };

static bool needs_escape(char c, enum part part)
{
    static const char *const extra[] = {
        [FRAGMENT] = "\"<>`",
        [QUERY] = "\"#<>'",
        [PATH] = "\"#<>?^`{}",
        [USERINFO] = "\"#<>?^`{}/:;=@[\\]|",
    };

    return (uint8_t)c <= 0x20 || (uint8_t)c >= 0x7f || strchr(extra[part], c) != NULL;
}

static void add_escaped(struct wend_buffer *out, struct wend_str s, enum part part)
{
    static const char hex[] = "0123456789ABCDEF";

    for (size_t i = 0; i < s.len; i++) {
        uint8_t byte = (uint8_t)s.ptr[i];

        if (!needs_escape(s.ptr[i], part)) {
            wend_buffer_add_byte(out, s.ptr[i]);
            continue;
        }
        wend_buffer_add_byte(out, '%');
        wend_buffer_add_byte(out, hex[byte >> 4]);
        wend_buffer_add_byte(out, hex[byte & 15]);
    }
}

static enum wend_code escape(struct reader *r, struct wend_str s, enum part part,
                             struct wend_str *out)
{
    struct wend_buffer buffer;
    size_t escapes = 0;

    *out = s;
    for (size_t i = 0; i < s.len; i++)
        escapes += needs_escape(s.ptr[i], part);
    if (escapes == 0) {
        *out = s.len == 0 ? WEND_STR("") : wend_arena_keep(r->arena, s);
        return out->ptr == NULL ? WEND_E_MEMORY : WEND_OK;
    }
    wend_buffer_init_arena(&buffer, r->arena, s.len + 2 * escapes);
    add_escaped(&buffer, s, part);
    *out = wend_buffer_str(&buffer);
    return buffer.overflow ? WEND_E_MEMORY : WEND_OK;
}

/* --- the pieces --------------------------------------------------------------------------------
 */

static enum wend_code refuse(struct reader *r, size_t at, const char *why)
{
    r->why_offset = at;
    r->why = why;
    return WEND_E_URL;
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* The byte `ahead` of the reader; NUL at the end. */
static char peek(const struct reader *r, size_t ahead)
{
    return r->at + ahead < r->text.len ? r->text.ptr[r->at + ahead] : '\0';
}

static bool at_end(const struct reader *r)
{
    return r->at >= r->text.len;
}

/* Up to the first of `stops`. */
static struct wend_str take_until(struct reader *r, const char *stops)
{
    size_t from = r->at;

    while (r->at < r->text.len &&
           (r->text.ptr[r->at] == '\0' || strchr(stops, r->text.ptr[r->at]) == NULL))
        r->at++;
    return wend_str_slice(r->text, from, r->at);
}

/* The scheme's length if the text starts with "scheme:", else 0. */
static size_t scheme_length(struct wend_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = wend_lower(text.ptr[i]);
        bool letter = c >= 'a' && c <= 'z';

        if (i > 0 && c == ':')
            return i;
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return 0;
    }
    return 0;
}

/* digits after a colon; the scheme's own port is dropped */
static enum wend_code read_port(struct reader *r, struct wend_str text, size_t at,
                                struct wend_url *url)
{
    unsigned port = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return refuse(r, at + i, "a port is a number");
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
        if (port > 65535)
            return refuse(r, at, "a port is at most 65535");
    }
    url->port = text.len == 0 || port == (url->secure ? 443u : 80u) ? -1 : (int)port;
    return WEND_OK;
}

static enum wend_code read_credentials(struct reader *r, struct wend_str text, struct wend_url *url)
{
    ptrdiff_t colon = wend_str_find_byte(text, ':');
    size_t name = colon < 0 ? text.len : (size_t)colon;
    enum wend_code code = escape(r, wend_str_slice(text, 0, name), USERINFO, &url->username);

    if (code == WEND_OK)
        code = escape(r, wend_str_from(text, name + 1), USERINFO, &url->password);
    return code;
}

/* [user[:password]@]host[:port], up to the path */
static enum wend_code read_authority(struct reader *r, struct wend_url *url)
{
    size_t from = r->at, host_at, inside;
    struct wend_str text = take_until(r, "/\\?#"), host;
    ptrdiff_t sign = wend_str_rfind_byte(text, '@'), bracket, colon;
    enum wend_code code = WEND_OK;

    url->username = url->password = WEND_STR("");
    if (sign >= 0)
        code = read_credentials(r, wend_str_slice(text, 0, (size_t)sign), url);
    if (code != WEND_OK)
        return code;
    host_at = from + (size_t)(sign + 1);
    host = wend_str_from(text, (size_t)(sign + 1));
    bracket = host.len > 0 && host.ptr[0] == '[' ? wend_str_find_byte(host, ']') : -1;
    inside = bracket < 0 ? 0 : (size_t)bracket;
    colon = wend_str_find_byte(wend_str_from(host, inside), ':');
    if (colon >= 0) {
        size_t cut = inside + (size_t)colon;

        code = read_port(r, wend_str_from(host, cut + 1), host_at + cut + 1, url);
        host = wend_str_slice(host, 0, cut);
    } else {
        url->port = -1;
    }
    if (code != WEND_OK)
        return code;
    code = wend_url_host_parse(r->arena, host, &url->host, &r->why_offset, &r->why);
    r->why_offset += host_at;
    return code;
}

/* A segment of dots, plain or escaped: 1, 2 or 0 for none. */
static int dots_of(struct wend_str segment)
{
    int dots = 0;

    for (size_t i = 0; i < segment.len; i++) {
        if (wend_str_starts_nocase(wend_str_from(segment, i), WEND_STR("%2e")))
            i += 2;
        else if (segment.ptr[i] != '.')
            return 0;
        if (++dots > 2)
            return 0;
    }
    return dots;
}

/* Segments onto `start`, a path without its last segment ("" or "/a"). */
static enum wend_code read_path(struct reader *r, struct wend_str start, struct wend_url *url)
{
    struct wend_buffer out;
    bool more = true;

    wend_buffer_init_arena(&out, r->arena, start.len + 3 * (r->text.len - r->at) + 2);
    wend_buffer_add(&out, start);
    while (more) {
        struct wend_str segment = take_until(r, "/\\?#");
        int dots = dots_of(segment);

        more = is_slash(peek(r, 0));
        r->at += more;
        if (dots == 0) {
            wend_buffer_add_byte(&out, '/');
            add_escaped(&out, segment, PATH);
            continue;
        }
        if (dots == 2) {
            ptrdiff_t slash = wend_str_rfind_byte(wend_buffer_str(&out), '/');

            out.len = slash < 0 ? 0 : (size_t)slash;
        }
        if (!more)
            wend_buffer_add_byte(&out, '/');
    }
    url->path = wend_buffer_str(&out);
    return out.overflow ? WEND_E_MEMORY : WEND_OK;
}

static enum wend_code read_query_and_fragment(struct reader *r, struct wend_url *url)
{
    enum wend_code code = WEND_OK;

    if (peek(r, 0) == '?') {
        r->at++;
        code = escape(r, take_until(r, "#"), QUERY, &url->query);
    }
    if (code == WEND_OK && peek(r, 0) == '#') {
        r->at++;
        code = escape(r, wend_str_from(r->text, r->at), FRAGMENT, &url->fragment);
    }
    return code;
}

/* --- the whole ---------------------------------------------------------------------------------
 */

static enum wend_code read_after_authority(struct reader *r, struct wend_url *url)
{
    enum wend_code code;

    if (is_slash(peek(r, 0)))
        r->at++;
    code = read_path(r, WEND_STR(""), url);
    return code == WEND_OK ? read_query_and_fragment(r, url) : code;
}

static enum wend_code read_from_authority(struct reader *r, struct wend_url *url)
{
    enum wend_code code;

    while (is_slash(peek(r, 0)))
        r->at++;
    code = read_authority(r, url);
    return code == WEND_OK ? read_after_authority(r, url) : code;
}

/* A copy of the base's slices in our arena, so that the result does not depend on the base's life.
 */
static enum wend_code keep_base(struct reader *r, const struct wend_url *base, struct wend_url *url)
{
    struct wend_str *parts[] = {&url->username, &url->password, &url->host, &url->path,
                                &url->query};

    *url = *base;
    url->scheme = base->secure ? WEND_STR("https") : WEND_STR("http");
    url->fragment = WEND_STR_NULL;
    for (size_t i = 0; i < WEND_COUNT(parts); i++) {
        if (parts[i]->ptr == NULL)
            continue;
        *parts[i] = wend_arena_keep(r->arena, *parts[i]);
        if (parts[i]->ptr == NULL)
            return WEND_E_MEMORY;
    }
    return WEND_OK;
}

static enum wend_code read_relative(struct reader *r, const struct wend_url *base,
                                    struct wend_url *url)
{
    struct wend_str folder;
    enum wend_code code;

    if (is_slash(peek(r, 0)) && is_slash(peek(r, 1))) {
        url->scheme = base->secure ? WEND_STR("https") : WEND_STR("http");
        url->secure = base->secure;
        return read_from_authority(r, url);
    }
    code = keep_base(r, base, url);
    if (code != WEND_OK)
        return code;
    if (at_end(r) || peek(r, 0) == '#')
        return read_query_and_fragment(r, url);
    url->query = WEND_STR_NULL;
    if (is_slash(peek(r, 0)))
        return read_after_authority(r, url);
    if (peek(r, 0) == '?')
        return read_query_and_fragment(r, url);
    folder = wend_str_slice(url->path, 0, (size_t)(wend_str_rfind_byte(url->path, '/')));
    code = read_path(r, folder, url);
    return code == WEND_OK ? read_query_and_fragment(r, url) : code;
}

static enum wend_code read_url(struct reader *r, const struct wend_url *base, struct wend_url *url)
{
    size_t len = scheme_length(r->text);
    struct wend_str scheme = wend_str_slice(r->text, 0, len);

    if (len == 0) {
        if (base == NULL)
            return refuse(r, 0, "no scheme: a URL starts with http:// or https://");
        return read_relative(r, base, url);
    }
    url->secure = wend_str_eq_nocase(scheme, WEND_STR("https"));
    if (!url->secure && !wend_str_eq_nocase(scheme, WEND_STR("http"))) {
        (void)refuse(r, 0, "a scheme other than http and https");
        return WEND_E_UNSUPPORTED;
    }
    url->scheme = url->secure ? WEND_STR("https") : WEND_STR("http");
    r->at = len + 1;
    /* "http:x" is relative to a base of the same scheme: an old habit the standard keeps */
    if (base != NULL && base->secure == url->secure && !(peek(r, 0) == '/' && peek(r, 1) == '/'))
        return read_relative(r, base, url);
    return read_from_authority(r, url);
}

static bool is_dropped(char c)
{
    return c == '\t' || c == '\n' || c == '\r';
}

/* Controls and spaces at the ends go, TAB, LF and CR go everywhere. *start: what went at the start.
 */
static enum wend_code clean(struct reader *r, struct wend_str text, size_t *start)
{
    size_t from = 0, to = text.len, len = 0;
    char *out;

    while (from < to && (uint8_t)text.ptr[from] <= 0x20)
        from++;
    while (to > from && (uint8_t)text.ptr[to - 1] <= 0x20)
        to--;
    *start = from;
    out = wend_arena_alloc(r->arena, to - from + 1);
    if (out == NULL)
        return WEND_E_MEMORY;
    for (; from < to; from++) {
        if (!is_dropped(text.ptr[from]))
            out[len++] = text.ptr[from];
    }
    r->text = wend_str_make(out, len);
    return WEND_OK;
}

/* The offset in the caller's text of offset `at` in the cleaned one. */
static size_t original_offset(struct wend_str text, size_t start, size_t at)
{
    size_t i = start;

    for (; i < text.len; i++) {
        if (is_dropped(text.ptr[i]))
            continue;
        if (at-- == 0)
            break;
    }
    return i;
}

enum wend_code wend_url_parse(struct wend_arena *arena, struct wend_str text,
                              const struct wend_url *base, struct wend_url *out, size_t *why_offset,
                              const char **why)
{
    struct reader r = {.arena = arena, .why = "out of memory"};
    size_t start = 0;
    enum wend_code code;

    *out = (struct wend_url){.port = -1, .username = WEND_STR(""), .password = WEND_STR("")};
    if (text.len > WEND_URL_MAX) {
        r.why = "longer than any URL";
        code = WEND_E_LIMIT;
    } else {
        code = clean(&r, text, &start);
        if (code == WEND_OK)
            code = read_url(&r, base, out);
    }
    if (code == WEND_OK)
        return WEND_OK;
    if (why_offset != NULL)
        *why_offset = original_offset(text, start, r.why_offset);
    if (why != NULL)
        *why = r.why;
    return code;
}

/* --- writing -----------------------------------------------------------------------------------
 */

enum write_parts { WRITE_ALL, WRITE_PUBLIC };

static struct wend_str write_url(struct wend_arena *arena, const struct wend_url *url,
                                 enum write_parts parts)
{
    struct wend_buffer out;

    wend_buffer_init_arena(&out, arena, 8 * (size_t)WEND_URL_MAX);
    wend_buffer_add(&out, url->scheme);
    wend_buffer_add(&out, WEND_STR("://"));
    if (parts == WRITE_ALL && (url->username.len > 0 || url->password.len > 0)) {
        wend_buffer_add(&out, url->username);
        if (url->password.len > 0) {
            wend_buffer_add_byte(&out, ':');
            wend_buffer_add(&out, url->password);
        }
        wend_buffer_add_byte(&out, '@');
    }
    wend_buffer_add(&out, url->host);
    if (url->port >= 0) {
        wend_buffer_add_byte(&out, ':');
        wend_buffer_add_u64(&out, (uint64_t)url->port);
    }
    wend_buffer_add(&out, url->path);
    if (url->query.ptr != NULL) {
        wend_buffer_add_byte(&out, '?');
        wend_buffer_add(&out, url->query);
    }
    if (parts == WRITE_ALL && url->fragment.ptr != NULL) {
        wend_buffer_add_byte(&out, '#');
        wend_buffer_add(&out, url->fragment);
    }
    return out.overflow ? WEND_STR_NULL : wend_buffer_str(&out);
}

struct wend_str wend_url_write(struct wend_arena *arena, const struct wend_url *url)
{
    return write_url(arena, url, WRITE_ALL);
}

struct wend_str wend_url_write_public(struct wend_arena *arena, const struct wend_url *url)
{
    return write_url(arena, url, WRITE_PUBLIC);
}

struct wend_str wend_url_write_authority(struct wend_arena *arena, const struct wend_url *url)
{
    if (url->port < 0)
        return url->host;
    return wend_arena_printf(arena, "%.*s:%d", WEND_STR_ARG(url->host), url->port);
}

struct wend_str wend_url_write_target(struct wend_arena *arena, const struct wend_url *url)
{
    if (url->query.ptr == NULL)
        return url->path;
    return wend_arena_printf(arena, "%.*s?%.*s", WEND_STR_ARG(url->path), WEND_STR_ARG(url->query));
}

bool wend_url_same_origin(const struct wend_url *a, const struct wend_url *b)
{
    return a->secure == b->secure && wend_url_port(a) == wend_url_port(b) &&
           wend_str_eq(a->host, b->host);
}

bool wend_url_host_is_address(const struct wend_url *url)
{
    struct wend_str host = url->host;
    char last = host.len == 0 ? '\0' : host.ptr[host.len - 1];

    /* The parser leaves no other host that ends in a number. */
    if (last == ']')
        return true;
    host = wend_str_from(host, (size_t)(wend_str_rfind_byte(host, '.') + 1));
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] < '0' || host.ptr[i] > '9')
            return false;
    }
    return host.len > 0;
}
