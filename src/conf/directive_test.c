#include "conf/directive.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void sizes(void **state)
{
    (void)state;
    assert_int_equal(wend_conf_size(WEND_STR("0")), 0);
    assert_int_equal(wend_conf_size(WEND_STR("8k")), 8192);
    assert_int_equal(wend_conf_size(WEND_STR("2M")), 2 << 20);
    assert_int_equal(wend_conf_size(WEND_STR("1g")), 1 << 30);
    assert_int_equal(wend_conf_size(WEND_STR("")), -1);
    assert_int_equal(wend_conf_size(WEND_STR("k")), -1);
    assert_int_equal(wend_conf_size(WEND_STR("1kk")), -1);
    assert_int_equal(wend_conf_size(WEND_STR("-1")), -1);
    assert_int_equal(wend_conf_size(WEND_STR("9223372036854775807g")), -1);
    assert_int_equal(wend_conf_size(WEND_STR("99999999999999999999")), -1);
}

static void times(void **state)
{
    (void)state;
    assert_int_equal(wend_conf_msec(WEND_STR("5")), 5000);
    assert_int_equal(wend_conf_msec(WEND_STR("5ms")), 5);
    assert_int_equal(wend_conf_msec(WEND_STR("1h30m")), 5400000);
    assert_int_equal(wend_conf_msec(WEND_STR("1h 30m 5s")), 5405000);
    assert_int_equal(wend_conf_msec(WEND_STR("1M")), -1);
    assert_int_equal(wend_conf_sec(WEND_STR("1M")), 2592000);
    assert_int_equal(wend_conf_msec(WEND_STR("30m1h")), -1);
    assert_int_equal(wend_conf_msec(WEND_STR("1m1m")), -1);
    assert_int_equal(wend_conf_msec(WEND_STR("")), -1);
    assert_int_equal(wend_conf_msec(WEND_STR("m")), -1);
    assert_int_equal(wend_conf_msec(WEND_STR("999999999999y")), -1);
    assert_int_equal(wend_conf_sec(WEND_STR("1m")), 60);
    assert_int_equal(wend_conf_sec(WEND_STR("1ms")), -1);
}

static void distances(void **state)
{
    (void)state;
    assert_int_equal(wend_conf_distance(WEND_STR("listen"), WEND_STR("listen"), 3), 0);
    assert_int_equal(wend_conf_distance(WEND_STR("listn"), WEND_STR("listen"), 3), 1);
    assert_int_equal(wend_conf_distance(WEND_STR("retrun"), WEND_STR("return"), 3), 1);
    assert_int_equal(wend_conf_distance(WEND_STR("abc"), WEND_STR("xyz"), 2), 3);
    assert_int_equal(wend_conf_distance(WEND_STR(""), WEND_STR("ab"), 5), 2);
}

struct settings {
    int flag;
    int64_t bytes;
};

static const struct wend_directive rows[] = {
    {"flag", WEND_CTX_HTTP, 1, 1, .set = wend_set_flag, .offset = offsetof(struct settings, flag)},
    {"bytes", WEND_CTX_HTTP, 1, 1, .set = wend_set_size,
     .offset = offsetof(struct settings, bytes)},
    {"block", WEND_CTX_HTTP, 0, 0, true, .set = wend_set_ignored},
    {"elsewhere", WEND_CTX_SERVER, 0, -1, .set = wend_set_ignored},
};
static const struct wend_directive_table table = {"test", rows, WEND_COUNT(rows), NULL};
static const struct wend_directive_table *const tables[] = {&table, NULL};

static void *slot_of(struct wend_conf *conf, const struct wend_directive *row)
{
    return (char *)conf->scope + row->offset;
}

static const char *apply(const char *text, struct settings *settings)
{
    static struct wend_conf_error error;
    static struct wend_arena arena;
    struct wend_conf_tree tree;
    struct wend_conf conf = {
        .arena = &arena, .tree = &tree, .error = &error, .tables = tables, .slot = slot_of};

    if (arena.bytes_max == 0)
        wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    wend_arena_release(&arena);
    *settings = (struct settings){WEND_UNSET, WEND_UNSET};
    error.text[0] = '\0';
    if (wend_conf_parse(&arena, WEND_STR("f"), wend_str_of(text), WEND_STR_NULL, &tree, &error) ==
        WEND_OK)
        (void)!wend_conf_apply(&conf, tree.top, WEND_CTX_HTTP, settings);
    wend_arena_release(&arena);
    return error.text;
}

static void rows_are_checked(void **state)
{
    struct settings s;

    (void)state;
    assert_string_equal(apply("flag on; bytes 2k; block { }", &s), "");
    assert_int_equal(s.flag, 1);
    assert_int_equal(s.bytes, 2048);
    assert_string_equal(apply("flag on; flag off;", &s), "\"flag\" directive is duplicate in f:1");
    assert_string_equal(
        apply("flag yes;", &s),
        "invalid value \"yes\" in \"flag\" directive, it must be \"on\" or \"off\" in f:1");
    assert_string_equal(apply("flag;", &s),
                        "invalid number of arguments in \"flag\" directive in f:1");
    assert_string_equal(apply("flag on { }", &s),
                        "directive \"flag\" is not terminated by \";\" in f:1");
    assert_string_equal(apply("block;", &s), "directive \"block\" has no opening \"{\" in f:1");
    assert_string_equal(apply("elsewhere;", &s),
                        "\"elsewhere\" directive is not allowed here in f:1");
    assert_string_equal(apply("bytes 1x;", &s), "\"bytes\" directive invalid value in f:1");
    assert_string_equal(apply("bites 1;", &s),
                        "unknown directive \"bites\" in f:1 (did you mean \"bytes\"?)");
    assert_string_equal(apply("something 1;", &s), "unknown directive \"something\" in f:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),
        cmocka_unit_test(times),
        cmocka_unit_test(distances),
        cmocka_unit_test(rows_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
