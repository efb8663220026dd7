/* client/terminal_test.c */
#include "client/terminal.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Whole, and cut at every place. */
static void check(struct wend_str in, struct wend_str expected)
{
    for (size_t cut = 0; cut <= in.len; cut++) {
        struct wend_terminal terminal = {0};
        struct wend_buffer out;

        wend_buffer_init(&out, 4096);
        wend_terminal_add(&terminal, wend_str_slice(in, 0, cut), &out);
        wend_terminal_add(&terminal, wend_str_from(in, cut), &out);
        wend_terminal_end(&terminal, &out);
        assert_int_equal(out.len, expected.len);
        assert_memory_equal(out.ptr, expected.ptr, expected.len);
        wend_buffer_release(&out);
    }
}

static void text_passes(void **state)
{
    (void)state;
    check(WEND_STR("a\tb\r\nc \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\n"),
          WEND_STR("a\tb\nc \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80\n"));
}

static void controls_are_shown_not_obeyed(void **state)
{
    (void)state;
    check(WEND_STR("\x1b]0;x\x07"), WEND_STR("\\x1b]0;x\\x07"));
    check(WEND_STR("a\rb\x7f"), WEND_STR("a\\x0db\\x7f"));
    check(WEND_STR("\xc2\x9b"
                   "1m\xc2\xa9"),
          WEND_STR("\\xc2\\x9b1m\xc2\xa9"));
    check(WEND_STR("\x9b"
                   "1m"),
          WEND_STR("\\x9b1m"));
    check(WEND_STR("x\r"), WEND_STR("x\\x0d"));
    check(WEND_STR("x\xc2"), WEND_STR("x\\xc2"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_passes),
        cmocka_unit_test(controls_are_shown_not_obeyed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
