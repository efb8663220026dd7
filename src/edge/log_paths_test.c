/* edge/log_paths_test.c - lines reach files named per request, cached or not. */
#include "edge/log_paths.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static char directory[] = "/tmp/wend_paths_XXXXXX";

static struct wend_str path_of(const char *name)
{
    static char path[100];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return wend_str_of(path);
}

static void expect(const char *name, const char *expected)
{
    char text[100];
    FILE *file = fopen(path_of(name).ptr, "r");
    size_t len;

    assert_non_null(file);
    len = fread(text, 1, sizeof(text) - 1, file);
    text[len] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
}

static void without_a_cache(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(wend_log_paths_write(NULL, path_of("a"), WEND_STR("line\n"), 0), WEND_OK);
    expect("a", "line\nline\n");
    assert_int_equal(unlink(path_of("a").ptr), 0);
    assert_int_equal(wend_log_paths_write(NULL, path_of("no/a"), WEND_STR("line\n"), 0), WEND_E_IO);
    assert_int_equal(errno, ENOENT);
}

static void with_a_cache(void **state)
{
    static const struct wend_log_paths_settings settings = {
        .entries_max = 2, .inactive_ms = 10000, .valid_ms = 1000, .min_uses = 2};
    struct wend_log_paths *paths = wend_log_paths_new(&settings);
    const struct entry *entry;

    (void)state;
    assert_int_equal(wend_log_paths_write(paths, path_of("a"), WEND_STR("1\n"), 0), WEND_OK);
    entry = wend_map_get(&paths->by_path, path_of("a"));
    assert_int_equal(entry->descriptor, -1);
    assert_int_equal(wend_log_paths_write(paths, path_of("a"), WEND_STR("2\n"), 0), WEND_OK);
    assert_true(entry->descriptor >= 0);
    /* Rotated: believed for valid_ms, then opened anew. */
    assert_int_equal(unlink(path_of("a").ptr), 0);
    assert_int_equal(wend_log_paths_write(paths, path_of("a"), WEND_STR("3\n"), 0), WEND_OK);
    assert_int_not_equal(access(path_of("a").ptr, F_OK), 0);
    assert_int_equal(wend_log_paths_write(paths, path_of("a"), WEND_STR("4\n"), WEND_NS_PER_S),
                     WEND_OK);
    expect("a", "4\n");
    /* The longest unused one makes room; the unused ones go. */
    assert_int_equal(wend_log_paths_write(paths, path_of("b"), WEND_STR("b\n"), WEND_NS_PER_S),
                     WEND_OK);
    assert_int_equal(wend_log_paths_write(paths, path_of("c"), WEND_STR("c\n"), WEND_NS_PER_S),
                     WEND_OK);
    assert_null(wend_map_get(&paths->by_path, path_of("a")));
    assert_int_equal(paths->by_path.count, 2);
    assert_int_equal(wend_log_paths_write(paths, path_of("c"), WEND_STR("c\n"), 20 * WEND_NS_PER_S),
                     WEND_OK);
    assert_int_equal(paths->by_path.count, 1);
    wend_log_paths_free(paths);
    for (const char *name = "abc"; *name != '\0'; name++)
        assert_int_equal(unlink(path_of((char[]){*name, '\0'}).ptr), 0);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_cache),
        cmocka_unit_test(with_a_cache),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
