/* edge/log_file_test.c - lines arrive whole, buffered or not, and follow a rotation. */
#include "edge/log_file.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct wend_timer *running;

int64_t wend_loop_now_ns(const struct wend_loop *loop)
{
    (void)loop;
    return 0;
}

void wend_timer_start(struct wend_loop *loop, struct wend_timer *timer, int64_t at_ns)
{
    (void)loop;
    timer->at_ns = at_ns;
    timer->node.next = timer->node.prev = &timer->node;
    running = timer;
}

void wend_timer_stop(struct wend_loop *loop, struct wend_timer *timer)
{
    (void)loop;
    timer->node.next = timer->node.prev = NULL;
    running = NULL;
}

static char directory[] = "/tmp/wend_log_XXXXXX";
static char path[64], rotated[64];

static void expect_content(const char *of, const char *expected)
{
    char text[4096];
    FILE *file = fopen(of, "r");
    size_t len;

    assert_non_null(file);
    len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
}

static struct wend_log_file *open_fresh(void)
{
    struct wend_log_file *file;

    snprintf(path, sizeof(path), "%s/log", directory);
    snprintf(rotated, sizeof(rotated), "%s/log.1", directory);
    (void)unlink(path);
    (void)unlink(rotated);
    assert_int_equal(wend_log_file_open(wend_str_of(path), &file), WEND_OK);
    return file;
}

static void a_line_is_written_at_once(void **state)
{
    struct wend_log_file *file = open_fresh(), *again;

    (void)state;
    assert_int_equal(wend_log_file_open(wend_str_of(path), &again), WEND_OK);
    assert_ptr_equal(file, again);
    wend_log_file_write(file, NULL, WEND_STR("one\n"));
    wend_log_file_write(again, NULL, WEND_STR("two\n"));
    expect_content(path, "one\ntwo\n");
    wend_log_file_unref(file);
    wend_log_file_unref(again);
    assert_int_equal(files_count, 0);
}

static void a_buffer_holds_whole_lines(void **state)
{
    struct wend_log_file *file = open_fresh();
    struct wend_loop *loop = (struct wend_loop *)&path; /* never looked into */

    (void)state;
    assert_int_equal(wend_log_file_buffer(file, 10, 1000, 0), WEND_OK);
    assert_int_equal(wend_log_file_buffer(file, 10, 1000, 0), WEND_OK);
    assert_int_equal(wend_log_file_buffer(file, 20, 1000, 0), WEND_E_STATE);
    wend_log_file_claim(file, 1);
    assert_int_equal(wend_log_file_buffer(file, 10, 1000, 0), WEND_OK);
    wend_log_file_write(file, loop, WEND_STR("one\n"));
    wend_log_file_write(file, loop, WEND_STR("two\n"));
    expect_content(path, "");
    wend_log_file_write(file, loop, WEND_STR("six\n"));
    expect_content(path, "one\ntwo\n");
    wend_log_file_write(file, loop, WEND_STR("longer than all\n"));
    expect_content(path, "one\ntwo\nsix\nlonger than all\n");
    wend_log_file_write(file, loop, WEND_STR("last\n"));
    assert_non_null(running);
    running->fire(running);
    expect_content(path, "one\ntwo\nsix\nlonger than all\nlast\n");
    wend_log_file_claim(file, 2);
    wend_log_file_write(file, loop, WEND_STR("unbuffered\n"));
    expect_content(path, "one\ntwo\nsix\nlonger than all\nlast\nunbuffered\n");
    wend_log_file_unref(file);
}

static void reopening_follows_a_rotation(void **state)
{
    struct wend_log_file *file = open_fresh();
    int before = wend_log_file_descriptor(file);

    (void)state;
    wend_log_file_write(file, NULL, WEND_STR("old\n"));
    assert_int_equal(rename(path, rotated), 0);
    wend_log_file_write(file, NULL, WEND_STR("still old\n"));
    wend_log_files_reopen();
    assert_int_equal(wend_log_file_descriptor(file), before);
    wend_log_file_write(file, NULL, WEND_STR("new\n"));
    expect_content(rotated, "old\nstill old\n");
    expect_content(path, "new\n");
    wend_log_file_unref(file);
}

static void a_full_disk_costs_lines_only(void **state)
{
    struct wend_log_file *file;

    (void)state;
    wend_log_process->level = WEND_LOG_STDERR;
    assert_int_equal(wend_log_file_open(WEND_STR("/dev/full"), &file), WEND_OK);
    wend_log_file_write(file, NULL, WEND_STR("lost\n"));
    assert_true(file->full_until_ns > 0);
    wend_log_file_write(file, NULL, WEND_STR("not tried\n"));
    wend_log_file_unref(file);
    assert_int_equal(wend_log_file_open(WEND_STR("/nonexistent/log"), &file), WEND_E_IO);
    assert_int_equal(errno, ENOENT);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    (void)unlink(path);
    (void)unlink(rotated);
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_written_at_once),
        cmocka_unit_test(a_buffer_holds_whole_lines),
        cmocka_unit_test(reopening_follows_a_rotation),
        cmocka_unit_test(a_full_disk_costs_lines_only),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
