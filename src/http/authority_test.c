#include "http/authority.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void hosts_and_ports_are_read(void **state)
{
    /* host NULL: refused */
    static const struct {
        const char *text, *host;
        int port;
    } rows[] = {
        {"a", "a", -1},
        {"A.Example.ORG", "a.example.org", -1},
        {"a.", "a", -1},
        {"a.:80", "a", 80},
        {"a:", "a", -1},
        {"a:00080", "a", 80},
        {"a:65535", "a", 65535},
        {"a_b~!$&'()*+,;=-1", "a_b~!$&'()*+,;=-1", -1},
        {"a%2Fb", "a%2fb", -1},
        {"127.0.0.1:1", "127.0.0.1", 1},
        {"[::1]", "[::1]", -1},
        {"[FE80::A]:8080", "[fe80::a]", 8080},
        {"", NULL, -1},
        {":80", NULL, -1},
        {".", NULL, -1},
        {".a", ".a", -1},
        {"..a", NULL, -1},
        {"a..b", NULL, -1},
        {"a b", NULL, -1},
        {"a/b", NULL, -1},
        {"a?b", NULL, -1},
        {"a#b", NULL, -1},
        {"a@b", NULL, -1},
        {"a\\b", NULL, -1},
        {"a\"b", NULL, -1},
        {"<a>", NULL, -1},
        {"a%2", NULL, -1},
        {"a%zz", NULL, -1},
        {"\xc3\xa4", NULL, -1},
        {"a:0", NULL, -1},
        {"a:65536", NULL, -1},
        {"a:99999999999999999999", NULL, -1},
        {"a:-1", NULL, -1},
        {"a:80:81", NULL, -1},
        {"a:80 ", NULL, -1},
        {"[::1", NULL, -1},
        {"[::1]x", NULL, -1},
        {"[]", NULL, -1},
        {"[::g]", NULL, -1},
        {"[::1%25lo]", NULL, -1},
        {"[1.2.3.4]", NULL, -1},
        {"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", NULL, -1},
        {"::1", NULL, -1},
    };
    struct wend_arena arena;

    (void)state;
    wend_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct wend_str host;
        int port;
        enum wend_code code = wend_authority_parse(&arena, wend_str_of(rows[i].text), &host, &port);

        if (code != (rows[i].host == NULL ? WEND_E_SYNTAX : WEND_OK))
            fail_msg("%s: %s", rows[i].text, wend_code_name(code));
        if (code != WEND_OK)
            continue;
        assert_true(wend_str_eq(host, wend_str_of(rows[i].host)));
        assert_int_equal(port, rows[i].port);
    }
    wend_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_ports_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
