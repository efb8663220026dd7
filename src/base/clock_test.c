/* base/clock_test.c */
#include "base/clock.c"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void writes_and_parses_every_day(void **state)
{
    (void)state;
    /* Each date of 0000 to 9999, with a step that visits all times of the day. */
    for (int64_t s = UNIX_S_FIRST; s <= UNIX_S_LAST; s += 86400 * 11 + 7919) {
        char text[WEND_CLOCK_HTTP_LEN + 1];
        time_t as_time = s;
        struct tm tm;
        int64_t back;
        char expected[64];

        wend_clock_write_http(s, text);
        gmtime_r(&as_time, &tm);
        snprintf(expected, sizeof(expected), "%s, %02d %s %04d %02d:%02d:%02d GMT",
                 weekdays[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
                 tm.tm_min, tm.tm_sec);
        assert_string_equal(text, expected);
        assert_true(wend_clock_parse_http(wend_str_of(text), &back));
        assert_int_equal(back, s);
    }
}

static void parses_the_three_forms(void **state)
{
    static const char *const forms[] = {"Sun, 06 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-94 08:49:37 GMT",
                                        "Sun Nov  6 08:49:37 1994"};
    int64_t s;

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(forms); i++) {
        assert_true(wend_clock_parse_http(wend_str_of(forms[i]), &s));
        assert_int_equal(s, 784111777);
    }
    assert_true(wend_clock_parse_http(WEND_STR("Sun Nov 16 08:49:37 1994"), &s));
    assert_true(wend_clock_parse_http(WEND_STR("Tue, 29 Feb 2000 00:00:00 GMT"), &s));
}

static void refuses_what_is_no_date(void **state)
{
    static const char *const wrong[] = {"",
                                        "Sun",
                                        "Sun,",
                                        "Sun, ",
                                        "Sun, 06",
                                        ", 06 Nov 1994 08:49:37 GMT",
                                        "Sun, 6 Nov 1994 08:49:37 GMT",
                                        "Sun, 06 Nov 1994 08:49:37",
                                        "Sun, 06 Nov 1994 08:49:37 UTC",
                                        "Sun, 06 Nov 1994 08:49:37 GMT ",
                                        "Sun, 06 Nov 1994 24:49:37 GMT",
                                        "Sun, 06 Nov 1994 08:60:37 GMT",
                                        "Sun, 06 Nov 1994 08:49:61 GMT",
                                        "Sun, 31 Nov 1994 08:49:37 GMT",
                                        "Sun, 00 Nov 1994 08:49:37 GMT",
                                        "Sun, 29 Feb 1900 08:49:37 GMT",
                                        "Sun, 06 Nox 1994 08:49:37 GMT",
                                        "Sun, -6 Nov 1994 08:49:37 GMT",
                                        "Sunday, 06-Nov-1994 08:49:37 GMT",
                                        "Sun Nov 6 08:49:37 1994",
                                        "Sun Nov  6 08:49:37 1994 ",
                                        "784111777"};
    int64_t s;

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(wrong); i++)
        assert_false(wend_clock_parse_http(wend_str_of(wrong[i]), &s));
}

static void ticks_measure_time(void **state)
{
    struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    uint64_t from = wend_clock_ticks();
    int64_t from_ns = wend_clock_monotonic_ns();
    int64_t by_ticks, by_clock;

    (void)state;
    assert_int_equal(wend_clock_ticks_to_ns(0), 0);
    nanosleep(&pause, NULL);
    by_clock = wend_clock_monotonic_ns() - from_ns;
    by_ticks = wend_clock_ticks_to_ns(wend_clock_ticks() - from);
    assert_true(by_ticks > by_clock * 99 / 100);
    assert_true(by_ticks < by_clock * 101 / 100 + 1000000);
    assert_true(wend_clock_wall_ns() > INT64_C(1700000000) * WEND_NS_PER_S);
}

static void says_the_current_second(void **state)
{
    int64_t at = INT64_C(1795233536) * WEND_NS_PER_S + 5;

    (void)state;
    setenv("TZ", "Asia/Kolkata", 1);
    tzset();
    assert_memory_equal(wend_clock_http_now(at).ptr, "Sat, 21 Nov 2026 03:58:56 GMT", 30);
    assert_string_equal(wend_clock_log_now(at).ptr, "2026/11/21 09:28:56");
    assert_string_equal(wend_clock_common_now(at).ptr, "21/Nov/2026:09:28:56 +0530");
    assert_string_equal(wend_clock_iso_now(at).ptr, "2026-11-21T09:28:56+05:30");
    assert_int_equal(wend_clock_iso_now(at).len, 25);
    setenv("TZ", "<-0330>3:30", 1);
    tzset();
    at += WEND_NS_PER_S;
    assert_string_equal(wend_clock_common_now(at).ptr, "21/Nov/2026:00:28:57 -0330");
    assert_string_equal(wend_clock_http_now(-1).ptr, "Wed, 31 Dec 1969 23:59:59 GMT");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_parses_every_day), cmocka_unit_test(parses_the_three_forms),
        cmocka_unit_test(refuses_what_is_no_date),     cmocka_unit_test(ticks_measure_time),
        cmocka_unit_test(says_the_current_second),
    };

    return cmocka_run_group_tests_name("base.clock", tests, NULL, NULL);
}
