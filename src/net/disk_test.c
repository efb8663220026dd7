/* net/disk_test.c */
#include "net/disk.c"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FILE_BYTES (2 * WEND_DISK_WINDOW)

static struct wend_loop *loop;
static int file;

/* In the working directory: unlike /tmp it is hardly ever in memory alone. */
static void make_file(void)
{
    char name[] = "disk_test.XXXXXX";
    static char bytes[FILE_BYTES];

    file = mkstemp(name);
    assert_true(file >= 0);
    assert_int_equal(unlink(name), 0);
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(write(file, bytes, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(fsync(file), 0);
}

/* False where pages cannot be dropped, as on tmpfs. */
static bool drop(void)
{
    assert_int_equal(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), 0);
    return !is_warm(file, 0, WEND_DISK_WINDOW);
}

static void warm_up(struct wend_task *task, void *arg)
{
    bool can_drop = drop();

    (void)arg;
    assert_int_equal(wend_disk_warm(task, file, 0, WEND_DISK_WINDOW), WEND_OK);
    assert_true(is_warm(file, 0, WEND_DISK_WINDOW) || !can_drop);
    /* Believed for a while, whatever happens to the pages. */
    assert_true(is_known(file, 0, WEND_DISK_WINDOW, wend_loop_now_ns(loop)));
    assert_false(is_known(file, 0, WEND_DISK_WINDOW + 1, wend_loop_now_ns(loop)));
    assert_false(is_known(file, 0, 1, wend_loop_now_ns(loop) + WEND_DISK_WARM_MS * WEND_NS_PER_MS));
    assert_int_equal(wend_disk_warm(task, file, WEND_DISK_WINDOW, WEND_DISK_WINDOW), WEND_OK);
    assert_true(is_known(file, 0, FILE_BYTES, wend_loop_now_ns(loop)));
    /* Beyond the end there is nothing to warm, and nothing to fail. */
    assert_int_equal(wend_disk_warm(task, file, FILE_BYTES * 2, 1), WEND_OK);
    wend_loop_stop(loop);
}

static void read_all(struct wend_task *task, void *arg)
{
    char bytes[1000];
    size_t got = 0;

    (void)arg;
    (void)drop();
    assert_int_equal(wend_disk_read(task, file, bytes, sizeof(bytes), 5, &got), WEND_OK);
    assert_true(got > 0);
    assert_int_equal(bytes[got - 1], 'x');
    assert_int_equal(wend_disk_read(task, file, bytes, sizeof(bytes), FILE_BYTES, &got), WEND_OK);
    assert_int_equal(got, 0);
    assert_int_equal(wend_disk_read(task, -1, bytes, sizeof(bytes), 0, &got), WEND_E_IO);
    wend_loop_stop(loop);
}

static void run(void (*entry)(struct wend_task *, void *))
{
    loop = wend_loop_new(0);
    make_file();
    wend_task_start(loop, entry, NULL);
    wend_loop_run_until_idle(loop);
    close(file);
    wend_offload_stop();
    wend_loop_free(loop);
}

static void a_window_is_warm_afterwards(void **state)
{
    (void)state;
    run(warm_up);
}

static void what_is_cold_is_read_all_the_same(void **state)
{
    (void)state;
    run(read_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_warm_afterwards),
        cmocka_unit_test(what_is_cold_is_read_all_the_same),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
