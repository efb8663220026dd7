/* net/address_test.c */
#include "net/address.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void texts_go_both_ways(void **state)
{
    static const struct {
        const char *host, *text, *text_with_port;
    } rows[] = {
        {"127.0.0.1", "127.0.0.1", "127.0.0.1:80"},
        {"255.255.255.255", "255.255.255.255", "255.255.255.255:80"},
        {"::1", "::1", "[::1]:80"},
        {"[2001:db8:0::1]", "2001:db8::1", "[2001:db8::1]:80"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
         "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:80"},
    };
    char out[WEND_ADDRESS_TEXT_MAX];
    struct wend_address address;

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        assert_true(wend_address_parse_host(wend_str_of(rows[i].host), 80, &address));
        assert_int_equal(wend_address_write_host(&address, out), strlen(rows[i].text));
        assert_string_equal(out, rows[i].text);
        assert_int_equal(wend_address_write(&address, out), strlen(rows[i].text_with_port));
        assert_string_equal(out, rows[i].text_with_port);
        assert_int_equal(wend_address_port(&address), 80);
    }
    wend_address_from_sockaddr(&address, &(struct sockaddr){.sa_family = AF_UNIX});
    wend_address_write(&address, out);
    assert_string_equal(out, "unix:");
}

static bool loopback(const char *host)
{
    struct wend_address address;

    assert_true(wend_address_parse_host(wend_str_of(host), 0, &address));
    return wend_address_loopback(&address);
}

static void knows_loopback_and_any(void **state)
{
    struct wend_address a, b;

    (void)state;
    assert_true(loopback("127.3.2.1"));
    assert_true(loopback("::1"));
    assert_true(loopback("::ffff:127.0.0.1"));
    assert_false(loopback("128.0.0.1"));
    assert_false(loopback("::ffff:10.0.0.1"));
    assert_false(loopback("::2"));
    assert_true(wend_address_parse_host(WEND_STR("0.0.0.0"), 1, &a) && wend_address_is_any(&a));
    assert_true(wend_address_parse_host(WEND_STR("::"), 1, &b) && wend_address_is_any(&b));
    assert_false(wend_address_same(&a, &b));
    assert_true(wend_address_parse_host(WEND_STR("0.0.0.0"), 1, &b) && wend_address_same(&a, &b));
    assert_true(wend_address_parse_host(WEND_STR("0.0.0.0"), 2, &b) && !wend_address_same(&a, &b));
    wend_address_of_local(-1, &a);
    assert_int_equal(a.family, AF_UNSPEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_go_both_ways),
        cmocka_unit_test(knows_loopback_and_any),
    };

    return cmocka_run_group_tests_name("net.address", tests, NULL, NULL);
}
