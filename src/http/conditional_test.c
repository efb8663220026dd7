/* http/conditional_test.c - preconditions against one file's validators. */
#include "http/conditional.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S(text) WEND_STR(text)
#define MTIME 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"
#define TAG "\"2ebc9a21-5\""

static bool dropped_last;

enum wend_code wend_filter_next(struct wend_exchange *x, struct wend_filter_link *link,
                                const struct wend_piece *pieces, size_t count, bool last)
{
    (void)x;
    (void)link;
    (void)pieces;
    assert_int_equal(count, 0);
    dropped_last = last;
    return WEND_OK;
}

struct fixture {
    struct wend_task task;
    struct wend_exchange x;
};

static void start(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    wend_arena_init(&f->task.arena, 1 << 20);
    f->x.task = &f->task;
    wend_fields_init(&f->x.request.fields, NULL, 0, WEND_FIELDS_MAX);
    wend_fields_init(&f->x.response.fields, NULL, 0, WEND_FIELDS_MAX);
    f->x.response.status = 200;
    f->x.response.etag = S(TAG);
    f->x.response.last_modified = MTIME;
    f->x.response.content_length = 5;
    f->x.response.content_type = S("text/plain");
    f->x.response.allow_ranges = true;
}

static void give(struct fixture *f, enum wend_field_id id, struct wend_str value)
{
    assert_int_equal(wend_fields_add(&f->x.request.fields, &f->task.arena, id, value), WEND_OK);
}

static void every_precondition_and_their_pairs(void **state)
{
    static const struct {
        int expected;
        enum wend_if_modified_since mode;
        enum wend_field_id first;
        struct wend_str first_value;
        enum wend_field_id second;
        struct wend_str second_value;
    } rows[] = {
#define ONE(status, mode, id, value)                                                               \
    {                                                                                              \
        status, WEND_IMS_##mode, WEND_FIELD_##id, WEND_STR_INIT(value), 0,                         \
        {                                                                                          \
            NULL, 0                                                                                \
        }                                                                                          \
    }
#define TWO(status, id1, value1, id2, value2)                                                      \
    {                                                                                              \
        status, WEND_IMS_EXACT, WEND_FIELD_##id1, WEND_STR_INIT(value1), WEND_FIELD_##id2,         \
            WEND_STR_INIT(value2)                                                                  \
    }
        ONE(200, EXACT, ACCEPT, "*/*"),
        ONE(304, EXACT, IF_MODIFIED_SINCE, DATE),
        ONE(200, EXACT, IF_MODIFIED_SINCE, BEFORE),
        ONE(200, EXACT, IF_MODIFIED_SINCE, AFTER),
        ONE(304, BEFORE, IF_MODIFIED_SINCE, AFTER),
        ONE(200, BEFORE, IF_MODIFIED_SINCE, BEFORE),
        ONE(304, BEFORE, IF_MODIFIED_SINCE, DATE),
        ONE(200, OFF, IF_MODIFIED_SINCE, DATE),
        ONE(200, EXACT, IF_MODIFIED_SINCE, "yesterday"),
        ONE(200, BEFORE, IF_MODIFIED_SINCE, "yesterday"),
        ONE(304, EXACT, IF_NONE_MATCH, TAG),
        ONE(304, EXACT, IF_NONE_MATCH, "W/" TAG),
        ONE(304, EXACT, IF_NONE_MATCH, "*"),
        ONE(200, EXACT, IF_NONE_MATCH, "\"other\""),
        ONE(304, EXACT, IF_NONE_MATCH, "\"other\", " TAG),
        ONE(200, EXACT, IF_MATCH, TAG),
        ONE(200, EXACT, IF_MATCH, "*"),
        ONE(412, EXACT, IF_MATCH, "W/" TAG),
        ONE(412, EXACT, IF_MATCH, "\"other\""),
        ONE(200, EXACT, IF_UNMODIFIED_SINCE, DATE),
        ONE(200, EXACT, IF_UNMODIFIED_SINCE, AFTER),
        ONE(412, EXACT, IF_UNMODIFIED_SINCE, BEFORE),
        ONE(412, EXACT, IF_UNMODIFIED_SINCE, "yesterday"),
        TWO(304, IF_MODIFIED_SINCE, DATE, IF_NONE_MATCH, TAG),
        TWO(200, IF_MODIFIED_SINCE, DATE, IF_NONE_MATCH, "\"other\""),
        TWO(200, IF_MODIFIED_SINCE, BEFORE, IF_NONE_MATCH, TAG),
        TWO(412, IF_UNMODIFIED_SINCE, BEFORE, IF_MATCH, TAG),
        TWO(412, IF_UNMODIFIED_SINCE, DATE, IF_MATCH, "\"other\""),
        TWO(412, IF_MATCH, "\"other\"", IF_NONE_MATCH, TAG),
        TWO(304, IF_MATCH, TAG, IF_NONE_MATCH, TAG),
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct fixture f;

        start(&f);
        give(&f, rows[i].first, rows[i].first_value);
        if (rows[i].second != 0)
            give(&f, rows[i].second, rows[i].second_value);
        if (wend_conditional_check(&f.x, rows[i].mode) != rows[i].expected)
            fail_msg("row %zu: not %d", i, rows[i].expected);
        wend_arena_release(&f.task.arena);
    }
}

static void other_statuses_are_left_alone(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    f.x.response.status = 404;
    give(&f, WEND_FIELD_IF_NONE_MATCH, S("*"));
    assert_int_equal(wend_conditional_check(&f.x, WEND_IMS_EXACT), 200);
    wend_arena_release(&f.task.arena);
}

static void without_validators_only_the_star_matches(void **state)
{
    struct fixture f;

    (void)state;
    start(&f);
    f.x.response.etag = WEND_STR_NULL;
    f.x.response.last_modified = -1;
    give(&f, WEND_FIELD_IF_MATCH, S(TAG));
    assert_int_equal(wend_conditional_check(&f.x, WEND_IMS_EXACT), 412);
    wend_arena_release(&f.task.arena);
}

static void a_304_keeps_what_a_cache_needs(void **state)
{
    struct fixture f;
    void *filter_state = NULL;

    (void)state;
    start(&f);
    give(&f, WEND_FIELD_IF_NONE_MATCH, S(TAG));
    assert_int_equal(wend_fields_add(&f.x.response.fields, &f.task.arena, WEND_FIELD_CACHE_CONTROL,
                                     S("max-age=3")),
                     WEND_OK);
    assert_int_equal(wend_fields_add(&f.x.response.fields, &f.task.arena,
                                     WEND_FIELD_CONTENT_ENCODING, S("gzip")),
                     WEND_OK);
    assert_false(wend_filter_conditional.head(&f.x, &filter_state));
    assert_int_equal(f.x.response.status, 304);
    assert_true(f.x.header_only);
    assert_true(wend_str_eq(f.x.response.etag, S(TAG)));
    assert_int_equal(f.x.response.last_modified, MTIME);
    assert_int_equal(f.x.response.content_length, -1);
    assert_null(f.x.response.content_type.ptr);
    assert_non_null(wend_fields_find(&f.x.response.fields, WEND_FIELD_CACHE_CONTROL));
    assert_null(wend_fields_find(&f.x.response.fields, WEND_FIELD_CONTENT_ENCODING));
    wend_arena_release(&f.task.arena);
}

static void a_412_drops_the_body(void **state)
{
    struct fixture f;
    struct wend_piece piece = wend_piece_of(S("hello"));
    void *filter_state = NULL;

    (void)state;
    start(&f);
    give(&f, WEND_FIELD_IF_MATCH, S("\"other\""));
    assert_true(wend_filter_conditional.head(&f.x, &filter_state));
    assert_int_equal(f.x.response.status, 412);
    assert_int_equal(f.x.response.content_length, 0);
    dropped_last = false;
    assert_int_equal(wend_filter_conditional.body(&f.x, NULL, NULL, &piece, 1, false), WEND_OK);
    assert_false(dropped_last);
    assert_int_equal(wend_filter_conditional.body(&f.x, NULL, NULL, &piece, 1, true), WEND_OK);
    assert_true(dropped_last);
    wend_arena_release(&f.task.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_precondition_and_their_pairs),
        cmocka_unit_test(other_statuses_are_left_alone),
        cmocka_unit_test(without_validators_only_the_star_matches),
        cmocka_unit_test(a_304_keeps_what_a_cache_needs),
        cmocka_unit_test(a_412_drops_the_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
