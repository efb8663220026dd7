/* edge/log_escape_test.c - log values against nginx's three ways of escaping. */
#include "edge/log_escape.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void every_way(void **state)
{
    static const struct {
        enum wend_log_escape how;
        struct wend_str value, expected;
    } rows[] = {
        {WEND_LOG_ESCAPE_DEFAULT, WEND_STR_INIT("plain text"), WEND_STR_INIT("plain text")},
        {WEND_LOG_ESCAPE_DEFAULT, WEND_STR_INIT(""), WEND_STR_INIT("")},
        {WEND_LOG_ESCAPE_DEFAULT, WEND_STR_INIT("a\"b\\\n\x7f\xc3\xbc~"),
         WEND_STR_INIT("a\\x22b\\x5C\\x0A\\x7F\\xC3\\xBC~")},
        {WEND_LOG_ESCAPE_DEFAULT, WEND_STR_INIT("\0"), WEND_STR_INIT("\\x00")},
        {WEND_LOG_ESCAPE_JSON, WEND_STR_INIT("a\"b\\\n\r\t\b\f\x01\x1f\x7f\xc3\xbc"),
         WEND_STR_INIT("a\\\"b\\\\\\n\\r\\t\\b\\f\\u0001\\u001F\x7f\xc3\xbc")},
        {WEND_LOG_ESCAPE_NONE, WEND_STR_INIT("a\"\n"), WEND_STR_INIT("a\"\n")},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct wend_buffer out;

        wend_buffer_init(&out, 1000);
        wend_log_escape_add(&out, rows[i].how, rows[i].value);
        assert_true(wend_str_eq(wend_buffer_str(&out), rows[i].expected));
        wend_buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
