/* Every row of tests/data/http1_input.tsv through the parsers, under both policies: whole, and then
 * byte by byte as a slow client would send it, which must end the same. */
#include "http/h1_parse.h"
#include "http/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROW_BYTES_MAX 65536
#define LINE_MAX_BYTES 4096

static char bytes[ROW_BYTES_MAX];

/* \r \n \t \\ \xHH and \[N*...]; returns where in `text` it stopped: at the end or at a ']'. */
static const char *decode(const char *text, bool inside, char *out, size_t *len)
{
    while (*text != '\0' && !(inside && *text == ']')) {
        if (*text != '\\') {
            out[(*len)++] = *text++;
            continue;
        }
        text++;
        if (*text == 'x') {
            unsigned byte;

            assert_int_equal(sscanf(text + 1, "%2x", &byte), 1);
            out[(*len)++] = (char)byte;
            text += 3;
        } else if (*text == '[') {
            char *part;
            unsigned long count = strtoul(text + 1, &part, 10);
            size_t start = *len, once;

            assert_true(*part == '*');
            text = decode(part + 1, true, out, len) + 1;
            once = *len - start;
            for (unsigned long i = 1; i < count; i++, *len += once) {
                assert_true(*len + once <= ROW_BYTES_MAX);
                memcpy(out + *len, out + start, once);
            }
            if (count == 0)
                *len = start;
        } else {
            out[(*len)++] = *text == 'r' ? '\r' : *text == 'n' ? '\n' : *text == 't' ? '\t' : *text;
            text++;
        }
    }
    return text;
}

/* What the body's framing says: 200 or 400. */
static int body_status(struct wend_arena *arena, enum wend_h1_policy policy,
                       const struct wend_request *request, const char *body, size_t len,
                       size_t step)
{
    struct wend_h1_chunks chunks = {0};
    struct wend_h1_error error;
    struct wend_buffer trailers;
    struct wend_fields fields;
    struct wend_str data;
    enum wend_code code = WEND_MORE;
    size_t used;

    if (!request->chunked)
        return 200;
    wend_buffer_init_arena(&trailers, arena, WEND_H1_TRAILER_MAX);
    for (size_t at = 0; at < len && code == WEND_MORE; at += used) {
        code = wend_h1_chunks_decode(&chunks, body + at, step < len - at ? step : len - at, &used,
                                     &data, &trailers);
    }
    if (code != WEND_OK)
        return 400;
    assert_false(trailers.overflow);
    code = wend_h1_parse_trailers(arena, wend_buffer_str(&trailers), policy,
                                  &wend_h1_limits_default, &fields, &error);
    return code == WEND_OK ? 200 : 400;
}

/* The status for `len` bytes that arrive `step` at a time; 0: the parser still waits for more. */
static int status_of(enum wend_h1_policy policy, size_t len, size_t step)
{
    struct wend_arena arena;
    struct wend_request request;
    struct wend_h1_error error = {0};
    struct wend_str path;
    enum wend_code code = WEND_MORE;
    size_t seen = 0, used = 0, have = 0;
    int status = 0;

    wend_arena_init(&arena, 1 << 20);
    while (code == WEND_MORE && have < len) {
        have = step < len - have ? have + step : len;
        code = wend_h1_parse_request(&arena, bytes, have, policy, &wend_h1_limits_default, &seen,
                                     &request, &used, &error);
    }
    if (code == WEND_OK) {
        status = request.version == WEND_HTTP_09 ? 9 : 200;
        if (wend_path_normalise(&arena, request.path_raw, true, &path) != WEND_OK &&
            !wend_str_eq(request.path_raw, WEND_STR("*")))
            status = 400;
        if (status == 200)
            status = body_status(&arena, policy, &request, bytes + used, len - used, step);
    } else if (code != WEND_MORE) {
        assert_non_null(error.text);
        assert_true(error.offset <= have);
        status = error.status == 494 ? 400 : error.status;
    }
    wend_arena_release(&arena);
    return status;
}

static int wanted(const char *text)
{
    if (strcmp(text, "ok") == 0)
        return 200;
    return strcmp(text, "0.9") == 0 ? 9 : atoi(text);
}

static int failures;

static void check_row(char *line)
{
    static const enum wend_h1_policy policies[] = {WEND_H1_NGINX, WEND_H1_STRICT};
    static const size_t steps[] = {ROW_BYTES_MAX, 1, 7};
    char *columns[7] = {line};
    size_t len = 0;

    for (int i = 1; i < 7; i++) {
        columns[i] = strchr(columns[i - 1], '\t');
        assert_non_null(columns[i]);
        *columns[i]++ = '\0';
    }
    (void)decode(columns[2], false, bytes, &len);
    for (size_t p = 0; p < WEND_COUNT(policies); p++) {
        for (size_t s = 0; s < WEND_COUNT(steps); s++) {
            int got = status_of(policies[p], len, steps[s]);

            if (got == wanted(columns[3 + p]))
                continue;
            failures++;
            print_error("%s: %s: %s (step %zu) says %d, the table %s\n", columns[0], columns[1],
                        p == 0 ? "nginx" : "strict", steps[s], got, columns[3 + p]);
        }
    }
}

static void every_row_is_answered_as_the_table_says(void **state)
{
    static char line[LINE_MAX_BYTES];
    FILE *table = fopen(getenv("WEND_TABLE"), "r");
    int rows = 0;

    (void)state;
    assert_non_null(table);
    while (fgets(line, sizeof(line), table) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0] == '#' || line[0] == '\0')
            continue;
        check_row(line);
        rows++;
    }
    fclose(table);
    assert_true(rows > 200);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_is_answered_as_the_table_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
