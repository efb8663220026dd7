/* The clock here is a counter, so that every stamp is known. */
#include "trace/trace.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t now_ticks;

uint64_t wend_clock_ticks(void)
{
    return ++now_ticks;
}

void wend_die(const char *what)
{
    (void)what;
    abort();
}

static void start(struct wend_trace *trace)
{
    memset(trace, 0xa5, sizeof *trace); /* starting counts on nothing but this */
    trace->far = NULL;
    now_ticks = 100;
    wend_trace_start(trace, 50, 7);
}

static void spans_nest_in_the_order_they_began(void **state)
{
    struct wend_trace t;
    uint16_t request, head, route;

    (void)state;
    start(&t);
    request = wend_span_begin_at(&t, WEND_EV_REQUEST, 50);
    head = wend_span_begin(&t, WEND_EV_HEAD);
    wend_span_end(&t, head, 120);
    route = wend_span_begin(&t, WEND_EV_ROUTE);
    wend_span_note(&t, route, WEND_STR("/"));
    wend_span_end(&t, route, 0);
    wend_span_end(&t, request, 200);
    assert_int_equal(t.count, 3);
    assert_int_equal(t.current, WEND_SPAN_NONE);
    assert_int_equal(wend_trace_span(&t, 0)->parent, WEND_SPAN_NONE);
    assert_int_equal(wend_trace_span(&t, 1)->parent, 0);
    assert_int_equal(wend_trace_span(&t, 2)->parent, 0);
    assert_int_equal(wend_trace_span(&t, 0)->start_ticks, 50);
    assert_int_equal(wend_trace_span(&t, 1)->start_ticks, 101);
    assert_int_equal(wend_trace_span(&t, 1)->end_ticks, 102);
    assert_int_equal(wend_trace_span(&t, 1)->number, 120);
    assert_int_equal(wend_trace_span(&t, 0)->end_ticks, 105);
    assert_true(wend_str_eq(wend_trace_span(&t, 2)->note, WEND_STR("/")));
}

static void ending_a_span_ends_what_is_open_inside_it(void **state)
{
    struct wend_trace t;
    uint16_t outer;

    (void)state;
    start(&t);
    outer = wend_span_begin(&t, WEND_EV_REQUEST);
    (void)wend_span_begin(&t, WEND_EV_PROXY);
    (void)wend_span_begin(&t, WEND_EV_CONNECT);
    wend_span_end(&t, outer, 502);
    for (int i = 0; i < 3; i++)
        assert_int_equal(wend_trace_span(&t, i)->end_ticks, 104);
    assert_int_equal(wend_trace_span(&t, 1)->number, 0);
    assert_int_equal(t.current, WEND_SPAN_NONE);
}

static void spans_beyond_the_limit_are_counted_and_harmless(void **state)
{
    struct wend_trace t;
    uint16_t outer, lost;

    (void)state;
    start(&t);
    outer = wend_span_begin(&t, WEND_EV_REQUEST);
    for (int i = 1; i < WEND_SPANS_MAX; i++)
        wend_span_point(&t, WEND_EV_FAIL, i, WEND_STR("x"));
    assert_int_equal(t.count, WEND_SPANS_MAX);
    lost = wend_span_begin(&t, WEND_EV_LOG);
    assert_int_equal(lost, WEND_SPAN_NONE);
    wend_span_note(&t, lost, WEND_STR("y"));
    wend_span_end(&t, lost, 1);
    wend_span_point(&t, WEND_EV_FAIL, 1, WEND_STR_NULL);
    assert_int_equal(t.dropped, 2);
    assert_int_equal(t.current, outer);
    for (uint16_t i = 1; i < WEND_SPANS_MAX; i++)
        assert_int_equal(wend_trace_span(&t, i)->number, i);
    for (int i = 0; i < 2; i++)
        wend_trace_release(&t); /* twice does no harm */
    wend_span_end(&t, WEND_SPAN_NONE, 0);
    start(&t);
    outer = wend_span_begin(&t, WEND_EV_REQUEST);
    wend_span_end(&t, outer, 200);
    assert_int_equal(t.current, WEND_SPAN_NONE);
}

static void a_point_has_no_length_and_changes_no_nesting(void **state)
{
    struct wend_trace t;
    uint16_t outer;

    (void)state;
    start(&t);
    outer = wend_span_begin(&t, WEND_EV_REQUEST);
    wend_span_point(&t, WEND_EV_FAIL, WEND_SPANS_MAX, WEND_STR("why"));
    assert_int_equal(wend_trace_span(&t, 1)->start_ticks, wend_trace_span(&t, 1)->end_ticks);
    assert_int_equal(wend_trace_span(&t, 1)->parent, outer);
    assert_int_equal(t.current, outer);
}

static void switched_off_it_records_nothing(void **state)
{
    struct wend_trace t;

    (void)state;
    wend_trace_on = false;
    start(&t);
    wend_trace_on = true;
    assert_int_equal(wend_span_begin(&t, WEND_EV_REQUEST), WEND_SPAN_NONE);
    wend_span_point(&t, WEND_EV_FAIL, 1, WEND_STR_NULL);
    assert_int_equal(t.count, 0);
    assert_int_equal(t.dropped, 0);
}

static void ids_are_made_once_and_differ_after_a_fork(void **state)
{
    struct wend_trace a, b;
    uint64_t first, theirs = 0;
    int pipe_ends[2];
    pid_t child;

    (void)state;
    start(&a);
    wend_trace_identify(&a);
    first = a.id[0];
    wend_trace_identify(&a);
    assert_int_equal(a.id[0], first);
    assert_true(a.id[0] != 0 && a.id[1] != 0 && a.span_id != 0);

    assert_int_equal(pipe(pipe_ends), 0);
    child = fork();
    start(&b);
    wend_trace_identify(&b);
    if (child == 0)
        _exit(write(pipe_ends[1], &b.id[0], sizeof b.id[0]) != sizeof b.id[0]);
    assert_int_equal(read(pipe_ends[0], &theirs, sizeof theirs), sizeof theirs);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(theirs != b.id[0]);
    assert_true(b.id[0] != a.id[0]);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

#define GOOD "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static void traceparent_goes_in_and_comes_out(void **state)
{
    struct wend_trace t;
    char out[WEND_TRACEPARENT_LEN + 1];

    (void)state;
    start(&t);
    assert_true(wend_trace_join(&t, WEND_STR(GOOD)));
    assert_true(t.sampled);
    assert_int_equal(t.parent_id, UINT64_C(0xb7ad6b7169203331));
    t.span_id = UINT64_C(0x00f067aa0ba902b7);
    wend_trace_write_parent(&t, out);
    assert_string_equal(out, "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01");
    t.sampled = false;
    wend_trace_write_parent(&t, out);
    assert_string_equal(out, "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-00");
}

static void wrong_traceparents_change_nothing(void **state)
{
    static const char *const wrong[] = {
        "",
        "00",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
        "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01x",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c8031 c-b7ad6b7169203331-01",
        "0g-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    };
    struct wend_trace t;

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(wrong); i++) {
        start(&t);
        assert_false(wend_trace_join(&t, wend_str_of(wrong[i])));
        assert_true(t.id[0] == 0 && t.id[1] == 0 && t.parent_id == 0 && t.sampled);
    }
}

static void a_later_version_of_traceparent_is_read_as_this_one(void **state)
{
    struct wend_trace t;

    (void)state;
    start(&t);
    assert_true(wend_trace_join(
        &t, WEND_STR("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-what-comes")));
    assert_false(t.sampled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_nest_in_the_order_they_began),
        cmocka_unit_test(ending_a_span_ends_what_is_open_inside_it),
        cmocka_unit_test(spans_beyond_the_limit_are_counted_and_harmless),
        cmocka_unit_test(a_point_has_no_length_and_changes_no_nesting),
        cmocka_unit_test(switched_off_it_records_nothing),
        cmocka_unit_test(ids_are_made_once_and_differ_after_a_fork),
        cmocka_unit_test(traceparent_goes_in_and_comes_out),
        cmocka_unit_test(wrong_traceparents_change_nothing),
        cmocka_unit_test(a_later_version_of_traceparent_is_read_as_this_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
