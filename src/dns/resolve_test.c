/* dns/resolve_test.c - what needs no name service, and that the rest asks it off the loop. */
#include "dns/resolve.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct question {
    struct wend_str host;
    enum wend_code code;
    size_t count;
    char first[INET6_ADDRSTRLEN];
    int family, port;
};

static void ask(struct wend_task *task, void *arg)
{
    struct question *question = arg;
    struct wend_dns_answer answer = {0};

    question->code = wend_dns_resolve(task, question->host, 8080, &answer);
    question->count = answer.count;
    if (question->code != WEND_OK || answer.count == 0)
        return;
    question->family = answer.at[0].any.sa_family;
    question->port = ntohs(answer.at[0].in.sin_port);
    inet_ntop(question->family,
              question->family == AF_INET ? (void *)&answer.at[0].in.sin_addr
                                          : (void *)&answer.at[0].in6.sin6_addr,
              question->first, sizeof(question->first));
}

static struct question resolve(struct wend_str host)
{
    struct question question = {.host = host};
    struct wend_loop *loop = wend_loop_new(2);

    wend_task_start(loop, ask, &question);
    wend_loop_run_until_idle(loop);
    wend_offload_stop();
    wend_loop_free(loop);
    return question;
}

static void check(struct wend_str host, const char *first, size_t count)
{
    struct question question = resolve(host);

    assert_int_equal(question.code, WEND_OK);
    assert_string_equal(question.first, first);
    assert_int_equal(question.count, count);
    assert_int_equal(question.port, 8080);
}

static void numbers_and_loopback_need_no_asking(void **state)
{
    (void)state;
    check(WEND_STR("192.0.2.7"), "192.0.2.7", 1);
    check(WEND_STR("[::1]"), "::1", 1);
    check(WEND_STR("2001:db8::1"), "2001:db8::1", 1);
    check(WEND_STR("localhost"), "127.0.0.1", 2);
    check(WEND_STR("LOCALHOST."), "127.0.0.1", 2);
    check(WEND_STR("x.localhost"), "127.0.0.1", 2);
}

static void what_can_be_no_name_is_refused(void **state)
{
    static char long_name[WEND_DNS_NAME_MAX + 2];

    (void)state;
    memset(long_name, 'a', sizeof(long_name) - 1);
    assert_int_equal(resolve(WEND_STR("")).code, WEND_E_DNS_NAME);
    assert_int_equal(resolve(WEND_STR("a\0b")).code, WEND_E_DNS_NAME);
    assert_int_equal(resolve(wend_str_of(long_name)).code, WEND_E_DNS_NAME);
}

static void a_name_that_does_not_exist_fails(void **state)
{
    (void)state;
    assert_int_not_equal(resolve(WEND_STR("no-such-host.invalid")).code, WEND_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_loopback_need_no_asking),
        cmocka_unit_test(what_can_be_no_name_is_refused),
        cmocka_unit_test(a_name_that_does_not_exist_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
