#include "trace/record.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct wend_trace trace;
static struct wend_view view, direct;

static void a_record_reads_back_as_the_trace_it_was(void **state)
{
    char bytes[WEND_RECORD_MAX];
    uint16_t request, head;
    size_t len;

    (void)state;
    wend_trace_start(&trace, 0, 1234567890);
    trace.id[0] = 1;
    trace.id[1] = 2;
    trace.span_id = 3;
    trace.parent_id = 4;
    request = wend_span_begin(&trace, WEND_EV_REQUEST);
    head = wend_span_begin(&trace, WEND_EV_HEAD);
    wend_span_note(&trace, head, WEND_STR("note"));
    wend_span_end(&trace, head, -7);
    (void)wend_span_begin(&trace, WEND_EV_PYTHON);
    (void)request;
    len = wend_record_write(&trace, WEND_STR("GET / HTTP/1.1"), bytes);
    assert_int_equal(wend_record_read(wend_str_make(bytes, len), &view), WEND_OK);
    wend_view_of_trace(&direct, &trace);
    assert_memory_equal(view.id, direct.id, sizeof view.id);
    assert_int_equal(view.span_id, 3);
    assert_int_equal(view.parent_id, 4);
    assert_int_equal(view.wall_ns, 1234567890);
    assert_int_equal(view.count, 3);
    assert_true(wend_str_eq(view.subject, WEND_STR("GET / HTTP/1.1")));
    for (int i = 0; i < 3; i++) {
        assert_int_equal(view.spans[i].event, direct.spans[i].event);
        assert_int_equal(view.spans[i].parent, direct.spans[i].parent);
        assert_int_equal(view.spans[i].number, direct.spans[i].number);
        assert_int_equal(view.spans[i].start_ns, direct.spans[i].start_ns);
        assert_true(wend_str_eq(view.spans[i].note, direct.spans[i].note));
    }
    assert_int_equal(view.spans[2].end_ns, WEND_VIEW_OPEN);
    assert_int_not_equal(view.spans[1].end_ns, WEND_VIEW_OPEN);

    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(wend_record_read(wend_str_make(bytes, cut), &view), WEND_E_SYNTAX);
}

static void the_longest_trace_still_fits(void **state)
{
    static char note[5000];
    char bytes[WEND_RECORD_MAX];
    size_t len;

    (void)state;
    memset(note, 'n', sizeof note);
    wend_trace_start(&trace, 1, 0);
    for (int i = 0; i < WEND_SPANS_MAX + 3; i++) {
        uint16_t span = wend_span_begin_at(&trace, WEND_EV_PROXY, UINT64_MAX / 2);

        wend_span_note(&trace, span, wend_str_make(note, sizeof note));
        if (span != WEND_SPAN_NONE)
            wend_span_end_at(&trace, span, INT64_MIN, UINT64_MAX / 2 + UINT32_MAX);
    }
    len = wend_record_write(&trace, wend_str_make(note, sizeof note), bytes);
    assert_in_range(len, 900, WEND_RECORD_MAX);
    assert_int_equal(wend_record_read(wend_str_make(bytes, len), &view), WEND_OK);
    assert_int_equal(view.count + view.dropped, WEND_SPANS_MAX + 3);
    assert_true(view.count >= 20);
    assert_int_equal(view.subject.len, WEND_RECORD_SUBJECT_MAX);
    assert_int_equal(view.spans[0].number, INT64_MIN);
}

static void foreign_bytes_are_refused(void **state)
{
    char bytes[64];

    (void)state;
    for (int fill = 0; fill < 256; fill++) {
        memset(bytes, fill, sizeof bytes);
        assert_int_equal(wend_record_read(wend_str_make(bytes, sizeof bytes), &view),
                         WEND_E_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_back_as_the_trace_it_was),
        cmocka_unit_test(the_longest_trace_still_fits),
        cmocka_unit_test(foreign_bytes_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
