#include "url/url.c"

#include "base/arena_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* expected NULL: refused */
struct row {
    const char *input, *base, *expected;
};

static void check_text(struct wend_str got, const char *expected, const char *what)
{
    if (expected == NULL ? got.ptr != NULL
                         : got.ptr == NULL || !wend_str_eq(got, wend_str_of(expected)))
        fail_msg("%s gives %.*s, not %s", what, WEND_STR_ARG(got),
                 expected == NULL ? "an error" : expected);
}

static void check_row(const struct row *row)
{
    struct wend_url base, url;
    struct wend_str text = WEND_STR_NULL;
    const char *why = NULL;
    size_t offset = 0;
    enum wend_code code;

    if (row->base != NULL)
        assert_int_equal(wend_url_parse(&arena, wend_str_of(row->base), NULL, &base, NULL, NULL),
                         WEND_OK);
    code = wend_url_parse(&arena, wend_str_of(row->input), row->base == NULL ? NULL : &base, &url,
                          &offset, &why);
    if (code == WEND_OK) {
        text = wend_url_write(&arena, &url);
    } else {
        assert_non_null(why);
        assert_true(offset <= strlen(row->input));
    }
    check_text(text, row->expected, row->input);
}

static void urls_parse_as_the_standard_says(void **state)
{
    static const struct row rows[] = {
        {"http://example.org", NULL, "http://example.org/"},
        {"HTTPS://Example.ORG:443/A", NULL, "https://example.org/A"},
        {"http://example.org:80", NULL, "http://example.org/"},
        {"http://example.org:0080/", NULL, "http://example.org/"},
        {"http://example.org:/", NULL, "http://example.org/"},
        {"http://example.org:0/", NULL, "http://example.org:0/"},
        {"http://example.org:65535/", NULL, "http://example.org:65535/"},
        {"http://example.org:65536/", NULL, NULL},
        {"http://example.org:8a/", NULL, NULL},
        {" \x01 http://e x/", NULL, NULL},
        {" \x01http://ex\t/a\nb\r \x1f", NULL, "http://ex/ab"},
        {"http:example.org", NULL, "http://example.org/"},
        {"http:/example.org", NULL, "http://example.org/"},
        {"http:///example.org", NULL, "http://example.org/"},
        {"http:\\\\example.org\\a\\b", NULL, "http://example.org/a/b"},
        {"http://", NULL, NULL},
        {"http://:80", NULL, NULL},
        {"http://@/", NULL, NULL},
        {"http://a@/", NULL, NULL},
        {"http://u@h/", NULL, "http://u@h/"},
        {"http://u:@h/", NULL, "http://u@h/"},
        {"http://:p@h/", NULL, "http://:p@h/"},
        {"http://u:p@h:81/", NULL, "http://u:p@h:81/"},
        {"http://u:p:q@r@h/", NULL, "http://u:p%3Aq%40r@h/"},
        {"http://@h/", NULL, "http://h/"},
        {"http://h/a b", NULL, "http://h/a%20b"},
        {"http://h/\xc3\xa4?\xc3\xa4#\xc3\xa4", NULL, "http://h/%C3%A4?%C3%A4#%C3%A4"},
        {"http://h/^`{}|'\"<>", NULL, "http://h/%5E%60%7B%7D|'%22%3C%3E"},
        {"http://h/?^`{}|'\"<>", NULL, "http://h/?^`{}|%27%22%3C%3E"},
        {"http://h/#^`{}|'\"<>", NULL, "http://h/#^%60{}|'%22%3C%3E"},
        {"http://h/%zz%41", NULL, "http://h/%zz%41"},
        {"http://h/a/./b/../c", NULL, "http://h/a/c"},
        {"http://h/a/%2e/b/%2E./c/.", NULL, "http://h/a/c/"},
        {"http://h/a/b/..", NULL, "http://h/a/"},
        {"http://h/../../a", NULL, "http://h/a"},
        {"http://h/..a/...", NULL, "http://h/..a/..."},
        {"http://h//a//..//b", NULL, "http://h//a//b"},
        {"http://h?q", NULL, "http://h/?q"},
        {"http://h#f", NULL, "http://h/#f"},
        {"http://h/?", NULL, "http://h/?"},
        {"http://h/#", NULL, "http://h/#"},
        {"http://h/?a?b#c#d", NULL, "http://h/?a?b#c#d"},
        {"example.org", NULL, NULL},
        {"/a", NULL, NULL},
        {"", NULL, NULL},
        {"ftp://h/", NULL, NULL},
        {"mailto:a@b", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++)
        check_row(&rows[i]);
}

static void hosts_parse_as_the_standard_says(void **state)
{
    static const struct row rows[] = {
        {"http://127.0.0.1/", NULL, "http://127.0.0.1/"},
        {"http://0x7f.1/", NULL, "http://127.0.0.1/"},
        {"http://2130706433/", NULL, "http://127.0.0.1/"},
        {"http://0177.0.0.1./", NULL, "http://127.0.0.1/"},
        {"http://0x/", NULL, "http://0.0.0.0/"},
        {"http://256.1/", NULL, NULL},
        {"http://1.2.3.256/", NULL, NULL},
        {"http://1.2.3.4.5/", NULL, NULL},
        {"http://1.2.3.08/", NULL, NULL},
        {"http://1..2/", NULL, NULL},
        {"http://4294967296/", NULL, NULL},
        {"http://99999999999999999999/", NULL, NULL},
        {"http://a.1/", NULL, NULL},
        {"http://a.0x/", NULL, NULL},
        {"http://1.a/", NULL, "http://1.a/"},
        {"http://a./", NULL, "http://a./"},
        {"http://a..b/", NULL, "http://a..b/"},
        {"http://%65x%41mple/", NULL, "http://example/"},
        {"http://a%00b/", NULL, NULL},
        {"http://a%2fb/", NULL, NULL},
        {"http://a%b/", NULL, NULL},
        {"http://a_b!$&'()*+,;=~-/", NULL, "http://a_b!$&'()*+,;=~-/"},
        {"http://a|b/", NULL, NULL},
        {"http://a^b/", NULL, NULL},
        {"http://a<b/", NULL, NULL},
        {"http://\xc3\xa4/", NULL, NULL},
        {"http://xn--a/", NULL, "http://xn--a/"},
        {"http://[::1]:8080/", NULL, "http://[::1]:8080/"},
        {"http://[1:0:0:2:0:0:0:3]/", NULL, "http://[1:0:0:2::3]/"},
        {"http://[1:0:0:2:3:0:0:4]/", NULL, "http://[1::2:3:0:0:4]/"},
        {"http://[0:1:2:3:4:5:6:7]/", NULL, "http://[0:1:2:3:4:5:6:7]/"},
        {"http://[1:2:3:4:5:6:0:0]/", NULL, "http://[1:2:3:4:5:6::]/"},
        {"http://[::]/", NULL, "http://[::]/"},
        {"http://[::FFFF:1.2.3.4]/", NULL, "http://[::ffff:102:304]/"},
        {"http://[::1/", NULL, NULL},
        {"http://[::1]x/", NULL, NULL},
        {"http://[::1%25eth0]/", NULL, NULL},
        {"http://[1::2::3]/", NULL, NULL},
        {"http://[]/", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++)
        check_row(&rows[i]);
}

static void references_resolve_against_a_base(void **state)
{
    static const char base[] = "http://u:p@h:81/a/b/c?q#f";
    static const struct row rows[] = {
        {"", base, "http://u:p@h:81/a/b/c?q"},
        {"#g", base, "http://u:p@h:81/a/b/c?q#g"},
        {"?r", base, "http://u:p@h:81/a/b/c?r"},
        {"d", base, "http://u:p@h:81/a/b/d"},
        {"d?r#g", base, "http://u:p@h:81/a/b/d?r#g"},
        {"./d", base, "http://u:p@h:81/a/b/d"},
        {"../d", base, "http://u:p@h:81/a/d"},
        {"../../../../d", base, "http://u:p@h:81/d"},
        {".", base, "http://u:p@h:81/a/b/"},
        {"..", base, "http://u:p@h:81/a/"},
        {"/d", base, "http://u:p@h:81/d"},
        {"\\d", base, "http://u:p@h:81/d"},
        {"/", base, "http://u:p@h:81/"},
        {"//i/d", base, "http://i/d"},
        {"\\\\i/d", base, "http://i/d"},
        {"///i", base, "http://i/"},
        {"http:d", base, "http://u:p@h:81/a/b/d"},
        {"http:/d", base, "http://u:p@h:81/d"},
        {"http://i", base, "http://i/"},
        {"https:d", base, "https://d/"},
        {"d:e", base, NULL},
        {"./d:e", base, "http://u:p@h:81/a/b/d:e"},
        {"//", base, NULL},
        {"d", "https://h", "https://h/d"},
        {"//i:443", "https://h", "https://i/"},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++)
        check_row(&rows[i]);
}

static void typed_text_is_completed(void **state)
{
    static const struct row rows[] = {
        {"example.org", NULL, "https://example.org/"},
        {"  example.org/a?b", NULL, "https://example.org/a?b"},
        {"example.org:8080", NULL, "http://example.org:8080/"},
        {"example.org:80/x", NULL, "http://example.org/x"},
        {"example.org:443", NULL, "https://example.org/"},
        {"localhost", NULL, "http://localhost/"},
        {"localhost:443", NULL, "https://localhost/"},
        {"a.localhost/x", NULL, "http://a.localhost/x"},
        {"notlocalhost", NULL, "https://notlocalhost/"},
        {"127.0.0.1:8000", NULL, "http://127.0.0.1:8000/"},
        {"127.1", NULL, "http://127.0.0.1/"},
        {"[::1]", NULL, "http://[::1]/"},
        {"[::1]:8000/x", NULL, "http://[::1]:8000/x"},
        {":8000/x", NULL, "http://localhost:8000/x"},
        {":8000", NULL, "http://localhost:8000/"},
        {"//example.org/x", NULL, "https://example.org/x"},
        {"user:word@example.org", NULL, "https://user:word@example.org/"},
        {"http:example.org", NULL, "http://example.org/"},
        {"http://example.org", NULL, "http://example.org/"},
        {"https://localhost", NULL, "https://localhost/"},
        {"ftp://example.org", NULL, NULL},
        {"mailto:a", NULL, NULL},
        {"/x", NULL, NULL},
        {"?x", NULL, NULL},
        {"", NULL, NULL},
        {":", NULL, NULL},
        {":x", NULL, NULL},
        {":99999", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct wend_str text = WEND_STR_NULL;
        struct wend_url url;
        const char *why = NULL;
        size_t offset = 0;
        bool completed;

        if (wend_url_complete(&arena, wend_str_of(rows[i].input), &url, &completed, &offset,
                              &why) == WEND_OK)
            text = wend_url_write(&arena, &url);
        else
            assert_non_null(why);
        check_text(text, rows[i].expected, rows[i].input);
    }
}

static void parts_are_written_for_each_place(void **state)
{
    struct wend_url url, other;

    (void)state;
    assert_int_equal(
        wend_url_parse(&arena, WEND_STR("https://u:p@H:8443/a?b#c"), NULL, &url, NULL, NULL),
        WEND_OK);
    check_text(wend_url_write_public(&arena, &url), "https://h:8443/a?b", "public");
    check_text(wend_url_write_authority(&arena, &url), "h:8443", "authority");
    check_text(wend_url_write_target(&arena, &url), "/a?b", "target");
    assert_int_equal(wend_url_port(&url), 8443);
    assert_int_equal(wend_url_parse(&arena, WEND_STR("https://h:8443/"), NULL, &other, NULL, NULL),
                     WEND_OK);
    assert_true(wend_url_same_origin(&url, &other));
    assert_int_equal(wend_url_parse(&arena, WEND_STR("https://h/"), NULL, &other, NULL, NULL),
                     WEND_OK);
    assert_false(wend_url_same_origin(&url, &other));
    assert_int_equal(wend_url_port(&other), 443);
}

static void failures_name_the_place(void **state)
{
    struct wend_url url;
    const char *why = NULL;
    size_t offset = 0;

    (void)state;
    assert_int_equal(
        wend_url_parse(&arena, WEND_STR("  http://a\tb c/"), NULL, &url, &offset, &why),
        WEND_E_URL);
    assert_int_equal(offset, 12);
    assert_int_equal(wend_url_parse(&arena, WEND_STR("http://h:1x/"), NULL, &url, &offset, &why),
                     WEND_E_URL);
    assert_int_equal(offset, 10);
    assert_int_equal(
        wend_url_parse(&arena, WEND_STR("http://\xc3\xa4/"), NULL, &url, &offset, &why),
        WEND_E_UNSUPPORTED);
    assert_int_equal(wend_url_complete(&arena, WEND_STR("a b"), &url, NULL, &offset, &why),
                     WEND_E_URL);
    assert_int_equal(offset, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_parse_as_the_standard_says),
        cmocka_unit_test(hosts_parse_as_the_standard_says),
        cmocka_unit_test(references_resolve_against_a_base),
        cmocka_unit_test(typed_text_is_completed),
        cmocka_unit_test(parts_are_written_for_each_place),
        cmocka_unit_test(failures_name_the_place),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
