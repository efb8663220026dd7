/* base/ip_test.c */
#include "base/ip.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void numbers_of_both_families_are_taken(void **state)
{
    union wend_ip ip;

    (void)state;
    assert_true(wend_ip_parse(WEND_STR("127.0.0.1"), 80, &ip));
    assert_int_equal(ip.any.sa_family, AF_INET);
    assert_int_equal(ip.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    assert_int_equal(ntohs(ip.in.sin_port), 80);
    for (int i = 0; i < 2; i++) {
        assert_true(wend_ip_parse(i == 0 ? WEND_STR("::1") : WEND_STR("[::1]"), 443, &ip));
        assert_int_equal(ip.any.sa_family, AF_INET6);
        assert_memory_equal(&ip.in6.sin6_addr, &in6addr_loopback, sizeof(in6addr_loopback));
        assert_int_equal(ntohs(ip.in6.sin6_port), 443);
    }
    assert_true(wend_ip_parse(WEND_STR("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255"), 1, &ip));
}

static void what_is_no_number_is_refused(void **state)
{
    static const char *const wrong[] = {"",          "localhost", "1.2.3",    "1.2.3.4.5",
                                        "256.1.1.1", "[::1",      "::1]",     "[1.2.3.4]",
                                        "01.2.3.4",  "::1%lo",    "1.2.3.4 ", "[]"};
    union wend_ip ip;

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(wrong); i++)
        assert_false(wend_ip_parse(wend_str_of(wrong[i]), 80, &ip));
    assert_false(wend_ip_parse(WEND_STR("::1\0x"), 80, &ip));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_both_families_are_taken),
        cmocka_unit_test(what_is_no_number_is_refused),
    };

    return cmocka_run_group_tests_name("base.ip", tests, NULL, NULL);
}
