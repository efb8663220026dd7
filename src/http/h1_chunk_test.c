#include "http/h1_chunk.c"

#include "base/arena_test.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char body[4096];
static size_t body_len;
static size_t consumed;
static struct wend_buffer trailers;

/* Decodes `text`, `step` bytes at a time, each in a copy without a byte to spare. */
static enum wend_code decode(const char *text, size_t len, size_t step)
{
    struct wend_h1_chunks chunks = {0};
    enum wend_code code = WEND_MORE;
    size_t used, at = 0;

    body_len = 0;
    wend_buffer_init_arena(&trailers, &arena, WEND_H1_TRAILER_MAX);
    while (code == WEND_MORE && at < len) {
        size_t part = step < len - at ? step : len - at;
        char *bytes = wend_arena_alloc(&arena, part);
        struct wend_str data;

        memcpy(bytes, text + at, part);
        code = wend_h1_chunks_decode(&chunks, bytes, part, &used, &data, &trailers);
        assert_true(used <= part);
        assert_true(body_len + data.len <= sizeof(body));
        if (data.len > 0)
            memcpy(body + body_len, data.ptr, data.len);
        body_len += data.len;
        at += used;
        if (code == WEND_MORE)
            assert_true(used > 0);
    }
    consumed = at;
    return code;
}

static void bodies_come_out_however_they_are_cut(void **state)
{
    static const char text[] = "4\r\nWiki\r\n5;a=\"b;\\\"c\" ; d\r\npedia\r\n0A\r\n in\r\nchun\0"
                               "\r\n0;z\r\nX: y\r\nZ: \xc3\xa4\r\n\r\nGET /";
    size_t len = sizeof(text) - 1;

    (void)state;
    for (size_t step = 1; step <= len; step++) {
        assert_int_equal(decode(text, len, step), WEND_OK);
        assert_int_equal(consumed, len - 5);
        assert_int_equal(body_len, 19);
        assert_memory_equal(body, "Wikipedia in\r\nchun\0", 19);
        assert_true(
            wend_str_eq(wend_buffer_str(&trailers), WEND_STR("X: y\r\nZ: \xc3\xa4\r\n\r\n")));
    }
}

static void an_end_without_trailers_is_one_empty_line(void **state)
{
    (void)state;
    assert_int_equal(decode("0\r\n\r\n", 5, 5), WEND_OK);
    assert_int_equal(body_len, 0);
    assert_true(wend_str_eq(wend_buffer_str(&trailers), WEND_STR("\r\n")));
    for (size_t len = 0; len < 5; len++)
        assert_int_equal(decode("0\r\n\r\n", len, len), WEND_MORE);
}

static void loose_framing_is_refused_at_its_byte(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } rows[] = {
        {"\r\n", 0},
        {" 1\r\n", 0},
        {"g\r\n", 0},
        {"1 \r\n", 2},
        {"1\n", 1},
        {"1\r\r\n", 2},
        {"1\rb", 2},
        {"1;\r\n", 2},
        {"1;a=\r\n", 4},
        {"1;a b\r\n", 4},
        {"1;a=b c\r\n", 6},
        {"1;a=\"\x01\"\r\n", 5},
        {"1;a=\"b\"c\r\n", 7},
        {"1;a=\"b\r\n", 6},
        {"1,a\r\n", 1},
        {"1\r\nbc", 4},
        {"1\r\nb\n", 4},
        {"1\r\nb\r\r", 5},
        {"0\r\n\n", 3},
        {"0\r\nX: y\n", 7},
        {"0\r\nX: y\rz", 8},
        {"0\r\n\rX", 4},
        {"0x1\r\n", 1},
        {"-1\r\n", 0},
        {"8000000000000000\r\n", 15},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        assert_int_equal(decode(rows[i].text, strlen(rows[i].text), 100), WEND_E_SYNTAX);
        assert_int_equal(consumed, rows[i].at);
    }
    assert_int_equal(decode("0\r\nX: \0\r\n", 9, 9), WEND_E_SYNTAX);
}

static void lines_and_trailers_have_limits(void **state)
{
    static char text[WEND_H1_TRAILER_MAX + 16];

    (void)state;
    memset(text, '0', sizeof(text));
    assert_int_equal(decode(text, WEND_H1_CHUNK_LINE_MAX, 100), WEND_MORE);
    assert_int_equal(decode(text, WEND_H1_CHUNK_LINE_MAX + 1, 100), WEND_E_LIMIT);
    memcpy(text, "0\r\n", 3);
    memset(text + 3, 'a', sizeof(text) - 3);
    assert_int_equal(decode(text, WEND_H1_TRAILER_MAX + 3, 1000), WEND_MORE);
    assert_int_equal(decode(text, WEND_H1_TRAILER_MAX + 4, 1000), WEND_E_LIMIT);
}

static void the_largest_chunk_is_taken(void **state)
{
    struct wend_h1_chunks chunks = {0};
    struct wend_str data;
    size_t used;

    (void)state;
    assert_int_equal(
        wend_h1_chunks_decode(&chunks, "7fffffffffffffff\r\nab", 20, &used, &data, NULL),
        WEND_MORE);
    assert_int_equal(data.len, 2);
    assert_int_equal(used, 20);
    assert_int_equal(chunks.left, INT64_MAX - 2);
}

static void chunk_heads_are_hexadecimal(void **state)
{
    static const struct {
        uint64_t size;
        const char *text;
    } rows[] = {
        {0, "0\r\n"},
        {1, "1\r\n"},
        {15, "f\r\n"},
        {16, "10\r\n"},
        {0x1f4, "1f4\r\n"},
        {65536, "10000\r\n"},
        {UINT64_MAX, "ffffffffffffffff\r\n"},
    };
    char out[20];

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        size_t len = wend_h1_chunk_head(rows[i].size, out);

        assert_true(wend_str_eq(wend_str_make(out, len), wend_str_of(rows[i].text)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_come_out_however_they_are_cut),
        cmocka_unit_test(an_end_without_trailers_is_one_empty_line),
        cmocka_unit_test(loose_framing_is_refused_at_its_byte),
        cmocka_unit_test(lines_and_trailers_have_limits),
        cmocka_unit_test(the_largest_chunk_is_taken),
        cmocka_unit_test(chunk_heads_are_hexadecimal),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
