/* net/pidfile_test.c */
#include "net/pidfile.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char directory[] = "/tmp/wend-pidfile-XXXXXX";

static const char *in_directory(char text[64], const char *name)
{
    snprintf(text, 64, "%s/%s", directory, name);
    return text;
}

static bool says_our_pid(const char *path)
{
    pid_t pid = 0;

    return wend_pidfile_read(path, &pid) == WEND_OK && pid == getpid();
}

static void is_never_written(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log, (void)level, (void)line;
}

static void are_written_and_read(void **state)
{
    char path[64];
    pid_t pid;
    int fd;

    (void)state;
    snprintf(path, sizeof(path), "%s/pid", directory);
    assert_int_equal(wend_pidfile_read(path, &pid), WEND_E_NOT_FOUND);
    assert_int_equal(wend_pidfile_write(path, 4711), WEND_OK);
    assert_int_equal(wend_pidfile_read(path, &pid), WEND_OK);
    assert_int_equal(pid, 4711);
    assert_int_equal(wend_pidfile_write(path, 12), WEND_OK);
    assert_int_equal(wend_pidfile_read(path, &pid), WEND_OK);
    assert_int_equal(pid, 12);
    for (int i = 0; i < 5; i++) {
        static const char *const wrong[] = {"", "x", "0", "-1", "99999999999"};

        fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
        assert_int_equal(write(fd, wrong[i], strlen(wrong[i])), strlen(wrong[i]));
        close(fd);
        assert_int_equal(wend_pidfile_read(path, &pid), WEND_E_SYNTAX);
    }
    unlink(path);
    assert_int_equal(wend_pidfile_write("/no/such/pid", 1), WEND_E_NOT_FOUND);
}

static void the_kept_one_follows_its_name(void **state)
{
    struct wend_pidfile kept = {NULL};
    char a[64], b[64];

    (void)state;
    in_directory(a, "a");
    in_directory(b, "b");
    wend_pidfile_keep(&kept, NULL);
    assert_null(kept.path);
    wend_pidfile_keep(&kept, a);
    assert_true(says_our_pid(a));
    wend_pidfile_keep(&kept, b);
    assert_true(says_our_pid(b));
    assert_int_not_equal(access(a, F_OK), 0);
    wend_pidfile_remove(&kept);
    assert_int_not_equal(access(b, F_OK), 0);
    wend_pidfile_remove(&kept); /* nothing is left to remove */
}

static void one_that_cannot_be_written_changes_nothing(void **state)
{
    struct wend_log quiet = {.level = WEND_LOG_DEBUG, .sink = is_never_written};
    struct wend_log *before = wend_log_process;
    struct wend_pidfile kept = {NULL};
    char a[64];

    (void)state;
    wend_log_process = &quiet;
    wend_pidfile_keep(&kept, in_directory(a, "a"));
    wend_pidfile_keep(&kept, "/no/such/pid");
    assert_string_equal(kept.path, a);
    assert_true(says_our_pid(a));
    wend_pidfile_remove(&kept);
    wend_log_process = before;
}

static void it_goes_aside_for_another_executable_and_comes_back(void **state)
{
    struct wend_pidfile kept = {NULL};
    char a[64], old[64];

    (void)state;
    in_directory(a, "a");
    in_directory(old, "a.oldbin");
    wend_pidfile_set_aside(&kept); /* none was written */
    wend_pidfile_bring_back(&kept);
    wend_pidfile_keep(&kept, a);
    wend_pidfile_bring_back(&kept); /* it never went */
    assert_true(says_our_pid(a));
    wend_pidfile_set_aside(&kept);
    assert_true(says_our_pid(old));
    assert_int_not_equal(access(a, F_OK), 0);
    wend_pidfile_bring_back(&kept);
    assert_true(says_our_pid(a));
    assert_int_not_equal(access(old, F_OK), 0);
    wend_pidfile_set_aside(&kept);
    assert_int_equal(wend_pidfile_write(a, 4711), WEND_OK); /* the other's */
    wend_pidfile_remove(&kept);
    assert_int_not_equal(access(old, F_OK), 0);
    assert_int_equal(access(a, F_OK), 0);
    unlink(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_written_and_read),
        cmocka_unit_test(the_kept_one_follows_its_name),
        cmocka_unit_test(one_that_cannot_be_written_changes_nothing),
        cmocka_unit_test(it_goes_aside_for_another_executable_and_comes_back),
    };
    int failed;

    if (mkdtemp(directory) == NULL)
        return 1;
    failed = cmocka_run_group_tests_name("net.pidfile", tests, NULL, NULL);
    rmdir(directory);
    return failed;
}
