/* One process plays master and worker: what the ring keeps is what was printed. */
#include "edge/traces.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

static struct wend_trace trace;
static struct wend_task task = {.trace = &trace};
static struct wend_exchange exchange = {.task = &task};
static int64_t now_ns = WEND_NS_PER_S;

int64_t wend_loop_now_ns(const struct wend_loop *loop)
{
    (void)loop;
    return now_ns;
}

static void serve(int status, int64_t took_ms, const char *line)
{
    uint16_t span;

    wend_trace_start(&trace, 0, 0);
    span = wend_span_begin(&trace, WEND_EV_REQUEST);
    wend_span_end(&trace, span, status);
    exchange.response.status = status;
    exchange.request.line = wend_str_of(line);
    exchange.started_ns = now_ns - took_ms * WEND_NS_PER_MS;
    wend_traces_keep(&exchange);
}

static size_t count_of(const char *needle, size_t limit)
{
    struct wend_buffer out;
    struct wend_str rest;
    size_t found = 0;

    wend_buffer_init(&out, 4u << 20);
    wend_traces_print(&out, limit);
    rest = wend_buffer_str(&out);
    for (ptrdiff_t at; (at = wend_str_find(rest, wend_str_of(needle))) >= 0; found++)
        rest = wend_str_from(rest, (size_t)at + 1);
    assert_true(wend_str_ends(wend_buffer_str(&out), WEND_STR("]}\n")));
    wend_buffer_release(&out);
    return found;
}

static void without_a_ring_nothing_is_kept(void **state)
{
    struct wend_buffer out;

    (void)state;
    serve(200, 0, "GET / HTTP/1.1");
    wend_buffer_init(&out, 4096);
    wend_traces_print(&out, 10);
    assert_true(wend_str_eq(wend_buffer_str(&out), WEND_STR("{\"traces\":[]}\n")));
    assert_int_equal(wend_traces_print_one(&out, WEND_STR("1")), WEND_E_NOT_FOUND);
    wend_buffer_release(&out);
}

static void a_burst_is_kept_then_a_rate(void **state)
{
    (void)state;
    assert_int_equal(wend_traces_open(), WEND_OK);
    assert_int_equal(wend_traces_open(), WEND_OK);
    for (int i = 0; i < WEND_TRACES_BURST + 100; i++)
        serve(200, 0, "GET /burst HTTP/1.1");
    assert_int_equal(count_of("/burst", 10000), WEND_TRACES_BURST);
    now_ns += WEND_NS_PER_S / 2;
    for (int i = 0; i < 100; i++)
        serve(200, 0, "GET /later HTTP/1.1");
    assert_int_equal(count_of("/later", 10000), WEND_TRACES_PER_SECOND / 2);
}

static void failures_and_slow_ones_have_their_own_allowance(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        serve(200, 0, "GET /flood HTTP/1.1");
    serve(502, 0, "GET /failed HTTP/1.1");
    serve(200, WEND_TRACES_SLOW_MS, "GET /slow HTTP/1.1");
    assert_int_equal(count_of("/failed", 10000), 1);
    assert_int_equal(count_of("/slow", 10000), 1);
    assert_int_equal(count_of("\"number\":", 2), 2 * 2); /* of the trace, and of its one span */
}

static void one_is_found_by_number_and_by_id(void **state)
{
    static const char id[] = "000000000000abcd00000000000000ef";
    struct wend_buffer out;
    char number[24];

    (void)state;
    now_ns += WEND_NS_PER_S;
    wend_trace_start(&trace, 0, 0);
    trace.id[0] = 0xabcd;
    trace.id[1] = 0xef;
    wend_traces_keep(&exchange);
    snprintf(number, sizeof number, "%llu", (unsigned long long)wend_ring_next(&kept.ring) - 1);
    wend_buffer_init(&out, 1u << 16);
    assert_int_equal(wend_traces_print_one(&out, wend_str_of(number)), WEND_OK);
    assert_true(wend_str_find(wend_buffer_str(&out), wend_str_of(id)) > 0);
    wend_buffer_clear(&out);
    assert_int_equal(wend_traces_print_one(&out, wend_str_of(id)), WEND_OK);
    assert_true(wend_str_find(wend_buffer_str(&out), wend_str_of(number)) > 0);
    assert_int_equal(wend_traces_print_one(&out, WEND_STR("0")), WEND_E_NOT_FOUND);
    assert_int_equal(wend_traces_print_one(&out, WEND_STR("99999999")), WEND_E_NOT_FOUND);
    assert_int_equal(wend_traces_print_one(&out, WEND_STR("../x")), WEND_E_NOT_FOUND);
    assert_int_equal(wend_traces_print_one(&out, WEND_STR("00000000000000000000000000000000")),
                     WEND_E_NOT_FOUND);
    wend_buffer_release(&out);
}

static void a_small_buffer_gets_whole_entries_only(void **state)
{
    (void)state;
    for (size_t max = 20; max < 2000; max += 37) {
        struct wend_buffer out;

        wend_buffer_init(&out, max);
        wend_traces_print(&out, 10000);
        assert_false(out.overflow);
        assert_true(wend_str_ends(wend_buffer_str(&out), WEND_STR("]}\n")));
        wend_buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_ring_nothing_is_kept),
        cmocka_unit_test(a_burst_is_kept_then_a_rate),
        cmocka_unit_test(failures_and_slow_ones_have_their_own_allowance),
        cmocka_unit_test(one_is_found_by_number_and_by_id),
        cmocka_unit_test(a_small_buffer_gets_whole_entries_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
