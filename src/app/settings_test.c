/* app/settings_test.c - words of an `app` block and the values they take. */
#include "app/settings.c"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct wend_app_settings settings;
static const char *error;

static enum wend_code set(const char *word, const char *value)
{
    return wend_app_settings_set(&settings, wend_str_of(word), wend_str_of(value), &error);
}

static int forget(void **state)
{
    (void)state;
    settings = (struct wend_app_settings){0};
    error = NULL;
    return 0;
}

/* What `wend help app` lists is what can be set, and each word is listed once. */
static void every_listed_word_can_be_set(void **state)
{
    static const char *const values[] = {"1", "on", "10.0.0.0/8"};
    struct wend_app_word word, other;

    (void)state;
    for (size_t i = 0; wend_app_settings_word(i, &word); i++) {
        bool taken = false;

        for (size_t v = 0; v < WEND_COUNT(values); v++)
            taken |= wend_app_settings_set(&settings, word.word, wend_str_of(values[v]), &error) ==
                     WEND_OK;
        if (!taken)
            fail_msg("%s takes nothing", word.word.ptr);
        for (size_t j = 0; j < i; j++)
            assert_true(wend_app_settings_word(j, &other) && !wend_str_eq(word.word, other.word));
    }
    assert_int_equal(set("modul", "x"), WEND_E_NOT_FOUND);
    assert_int_equal(set("", "x"), WEND_E_NOT_FOUND);
    assert_int_equal(set("Module", "x"), WEND_E_NOT_FOUND);
}

static void values_go_where_they_belong(void **state)
{
    (void)state;
    assert_int_equal(set("module", "shop.wsgi"), WEND_OK);
    assert_int_equal(set("mount", "/shop"), WEND_OK);
    assert_int_equal(set("threads", "7"), WEND_OK);
    assert_int_equal(set("processes", "3"), WEND_OK);
    assert_int_equal(set("queue", "9"), WEND_OK);
    assert_int_equal(set("body_memory", "1048576"), WEND_OK);
    assert_int_equal(set("body_directory", "/var/tmp"), WEND_OK);
    assert_int_equal(set("static", "on"), WEND_OK);
    assert_int_equal(set("reload", "on"), WEND_OK);
    assert_int_equal(set("reload", "off"), WEND_OK); /* the last one counts */
    assert_true(wend_str_eq(settings.module, WEND_STR("shop.wsgi")));
    assert_true(wend_str_eq(settings.script_name, WEND_STR("/shop")));
    assert_int_equal(settings.threads, 7);
    assert_int_equal(settings.processes, 3);
    assert_int_equal(settings.queue_max, 9);
    assert_int_equal(settings.body_memory_bytes, 1048576);
    assert_string_equal(settings.body_directory, "/var/tmp");
    assert_true(settings.static_files && !settings.reload && !settings.development);
    assert_null(settings.callable.ptr);
}

static void values_that_cannot_be_say_what_could(void **state)
{
    static const struct {
        const char *word, *value, *error;
    } cases[] = {
        {"threads", "0", "must be a number from 1 to 512"},
        {"threads", "513", "must be a number from 1 to 512"},
        {"threads", "eight", "must be a number from 1 to 512"},
        {"threads", "-1", "must be a number from 1 to 512"},
        {"threads", "", "must be a number from 1 to 512"},
        {"processes", "0", "must be a number above 0"},
        {"processes", "4294967297", "must be a number above 0"}, /* not 1 */
        {"queue", "1.5", "must be a number above 0"},
        {"body_memory", "18446744073709551617", "must be a number above 0"},
        {"static", "yes", "must be on or off"},
        {"static", "ON", "must be on or off"},
        {"development", "", "must be on or off"},
        {"trust", "10.0.0.0/33", "must be an address, a network such as 10.0.0.0/8, or *"},
        {"trust", "example.org", "must be an address, a network such as 10.0.0.0/8, or *"},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(cases); i++) {
        if (set(cases[i].word, cases[i].value) != WEND_E_CONFIG)
            fail_msg("%s %s is taken", cases[i].word, cases[i].value);
        assert_string_equal(error, cases[i].error);
    }
    assert_int_equal(settings.threads, 0);
    assert_int_equal(settings.processes, 0);
    assert_int_equal(settings.queue_max, 0);
    assert_int_equal(settings.trusted_count, 0);
    assert_false(settings.static_files);
    assert_int_equal(set("threads", "512"), WEND_OK);
}

static void lists_grow_to_their_limit_and_no_further(void **state)
{
    static const struct {
        const char *word, *value;
    } lists[] = {{"env", "A=b"}, {"pythonpath", "/x"}, {"trust", "10.0.0.1"}};

    for (size_t i = 0; i < WEND_COUNT(lists); i++) {
        struct wend_app_settings full;

        (void)forget(state);
        for (int n = 0; n < WEND_APP_LIST_MAX; n++)
            assert_int_equal(set(lists[i].word, lists[i].value), WEND_OK);
        full = settings;
        assert_int_equal(set(lists[i].word, lists[i].value), WEND_E_CONFIG);
        assert_string_equal(error, "at most 64 of it");
        assert_memory_equal(&full, &settings, sizeof(full));
    }
}

#define TEST(name) cmocka_unit_test_setup(name, forget)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(every_listed_word_can_be_set),
        TEST(values_go_where_they_belong),
        TEST(values_that_cannot_be_say_what_could),
        TEST(lists_grow_to_their_limit_and_no_further),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
