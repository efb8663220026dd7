/* http/etag_test.c - entity tags as nginx writes and compares them. */
#include "http/etag.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S(text) WEND_STR(text)

static void a_file_gets_nginx_s_tag(void **state)
{
    char out[WEND_ETAG_FILE_MAX];

    (void)state;
    assert_int_equal(wend_etag_write_file(0x5d8c72f1, 0x264, out), 14);
    assert_string_equal(out, "\"5d8c72f1-264\"");
    assert_int_equal(wend_etag_write_file(0, 0, out), 5);
    assert_string_equal(out, "\"0-0\"");
    assert_int_equal(wend_etag_write_file(-1, INT64_MAX, out), WEND_ETAG_FILE_MAX - 1);
}

static void lists_are_searched(void **state)
{
    static const struct {
        struct wend_str list, tag;
        bool strong, weak;
    } rows[] = {
        {WEND_STR_INIT("\"a\""), WEND_STR_INIT("\"a\""), true, true},
        {WEND_STR_INIT("\"b\" , \"a\""), WEND_STR_INIT("\"a\""), true, true},
        {WEND_STR_INIT("\"b\",W/\"a\""), WEND_STR_INIT("\"a\""), false, true},
        {WEND_STR_INIT("\"a\""), WEND_STR_INIT("W/\"a\""), false, true},
        {WEND_STR_INIT("W/\"a\""), WEND_STR_INIT("W/\"a\""), false, true},
        {WEND_STR_INIT("*"), WEND_STR_INIT("\"a\""), true, true},
        {WEND_STR_INIT("*"), WEND_STR_INIT(""), true, true},
        {WEND_STR_INIT("\"a\""), WEND_STR_INIT(""), false, false},
        {WEND_STR_INIT("\"x,\"a\""), WEND_STR_INIT("\"a\""), false, false},
        {WEND_STR_INIT("\"x,y\", \"a\""), WEND_STR_INIT("\"a\""), true, true},
        {WEND_STR_INIT("\"aa\""), WEND_STR_INIT("\"a\""), false, false},
        {WEND_STR_INIT("a"), WEND_STR_INIT("\"a\""), false, false},
        {WEND_STR_INIT("\"a"), WEND_STR_INIT("\"a\""), false, false},
        {WEND_STR_INIT(",,\"a\",,"), WEND_STR_INIT("\"a\""), true, true},
        {WEND_STR_INIT("W/"), WEND_STR_INIT("\"a\""), false, false},
        {WEND_STR_INIT(""), WEND_STR_INIT("\"a\""), false, false},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        assert_int_equal(wend_etag_in_list(rows[i].list, rows[i].tag, false), rows[i].strong);
        assert_int_equal(wend_etag_in_list(rows[i].list, rows[i].tag, true), rows[i].weak);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_gets_nginx_s_tag),
        cmocka_unit_test(lists_are_searched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
