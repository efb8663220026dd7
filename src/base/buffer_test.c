/* base/buffer_test.c */
#include "base/buffer.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void assert_holds(const struct wend_buffer *buffer, const char *text)
{
    assert_int_equal(buffer->len, strlen(text));
    assert_memory_equal(buffer->ptr, text, strlen(text));
}

static void nothing_goes_beyond_the_maximum(void **state)
{
    struct wend_buffer buffer;

    (void)state;
    wend_buffer_init(&buffer, 10);
    wend_buffer_add(&buffer, WEND_STR("12345678"));
    wend_buffer_add(&buffer, WEND_STR("abc"));
    assert_true(buffer.overflow);
    wend_buffer_add(&buffer, WEND_STR("9"));
    assert_holds(&buffer, "12345678");
    wend_buffer_clear(&buffer);
    wend_buffer_printf(&buffer, "%s", "0123456789");
    assert_false(buffer.overflow);
    assert_holds(&buffer, "0123456789");
    wend_buffer_clear(&buffer);
    wend_buffer_printf(&buffer, "%s", "0123456789a");
    assert_true(buffer.overflow);
    assert_int_equal(buffer.len, 0);
    wend_buffer_release(&buffer);
    assert_null(wend_buffer_reserve(&buffer, SIZE_MAX));
    wend_buffer_release(&buffer);
}

static void grows_in_an_arena(void **state)
{
    struct wend_arena arena;
    struct wend_buffer buffer, other;

    (void)state;
    wend_arena_init(&arena, 256 * 1024);
    wend_buffer_init_arena(&buffer, &arena, 20000);
    wend_buffer_init_arena(&other, &arena, 20000);
    for (int i = 0; i < 20000; i++) {
        wend_buffer_add_byte(&buffer, (char)i);
        if (i % 3 == 0)
            wend_buffer_add_byte(&other, 'o');
    }
    assert_false(buffer.overflow);
    for (int i = 0; i < 20000; i++)
        assert_int_equal(buffer.ptr[i], (char)i);
    for (size_t i = 0; i < other.len; i++)
        assert_int_equal(other.ptr[i], 'o');
    wend_buffer_add_byte(&buffer, 'x');
    assert_true(buffer.overflow);
    wend_buffer_release(&buffer);
    /* The arena's own maximum is an overflow too. */
    wend_buffer_init_arena(&buffer, &arena, SIZE_MAX);
    assert_null(wend_buffer_reserve(&buffer, 512 * 1024));
    assert_true(buffer.overflow);
    wend_arena_release(&arena);
    wend_arena_thread_release();
}

static void numbers_and_formats(void **state)
{
    struct wend_buffer buffer;

    (void)state;
    wend_buffer_init(&buffer, 1000);
    wend_buffer_add_u64(&buffer, 0);
    wend_buffer_add_byte(&buffer, ' ');
    wend_buffer_add_u64(&buffer, UINT64_MAX);
    wend_buffer_printf(&buffer, " %s=%d", "x", -5);
    assert_holds(&buffer, "0 18446744073709551615 x=-5");
    wend_buffer_consume(&buffer, 2);
    assert_holds(&buffer, "18446744073709551615 x=-5");
    wend_buffer_consume(&buffer, 1000);
    assert_int_equal(buffer.len, 0);
    wend_buffer_release(&buffer);
}

static void json_is_escaped_and_valid_utf8(void **state)
{
    static const struct {
        struct wend_str in;
        const char *out;
    } rows[] = {
        {WEND_STR_INIT("a\"b\\c\n\t\x01\x7f"), "a\\\"b\\\\c\\n\\t\\u0001\\u007f"},
        {WEND_STR_INIT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {WEND_STR_INIT("x\xff"
                       "y"),
         "x\xef\xbf\xbd"
         "y"},
        {WEND_STR_INIT("\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd"},                 /* overlong */
        {WEND_STR_INIT("\xed\xa0\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
        {WEND_STR_INIT("\xf4\x90\x80\x80"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {WEND_STR_INIT("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd"}, /* cut short */
    };
    struct wend_buffer buffer;

    (void)state;
    wend_buffer_init(&buffer, 1000);
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        wend_buffer_clear(&buffer);
        wend_buffer_add_json(&buffer, rows[i].in);
        assert_holds(&buffer, rows[i].out);
    }
    wend_buffer_release(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_goes_beyond_the_maximum),
        cmocka_unit_test(grows_in_an_arena),
        cmocka_unit_test(numbers_and_formats),
        cmocka_unit_test(json_is_escaped_and_valid_utf8),
    };

    return cmocka_run_group_tests_name("base.buffer", tests, NULL, NULL);
}
