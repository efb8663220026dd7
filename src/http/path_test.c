#include "http/path.c"

#include "base/arena_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void check(struct wend_str got, const char *expected, const char *what)
{
    if (!wend_str_eq(got, wend_str_of(expected)))
        fail_msg("%s gives %.*s, not %s", what, WEND_STR_ARG(got), expected);
}

static void paths_are_decoded_and_their_dots_resolved(void **state)
{
    /* merged and plain: with and without merge_slashes; NULL: refused */
    static const struct {
        const char *raw, *merged, *plain;
    } rows[] = {
        {"/", "/", "/"},
        {"/a/b.c", "/a/b.c", "/a/b.c"},
        {"/a%20b", "/a b", "/a b"},
        {"/a+b", "/a+b", "/a+b"},
        {"/%61%2F%62", "/a/b", "/a/b"},
        {"//a//b//", "/a/b/", "//a//b//"},
        {"/a%2f%2fb", "/a/b", "/a//b"},
        {"/a/./b", "/a/b", "/a/b"},
        {"/a/.//b", "/a/b", "/a//b"},
        {"/a/.", "/a/", "/a/"},
        {"/a/b/..", "/a/", "/a/"},
        {"/a/b/../c", "/a/c", "/a/c"},
        {"/a//../b", "/b", "/a/b"},
        {"/a/%2e%2e/b", "/b", "/b"},
        {"/a/.%2e%2fb", "/b", "/b"},
        {"/a/...", "/a/...", "/a/..."},
        {"/a/..b", "/a/..b", "/a/..b"},
        {"/a/b../c", "/a/b../c", "/a/b../c"},
        {"/.a", "/.a", "/.a"},
        {"/%253f", "/%3f", "/%3f"},
        {"/%3F%23", "/?#", "/?#"},
        {"/%C3%A4", "/\xc3\xa4", "/\xc3\xa4"},
        {"/..", NULL, NULL},
        {"/../", NULL, NULL},
        {"/a/../../b", NULL, NULL},
        {"/%2e%2e/", NULL, NULL},
        {"/%", NULL, NULL},
        {"/%4", NULL, NULL},
        {"/%4g", NULL, NULL},
        {"/%00", NULL, NULL},
        {"", NULL, NULL},
        {"a", NULL, NULL},
        {"*", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        for (int merge = 0; merge < 2; merge++) {
            const char *expected = merge ? rows[i].merged : rows[i].plain;
            struct wend_str path;
            enum wend_code code =
                wend_path_normalise(&arena, wend_str_of(rows[i].raw), merge != 0, &path);

            if (code != (expected == NULL ? WEND_E_SYNTAX : WEND_OK))
                fail_msg("%s: %s", rows[i].raw, wend_code_name(code));
            if (code == WEND_OK)
                check(path, expected, rows[i].raw);
        }
    }
}

static void a_path_that_needs_nothing_is_not_copied(void **state)
{
    struct wend_str raw = WEND_STR("/static/site.css"), path;

    (void)state;
    assert_int_equal(wend_path_normalise(&arena, raw, true, &path), WEND_OK);
    assert_ptr_equal(path.ptr, raw.ptr);
}

static void a_nul_is_refused(void **state)
{
    struct wend_str path;

    (void)state;
    assert_int_equal(wend_path_normalise(&arena, WEND_STR("/a\0b"), true, &path), WEND_E_SYNTAX);
}

static void decoding_keeps_bad_escapes(void **state)
{
    (void)state;
    check(wend_percent_decode(&arena, WEND_STR("a%20b%zz%4%")), "a b%zz%4%", "decode");
    check(wend_percent_decode(&arena, WEND_STR("a+b")), "a+b", "decode");
    check(wend_percent_decode(&arena, WEND_STR("%2525")), "%25", "decode");
}

static void each_place_has_its_escapes(void **state)
{
    static const char text[] = "a b&c+d?e#f%g/h:\"<>~_-.\xc3\x7f";

    (void)state;
    check(wend_escape(&arena, wend_str_of(text), WEND_ESCAPE_URI),
          "a%20b&c+d%3Fe%23f%25g/h:%22%3C%3E~_-.%C3%7F", "uri");
    check(wend_escape(&arena, wend_str_of(text), WEND_ESCAPE_ARGS),
          "a%20b%26c%2Bd%3Fe%23f%25g/h:%22%3C%3E~_-.%C3%7F", "args");
    check(wend_escape(&arena, wend_str_of(text), WEND_ESCAPE_URI_COMPONENT),
          "a%20b%26c%2Bd%3Fe%23f%25g%2Fh%3A%22%3C%3E~_-.%C3%7F", "component");
    check(wend_escape(&arena, WEND_STR("/a b\r\n\x7f%20\"?c=\xc3"), WEND_ESCAPE_TARGET),
          "/a%20b%0D%0A%7F%20\"?c=\xc3", "target");
    check(wend_escape(&arena, WEND_STR("<a href=\"&\">'"), WEND_ESCAPE_HTML),
          "&lt;a href=&quot;&amp;&quot;&gt;'", "html");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_decoded_and_their_dots_resolved),
        cmocka_unit_test(a_path_that_needs_nothing_is_not_copied),
        cmocka_unit_test(a_nul_is_refused),
        cmocka_unit_test(decoding_keeps_bad_escapes),
        cmocka_unit_test(each_place_has_its_escapes),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
