/* edge/access_test.c - which rule names which address. */
#include "edge/access.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct wend_address address_of(const char *text)
{
    struct wend_address address = {0};

    if (strcmp(text, "unix:") == 0)
        address.family = AF_UNIX;
    else
        assert_true(wend_address_parse_host(wend_str_of(text), 1234, &address));
    return address;
}

static bool is_named(const char *network, const char *peer)
{
    struct wend_address address = address_of(peer);
    struct rule rule = {0};

    if (strcmp(network, "unix:") == 0)
        rule.unix_peer = true;
    else if (!parse_network(wend_str_of(network), &rule))
        fail_msg("%s is no network", network);
    else
        (void)clear_low_bits(&rule);
    return names(&rule, &address);
}

static void networks_name_their_addresses(void **state)
{
    static const struct {
        const char *network, *peer;
        bool named;
    } cases[] = {
        {"10.1.2.3", "10.1.2.3", true},
        {"10.1.2.3", "10.1.2.4", false},
        {"10.1.2.3/32", "10.1.2.3", true},
        {"10.1.2.3/31", "10.1.2.2", true},
        {"10.1.2.3/31", "10.1.2.1", false},
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.99.0.0/8", "10.1.1.1", true}, /* low bits mean nothing */
        {"172.16.0.0/12", "172.31.255.255", true},
        {"172.16.0.0/12", "172.32.0.0", false},
        {"172.16.0.0/12", "172.15.255.255", false},
        {"0.0.0.0/0", "1.2.3.4", true},
        {"0.0.0.0/0", "::1", false},
        {"0.0.0.0/0", "unix:", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "1.2.3.4", false},
        {"2001:db8::/32", "2001:db8:ffff::", true},
        {"2001:db8::/32", "2001:db9::", false},
        {"2001:db8:8000::/33", "2001:db8:8000::1", true},
        {"2001:db8:8000::/33", "2001:db8:7fff::1", false},
        {"::1", "::1", true},
        {"::1", "::2", false},
        {"::1/127", "::", true},
        /* An IPv4 client of an IPv6 socket, by either of its names. */
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "::ffff:11.1.2.3", false},
        {"0.0.0.0/0", "::ffff:11.1.2.3", true},
        {"::ffff:10.0.0.0/104", "::ffff:10.1.2.3", true},
        {"10.1.2.3", "::10.1.2.3", false}, /* compatible, not mapped */
        {"unix:", "unix:", true},
        {"unix:", "127.0.0.1", false},
        {"127.0.0.1", "unix:", false},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(cases); i++)
        if (is_named(cases[i].network, cases[i].peer) != cases[i].named)
            fail_msg("%s and %s", cases[i].network, cases[i].peer);
}

static void what_is_no_network_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "10",
                                        "10.0.0",
                                        "10.0.0.256",
                                        "10.0.0.0/",
                                        "10.0.0.0/33",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/8/8",
                                        "10.0.0.0/a",
                                        "::1/129",
                                        "::g",
                                        "localhost",
                                        "10.0.0.0/18446744073709551624"};
    struct rule rule;

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(texts); i++)
        if (parse_network(wend_str_of(texts[i]), &rule))
            fail_msg("\"%s\" is taken", texts[i]);
}

static void low_bits_are_found_and_cleared(void **state)
{
    struct rule rule;

    (void)state;
    assert_true(parse_network(WEND_STR("10.1.2.3/23"), &rule));
    assert_true(clear_low_bits(&rule));
    assert_memory_equal(rule.address, ((unsigned char[]){10, 1, 2, 0}), 4);
    assert_false(clear_low_bits(&rule));
    assert_true(parse_network(WEND_STR("10.1.2.3/0"), &rule));
    assert_true(clear_low_bits(&rule));
    assert_memory_equal(rule.address, ((unsigned char[4]){0}), 4);
    assert_true(parse_network(WEND_STR("10.1.2.3"), &rule));
    assert_false(clear_low_bits(&rule));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_name_their_addresses),
        cmocka_unit_test(what_is_no_network_is_refused),
        cmocka_unit_test(low_bits_are_found_and_cleared),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
