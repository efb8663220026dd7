/* edge/symlinks_test.c - what is opened through which links, in a folder made for it. */
#include "edge/symlinks.c"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#define OTHER_UID 12345

/* top/file, top/folder/file, and links of all kinds. */
static char top[] = "/tmp/wend-symlinks-XXXXXX";

static const char *at(const char *name)
{
    static char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", top, name);
    return path;
}

static void make_file(const char *name)
{
    FILE *file = fopen(at(name), "we");

    assert_non_null(file);
    fputs(name, file);
    fclose(file);
}

static void make_link(const char *name, const char *target)
{
    assert_int_equal(symlink(target, at(name)), 0);
}

static int make_tree(void **state)
{
    (void)state;
    if (mkdtemp(top) == NULL)
        return -1;
    assert_int_equal(mkdir(at("folder"), 0755), 0);
    make_file("file");
    make_file("folder/file");
    make_file("foreign");
    make_link("to_file", "file");
    make_link("to_folder", "folder");
    make_link("folder/up", "../file");
    make_link("dangling", "nothing");
    make_link("loop", "loop");
    make_link("to_foreign", "foreign");
    return 0;
}

static int remove_tree(void **state)
{
    static const char *const names[] = {"folder/up", "folder/file", "folder", "to_file",
                                        "to_folder", "dangling",    "loop",   "to_foreign",
                                        "foreign",   "file"};

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(names); i++)
        (void)remove(at(names[i]));
    return rmdir(top);
}

static size_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

/* 0, or errno. What was opened is the file whose text is its name. */
static int tried(const char *path, enum wend_symlinks mode, size_t trusted, const char *text)
{
    struct wend_symlink_rule rule = {.mode = mode, .trusted = trusted};
    size_t before = open_descriptors();
    char got[64] = "";
    int descriptor = wend_symlinks_open(path, &rule, O_RDONLY), error = errno;

    if (descriptor >= 0) {
        error = 0;
        assert_true(fcntl(descriptor, F_GETFD) & FD_CLOEXEC);
        if (text != NULL) {
            assert_true(read(descriptor, got, sizeof(got) - 1) > 0);
            assert_string_equal(got, text);
        }
        close(descriptor);
    }
    assert_int_equal(open_descriptors(), before); /* the folders on the way are closed */
    return error;
}

struct row {
    const char *path;
    int refused, owner; /* what REFUSE and OWNER say */
    const char *text;
};

static void links_are_refused_or_followed_by_owner(void **state)
{
    static const struct row rows[] = {
        {"file", 0, 0, "file"},
        {"folder/file", 0, 0, "folder/file"},
        {"folder//file", 0, 0, "folder/file"},
        {"folder", 0, 0, NULL},
        {"folder/", 0, 0, NULL},
        {"to_file", ELOOP, 0, "file"},
        {"folder/up", ELOOP, 0, "file"},
        {"to_folder", ELOOP, 0, NULL},
        {"to_folder/file", ENOTDIR, 0, "folder/file"},
        {"dangling", ELOOP, ENOENT, NULL},
        {"loop", ELOOP, ELOOP, NULL},
        {"loop/file", ENOTDIR, ELOOP, NULL},
        {"nothing", ENOENT, ENOENT, NULL},
        {"nothing/file", ENOENT, ENOENT, NULL},
        {"file/file", ENOTDIR, ENOTDIR, NULL},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        int refused = tried(at(rows[i].path), WEND_SYMLINKS_REFUSE, 0, rows[i].text);
        int owner = tried(at(rows[i].path), WEND_SYMLINKS_OWNER, 0, rows[i].text);

        if (refused != rows[i].refused || owner != rows[i].owner)
            fail_msg("%s: %s, %s", rows[i].path, strerror(refused), strerror(owner));
    }
}

static void a_link_to_what_is_somebody_elses_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); /* only root can give a file away */
    assert_int_equal(tried(at("to_foreign"), WEND_SYMLINKS_OWNER, 0, "foreign"), 0);
    assert_int_equal(chown(at("foreign"), OTHER_UID, (gid_t)-1), 0);
    assert_int_equal(tried(at("to_foreign"), WEND_SYMLINKS_OWNER, 0, NULL), ELOOP);
    assert_int_equal(tried(at("foreign"), WEND_SYMLINKS_OWNER, 0, "foreign"), 0); /* no link */
    assert_int_equal(lchown(at("to_foreign"), OTHER_UID, (gid_t)-1), 0);
    assert_int_equal(tried(at("to_foreign"), WEND_SYMLINKS_OWNER, 0, "foreign"), 0);
}

static void what_is_trusted_is_followed_as_it_is(void **state)
{
    size_t to_folder = strlen(at("to_folder"));

    (void)state;
    assert_int_equal(tried(at("to_folder/file"), WEND_SYMLINKS_REFUSE, to_folder, "folder/file"),
                     0);
    assert_int_equal(tried(at("to_folder/up"), WEND_SYMLINKS_REFUSE, to_folder, NULL), ELOOP);
    assert_int_equal(tried(at("to_file"), WEND_SYMLINKS_REFUSE, strlen(top), NULL), ELOOP);
    assert_int_equal(tried(at("dangling/file"), WEND_SYMLINKS_REFUSE, strlen(at("dangling")), NULL),
                     ENOENT);
}

static void relative_paths_begin_here(void **state)
{
    (void)state;
    assert_int_equal(chdir(top), 0);
    assert_int_equal(tried("folder/file", WEND_SYMLINKS_REFUSE, 0, "folder/file"), 0);
    assert_int_equal(tried("to_folder/file", WEND_SYMLINKS_REFUSE, 0, NULL), ENOTDIR);
    assert_int_equal(chdir("/"), 0);
}

static void a_path_that_is_too_long_is_said_so(void **state)
{
    static char path[PATH_MAX + 2];

    (void)state;
    memset(path, 'a', sizeof(path) - 1);
    path[0] = '/';
    assert_int_equal(tried(path, WEND_SYMLINKS_REFUSE, 0, NULL), ENAMETOOLONG);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(links_are_refused_or_followed_by_owner),
        cmocka_unit_test(a_link_to_what_is_somebody_elses_is_refused),
        cmocka_unit_test(what_is_trusted_is_followed_as_it_is),
        cmocka_unit_test(relative_paths_begin_here),
        cmocka_unit_test(a_path_that_is_too_long_is_said_so),
    };

    return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
