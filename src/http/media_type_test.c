#include "http/media_type.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void the_table_is_sorted(void **state)
{
    (void)state;
    for (size_t i = 1; i < WEND_COUNT(types); i++)
        assert_true(wend_str_compare(types[i - 1].extension, types[i].extension) < 0);
}

static void every_extension_is_found_in_any_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEND_COUNT(types); i++)
        assert_true(wend_str_eq(wend_media_type_of(types[i].extension), types[i].type));
    assert_true(
        wend_str_eq(wend_media_type_of(WEND_STR("HTML")), WEND_STR("text/html; charset=utf-8")));
    assert_true(wend_str_eq(wend_media_type_of(WEND_STR("mp3")), WEND_STR("audio/mpeg")));
    assert_null(wend_media_type_of(WEND_STR("htmlx")).ptr);
    assert_null(wend_media_type_of(WEND_STR("")).ptr);
}

static void the_rows_can_be_walked(void **state)
{
    size_t count = 0;

    (void)state;
    while (wend_media_type_at(count) != NULL)
        count++;
    assert_int_equal(count, WEND_COUNT(types));
}

static void the_extension_is_after_the_last_dot_of_the_last_segment(void **state)
{
    static const char *const rows[][2] = {
        {"/a.html", "html"}, {"/a.tar.gz", "gz"}, {"/a.b/c", ""}, {"/.profile", ""},
        {"/a.", ""},         {"/", ""},           {"", ""},       {"a.js", "js"},
        {"/a/..", ""},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++)
        assert_true(
            wend_str_eq(wend_media_extension(wend_str_of(rows[i][0])), wend_str_of(rows[i][1])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sorted),
        cmocka_unit_test(every_extension_is_found_in_any_case),
        cmocka_unit_test(the_rows_can_be_walked),
        cmocka_unit_test(the_extension_is_after_the_last_dot_of_the_last_segment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
