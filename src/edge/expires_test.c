/* edge/expires_test.c - every form of the directive and the two fields it makes. */
#include "edge/expires.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define NOW 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */

static void every_form(void **state)
{
    static const struct {
        const char *text;
        bool modified;
        const char *expires, *cache_control; /* NULL: refused */
    } rows[] = {
        {"epoch", false, "Thu, 01 Jan 1970 00:00:01 GMT", "no-cache"},
        {"max", false, "Thu, 31 Dec 2037 23:55:55 GMT", "max-age=315360000"},
        {"off", false, "", ""},
        {"0", false, "Sun, 06 Nov 1994 08:49:37 GMT", "max-age=0"},
        {"1", false, "Sun, 06 Nov 1994 08:49:38 GMT", "max-age=1"},
        {"+1h30m", false, "Sun, 06 Nov 1994 10:19:37 GMT", "max-age=5400"},
        {"1d 1h", false, "Mon, 07 Nov 1994 09:49:37 GMT", "max-age=90000"},
        {"-1", false, "Sun, 06 Nov 1994 08:49:36 GMT", "no-cache"},
        {"1h", true, "Sun, 06 Nov 1994 08:49:37 GMT", "max-age=0"},
        {"2h", true, "Sun, 06 Nov 1994 09:49:37 GMT", "max-age=3600"},
        {"1s", true, "Sun, 06 Nov 1994 07:49:38 GMT", "no-cache"},
        {"@9h", false, "Sun, 06 Nov 1994 09:00:00 GMT", "max-age=623"},
        {"@8h", false, "Mon, 07 Nov 1994 08:00:00 GMT", "max-age=83423"},
        {"@25h", false, NULL, NULL},
        {"@9h", true, NULL, NULL},
        {"max", true, NULL, NULL},
        {"", false, NULL, NULL},
        {"-", false, NULL, NULL},
        {"1m1h", false, NULL, NULL},
        {"1x", false, NULL, NULL},
        {"99999999999999999999", false, NULL, NULL},
    };

    (void)state;
    setenv("TZ", "UTC", 1);
    tzset();
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct wend_task task = {0};
        struct wend_exchange x = {.task = &task};
        struct wend_expires expires;
        bool valid = wend_expires_parse(wend_str_of(rows[i].text), rows[i].modified, &expires);

        if (valid != (rows[i].expires != NULL))
            fail_msg("%s: %d", rows[i].text, valid);
        if (!valid)
            continue;
        wend_arena_init(&task.arena, 1 << 20);
        wend_fields_init(&x.response.fields, NULL, 0, WEND_FIELDS_MAX);
        x.response.last_modified = NOW - 3600;
        assert_int_equal(wend_expires_apply(&x, &expires, NOW), WEND_OK);
        if (!wend_str_eq(wend_fields_value(&x.response.fields, WEND_FIELD_EXPIRES),
                         wend_str_of(rows[i].expires)) ||
            !wend_str_eq(wend_fields_value(&x.response.fields, WEND_FIELD_CACHE_CONTROL),
                         wend_str_of(rows[i].cache_control)))
            fail_msg("%s: %.*s", rows[i].text,
                     WEND_STR_ARG(wend_fields_value(&x.response.fields, WEND_FIELD_EXPIRES)));
        wend_arena_release(&task.arena);
    }
}

static void a_response_without_a_date_counts_from_now(void **state)
{
    struct wend_task task = {0};
    struct wend_exchange x = {.task = &task, .response.last_modified = -1};
    struct wend_expires expires = {WEND_EXPIRES_MODIFIED, 10};

    (void)state;
    wend_arena_init(&task.arena, 1 << 20);
    wend_fields_init(&x.response.fields, NULL, 0, WEND_FIELDS_MAX);
    assert_int_equal(wend_expires_apply(&x, &expires, NOW), WEND_OK);
    assert_true(wend_str_eq(wend_fields_value(&x.response.fields, WEND_FIELD_EXPIRES),
                            WEND_STR("Sun, 06 Nov 1994 08:49:47 GMT")));
    wend_arena_release(&task.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form),
        cmocka_unit_test(a_response_without_a_date_counts_from_now),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
