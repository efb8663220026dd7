/* edge/server_name_test.c - which server a Host names: nginx's order, said as tables of hosts. */
#include "edge/server_name.c"

#include "edge/asked_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct asked asked;

static void open_servers(const char *servers)
{
    char conf[4096];

    snprintf(conf, sizeof(conf), "events {} http { wend_trace off; access_log off; %s }", servers);
    if (!asked_open(&asked, wend_str_of(conf)))
        fail_msg("%s", asked.error.text);
}

/* The body of what a request for this Host is answered; every server returns its mark. */
static const char *mark_of(const char *host)
{
    static char mark[256];
    char request[1024];
    struct wend_str answer;
    ptrdiff_t body;

    snprintf(request, sizeof(request), "GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
             host);
    answer = asked_bytes(&asked, wend_str_of(request));
    body = wend_str_find(answer, WEND_STR("\r\n\r\n"));
    if (!wend_str_starts(answer, WEND_STR("HTTP/1.1 200 ")) || body < 0)
        return "(not served)";
    snprintf(mark, sizeof(mark), "%.*s", WEND_STR_ARG(wend_str_from(answer, (size_t)body + 4)));
    return mark;
}

struct row {
    const char *host, *mark;
};

static void assert_cases(const struct row *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *mark = mark_of(cases[i].host);

        if (strcmp(mark, cases[i].mark) != 0)
            fail_msg("Host \"%s\": %s instead of %s", cases[i].host, mark, cases[i].mark);
    }
    asked_close(&asked);
}

#define SERVER(names, mark)                                                                        \
    "server { listen 127.0.0.1:1; server_name " names "; return 200 \"" mark "\"; }\n"

static void the_kinds_of_names_in_their_order(void **state)
{
    static const struct row cases[] = {
        {"one.test", "exact"},
        {"sub.one.test", "head"},
        {"a.sub.one.test", "head"}, /* an asterisk stands for any number of labels */
        {"www.one.test", "exact www"},
        {"a.www.one.test", "longer head"},
        {"www.other", "tail"},
        {"www.other.test", "tail"},
        {"www.deep.x", "longer tail"},
        {"www.deepx", "tail"}, /* a wildcard ends at a dot */
        {"xwww.other", "default"},
        {"dot.test", "dot"},
        {"a.dot.test", "dot"},
        {"a.b.dot.test", "dot"},
        {"xdot.test", "default"},
        {"www.dot.test", "dot"}, /* a leading asterisk before a trailing one */
        {"re42.test", "first re 42"},
        {"re4.net", "second re"},
        {"nothing.at.all", "default"},
    };

    (void)state;
    open_servers(SERVER("www.*", "tail") SERVER("www.deep.*", "longer tail") /* the first, ... */
                 SERVER("*.one.test", "head") SERVER("*.www.one.test", "longer head")
                     SERVER("~^one\\.test$ ~^www\\.", "never") /* others go before expressions */
                 SERVER("one.test", "exact") SERVER("www.one.test", "exact www")
                     SERVER(".dot.test", "dot") SERVER("~^re(\\d+)\\.test$", "first re $1")
                         SERVER("~^re", "second re") "server { listen 127.0.0.1:1 default_server; "
                                                     "return 200 default; }");
    assert_cases(cases, WEND_COUNT(cases));
}

static void case_port_and_the_trailing_dot_do_not_matter(void **state)
{
    static const struct row cases[] = {
        {"ONE.Test", "one"},      {"one.test.", "one"},    {"One.Test.:8080", "one"},
        {"one.test:8080", "one"}, {"A.WILD.test", "wild"}, {"a.wild.test.", "wild"},
        {"WWW.x.", "tail"},       {"RE7.x", "re 7"},       {"one.test.x", "default"},
        {"one.testx", "default"},
    };

    (void)state;
    open_servers(SERVER("default.test", "default") SERVER("oNe.tEST", "one")
                     SERVER("*.WILD.test", "wild") SERVER("Www.*", "tail")
                         SERVER("~^re(?<digit>\\d)\\.X$", "re $digit"));
    assert_cases(cases, WEND_COUNT(cases));
}

static void without_default_server_the_first_one_answers(void **state)
{
    static const struct row cases[] = {
        {"two.test", "two"},
        {"none.test", "one"},
        {"", "(not served)"},
        {"127.0.0.1", "one"},
    };

    (void)state;
    open_servers(SERVER("one.test", "one") SERVER("two.test", "two"));
    assert_cases(cases, WEND_COUNT(cases));
}

static void the_empty_name_is_for_requests_without_a_host(void **state)
{
    struct wend_str answer;

    (void)state;
    open_servers(SERVER("one.test", "one") SERVER("two.test \"\"", "two"));
    answer = asked_bytes(&asked, WEND_STR("GET / HTTP/1.0\r\n\r\n"));
    assert_true(wend_str_ends(answer, WEND_STR("\r\n\r\ntwo")));
    asked_close(&asked);
}

static void of_the_same_name_twice_the_first_server_has_it(void **state)
{
    static const struct row cases[] = {{"same.test", "one"}, {"a.same.test", "one"}};

    (void)state;
    open_servers(SERVER("default.test", "default") SERVER("same.test *.same.test", "one")
                     SERVER("same.test *.same.test", "two"));
    assert_cases(cases, WEND_COUNT(cases));
}

static void only_names_that_can_be_searched_are_accepted(void **state)
{
    static const struct {
        const char *name, *error; /* NULL: accepted */
    } cases[] = {
        {"a.test", NULL},
        {"*.a.test", NULL},
        {"www.*", NULL},
        {".a.test", NULL},
        {"_", NULL},
        {"\"\"", NULL},
        {"~^a", NULL},
        {"*", "server name \"*\" is invalid"},
        {"*a.test", "server name \"*a.test\" is invalid"},
        {".", "server name \".\" is invalid"},
        {"a.*.test", "invalid server name or wildcard \"a.*.test\""},
        {"*.a.*", "invalid server name or wildcard \"*.a.*\""},
        {"www*", "invalid server name or wildcard \"www*\""},
        {"~", "empty regex in server name \"~\""},
        {"~(", "missing closing parenthesis"},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(cases); i++) {
        char conf[512];
        bool accepted;

        snprintf(conf, sizeof(conf),
                 "events {} http { access_log off; server { server_name %s; } }", cases[i].name);
        accepted = asked_open(&asked, wend_str_of(conf));
        if (accepted != (cases[i].error == NULL) ||
            (!accepted && strstr(asked.error.text, cases[i].error) == NULL))
            fail_msg("%s: %s", cases[i].name, accepted ? "accepted" : asked.error.text);
        asked_close(&asked);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_kinds_of_names_in_their_order),
        cmocka_unit_test(case_port_and_the_trailing_dot_do_not_matter),
        cmocka_unit_test(without_default_server_the_first_one_answers),
        cmocka_unit_test(the_empty_name_is_for_requests_without_a_host),
        cmocka_unit_test(of_the_same_name_twice_the_first_server_has_it),
        cmocka_unit_test(only_names_that_can_be_searched_are_accepted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
