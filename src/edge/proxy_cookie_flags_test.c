/* edge/proxy_cookie_flags_test.c - cookies and what rules make of them, as a table. */
#include "edge/proxy_cookie_flags.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct wend_task task;
static struct wend_exchange exchange = {.task = &task};

static struct wend_template literal(struct wend_str text)
{
    return (struct wend_template){.source = text, .constant = true, .text = text};
}

/* "name flag flag" */
static struct proxy_cookie_rule rule_of(const char *text)
{
    struct proxy_cookie_rule rule = {.count = 0};
    struct wend_str rest = wend_str_of(text), word;

    assert_true(wend_str_split(&rest, ' ', &word));
    rule.name = literal(word);
    while (wend_str_split(&rest, ' ', &word))
        rule.flags[rule.count++] = literal(word);
    return rule;
}

struct row {
    const char *rule, *cookie, *result; /* NULL: as it came, the same bytes */
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct proxy_cookie_rule rule = rule_of(rows[i].rule);
        struct wend_str cookie = wend_str_of(rows[i].cookie);
        struct wend_str result = proxy_cookie_flags(&exchange, &rule, cookie);
        const char *wanted = rows[i].result == NULL ? rows[i].cookie : rows[i].result;

        if (!wend_str_eq(result, wend_str_of(wanted)) ||
            (result.ptr == cookie.ptr) != (rows[i].result == NULL))
            fail_msg("%s with %s: \"%.*s\"", rows[i].cookie, rows[i].rule, WEND_STR_ARG(result));
    }
}

static void flags_are_set_and_taken_away(void **state)
{
    static const struct row rows[] = {
        {"a secure", "a=1", "a=1; Secure"},
        {"a httponly", "a=1", "a=1; HttpOnly"},
        {"a samesite=strict", "a=1", "a=1; SameSite=Strict"},
        {"a samesite=lax", "a=1", "a=1; SameSite=Lax"},
        {"a samesite=none secure", "a=1", "a=1; Secure; SameSite=None"},
        {"a secure", "a=1; Path=/; secure", "a=1; Path=/; secure"}, /* there already */
        {"a nosecure", "a=1; Secure; Path=/", "a=1; Path=/"},
        {"a nohttponly", "a=1; HTTPONLY", "a=1"},
        {"a nosamesite", "a=1; SameSite=Lax; Secure", "a=1; Secure"},
        {"a samesite=strict", "a=1; samesite=none", "a=1; SameSite=Strict"},
        {"a secure nosecure", "a=1", "a=1; Secure"}, /* what sets wins */
        {"a secure nosecure", "a=1; Secure", "a=1; Secure"},
        {"a samesite=lax nosamesite", "a=1; SameSite=None", "a=1; SameSite=Lax"},
        {"a samesite=strict samesite=lax", "a=1", "a=1; SameSite=Strict"},
        {"a SECURE", "a=1", "a=1; Secure"},
    };

    (void)state;
    assert_rows(rows, WEND_COUNT(rows));
}

static void only_the_named_cookie_is_touched(void **state)
{
    static const struct row rows[] = {
        {"a secure", "b=1", NULL},
        {"a secure", "ab=1", NULL},
        {"A secure", "a=1", "a=1; Secure"}, /* case does not count, as in nginx */
        {"a secure", " a =1", "a =1; Secure"},
        {"a secure", "a", NULL}, /* no cookie */
        {"a secure", "", NULL},
        {"a secure", "x; a=1", NULL},          /* an attribute is no name */
        {"a samesite", "a=1; SameSite", NULL}, /* says nothing */
        {"a", "a=1", NULL},
    };

    (void)state;
    assert_rows(rows, WEND_COUNT(rows));
}

static void other_attributes_stay_in_their_order(void **state)
{
    static const struct row rows[] = {
        {"a secure", "a=1;Path=/;Max-Age=3", "a=1; Path=/; Max-Age=3; Secure"},
        {"a nosecure", "a=x=y; Domain=secure.example; securely; Secure=1",
         "a=x=y; Domain=secure.example; securely"},
        {"a nosecure", "a=\"secure\"; Path=/secure", "a=\"secure\"; Path=/secure"},
        {"a secure", "a=1;", "a=1; ; Secure"},
        {"a secure", "a=", "a=; Secure"},
        /* The most that writing anew adds: a space for each of these. */
        {"a secure httponly samesite=strict", "a=;;;;;;;;;;;;;;;;",
         "a=; ; ; ; ; ; ; ; ; ; ; ; ; ; ; ; ; Secure; HttpOnly; SameSite=Strict"},
    };

    (void)state;
    assert_rows(rows, WEND_COUNT(rows));
}

static void the_first_rule_that_names_it_counts(void **state)
{
    struct proxy_cookie_rule second = rule_of("b httponly"), first = rule_of("b secure");
    struct wend_str result;

    (void)state;
    first.next = &second;
    result = proxy_cookie_flags(&exchange, &first, WEND_STR("b=1"));
    assert_true(wend_str_eq(result, WEND_STR("b=1; Secure")));
    first = rule_of("a secure");
    first.next = &second;
    result = proxy_cookie_flags(&exchange, &first, WEND_STR("b=1"));
    assert_true(wend_str_eq(result, WEND_STR("b=1; HttpOnly")));
}

static int set_up(void **state)
{
    (void)state;
    wend_arena_init(&task.arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wend_arena_release(&task.arena);
    wend_arena_thread_release();
    return 0;
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_are_set_and_taken_away),
        cmocka_unit_test(only_the_named_cookie_is_touched),
        cmocka_unit_test(other_attributes_stay_in_their_order),
        cmocka_unit_test(the_first_rule_that_names_it_counts),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
