#include "http/h1_parse.c"

#include "base/arena_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct wend_request request;
static struct wend_h1_error error;
static size_t used;

/* Parses a copy without a byte to spare, so that a sanitizer sees every read beyond the end. */
static enum wend_code parse(const char *text, enum wend_h1_policy policy)
{
    size_t len = strlen(text), seen = 0;
    char *bytes = wend_arena_alloc(&arena, len);

    memcpy(bytes, text, len);
    return wend_h1_parse_request(&arena, bytes, len, policy, &wend_h1_limits_default, &seen,
                                 &request, &used, &error);
}

static void check(struct wend_str got, const char *expected)
{
    if (expected == NULL) {
        assert_null(got.ptr);
        return;
    }
    if (!wend_str_eq(got, wend_str_of(expected)))
        fail_msg("%.*s is not %s", WEND_STR_ARG(got), expected);
    assert_non_null(got.ptr);
}

static void a_plain_request_is_taken_apart(void **state)
{
    static const char text[] =
        "GET /a/b?c=d&e HTTP/1.1\r\nHost: Example.org:8080\r\n"
        "User-Agent:  x y \t\r\nx-own: 1\r\ncookie: a\r\nCookie: b\r\n\r\nrest";

    (void)state;
    assert_int_equal(parse(text, WEND_H1_STRICT), WEND_OK);
    assert_int_equal(used, sizeof(text) - 1 - 4);
    assert_int_equal(request.head_bytes, used);
    assert_int_equal(request.method, WEND_GET);
    assert_int_equal(request.version, WEND_HTTP_11);
    check(request.method_text, "GET");
    check(request.line, "GET /a/b?c=d&e HTTP/1.1");
    check(request.target, "/a/b?c=d&e");
    check(request.path_raw, "/a/b");
    check(request.query, "c=d&e");
    check(request.authority, "Example.org:8080");
    check(request.host, "example.org");
    assert_int_equal(request.port, 8080);
    assert_int_equal(request.fields.count, 5);
    check(wend_fields_value(&request.fields, WEND_FIELD_USER_AGENT), "x y");
    check(wend_fields_find_name(&request.fields, WEND_STR("X-Own"))->value, "1");
    check(request.fields.at[3].name, "cookie");
    assert_int_equal(request.fields.at[3].id, WEND_FIELD_COOKIE);
    assert_int_equal(request.content_length, -1);
    assert_false(request.chunked);
    assert_true(request.keep_alive);
    assert_false(request.expects_continue);
}

static void targets_are_split(void **state)
{
    static const struct {
        const char *target;
        enum wend_h1_policy policy;
        const char *request_target, *path, *query, *host;
        int port;
    } rows[] = {
        {"/", WEND_H1_STRICT, "/", "/", NULL, "h", -1},
        {"/?", WEND_H1_STRICT, "/?", "/", "", "h", -1},
        {"/a?b?c", WEND_H1_STRICT, "/a?b?c", "/a", "b?c", "h", -1},
        {"/a?b#c", WEND_H1_NGINX, "/a?b", "/a", "b", "h", -1},
        {"/a#b?c", WEND_H1_NGINX, "/a", "/a", NULL, "h", -1},
        {"http://I:81/a?b", WEND_H1_STRICT, "/a?b", "/a", "b", "i", 81},
        {"http://I", WEND_H1_STRICT, "/", "/", NULL, "i", -1},
        {"http://I?b", WEND_H1_STRICT, "/?b", "/", "b", "i", -1},
        {"HTTPS://[::1]:443/", WEND_H1_STRICT, "/", "/", NULL, "[::1]", 443},
        {"http://i/a?b#f", WEND_H1_NGINX, "/a?b", "/a", "b", "i", -1},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].target);
        assert_int_equal(parse(text, rows[i].policy), WEND_OK);
        check(request.target, rows[i].request_target);
        check(request.path_raw, rows[i].path);
        check(request.query, rows[i].query);
        check(request.host, rows[i].host);
        assert_int_equal(request.port, rows[i].port);
    }
    assert_int_equal(parse("OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n", WEND_H1_STRICT),
                     WEND_OK);
    check(request.target, "*");
}

static void keep_alive_follows_version_and_connection(void **state)
{
    static const struct {
        const char *version, *connection;
        bool keep_alive;
    } rows[] = {
        {"1.1", "", true},
        {"1.1", "Connection: close\r\n", false},
        {"1.1", "Connection: Upgrade, CLOSE\r\n", false},
        {"1.1", "Connection: a\r\nConnection: close\r\n", false},
        {"1.1", "Connection: closed\r\n", true},
        {"1.0", "", false},
        {"1.0", "Connection: Keep-Alive\r\n", true},
        {"1.0", "Connection: keep-alive, close\r\n", false},
    };
    char text[256];

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/%s\r\nHost: h\r\n%s\r\n", rows[i].version,
                 rows[i].connection);
        assert_int_equal(parse(text, WEND_H1_STRICT), WEND_OK);
        assert_int_equal(request.keep_alive, rows[i].keep_alive);
    }
    assert_int_equal(parse("GET /\r\n", WEND_H1_NGINX), WEND_OK);
    assert_int_equal(request.version, WEND_HTTP_09);
    assert_false(request.keep_alive);
    check(request.line, "GET /");
}

static void bodies_are_announced_once(void **state)
{
    (void)state;
    assert_int_equal(parse("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n"
                           "Expect: 100-continue\r\n\r\n",
                           WEND_H1_STRICT),
                     WEND_OK);
    assert_int_equal(request.content_length, 12);
    assert_true(request.expects_continue);
    assert_int_equal(
        parse("PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n", WEND_H1_STRICT),
        WEND_OK);
    assert_true(request.chunked);
    assert_int_equal(request.content_length, -1);
}

static void odd_names_are_dropped_or_refused_as_the_limits_say(void **state)
{
    static const char text[] = "GET / HTTP/1.1\r\nHost: h\r\nX_Y: 1\r\nX!: 2\r\nX(: 3\r\n\r\n";
    struct wend_h1_limits limits = wend_h1_limits_default;
    size_t seen = 0;

    (void)state;
    assert_int_equal(parse(text, WEND_H1_NGINX), WEND_OK);
    assert_int_equal(request.fields.count, 1);
    limits.underscores = true;
    assert_int_equal(wend_h1_parse_request(&arena, text, sizeof(text) - 1, WEND_H1_NGINX, &limits,
                                           &seen, &request, &used, &error),
                     WEND_OK);
    assert_int_equal(request.fields.count, 2);
    limits.ignore_invalid = false;
    assert_int_equal(wend_h1_parse_request(&arena, text, sizeof(text) - 1, WEND_H1_NGINX, &limits,
                                           &seen, &request, &used, &error),
                     WEND_E_SYNTAX);
    assert_int_equal(error.status, 400);
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: h\r\nX_Y: 1\r\nX!: 2\r\n\r\n", WEND_H1_STRICT),
                     WEND_OK);
    assert_int_equal(request.fields.count, 2);
    check(request.fields.at[1].name, "X!");
}

static void a_refusal_says_where_and_keeps_the_line_for_the_log(void **state)
{
    (void)state;
    assert_int_equal(parse("GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", WEND_H1_NGINX), WEND_E_SYNTAX);
    assert_int_equal(error.offset, 5);
    check(request.line, "GET /\x01 HTTP/1.1");
    assert_int_equal(parse("GET / HTTP/1.1\r\nHost: h\r\nX : y\r\n\r\n", WEND_H1_NGINX),
                     WEND_E_SYNTAX);
    assert_int_equal(error.offset, 26);
    check(request.line, "GET / HTTP/1.1");
    check(wend_fields_value(&request.fields, WEND_FIELD_HOST), "h");
}

static void limits_count_the_line_end(void **state)
{
    struct wend_h1_limits limits = wend_h1_limits_default;
    static const char text[] = "GET /12345 HTTP/1.1\r\nHost: hhhhhhhhhh\r\n\r\n";
    size_t line = strlen("GET /12345 HTTP/1.1\r\n"), field = strlen("Host: hhhhhhhhhh\r\n");
    size_t len = sizeof(text) - 1, seen = 0;

    (void)state;
    limits.line_bytes = line;
    limits.field_bytes = field;
    limits.head_bytes = len;
    limits.fields = 1;
    assert_int_equal(wend_h1_parse_request(&arena, text, len, WEND_H1_STRICT, &limits, &seen,
                                           &request, &used, &error),
                     WEND_OK);
    limits.line_bytes = line - 1;
    assert_int_equal(wend_h1_parse_request(&arena, text, len, WEND_H1_STRICT, &limits, &seen,
                                           &request, &used, &error),
                     WEND_E_LIMIT);
    assert_int_equal(error.status, 414);
    limits.line_bytes = line;
    limits.field_bytes = field - 1;
    assert_int_equal(wend_h1_parse_request(&arena, text, len, WEND_H1_STRICT, &limits, &seen,
                                           &request, &used, &error),
                     WEND_E_LIMIT);
    assert_int_equal(error.status, 431);
    limits.field_bytes = field;
    limits.head_bytes = len - 1;
    assert_int_equal(wend_h1_parse_request(&arena, text, len, WEND_H1_NGINX, &limits, &seen,
                                           &request, &used, &error),
                     WEND_E_LIMIT);
    assert_int_equal(error.status, 494);
    limits.head_bytes = len;
    limits.fields = 0;
    assert_int_equal(wend_h1_parse_request(&arena, text, len, WEND_H1_STRICT, &limits, &seen,
                                           &request, &used, &error),
                     WEND_E_LIMIT);
    assert_int_equal(error.status, 431);
}

/* A head in parts takes no memory until it is complete, and ends as it would in one piece. */
static void a_head_in_parts_leaves_nothing_behind(void **state)
{
    static const char text[] = "\r\nGET /a HTTP/1.1\r\nHost: H\r\nA: b\r\n\r\n";
    struct wend_arena_mark before = wend_arena_mark(&arena);
    size_t seen = 0;
    enum wend_code code = WEND_MORE;

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        code = wend_h1_parse_request(&arena, text, len, WEND_H1_STRICT, &wend_h1_limits_default,
                                     &seen, &request, &used, &error);
        assert_int_equal(code, WEND_MORE);
        assert_ptr_equal(wend_arena_mark(&arena).next, before.next);
    }
    code = wend_h1_parse_request(&arena, text, sizeof(text) - 1, WEND_H1_STRICT,
                                 &wend_h1_limits_default, &seen, &request, &used, &error);
    assert_int_equal(code, WEND_OK);
    assert_int_equal(request.fields.count, 2);
    check(request.host, "h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_request_is_taken_apart),
        cmocka_unit_test(targets_are_split),
        cmocka_unit_test(keep_alive_follows_version_and_connection),
        cmocka_unit_test(bodies_are_announced_once),
        cmocka_unit_test(odd_names_are_dropped_or_refused_as_the_limits_say),
        cmocka_unit_test(a_refusal_says_where_and_keeps_the_line_for_the_log),
        cmocka_unit_test(limits_count_the_line_end),
        cmocka_unit_test(a_head_in_parts_leaves_nothing_behind),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
