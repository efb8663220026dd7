/* edge/log_format_test.c - formats compile as nginx's and write their lines. */
#include "edge/log_format.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct wend_str names[] = {WEND_STR_INIT("one"), WEND_STR_INIT("none"),
                                        WEND_STR_INIT("quote"), WEND_STR_INIT("empty")};

static const struct wend_str values[] = {
    WEND_STR_INIT("1"), {NULL, 0}, WEND_STR_INIT("a\"b"), WEND_STR_INIT("")};

static const void *find(void *context, struct wend_str name)
{
    (void)context;
    for (size_t i = 0; i < WEND_COUNT(names); i++)
        if (wend_str_eq(names[i], name))
            return &values[i];
    return NULL;
}

static struct wend_str value(void *context, const void *which)
{
    (void)context;
    return *(const struct wend_str *)which;
}

static void rows_of_formats(void **state)
{
    static const struct {
        enum wend_log_escape escape;
        const char *first, *second, *expected;
    } rows[] = {
        {WEND_LOG_ESCAPE_DEFAULT, "$one - [$none] \"$quote\" $empty.", "",
         "1 - [-] \"a\\x22b\" .\n"},
        {WEND_LOG_ESCAPE_JSON, "{\"a\":\"$quote\",", "\"b\":\"$none\"}",
         "{\"a\":\"a\\\"b\",\"b\":\"\"}\n"},
        {WEND_LOG_ESCAPE_NONE, "${one}x$quote$none|", "", "1xa\"b|\n"},
        {WEND_LOG_ESCAPE_DEFAULT, "", "", "\n"},
        {WEND_LOG_ESCAPE_DEFAULT, "$one$one$one", "", "111\n"},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct wend_str texts[2] = {wend_str_of(rows[i].first), wend_str_of(rows[i].second)};
        struct wend_log_format format;
        struct wend_str problem;
        struct wend_arena arena;
        struct wend_buffer out;

        wend_arena_init(&arena, 1 << 20);
        wend_buffer_init(&out, 1000);
        assert_int_equal(wend_log_format_compile(&arena, texts, 2, rows[i].escape, find, NULL,
                                                 &format, &problem),
                         WEND_OK);
        wend_log_format_write(&format, value, NULL, &out);
        wend_buffer_add_byte(&out, '\0');
        assert_string_equal(out.ptr, rows[i].expected);
        wend_buffer_release(&out);
        wend_arena_release(&arena);
    }
}

static void wrong_formats_say_why(void **state)
{
    static const struct {
        const char *text, *problem;
    } rows[] = {
        {"a $nothing", "unknown \"nothing\" variable"},
        {"a $", "invalid parameter \"a $\""},
        {"$ b", "invalid parameter \"$ b\""},
        {"${one", "the closing bracket in \"one\" variable is missing"},
        {"${one.}", "the closing bracket in \"one\" variable is missing"},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct wend_str text = wend_str_of(rows[i].text), problem;
        struct wend_log_format format;
        struct wend_arena arena;

        wend_arena_init(&arena, 1 << 20);
        assert_int_equal(wend_log_format_compile(&arena, &text, 1, WEND_LOG_ESCAPE_DEFAULT, find,
                                                 NULL, &format, &problem),
                         WEND_E_CONFIG);
        assert_true(wend_str_eq(problem, wend_str_of(rows[i].problem)));
        wend_arena_release(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_formats),
        cmocka_unit_test(wrong_formats_say_why),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
