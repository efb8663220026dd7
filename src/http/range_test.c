/* http/range_test.c - Range fields, and bodies cut by them from every shape of stream. */
#include "http/range.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define S(text) WEND_STR(text)
#define BODY "0123456789abcdefghij"
#define MTIME 784111777
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static char sent[4096];
static size_t sent_len;
static unsigned sent_last;

enum wend_code wend_filter_next(struct wend_exchange *x, struct wend_filter_link *link,
                                const struct wend_piece *pieces, size_t count, bool last)
{
    (void)x;
    (void)link;
    for (size_t i = 0; i < count; i++) {
        assert_true(sent_len + pieces[i].len <= sizeof(sent));
        if (pieces[i].kind == WEND_PIECE_MEMORY)
            memcpy(sent + sent_len, pieces[i].memory, pieces[i].len);
        else
            assert_int_equal(
                pread(pieces[i].file, sent + sent_len, pieces[i].len, pieces[i].offset),
                pieces[i].len);
        sent_len += pieces[i].len;
    }
    sent_last += last;
    return WEND_OK;
}

struct fixture {
    struct wend_task task;
    struct wend_exchange x;
};

static void start(struct fixture *f, struct wend_str range)
{
    memset(f, 0, sizeof(*f));
    wend_arena_init(&f->task.arena, 1 << 20);
    f->x.task = &f->task;
    wend_fields_init(&f->x.request.fields, NULL, 0, WEND_FIELDS_MAX);
    wend_fields_init(&f->x.response.fields, NULL, 0, WEND_FIELDS_MAX);
    f->x.request.version = WEND_HTTP_11;
    f->x.response.status = 200;
    f->x.response.etag = S("\"tag\"");
    f->x.response.last_modified = MTIME;
    f->x.response.content_length = sizeof(BODY) - 1;
    f->x.response.content_type = S("text/plain");
    f->x.response.allow_ranges = true;
    sent_len = 0;
    sent_last = 0;
    if (range.ptr != NULL)
        assert_int_equal(
            wend_fields_add(&f->x.request.fields, &f->task.arena, WEND_FIELD_RANGE, range),
            WEND_OK);
}

static void fields_parse_to_windows(void **state)
{
    static const struct {
        const char *value;
        int64_t length;
        unsigned max;
        int status;
        const char *windows;
    } rows[] = {
        {"bytes=0-4", 20, 9, 206, "0-5"},
        {"BYTES=0-4", 20, 9, 206, "0-5"},
        {"bytes=5-", 20, 9, 206, "5-20"},
        {"bytes=-5", 20, 9, 206, "15-20"},
        {"bytes=-50", 20, 9, 206, "0-20"},
        {"bytes=19-99999999999999999999", 20, 9, 416, ""},
        {"bytes=19-9999999999999", 20, 9, 206, "19-20"},
        {"bytes= 0 - 4 , 6 - 7 ", 20, 9, 206, "0-5 6-8"},
        {"bytes=0-0,-1", 20, 9, 206, "0-1 19-20"},
        {"bytes=-1,0-0", 20, 9, 206, "19-20 0-1 !"},
        {"bytes=0-9,5-14", 20, 9, 206, "0-10 5-15 !"},
        {"bytes=0-,0-", 20, 9, 200, "0-20 0-20 !"},
        {"bytes=0-0,2-2,4-4", 20, 2, 200, "0-1 2-3"},
        {"bytes=0-0", 20, 0, 200, ""},
        {"bytes=20-", 20, 9, 416, ""},
        {"bytes=20-30,0-1", 20, 9, 206, "0-2"},
        {"bytes=-0", 20, 9, 416, ""},
        {"bytes=5-4", 20, 9, 416, ""},
        {"bytes=0-0", 0, 9, 200, ""},
        {"bytes=-5", 0, 9, 200, ""},
        {"bytes=1-", 0, 9, 416, ""},
        {"bytes=a-b", 20, 9, 416, ""},
        {"bytes=-", 20, 9, 416, ""},
        {"bytes=1", 20, 9, 416, ""},
        {"bytes=0-1x", 20, 9, 416, ""},
        {"bytes=0-1,", 20, 9, 416, "0-2"},
        {"bytes=,0-1", 20, 9, 416, ""},
        {"bytes=", 20, 9, 200, ""},
        {"items=0-1", 20, 9, 200, ""},
        {"", 20, 9, 200, ""},
    };
    struct wend_arena arena;

    (void)state;
    wend_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct wend_ranges ranges;
        char text[128] = "";
        int status = wend_range_parse(&arena, wend_str_of(rows[i].value), rows[i].length,
                                      rows[i].max, &ranges);

        for (unsigned r = 0; r < ranges.count; r++)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%lld-%lld",
                     r == 0 ? "" : " ", (long long)ranges.at[r].from, (long long)ranges.at[r].to);
        if (!ranges.ascending)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), " !");
        if (status != rows[i].status || strcmp(text, rows[i].windows) != 0)
            fail_msg("%s: %d [%s]", rows[i].value, status, text);
    }
    wend_arena_release(&arena);
}

static void expect_sent(struct wend_str expected)
{
    assert_int_equal(sent_len, expected.len);
    assert_memory_equal(sent, expected.ptr, expected.len);
    assert_int_equal(sent_last, 1);
}

/* The same cut from memory in steps of every size, and from a file. */
static void cut_all_ways(const char *range, struct wend_str expected)
{
    FILE *file = tmpfile();
    struct wend_piece piece;
    struct fixture f;
    void *filter_state;

    assert_non_null(file);
    fputs(BODY, file);
    fflush(file);
    for (size_t step = 1; step <= sizeof(BODY) - 1; step++) {
        start(&f, wend_str_of(range));
        assert_true(wend_filter_range.head(&f.x, &filter_state));
        assert_int_equal(f.x.response.status, 206);
        assert_int_equal(f.x.response.content_length, expected.len);
        for (size_t at = 0; at < sizeof(BODY) - 1; at += step) {
            piece = wend_piece_of(wend_str_slice(S(BODY), at, at + step));
            assert_int_equal(wend_filter_range.body(&f.x, NULL, filter_state, &piece, 1,
                                                    at + step >= sizeof(BODY) - 1),
                             WEND_OK);
        }
        expect_sent(expected);
        wend_arena_release(&f.task.arena);
    }
    start(&f, wend_str_of(range));
    assert_true(wend_filter_range.head(&f.x, &filter_state));
    piece =
        (struct wend_piece){.kind = WEND_PIECE_FILE, .file = fileno(file), .len = sizeof(BODY) - 1};
    assert_int_equal(wend_filter_range.body(&f.x, NULL, filter_state, &piece, 1, true), WEND_OK);
    expect_sent(expected);
    wend_arena_release(&f.task.arena);
    fclose(file);
}

static void one_window_is_cut_from_any_stream(void **state)
{
    (void)state;
    cut_all_ways("bytes=0-4", S("01234"));
    cut_all_ways("bytes=5-", S("56789abcdefghij"));
    cut_all_ways("bytes=-1", S("j"));
    cut_all_ways("bytes=7-7", S("7"));
}

static void multipart_has_nginx_s_shape(void **state)
{
    struct fixture f;
    struct wend_piece piece = wend_piece_of(S(BODY));
    void *filter_state;
    char expected[512], boundary[BOUNDARY_LEN + 1];
    struct wend_str type;

    (void)state;
    start(&f, S("bytes=15-,0-1"));
    assert_true(wend_range_head(&f.x, &filter_state, 9, true));
    type = f.x.response.content_type;
    assert_true(wend_str_starts(type, S("multipart/byteranges; boundary=")));
    snprintf(boundary, sizeof(boundary), "%.*s",
             WEND_STR_ARG(wend_str_from(type, type.len - BOUNDARY_LEN)));
    snprintf(expected, sizeof(expected),
             "\r\n--%s\r\nContent-Type: text/plain\r\nContent-Range: bytes 15-19/20\r\n\r\nfghij"
             "\r\n--%s\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/20\r\n\r\n01"
             "\r\n--%s--\r\n",
             boundary, boundary, boundary);
    assert_int_equal(f.x.response.content_length, strlen(expected));
    assert_null(wend_fields_find(&f.x.response.fields, WEND_FIELD_CONTENT_RANGE));
    assert_int_equal(wend_filter_range.body(&f.x, NULL, filter_state, &piece, 1, true), WEND_OK);
    expect_sent(wend_str_of(expected));
    wend_arena_release(&f.task.arena);
}

static void many_ascending_windows_stream(void **state)
{
    struct fixture f;
    void *filter_state;

    (void)state;
    start(&f, S("bytes=0-0,1-1,2-2,3-3,4-4,5-5,6-6,7-7,8-8,9-9,10-10,11-11"));
    assert_true(wend_filter_range.head(&f.x, &filter_state));
    for (size_t at = 0; at < sizeof(BODY) - 1; at += 3) {
        struct wend_piece piece = wend_piece_of(wend_str_slice(S(BODY), at, at + 3));

        assert_int_equal(wend_filter_range.body(&f.x, NULL, filter_state, &piece, 1, at + 3 >= 20),
                         WEND_OK);
    }
    assert_int_equal(sent_len, f.x.response.content_length);
    assert_int_equal(sent_last, 1);
    wend_arena_release(&f.task.arena);
}

static void windows_out_of_order_need_the_whole_piece(void **state)
{
    struct fixture f;
    void *filter_state;

    (void)state;
    start(&f, S("bytes=15-,0-1"));
    assert_false(wend_filter_range.head(&f.x, &filter_state));
    assert_int_equal(f.x.response.status, 200);
    assert_non_null(wend_fields_find(&f.x.response.fields, WEND_FIELD_ACCEPT_RANGES));
    wend_arena_release(&f.task.arena);
}

static void if_range_decides_between_all_and_part(void **state)
{
    static const struct {
        const char *value;
        int status;
    } rows[] = {
        {"\"tag\"", 206}, {"\"other\"", 200}, {"W/\"tag\"", 200},
        {DATE, 206},      {"yesterday", 200}, {"Sun, 06 Nov 1994 08:49:38 GMT", 200},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct fixture f;
        void *filter_state;

        start(&f, S("bytes=0-1"));
        assert_int_equal(wend_fields_add(&f.x.request.fields, &f.task.arena, WEND_FIELD_IF_RANGE,
                                         wend_str_of(rows[i].value)),
                         WEND_OK);
        (void)wend_filter_range.head(&f.x, &filter_state);
        assert_int_equal(f.x.response.status, rows[i].status);
        wend_arena_release(&f.task.arena);
    }
}

static void a_416_says_how_long_the_body_is(void **state)
{
    struct fixture f;
    void *filter_state;
    struct wend_piece piece = wend_piece_of(S(BODY));

    (void)state;
    start(&f, S("bytes=50-"));
    assert_true(wend_filter_range.head(&f.x, &filter_state));
    assert_int_equal(f.x.response.status, 416);
    assert_true(wend_str_eq(wend_fields_value(&f.x.response.fields, WEND_FIELD_CONTENT_RANGE),
                            S("bytes */20")));
    assert_int_equal(wend_filter_range.body(&f.x, NULL, filter_state, &piece, 1, true), WEND_OK);
    expect_sent(S(""));
    wend_arena_release(&f.task.arena);

    start(&f, S("bytes=50-"));
    assert_true(wend_range_refused(&f.x, 9));
    assert_int_equal(f.x.response.status, 200);
    wend_arena_release(&f.task.arena);
}

static void who_may_not_be_cut_is_left_alone(void **state)
{
    struct fixture f;
    void *filter_state;

    (void)state;
    start(&f, S("bytes=0-1"));
    f.x.response.allow_ranges = false;
    assert_false(wend_filter_range.head(&f.x, &filter_state));
    assert_null(wend_fields_find(&f.x.response.fields, WEND_FIELD_ACCEPT_RANGES));
    f.x.response.allow_ranges = true;
    f.x.response.content_length = -1;
    assert_false(wend_filter_range.head(&f.x, &filter_state));
    f.x.response.content_length = 20;
    f.x.request.version = WEND_HTTP_09;
    assert_false(wend_filter_range.head(&f.x, &filter_state));
    f.x.request.version = WEND_HTTP_10;
    assert_false(wend_range_head(&f.x, &filter_state, 0, true));
    assert_int_equal(f.x.response.status, 200);
    assert_false(f.x.response.allow_ranges);
    wend_arena_release(&f.task.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_parse_to_windows),
        cmocka_unit_test(one_window_is_cut_from_any_stream),
        cmocka_unit_test(multipart_has_nginx_s_shape),
        cmocka_unit_test(many_ascending_windows_stream),
        cmocka_unit_test(windows_out_of_order_need_the_whole_piece),
        cmocka_unit_test(if_range_decides_between_all_and_part),
        cmocka_unit_test(a_416_says_how_long_the_body_is),
        cmocka_unit_test(who_may_not_be_cut_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
