/* client/server_spans_test.c - from a Server-Timing field to spans inside the wait. */
#include "client/server_spans.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct wend_arena arena;
static struct wend_server_told told;
static struct wend_view view;

static void tell(struct wend_str field)
{
    told.count = 0;
    while (told.count < WEND_SERVER_TIMING_MAX &&
           wend_server_timing_next(&arena, &field, &told.metrics[told.count]))
        told.count++;
}

/* A trace of a send and a wait of 10 ms, merged with what was told. */
static void merge(struct wend_str field)
{
    static struct wend_trace trace;
    uint64_t start = wend_clock_ticks(), later = start;
    uint16_t fetch, span;

    wend_trace_start(&trace, start, 0);
    fetch = wend_span_begin_at(&trace, WEND_EV_FETCH, start);
    span = wend_span_begin_at(&trace, WEND_EV_WAIT, start);
    while (wend_clock_ticks_to_ns(later - start) < 10 * WEND_NS_PER_MS)
        later += 1000;
    wend_span_end_at(&trace, span, 200, later);
    wend_span_end_at(&trace, fetch, 200, later);
    told.wait_span = span;
    tell(field);
    wend_server_spans_merge(&trace, &told, 1, &view);
}

static void metrics_are_parsed(void **state)
{
    (void)state;
    tell(WEND_STR(
        "a;dur=1.5;t=0.25;desc=\"x, \\\"y\\\"; z\";odd=1, b, ;dur=1, c;dur=-1, d;dur=1e3"));
    assert_int_equal(told.count, 4);
    assert_int_equal(told.metrics[0].duration_ns, 1500000);
    assert_int_equal(told.metrics[0].offset_ns, 250000);
    assert_true(wend_str_eq(told.metrics[0].text, WEND_STR("x, \"y\"; z")));
    assert_int_equal(told.metrics[1].duration_ns, -1);
    assert_int_equal(told.metrics[2].duration_ns, -1);
    assert_int_equal(told.metrics[3].duration_ns, -1);
}

static void spans_nest_by_their_times(void **state)
{
    (void)state;
    merge(WEND_STR("request;dur=4;t=0, head;dur=0.1;t=0, python;dur=3;t=0.5, sql;dur=1;t=1, "
                   "respond;dur=0.51;t=3.5"));
    assert_int_equal(view.count, 7);
    assert_int_equal(view.spans[2].parent, 1); /* request in wait */
    assert_int_equal(view.spans[3].parent, 2);
    assert_int_equal(view.spans[4].parent, 2);
    assert_int_equal(view.spans[5].parent, 4); /* sql in python */
    assert_int_equal(view.spans[6].parent, 2); /* it seems to end 10 us late: rounding */
    assert_true(view.spans[6].end_ns <= view.spans[2].end_ns);
    assert_true(view.spans[2].remote);
    /* The rest of the wait is the network's, half before and half after. */
    assert_in_range(view.spans[2].start_ns, 2900000, 3100000);
}

static void nothing_leaves_the_wait(void **state)
{
    (void)state;
    merge(WEND_STR("request;dur=500;t=0, late;dur=5;t=400, x;dur=86400000000"));
    for (unsigned i = 2; i < view.count; i++) {
        assert_true(view.spans[i].start_ns >= view.spans[1].start_ns);
        assert_true(view.spans[i].end_ns <= view.spans[1].end_ns);
        assert_true(view.spans[i].end_ns >= view.spans[i].start_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(metrics_are_parsed),
        cmocka_unit_test(spans_nest_by_their_times),
        cmocka_unit_test(nothing_leaves_the_wait),
    };
    int failed;

    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    wend_arena_release(&arena);
    return failed;
}
