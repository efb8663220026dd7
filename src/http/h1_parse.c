/* http/h1_parse.c - request heads.
 *
 * One pass: the request line byte class by byte class, then the fields (h1_reader.c), then the few
 * decisions that need the whole head (Host, lengths, Expect). A head that arrives in parts is
 * parsed again from its start once a further line is complete; the alternative, a resumable state
 * machine, costs every request for what hardly any needs, and nearly all heads arrive in one piece.
 */
#include "http/authority.h"
#include "http/chars.h"
#include "http/h1_reader.h"
#include "http/h1_scan.h"

/* RFC 9112 2.2: a robust server skips at least one empty line before the request line. */
#define EMPTY_LINES_MAX 16

static enum wend_code skip_empty_lines(struct wend_h1_reader *r)
{
    for (int lines = 0; r->at < r->end && (*r->at == '\r' || *r->at == '\n'); lines++) {
        enum wend_code code = wend_h1_end_line(r);

        if (code != WEND_OK)
            return code;
        if (lines >= EMPTY_LINES_MAX)
            return wend_h1_refuse(r, r->at, 400, "too many empty lines before the request");
    }
    return r->at < r->end ? WEND_OK : WEND_MORE;
}

static enum wend_code read_method(struct wend_h1_reader *r, struct wend_request *request)
{
    unsigned wanted = r->policy == WEND_H1_NGINX ? WEND_CHAR_METHOD : WEND_CHAR_TOKEN;
    const char *at = r->at;

    while (at < r->end && wend_char_is(*at, wanted))
        at++;
    if (at == r->end)
        return WEND_MORE;
    if (*at != ' ' || at == r->at)
        return wend_h1_refuse(r, at, 400, "a byte that is not allowed in a method");
    request->method_text = wend_str_make(r->at, (size_t)(at - r->at));
    request->method = wend_method_of(request->method_text);
    at++;
    while (r->policy == WEND_H1_NGINX && at < r->end && *at == ' ')
        at++;
    r->at = at;
    return WEND_OK;
}

/* "HTTP/1.1" and its kin, at r->at. nginx takes minor versions up to 99. */
static enum wend_code read_version(struct wend_h1_reader *r, struct wend_request *request)
{
    unsigned major = 0, minor = 0, digits_max = r->policy == WEND_H1_NGINX ? 2 : 1;
    const char *at = r->at, *digits;

    if (WEND_LIKELY(r->end - at >= 8 && memcmp(at, "HTTP/1.1", 8) == 0 &&
                    (r->end - at == 8 || at[8] == '\r'))) {
        request->version = WEND_HTTP_11;
        r->at = at + 8;
        return WEND_OK;
    }
    for (const char *word = "HTTP/"; *word != '\0'; word++, at++) {
        if (at == r->end)
            return WEND_MORE;
        if (*at != *word)
            return wend_h1_refuse(r, at, 400, "not a version of HTTP");
    }
    for (digits = at; at < r->end && *at >= '0' && *at <= '9' && at - digits < 3; at++)
        major = major * 10 + (unsigned)(*at - '0');
    if (at == r->end)
        return WEND_MORE;
    if (r->policy == WEND_H1_NGINX && major > 1 && *digits != '0')
        return wend_h1_refuse(r, digits, 505, "a version other than HTTP/1.0 and HTTP/1.1");
    if (*at != '.' || at - digits != 1)
        return wend_h1_refuse(r, at, 400, "a malformed version");
    if (major == 0 && r->policy == WEND_H1_NGINX)
        return wend_h1_refuse(r, digits, 400, "a version below 1.0");
    if (major != 1)
        return wend_h1_refuse(r, digits, 505, "a version other than HTTP/1.0 and HTTP/1.1");
    for (digits = ++at; at < r->end && *at >= '0' && *at <= '9' && at - digits <= 2; at++)
        minor = minor * 10 + (unsigned)(*at - '0');
    if (at == r->end)
        return WEND_MORE;
    if (at == digits || (unsigned)(at - digits) > digits_max)
        return wend_h1_refuse(r, at, 400, "a malformed version");
    request->version = minor == 0 ? WEND_HTTP_10 : WEND_HTTP_11;
    r->at = at;
    return WEND_OK;
}

/* What stands after the target: a version, or in nginx's eyes nothing (HTTP/0.9). */
static enum wend_code read_rest_of_line(struct wend_h1_reader *r, struct wend_request *request)
{
    bool loose = r->policy == WEND_H1_NGINX;
    enum wend_code code;

    if (*r->at == ' ')
        r->at++;
    while (loose && r->at < r->end && *r->at == ' ')
        r->at++;
    if (r->at == r->end)
        return WEND_MORE;
    if (loose && (*r->at == '\r' || *r->at == '\n')) {
        if (request->method != WEND_GET)
            return wend_h1_refuse(r, r->at, 400, "a request line without a version");
        request->version = WEND_HTTP_09;
    } else {
        code = read_version(r, request);
        if (code != WEND_OK)
            return code;
        while (loose && r->at < r->end && *r->at == ' ')
            r->at++;
    }
    request->line.len = (size_t)(r->at - request->line.ptr);
    while (request->line.len > 0 && request->line.ptr[request->line.len - 1] == ' ')
        request->line.len--;
    return wend_h1_end_line(r);
}

/* The bytes between method and version; what they mean is decided by split_target(). */
static enum wend_code read_target(struct wend_h1_reader *r, struct wend_request *request)
{
    const char *stop = wend_h1_find_blank(r->at, r->end);

    if (r->policy == WEND_H1_NGINX && r->at < r->end && *r->at == '*')
        return wend_h1_refuse(r, r->at, 400, "a request target of *");
    if (stop == r->end)
        return WEND_MORE;
    if (stop == r->at)
        return wend_h1_refuse(r, stop, 400, "no request target");
    if (*stop != ' ' && (r->policy == WEND_H1_STRICT || (*stop != '\r' && *stop != '\n')))
        return wend_h1_refuse(r, stop, 400,
                              *stop == '\r' || *stop == '\n'
                                  ? "a request line without a version"
                                  : "a control byte in the request target");
    request->target = wend_str_make(r->at, (size_t)(stop - r->at));
    r->at = stop;
    return WEND_OK;
}

/* target into path and query. A fragment (nginx's policy lets it through) is the client's own
 * matter and goes no further. */
static void split_path(struct wend_request *request)
{
    ptrdiff_t hash = wend_str_find_byte(request->target, '#'), mark;

    if (WEND_UNLIKELY(hash >= 0))
        request->target.len = (size_t)hash;
    mark = wend_str_find_byte(request->target, '?');
    if (mark < 0) {
        request->path_raw = request->target;
        return;
    }
    request->path_raw = wend_str_slice(request->target, 0, (size_t)mark);
    request->query = wend_str_from(request->target, (size_t)mark + 1);
}

/* The target of an absolute-form starts at the path, "/" when there is none. */
static enum wend_code take_target(struct wend_h1_reader *r, struct wend_request *request,
                                  struct wend_str rest)
{
    char *with_slash;

    if (rest.len > 0 && rest.ptr[0] == '/') {
        request->target = rest;
    } else if (rest.len == 0) {
        /* RFC 9112 3.2.4: the whole server, asked through a proxy */
        bool server = request->method == WEND_OPTIONS && r->policy != WEND_H1_NGINX;

        request->target = server ? WEND_STR("*") : WEND_STR("/");
    } else {
        with_slash = wend_arena_alloc(r->arena, rest.len + 1);
        if (with_slash == NULL)
            return wend_h1_refuse(r, rest.ptr, 400, "a request target larger than its memory");
        with_slash[0] = '/';
        memcpy(with_slash + 1, rest.ptr, rest.len);
        request->target = wend_str_make(with_slash, rest.len + 1);
    }
    split_path(request);
    return WEND_OK;
}

static enum wend_code take_authority(struct wend_h1_reader *r, struct wend_request *request,
                                     struct wend_str text, const char *wrong)
{
    request->authority = text;
    if (wend_authority_parse(r->arena, text, &request->host, &request->port) != WEND_OK)
        return wend_h1_refuse(r, text.ptr, 400, wrong);
    return WEND_OK;
}

/* nginx takes fewer characters for a host in the request line than in the Host field. */
static bool nginx_takes_host(struct wend_str authority)
{
    if (wend_str_starts(authority, WEND_STR("[")))
        return true;
    for (size_t i = 0; i < authority.len && authority.ptr[i] != ':'; i++) {
        char c = authority.ptr[i];

        if (c != '.' && !wend_char_is(c, WEND_CHAR_PLAIN))
            return false;
    }
    return true;
}

/* scheme "://" authority [path] ["?" query] (RFC 9112 3.2.2) */
static enum wend_code split_absolute(struct wend_h1_reader *r, struct wend_request *request)
{
    struct wend_str target = request->target, scheme, rest;
    size_t at = 0;
    enum wend_code code;

    while (at < target.len && wend_char_is(target.ptr[at], WEND_CHAR_SCHEME))
        at++;
    scheme = wend_str_slice(target, 0, at);
    rest = wend_str_from(target, at);
    if (!wend_str_starts(rest, WEND_STR("://")))
        return wend_h1_refuse(r, target.ptr, 400,
                              "a request target that starts with neither / nor "
                              "http://");
    if (r->policy == WEND_H1_STRICT && !wend_str_eq_nocase(scheme, WEND_STR("http")) &&
        !wend_str_eq_nocase(scheme, WEND_STR("https")))
        return wend_h1_refuse(r, target.ptr, 400, "a request target of another scheme than http");
    rest = wend_str_from(rest, 3);
    for (at = 0; at < rest.len && rest.ptr[at] != '/' && rest.ptr[at] != '?';)
        at++;
    if (request->version == WEND_HTTP_09 && at == rest.len)
        return wend_h1_refuse(r, target.ptr, 400, "HTTP/0.9 without a path");
    if (r->policy == WEND_H1_NGINX && !nginx_takes_host(wend_str_slice(rest, 0, at)))
        return wend_h1_refuse(r, rest.ptr, 400, "an odd character in the request target's host");
    code = take_authority(r, request, wend_str_slice(rest, 0, at),
                          "a malformed host in the request target");
    return code == WEND_OK ? take_target(r, request, wend_str_from(rest, at)) : code;
}

/* host:port (RFC 9112 3.2.3). It is refused in any case, but by what it is. */
static enum wend_code split_connect(struct wend_h1_reader *r, struct wend_request *request)
{
    enum wend_code code;

    if (r->policy == WEND_H1_STRICT)
        return WEND_OK;
    code = take_authority(r, request, request->target, "a malformed target for CONNECT");
    if (code == WEND_OK && request->port < 0)
        return wend_h1_refuse(r, request->target.ptr, 400, "a target for CONNECT without a port");
    request->path_raw = request->target;
    return code;
}

static enum wend_code split_target(struct wend_h1_reader *r, struct wend_request *request)
{
    char first = request->target.ptr[0];

    if (r->policy == WEND_H1_STRICT && wend_str_find_byte(request->target, '#') >= 0)
        return wend_h1_refuse(r, request->target.ptr, 400, "a fragment in the request target");
    if (WEND_LIKELY(first == '/')) {
        split_path(request);
        return WEND_OK;
    }
    if (request->method == WEND_CONNECT)
        return split_connect(r, request);
    if (request->method == WEND_OPTIONS && wend_str_eq(request->target, WEND_STR("*"))) {
        request->path_raw = request->target;
        return WEND_OK;
    }
    if ((first | 0x20) < 'a' || (first | 0x20) > 'z')
        return wend_h1_refuse(r, request->target.ptr, 400,
                              "a request target that starts with neither / nor http://");
    return split_absolute(r, request);
}

/* What is left of the line for the log when it is refused or cut off. */
static void keep_line(struct wend_h1_reader *r, struct wend_request *request)
{
    size_t len = (size_t)(r->end - request->line.ptr);
    const char *end;

    if (len > r->limits->line_bytes)
        len = r->limits->line_bytes;
    end = memchr(request->line.ptr, '\n', len);
    if (end != NULL)
        len = (size_t)(end - request->line.ptr);
    if (len > 0 && request->line.ptr[len - 1] == '\r')
        len--;
    request->line.len = len;
}

static enum wend_code read_request_line(struct wend_h1_reader *r, struct wend_request *request)
{
    enum wend_code code;

    request->line.ptr = r->line = r->at;
    code = read_method(r, request);
    if (code == WEND_OK)
        code = read_target(r, request);
    if (code == WEND_OK)
        code = read_rest_of_line(r, request);
    if ((code == WEND_OK && (size_t)(r->at - r->line) > r->limits->line_bytes) ||
        (code == WEND_MORE && (size_t)(r->end - r->line) >= r->limits->line_bytes)) {
        (void)wend_h1_refuse(r, r->line, 414, "a request line longer than the limit");
        code = WEND_E_LIMIT;
    }
    if (code == WEND_OK)
        code = split_target(r, request);
    else if (code != WEND_MORE)
        keep_line(r, request);
    /* who sends garbage without a version is answered with a head all the same */
    if (code != WEND_OK && request->version == WEND_HTTP_09)
        request->version = WEND_HTTP_11;
    return code;
}

static enum wend_code check_host(struct wend_h1_reader *r, struct wend_request *request)
{
    const struct wend_field *field = wend_fields_get(&request->fields, WEND_FIELD_HOST);
    struct wend_str host;
    int port;

    if (field == NULL) {
        if (request->version >= WEND_HTTP_11)
            return wend_h1_refuse(r, r->at, 400, "an HTTP/1.1 request without Host");
        return WEND_OK;
    }
    if ((r->repeated & (UINT64_C(1) << WEND_FIELD_HOST)) != 0)
        return wend_h1_refuse(r, field->value.ptr, 400, "more than one Host");
    if (request->authority.ptr == NULL)
        return take_authority(r, request, field->value, "a malformed Host");
    /* The target's authority counts (RFC 9112 3.2.2), but a malformed Host is refused all the same.
     */
    if (wend_authority_parse(r->arena, field->value, &host, &port) != WEND_OK)
        return wend_h1_refuse(r, field->value.ptr, 400, "a malformed Host");
    return WEND_OK;
}

/* 100-continue is the only expectation there is (RFC 9110 10.1.1); HTTP/1.0 knows none. */
static enum wend_code check_expect(struct wend_h1_reader *r, struct wend_request *request)
{
    if (wend_fields_get(&request->fields, WEND_FIELD_EXPECT) == NULL ||
        request->version < WEND_HTTP_11)
        return WEND_OK;
    for (unsigned i = 0; i < request->fields.count; i++) {
        const struct wend_field *field = &request->fields.at[i];
        struct wend_str rest = field->value, element;

        while (field->id == WEND_FIELD_EXPECT && wend_field_list_next(&rest, &element)) {
            if (wend_str_eq_nocase(element, WEND_STR("100-continue")))
                request->expects_continue = true;
            else if (r->policy == WEND_H1_STRICT)
                return wend_h1_refuse(r, element.ptr, 417,
                                      "an expectation other than 100-continue");
        }
    }
    return WEND_OK;
}

/* The methods no server here may serve, however it is routed. */
static enum wend_code check_method(struct wend_h1_reader *r, const struct wend_request *request)
{
    bool strict = r->policy == WEND_H1_STRICT;

    if (request->method == WEND_TRACE)
        return wend_h1_refuse(r, request->line.ptr, 405, "TRACE is not allowed");
    if (request->method == WEND_CONNECT)
        return wend_h1_refuse(r, request->line.ptr, strict ? 501 : 405,
                              "CONNECT: this is no proxy");
    return WEND_OK;
}

static enum wend_code check_head(struct wend_h1_reader *r, struct wend_request *request)
{
    enum wend_code code = check_host(r, request);

    if (code == WEND_OK)
        code = wend_h1_read_framing(r, &request->fields, request->version, &request->content_length,
                                    &request->chunked);
    if (code == WEND_OK)
        code = check_expect(r, request);
    if (code == WEND_OK && WEND_UNLIKELY(request->method >= WEND_TRACE))
        code = check_method(r, request);
    request->keep_alive = wend_h1_keeps_alive(&request->fields, request->version);
    return code;
}

static enum wend_code read_head(struct wend_h1_reader *r, struct wend_request *request)
{
    enum wend_code code = skip_empty_lines(r);

    if (code == WEND_OK)
        code = read_request_line(r, request);
    if (code != WEND_OK)
        return code;
    if (request->version == WEND_HTTP_09) {
        wend_fields_init(&request->fields, NULL, 0, r->limits->fields);
        return WEND_OK;
    }
    code = wend_h1_read_fields(r, &request->fields);
    return code == WEND_OK ? check_head(r, request) : code;
}

enum wend_code wend_h1_parse_request(struct wend_arena *arena, const char *bytes, size_t len,
                                     enum wend_h1_policy policy,
                                     const struct wend_h1_limits *limits, size_t *seen,
                                     struct wend_request *request, size_t *used,
                                     struct wend_h1_error *error)
{
    struct wend_h1_reader r =
        wend_h1_reader(arena, wend_str_make(bytes, len), policy, limits, error);
    struct wend_arena_mark mark = wend_arena_mark(arena);
    enum wend_code code;

    *used = 0;
    if (wend_h1_still_incomplete(bytes, len, *seen, limits))
        return WEND_MORE;
    *request = (struct wend_request){.content_length = -1, .port = -1};
    code = read_head(&r, request);
    code = wend_h1_walked(&r, code, mark, seen, used);
    request->head_bytes = *used;
    return code;
}
