/* gateway/cgi_head_test.c */
#include "gateway/cgi_head.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct wend_arena arena;

static enum wend_code parse(const char *text, struct wend_h1_response_head *head)
{
    struct wend_h1_error error;
    size_t seen = 0, used = 0;
    enum wend_code code;

    /* Byte by byte, as a slow server sends it: nothing is decided before the end. */
    for (size_t len = 0; len < strlen(text); len++) {
        code = wend_cgi_head_parse(&arena, text, len, &wend_h1_limits_default, &seen, head, &used,
                                   &error);
        if (code != WEND_MORE)
            return code;
    }
    return wend_cgi_head_parse(&arena, text, strlen(text), &wend_h1_limits_default, &seen, head,
                               &used, &error);
}

static void the_status_comes_from_three_places(void **state)
{
    struct wend_h1_response_head head;

    (void)state;
    assert_int_equal(parse("HTTP/1.1 404 Gone Fishing\r\nA: b\r\n\r\n", &head), WEND_OK);
    assert_int_equal(head.status, 404);
    assert_int_equal(parse("Status: 403 No\r\nContent-Length: 3\r\n\r\n", &head), WEND_OK);
    assert_int_equal(head.status, 403);
    assert_true(wend_str_eq(head.reason, WEND_STR("No")));
    assert_int_equal(head.content_length, 3);
    assert_true(wend_fields_find(&head.fields, WEND_FIELD_STATUS)->hidden);
    assert_int_equal(parse("Location: /x\n\n", &head), WEND_OK);
    assert_int_equal(head.status, 302);
    assert_int_equal(parse("Content-Type: text/plain\n\n", &head), WEND_OK);
    assert_int_equal(head.status, 200);
    assert_int_equal(head.content_length, -1);
}

static void doubt_is_refused(void **state)
{
    struct wend_h1_response_head head;

    (void)state;
    assert_int_equal(parse("Status: many\r\n\r\n", &head), WEND_E_SYNTAX);
    assert_int_equal(parse("Status: 99\r\n\r\n", &head), WEND_E_SYNTAX);
    assert_int_equal(parse("Content-Length: 3\r\nContent-Length: 4\r\n\r\n", &head), WEND_E_SYNTAX);
    assert_int_equal(parse("Content-Length: -3\r\n\r\n", &head), WEND_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_status_comes_from_three_places),
        cmocka_unit_test(doubt_is_refused),
    };
    int failed;

    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    wend_arena_release(&arena);
    return failed;
}
