/* gateway/pool_test.c */
#include "gateway/pool.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct fixture {
    struct wend_arena arena;
    struct wend_buffer out;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    wend_arena_init(&f->arena, WEND_ARENA_UNLIMITED);
    wend_buffer_init(&f->out, 4 * WEND_POOL_FRAME_MAX);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    wend_buffer_release(&f->out);
    wend_arena_release(&f->arena);
    free(f);
    return 0;
}

static void fill_request(struct fixture *f, struct wend_request *request,
                         struct wend_pool_place *place)
{
    *request = (struct wend_request){.method = WEND_POST,
                                     .version = WEND_HTTP_11,
                                     .method_text = WEND_STR("POST"),
                                     .line = WEND_STR("POST /a?b HTTP/1.1"),
                                     .target = WEND_STR("/a?b"),
                                     .path_raw = WEND_STR("/a"),
                                     .query = WEND_STR("b"),
                                     .authority = WEND_STR("EXAMPLE.org:81"),
                                     .host = WEND_STR("example.org"),
                                     .port = 81,
                                     .scheme = WEND_STR("https"),
                                     .content_length = 5,
                                     .keep_alive = true};
    wend_fields_init(&request->fields, NULL, 0, WEND_FIELDS_MAX);
    assert_int_equal(
        wend_fields_add(&request->fields, &f->arena, WEND_FIELD_HOST, WEND_STR("EXAMPLE.org:81")),
        WEND_OK);
    assert_int_equal(
        wend_fields_add_name(&request->fields, &f->arena, WEND_STR("X-Odd"), WEND_STR("")),
        WEND_OK);
    *place = (struct wend_pool_place){.path_info = WEND_STR("/a"),
                                      .server_name = WEND_STR("example.org"),
                                      .variables = WEND_STR("\4\0SITE\1\0x"),
                                      .connection = 77,
                                      .body_bytes = 5,
                                      .send_timeout_ms = 60000};
    assert_true(wend_address_parse_host(WEND_STR("2001:db8::1"), 4711, &place->peer));
    place->local.family = AF_UNIX;
}

static void a_request_reads_back_as_it_was_written(void **state)
{
    struct fixture *f = *state;
    struct wend_request request, got = {0};
    struct wend_pool_place place, at;

    fill_request(f, &request, &place);
    wend_pool_request_write(&f->out, &request, &place);
    assert_int_equal(wend_pool_request_read(wend_buffer_str(&f->out), &f->arena, &got, &at),
                     WEND_OK);
    assert_int_equal(got.method, WEND_POST);
    assert_int_equal(got.version, WEND_HTTP_11);
    assert_true(wend_str_eq(got.line, request.line) && wend_str_eq(got.target, request.target));
    assert_true(wend_str_eq(got.query, request.query) && wend_str_eq(got.host, request.host));
    assert_true(wend_str_eq(got.scheme, WEND_STR("https")));
    assert_int_equal(got.port, 81);
    assert_int_equal(got.content_length, 5);
    assert_true(got.keep_alive && !got.chunked);
    assert_int_equal(got.fields.count, 2);
    assert_int_equal(got.fields.at[0].id, WEND_FIELD_HOST);
    assert_true(wend_str_eq(got.fields.at[1].name, WEND_STR("X-Odd")));
    assert_null(at.script_name.ptr);
    assert_true(wend_str_eq(at.path_info, WEND_STR("/a")));
    assert_true(wend_str_eq(at.variables, place.variables));
    assert_true(wend_address_same(&at.peer, &place.peer));
    assert_int_equal(at.local.family, AF_UNIX);
    assert_int_equal(at.connection, 77);
    assert_int_equal(at.body_bytes, 5);
}

static void absent_and_empty_stay_apart(void **state)
{
    struct fixture *f = *state;
    struct wend_request request, got = {0};
    struct wend_pool_place place, at;

    fill_request(f, &request, &place);
    request.query = WEND_STR("");
    request.content_length = -1;
    request.port = -1;
    place.remote_user = WEND_STR_NULL;
    wend_pool_request_write(&f->out, &request, &place);
    assert_int_equal(wend_pool_request_read(wend_buffer_str(&f->out), &f->arena, &got, &at),
                     WEND_OK);
    assert_non_null(got.query.ptr);
    assert_int_equal(got.query.len, 0);
    assert_int_equal(got.content_length, -1);
    assert_int_equal(got.port, -1);
    assert_null(at.remote_user.ptr);
}

static void variables_that_overlap_are_refused(void **state)
{
    struct fixture *f = *state;
    struct wend_request request, got = {0};
    struct wend_pool_place place, at;

    fill_request(f, &request, &place);
    place.variables = WEND_STR("\5\0SITE\1\0x");
    wend_pool_request_write(&f->out, &request, &place);
    assert_int_equal(wend_pool_request_read(wend_buffer_str(&f->out), &f->arena, &got, &at),
                     WEND_E_PROTOCOL);
}

static void every_cut_of_a_request_is_refused(void **state)
{
    struct fixture *f = *state;
    struct wend_request request, got = {0};
    struct wend_pool_place place, at;

    fill_request(f, &request, &place);
    wend_pool_request_write(&f->out, &request, &place);
    for (size_t len = 0; len < f->out.len; len++)
        assert_int_equal(
            wend_pool_request_read(wend_str_make(f->out.ptr, len), &f->arena, &got, &at),
            WEND_E_PROTOCOL);
    wend_buffer_add_byte(&f->out, 0);
    assert_int_equal(wend_pool_request_read(wend_buffer_str(&f->out), &f->arena, &got, &at),
                     WEND_E_PROTOCOL);
}

static void a_response_cannot_bring_a_line_end(void **state)
{
    struct fixture *f = *state;
    struct wend_response response = {.status = 200, .content_length = -1, .last_modified = -1};
    struct wend_response got = {0};
    struct wend_trace trace = {0};
    struct wend_str spans;

    wend_fields_init(&response.fields, NULL, 0, WEND_FIELDS_MAX);
    wend_fields_init(&got.fields, NULL, 0, WEND_FIELDS_MAX);
    response.reason = WEND_STR("fine\r\nX: y");
    wend_pool_response_write(&f->out, &response, &trace);
    assert_int_equal(wend_pool_response_read(wend_buffer_str(&f->out), &f->arena, &got, &spans),
                     WEND_E_PROTOCOL);
    wend_buffer_clear(&f->out);
    response.reason = WEND_STR("Fine");
    assert_int_equal(
        wend_fields_add_name(&response.fields, &f->arena, WEND_STR("A"), WEND_STR("b\nc")),
        WEND_OK);
    wend_pool_response_write(&f->out, &response, &trace);
    assert_int_equal(wend_pool_response_read(wend_buffer_str(&f->out), &f->arena, &got, &spans),
                     WEND_E_PROTOCOL);
}

static void spans_stand_in_the_others_trace(void **state)
{
    struct fixture *f = *state;
    struct wend_trace theirs, ours;
    struct wend_pool_spans known = {0};
    struct wend_str spans;
    enum wend_pool_state outcome;
    uint16_t here, python, span;

    memset(&ours, 0x55, sizeof(ours)); /* what an earlier request left there */
    wend_trace_start(&ours, 0, 0);
    here = known.inside = wend_span_begin(&ours, WEND_EV_REQUEST);
    wend_trace_start(&theirs, 0, 0);
    span = wend_span_begin(&theirs, WEND_EV_QUEUE);
    wend_span_note(&theirs, span, WEND_STR("UUUU"));
    wend_span_end(&theirs, span, 3);
    python = wend_span_begin(&theirs, WEND_EV_PYTHON);
    wend_pool_outcome_write(&f->out, WEND_POOL_TORN, &theirs);
    assert_int_equal(wend_pool_outcome_read(wend_buffer_str(&f->out), &outcome, &spans), WEND_OK);
    assert_int_equal(outcome, WEND_POOL_TORN);
    assert_int_equal(wend_pool_spans_read(spans, &f->arena, &ours, &known), WEND_OK);
    assert_int_equal(ours.count, 3);
    assert_int_equal(wend_trace_span(&ours, 1)->event, WEND_EV_QUEUE);
    assert_int_equal(wend_trace_span(&ours, 1)->number, 3);
    assert_true(wend_str_eq(wend_trace_span(&ours, 1)->note, WEND_STR("UUUU")));
    assert_int_equal(wend_trace_span(&ours, 1)->parent, here);
    assert_int_equal(wend_trace_span(&ours, 2)->end_ticks, 0);

    /* Told again, the open one has ended, and a new one stands inside it. */
    span = wend_span_begin(&theirs, WEND_EV_ITERATE);
    wend_span_note(&theirs, python, WEND_STR("shop"));
    wend_span_end(&theirs, span, 9);
    wend_span_end(&theirs, python, 200);
    wend_buffer_clear(&f->out);
    wend_pool_outcome_write(&f->out, WEND_POOL_COMPLETE, &theirs);
    assert_int_equal(wend_pool_outcome_read(wend_buffer_str(&f->out), &outcome, &spans), WEND_OK);
    assert_int_equal(wend_pool_spans_read(spans, &f->arena, &ours, &known), WEND_OK);
    assert_int_equal(ours.count, 4);
    assert_int_equal(wend_trace_span(&ours, 2)->number, 200);
    assert_true(wend_trace_span(&ours, 2)->end_ticks >= wend_trace_span(&ours, 2)->start_ticks);
    assert_true(wend_str_eq(wend_trace_span(&ours, 2)->note, WEND_STR("shop")));
    assert_int_equal(wend_trace_span(&ours, 3)->parent, 2);
    assert_int_equal(ours.current, here);
}

static void frames_are_checked(void **state)
{
    static const struct wend_pool_frame good[] = {
        {5, WEND_POOL_REQUEST, WEND_POOL_LAST, 1},
        {WEND_POOL_WINDOW, WEND_POOL_DATA, 0, 9},
        {0, WEND_POOL_CANCEL, 0, UINT32_MAX},
        {0, WEND_POOL_LEAVE, 0, 0},
        {3, WEND_POOL_HELLO, 0, 0},
        {5, WEND_POOL_HEAD, WEND_POOL_PAGE, 2},
    };
    static const struct wend_pool_frame bad[] = {
        {0, 0, 0, 1},                                    /* no type */
        {0, WEND_POOL_LEAVE + 1, 0, 0},                  /* no such type */
        {5, WEND_POOL_REQUEST, 0, 0},                    /* a request of no stream */
        {0, WEND_POOL_LEAVE, 0, 1},                      /* a stream where none may be */
        {WEND_POOL_FRAME_MAX + 1, WEND_POOL_HEAD, 0, 1}, /* too long */
        {WEND_POOL_WINDOW + 1, WEND_POOL_DATA, 0, 1},    /* more than a window */
        {1, WEND_POOL_CANCEL, 0, 1},                     /* a payload where none may be */
        {5, WEND_POOL_DATA, WEND_POOL_LAST, 1},          /* an odd flag */
    };
    struct wend_pool_frame frame;
    char bytes[WEND_POOL_HEAD_BYTES];

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(good); i++) {
        wend_pool_frame_write(&good[i], bytes);
        assert_int_equal(wend_pool_frame_parse(bytes, &frame), WEND_OK);
        assert_int_equal(frame.length, good[i].length);
        assert_int_equal(frame.stream, good[i].stream);
        bytes[6] = 1;
        assert_int_equal(wend_pool_frame_parse(bytes, &frame), WEND_E_PROTOCOL);
    }
    for (size_t i = 0; i < WEND_COUNT(bad); i++) {
        wend_pool_frame_write(&bad[i], bytes);
        assert_int_equal(wend_pool_frame_parse(bytes, &frame), WEND_E_PROTOCOL);
    }
}

static void a_frame_that_is_too_long_is_taken_away_again(void **state)
{
    struct fixture *f = *state;
    size_t began = wend_pool_begin(&f->out, WEND_POOL_HEAD, 0, 1);

    for (size_t i = 0; i <= WEND_POOL_FRAME_MAX; i++)
        wend_buffer_add_byte(&f->out, 'x');
    assert_int_equal(wend_pool_end(&f->out, began), WEND_E_LIMIT);
    assert_int_equal(f->out.len, 0);
    began = wend_pool_begin(&f->out, WEND_POOL_HELLO, 0, 0);
    wend_pool_number_write(&f->out, UINT64_MAX);
    assert_int_equal(wend_pool_end(&f->out, began), WEND_OK);
    assert_int_equal(f->out.len, WEND_POOL_HEAD_BYTES + 10);
}

static void numbers_beyond_64_bits_are_refused(void **state)
{
    static const char largest[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
    static const char beyond[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
    static const char endless[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
    uint64_t number;

    (void)state;
    assert_int_equal(wend_pool_number_read(wend_str_make(largest, 10), &number), WEND_OK);
    assert_true(number == UINT64_MAX);
    assert_int_equal(wend_pool_number_read(wend_str_make(beyond, 10), &number), WEND_E_PROTOCOL);
    assert_int_equal(wend_pool_number_read(wend_str_make(endless, 11), &number), WEND_E_PROTOCOL);
    assert_int_equal(wend_pool_number_read(WEND_STR("\x80"), &number), WEND_E_PROTOCOL);
    assert_int_equal(wend_pool_number_read(WEND_STR(""), &number), WEND_E_PROTOCOL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_request_reads_back_as_it_was_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absent_and_empty_stay_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_cut_of_a_request_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_response_cannot_bring_a_line_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(spans_stand_in_the_others_trace, set_up, tear_down),
        cmocka_unit_test_setup_teardown(variables_that_overlap_are_refused, set_up, tear_down),
        cmocka_unit_test(frames_are_checked),
        cmocka_unit_test_setup_teardown(a_frame_that_is_too_long_is_taken_away_again, set_up,
                                        tear_down),
        cmocka_unit_test(numbers_beyond_64_bits_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
