/* edge/syslog_test.c - parameters and the datagrams they make. */
#include "edge/syslog.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct wend_arena arena;

static struct wend_syslog *parse(const char *text)
{
    struct wend_syslog *to = NULL;
    struct wend_str problem = WEND_STR_NULL;

    return wend_syslog_parse(&arena, wend_str_of(text), &to, &problem) == WEND_OK ? to : NULL;
}

static void a_line_becomes_a_datagram(void **state)
{
    char path[] = "/tmp/wend_syslog_XXXXXX", parameters[100], got[WEND_SYSLOG_MAX + 1];
    static char longer[WEND_SYSLOG_MAX * 2];
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
    struct wend_syslog *to;
    ssize_t n;

    (void)state;
    assert_int_equal(close(mkstemp(path)), 0);
    assert_int_equal(unlink(path), 0);
    memcpy(un.sun_path, path, sizeof(path));
    assert_int_equal(bind(receiver, (struct sockaddr *)&un, sizeof(un)), 0);
    snprintf(parameters, sizeof(parameters),
             "server=unix:%s,facility=local0,severity=warn,tag=web,nohostname", path);
    to = parse(parameters);
    assert_non_null(to);
    wend_syslog_send(to, -1, WEND_STR("hello"));
    n = recv(receiver, got, sizeof(got) - 1, 0);
    assert_true(n > 0);
    got[n] = '\0';
    assert_memory_equal(got, "<132>", 5);
    assert_string_equal(got + 5 + strlen("Nov 21 05:20:02 "), "web: hello");
    memset(longer, 'x', sizeof(longer));
    wend_syslog_send(to, 3, wend_str_make(longer, sizeof(longer)));
    n = recv(receiver, got, sizeof(got), 0);
    assert_int_equal(n, WEND_SYSLOG_MAX);
    assert_memory_equal(got, "<131>", 5);
    wend_syslog_close(to);
    close(receiver);
    (void)unlink(path);
}

static void wrong_parameters_are_refused(void **state)
{
    (void)state;
    assert_non_null(parse("server=127.0.0.1"));
    assert_non_null(parse("server=127.0.0.1:1514"));
    assert_non_null(parse("server=[::1]:1514,tag=a_1"));
    assert_null(parse(""));
    assert_null(parse("facility=local0"));
    assert_null(parse("server=127.0.0.1,server=127.0.0.1"));
    assert_null(parse("server=127.0.0.1,facility=nonsense"));
    assert_null(parse("server=127.0.0.1,severity=loud"));
    assert_null(parse("server=127.0.0.1,tag=a-b"));
    assert_null(parse("server=127.0.0.1,color=red"));
    assert_null(parse("server=127.0.0.1:65536"));
    assert_null(parse("server=127.0.0.1:"));
    assert_null(parse("server=unix:"));
    assert_null(parse("server="));
}

static void a_server_that_is_away_costs_nothing_but_the_line(void **state)
{
    struct wend_syslog *to = parse("server=unix:/nonexistent/socket");

    (void)state;
    wend_log_process->level = WEND_LOG_STDERR;
    assert_non_null(to);
    wend_syslog_send(to, -1, WEND_STR("lost"));
    assert_int_equal(to->descriptor, -1);
}

static int init(void **state)
{
    (void)state;
    wend_arena_init(&arena, 1 << 20);
    return 0;
}

static int release(void **state)
{
    (void)state;
    wend_arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_becomes_a_datagram),
        cmocka_unit_test(wrong_parameters_are_refused),
        cmocka_unit_test(a_server_that_is_away_costs_nothing_but_the_line),
    };

    return cmocka_run_group_tests(tests, init, release);
}
