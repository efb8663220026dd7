#include "http/h1_response.c"

#include "base/arena_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct wend_h1_response_head head;
static struct wend_h1_error error;
static size_t used;

static enum wend_code parse_bytes(const char *text, size_t len)
{
    size_t seen = 0;
    char *bytes = wend_arena_alloc(&arena, len);

    memcpy(bytes, text, len);
    return wend_h1_parse_response(&arena, bytes, len, &wend_h1_limits_default, &seen, &head, &used,
                                  &error);
}

static enum wend_code parse(const char *text)
{
    return parse_bytes(text, strlen(text));
}

static void a_plain_response_is_taken_apart(void **state)
{
    (void)state;
    assert_int_equal(parse("HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nX: y\r\n\r\nabc"),
                     WEND_OK);
    assert_int_equal(head.version, WEND_HTTP_11);
    assert_int_equal(head.status, 404);
    assert_true(wend_str_eq(head.reason, WEND_STR("Not Found")));
    assert_int_equal(head.content_length, 3);
    assert_true(head.keep_alive);
    assert_false(head.bare_lf);
    assert_int_equal(head.fields.count, 2);
}

static void loose_but_harmless_heads_are_read(void **state)
{
    static const struct {
        const char *text;
        int status;
        bool bare_lf;
    } rows[] = {
        {"HTTP/1.0 200 OK\n\n", 200, true},
        {"HTTP/1.1 200\r\n\r\n", 200, false},
        {"HTTP/1.1 200 \r\n\r\n", 200, false},
        {"HTTP/1.1 299 \xc3\xa4\tb\r\nA: b\n\r\n", 299, true},
        {"HTTP/1.1 200 OK\r\nX_Y: 1\r\n\r\n", 200, false},
        {"HTTP/1.1 200 OK\r\nX(Y): 1\r\n\r\n", 200, false},
        {"HTTP/1.1 200 OK\r\nX: \x01\r\n\r\n", 200, false},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        assert_int_equal(parse(rows[i].text), WEND_OK);
        assert_int_equal(head.status, rows[i].status);
        assert_int_equal(head.bare_lf, rows[i].bare_lf);
    }
}

static void doubtful_heads_are_refused(void **state)
{
    static const char *const rows[] = {
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/0.9 200 OK\r\n\r\n",
        "http/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 2000 OK\r\n\r\n",
        "HTTP/1.1 099 OK\r\n\r\n",
        "HTTP/1.1  200 OK\r\n\r\n",
        "HTTP/1.1 200 O\rK\r\n\r\n",
        "HTTP/1.1 200 O\x01K\r\n\r\n",
        "ICY 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA : b\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\r\n c\r\n\r\n",
        "HTTP/1.1 200 OK\r\nA: b\rc\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        assert_int_equal(parse(rows[i]), WEND_E_SYNTAX);
        assert_int_equal(error.status, 502);
        assert_non_null(error.text);
    }
    assert_int_equal(parse_bytes("HTTP/1.1 200 OK\r\nA: b\0c\r\n\r\n", 26), WEND_E_SYNTAX);
}

static void every_cut_waits_for_more(void **state)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++)
        assert_int_equal(parse_bytes(text, len), WEND_MORE);
    assert_int_equal(parse(text), WEND_OK);
    assert_true(head.chunked);
}

static void a_status_line_has_a_limit(void **state)
{
    static char text[10000] = "HTTP/1.1 200 ";

    (void)state;
    memset(text + 13, 'a', sizeof(text) - 13);
    assert_int_equal(parse_bytes(text, sizeof(text)), WEND_E_LIMIT);
    assert_int_equal(parse_bytes(text, wend_h1_limits_default.line_bytes), WEND_E_LIMIT);
    assert_int_equal(parse_bytes(text, wend_h1_limits_default.line_bytes - 1), WEND_MORE);
}

static void fields_alone_are_read_as_gateways_send_them(void **state)
{
    static const char text[] = "Status: 302 Found\nLocation: /x\r\n\nbody";
    struct wend_fields fields;
    size_t seen = 0;

    (void)state;
    assert_int_equal(wend_h1_parse_fields(&arena, text, sizeof(text) - 1, &wend_h1_limits_default,
                                          &seen, &fields, &used, &error),
                     WEND_OK);
    assert_int_equal(used, sizeof(text) - 1 - 4);
    assert_true(wend_str_eq(wend_fields_value(&fields, WEND_FIELD_STATUS), WEND_STR("302 Found")));
    for (size_t len = 0; len < used; len++) {
        seen = 0;
        assert_int_equal(wend_h1_parse_fields(&arena, text, len, &wend_h1_limits_default, &seen,
                                              &fields, &used, &error),
                         WEND_MORE);
        used = sizeof(text) - 1 - 4;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_response_is_taken_apart),
        cmocka_unit_test(loose_but_harmless_heads_are_read),
        cmocka_unit_test(doubtful_heads_are_refused),
        cmocka_unit_test(every_cut_waits_for_more),
        cmocka_unit_test(a_status_line_has_a_limit),
        cmocka_unit_test(fields_alone_are_read_as_gateways_send_them),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
