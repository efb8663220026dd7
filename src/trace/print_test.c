/* Views made by hand, so every line printed is known. */
#include "trace/print.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct wend_view view;

/* request 0..20 ms with head, route and a python span that holds a failure. */
static void make_view(void)
{
    uint16_t request, head, python;

    wend_view_start(&view, INT64_C(1795237200123456789));
    view.subject = WEND_STR("GET /a HTTP/1.1");
    request = wend_view_add(&view, WEND_EV_REQUEST, WEND_SPAN_NONE, 0, 20000000);
    view.spans[request].number = 200;
    head = wend_view_add(&view, WEND_EV_HEAD, request, 0, 38000);
    view.spans[head].number = 120;
    python = wend_view_add(&view, WEND_EV_PYTHON, request, 10000000, WEND_VIEW_OPEN);
    view.spans[python].note = WEND_STR("site.\x1b[31mviews");
    wend_view_add(&view, WEND_EV_FAIL, python, 15000000, 15000000);
}

static void check(struct wend_buffer *out, const char *wanted)
{
    assert_false(out->overflow);
    wend_buffer_add_byte(out, '\0');
    assert_string_equal(out->ptr, wanted);
    wend_buffer_release(out);
}

static void the_waterfall_has_a_line_per_span(void **state)
{
    struct wend_print_style style = {.columns = 72, .ascii = true};
    struct wend_buffer out;

    (void)state;
    make_view();
    wend_buffer_init(&out, 4096);
    wend_print_waterfall(&out, &view, &style);
    check(&out, "request      200                 "
                "============================    20.0 ms\n"
                "  head       120 bytes           "
                "=                                 38 us\n"
                "  python     site.\\x1b[31mviews                "
                "==============       open\n"
                "    failure                                           "
                "=           0.0 us\n");
}

static void every_width_keeps_its_lines_equally_wide(void **state)
{
    (void)state;
    make_view();
    view.spans[1].note = WEND_STR("\xc3\xa4\xe2\x82\xac\xff\xe2\x80\xae"
                                  "0123456789012345678901234567");
    for (int columns = -5; columns < 300; columns++) {
        struct wend_print_style style = {.columns = columns, .ascii = false};
        struct wend_buffer out;
        struct wend_str rest, line;
        size_t width = 0;

        wend_buffer_init(&out, 1 << 16);
        wend_print_waterfall(&out, &view, &style);
        rest = wend_buffer_str(&out);
        rest.len--; /* the last newline */
        while (wend_str_split(&rest, '\n', &line)) {
            size_t columns_here = shown_columns(line, 1000);

            if (width == 0)
                width = columns_here;
            assert_int_equal(columns_here, width);
        }
        assert_in_range(width, WEND_PRINT_COLUMNS_MIN, WEND_PRINT_COLUMNS_MAX);
        if (columns >= WEND_PRINT_COLUMNS_MIN && columns <= WEND_PRINT_COLUMNS_MAX)
            assert_int_equal(width, columns);
        wend_buffer_release(&out);
    }
}

static void a_number_the_note_says_is_not_repeated(void **state)
{
    char text[NOTE_TEXT_MAX];
    struct wend_view_span span = {.event = WEND_EV_CONNECT, .number = 80};

    (void)state;
    assert_true(wend_str_eq(note_text(&span, text), WEND_STR("80 port")));
    span.note = WEND_STR("127.0.0.1:80");
    assert_true(wend_str_eq(note_text(&span, text), WEND_STR("127.0.0.1:80")));
    span = (struct wend_view_span){.event = WEND_EV_DNS, .number = 1, .note = WEND_STR("::1")};
    assert_true(wend_str_eq(note_text(&span, text), WEND_STR("::1")));
    span.number = 2;
    assert_true(wend_str_eq(note_text(&span, text), WEND_STR("::1 2 addresses")));
}

static void colors_surround_bars_only(void **state)
{
    struct wend_print_style style = {.columns = 60, .color = true, .ascii = true};
    struct wend_buffer out;

    (void)state;
    make_view();
    wend_buffer_init(&out, 4096);
    wend_print_waterfall(&out, &view, &style);
    assert_true(wend_str_find(wend_buffer_str(&out), WEND_STR("\033[35m==")) > 0);
    assert_true(wend_str_find(wend_buffer_str(&out), WEND_STR("\033[31mviews")) < 0);
    wend_buffer_release(&out);
}

static void durations_keep_three_digits(void **state)
{
    static const struct {
        int64_t ns;
        const char *text;
    } rows[] = {{0, "0.0 \xc2\xb5s"},
                {949, "0.9 \xc2\xb5s"},
                {38000, "38 \xc2\xb5s"},
                {999499, "999 \xc2\xb5s"},
                {999500, "1.00 ms"},
                {21400000, "21.4 ms"},
                {999499999, "999 ms"},
                {INT64_C(1200000000), "1.20 s"},
                {INT64_C(75000000000), "75.0 s"}};

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct wend_buffer out;

        wend_buffer_init(&out, 64);
        wend_print_duration(&out, rows[i].ns);
        check(&out, rows[i].text);
    }
}

static void server_timing_names_ended_spans(void **state)
{
    struct wend_buffer out;

    (void)state;
    make_view();
    wend_buffer_init(&out, 4096);
    assert_int_equal(wend_print_server_timing(&out, &view, 0, false, 2048), 4);
    check(&out, "request;dur=20.000;t=0.000, head;dur=0.038;t=0.000, fail;dur=0.000;t=15.000");
    wend_buffer_init(&out, 4096);
    wend_print_server_timing(&out, &view, 2, true, 2048);
    check(&out, "python;dur=10.000;t=10.000;desc=\"site.?[31mviews\", fail;dur=0.000;t=15.000");
}

static void server_timing_stops_at_its_limit(void **state)
{
    struct wend_buffer out;

    (void)state;
    make_view();
    view.spans[0].note =
        WEND_STR("quote \" and \\ and \r\n here, and a very long text that goes on and on");
    wend_buffer_init(&out, 4096);
    assert_int_equal(wend_print_server_timing(&out, &view, 0, true, 110), 1);
    check(&out,
          "request;dur=20.000;t=0.000;desc=\"quote \\\" and \\\\ and ?? here, and a very long "
          "text that goes on and\"");
    wend_buffer_init(&out, 4096);
    assert_int_equal(wend_print_server_timing(&out, &view, 0, true, 0), 0);
    assert_int_equal(out.len, 0);
    wend_buffer_release(&out);
}

static void json_has_every_span(void **state)
{
    struct wend_buffer out;

    (void)state;
    make_view();
    view.count = 2;
    view.id[1] = 0xabc;
    view.spans[1].note = WEND_STR("a\"b\x01\xff");
    wend_buffer_init(&out, 4096);
    wend_print_json(&out, &view);
    check(&out,
          "{\"id\":\"00000000000000000000000000000abc\",\"span\":null,\"parent\":null,"
          "\"time\":1795237200.123456,\"duration_ms\":20.000000,\"subject\":\"GET /a HTTP/1.1\","
          "\"dropped\":0,\"spans\":["
          "{\"event\":\"REQUEST\",\"label\":\"request\",\"layer\":\"http\",\"start_ms\":0.000000,"
          "\"duration_ms\":20.000000,\"parent\":null,\"number\":200,\"note\":null},"
          "{\"event\":\"HEAD\",\"label\":\"head\",\"layer\":\"http\",\"start_ms\":0.000000,"
          "\"duration_ms\":0.038000,\"parent\":0,\"number\":120,"
          "\"note\":\"a\\\"b\\u0001\xef\xbf\xbd\"}]}");
}

static void a_full_view_counts_what_it_drops(void **state)
{
    struct wend_buffer out;
    struct wend_print_style style = {.columns = 40};

    (void)state;
    wend_view_start(&view, 0);
    for (int i = 0; i < WEND_VIEW_SPANS_MAX; i++)
        assert_int_equal(wend_view_add(&view, WEND_EV_FAIL, (uint16_t)(i - 1), -5, -7), i);
    assert_int_equal(wend_view_add(&view, WEND_EV_FAIL, 0, 0, 0), WEND_SPAN_NONE);
    assert_int_equal(view.dropped, 1);
    wend_buffer_init(&out, 1 << 16);
    wend_print_waterfall(&out, &view, &style);
    assert_true(wend_str_ends(wend_buffer_str(&out), WEND_STR("(1 more spans were not kept)\n")));
    wend_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_waterfall_has_a_line_per_span),
        cmocka_unit_test(every_width_keeps_its_lines_equally_wide),
        cmocka_unit_test(a_number_the_note_says_is_not_repeated),
        cmocka_unit_test(colors_surround_bars_only),
        cmocka_unit_test(durations_keep_three_digits),
        cmocka_unit_test(server_timing_names_ended_spans),
        cmocka_unit_test(server_timing_stops_at_its_limit),
        cmocka_unit_test(json_has_every_span),
        cmocka_unit_test(a_full_view_counts_what_it_drops),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
