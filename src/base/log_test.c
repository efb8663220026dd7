/* base/log_test.c */
#include "base/log.c"

#include <errno.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char last[WEND_LOG_LINE_MAX + 1];
static int lines;

static void keep_line(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log, (void)level;
    assert_true(line.len <= WEND_LOG_LINE_MAX);
    memcpy(last, line.ptr, line.len);
    last[line.len] = '\0';
    lines++;
}

static struct wend_log test_log = {.level = WEND_LOG_INFO, .sink = keep_line};

static void writes_the_known_form(void **state)
{
    char expected[200];

    (void)state;
    snprintf(expected, sizeof(expected),
             " [error] %d#%d: *7 open() \"/x\" failed (2: No such file or directory)\n",
             (int)getpid(), (int)gettid());
    wend_log(&test_log, WEND_LOG_ERROR, 7, ENOENT, "open() \"%s\" failed", "/x");
    assert_string_equal(last + strlen("2026/11/21 04:18:56"), expected);
}

static void makes_no_line_above_its_level(void **state)
{
    (void)state;
    lines = 0;
    wend_log(&test_log, WEND_LOG_DEBUG, 0, 0, "quiet");
    assert_int_equal(lines, 0);
}

static void control_bytes_cannot_forge_a_line(void **state)
{
    (void)state;
    wend_log(&test_log, WEND_LOG_INFO, 0, 0, "a\nb\x1b[0m\x7f \xc3\xa4");
    assert_non_null(strstr(last, "a\\x0ab\\x1b[0m\\x7f \xc3\xa4\n"));
}

static void long_lines_are_cut(void **state)
{
    char text[5000];

    (void)state;
    memset(text, '\x01', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    wend_log(&test_log, WEND_LOG_INFO, 0, 99999, "%s", text);
    assert_int_equal(last[strlen(last) - 1], '\n');
    assert_null(memchr(last, '\x01', strlen(last)));
}

static void fail_to_write(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log, (void)level, (void)line;
    errno = ENOSPC;
}

static void errno_outlives_a_line(void **state)
{
    struct wend_log full = {.level = WEND_LOG_INFO, .sink = fail_to_write};

    (void)state;
    errno = EAGAIN;
    wend_log(&full, WEND_LOG_ERROR, 0, errno, "lost");
    assert_int_equal(errno, EAGAIN);
}

static void levels_have_names(void **state)
{
    enum wend_log_level level;

    (void)state;
    assert_true(wend_log_level_parse(WEND_STR("emerg"), &level) && level == WEND_LOG_EMERG);
    assert_true(wend_log_level_parse(WEND_STR("debug"), &level) && level == WEND_LOG_DEBUG);
    assert_false(wend_log_level_parse(WEND_STR("stderr"), &level));
    assert_false(wend_log_level_parse(WEND_STR(""), &level));
    assert_string_equal(level_name(WEND_LOG_WARN), "warn");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_the_known_form),
        cmocka_unit_test(makes_no_line_above_its_level),
        cmocka_unit_test(control_bytes_cannot_forge_a_line),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(errno_outlives_a_line),
        cmocka_unit_test(levels_have_names),
    };

    return cmocka_run_group_tests_name("base.log", tests, NULL, NULL);
}
