/* Networks: what is one, and who is inside. */
#include "trust.c"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static bool trusts(const char *network, const char *peer)
{
    struct wend_app_settings settings = {.trusted_count = 1};
    struct wend_address address;

    assert_true(wend_app_network_parse(wend_str_of(network), &settings.trusted[0]));
    assert_true(wend_address_parse_host(wend_str_of(peer), 0, &address));
    return wend_app_trusts(&settings, &address);
}

static void peers_are_inside_by_prefix(void **state)
{
    (void)state;
    assert_true(trusts("10.0.0.0/8", "10.255.1.2"));
    assert_false(trusts("10.0.0.0/8", "11.0.0.1"));
    assert_true(trusts("192.168.1.128/25", "192.168.1.200"));
    assert_false(trusts("192.168.1.128/25", "192.168.1.5"));
    assert_true(trusts("127.0.0.1", "127.0.0.1"));
    assert_false(trusts("127.0.0.1", "127.0.0.2"));
    assert_true(trusts("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(trusts("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(trusts("10.0.0.0/8", "::ffff:10.1.1.1"));
    assert_false(trusts("::1", "10.0.0.1"));
    assert_true(trusts("*", "203.0.113.9"));
    assert_true(trusts("0.0.0.0/0", "203.0.113.9"));
}

static void wrong_networks_are_refused(void **state)
{
    static const char *const wrong[] = {"",       "10.0.0", "10.0.0.0/33", "10.0.0.0/",
                                        "::/129", "host",   "/8"};
    struct wend_app_network network;

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(wrong); i++)
        assert_false(wend_app_network_parse(wend_str_of(wrong[i]), &network));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peers_are_inside_by_prefix),
        cmocka_unit_test(wrong_networks_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
