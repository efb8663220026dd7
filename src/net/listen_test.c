/* net/listen_test.c */
#include "net/listen.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char message[WEND_LISTEN_MESSAGE_MAX];

static struct wend_listener inet(const char *host, uint16_t port)
{
    struct wend_listener listener = {.fd = -1};

    assert_true(wend_address_parse_host(wend_str_of(host), port, &listener.address));
    return listener;
}

static bool can_connect(const struct wend_listener *listener)
{
    int fd = socket(listener->address.family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un where;
    int result;

    if (listener->address.family == AF_UNIX) {
        socklen_t len = unix_sockaddr(listener, &where);

        result = connect(fd, (struct sockaddr *)&where, len);
    } else {
        result = connect(fd, &listener->address.any, wend_address_len(&listener->address));
    }
    close(fd);
    return result == 0;
}

static void listens_on_ipv4_and_ipv6(void **state)
{
    struct wend_listener four = inet("127.0.0.1", 0), six = inet("::1", 0);
    char text[WEND_LISTEN_TEXT_MAX];

    (void)state;
    four.options = (struct wend_listen_options){.deferred = true,
                                                .nodelay = true,
                                                .fastopen = 16,
                                                .rcvbuf = 65536,
                                                .sndbuf = 65536,
                                                .so_keepalive = WEND_SWITCH_ON,
                                                .keepidle = 60,
                                                .backlog = 10};
    assert_int_equal(wend_listen_open(&four, message), WEND_OK);
    assert_int_not_equal(wend_address_port(&four.address), 0);
    assert_true(can_connect(&four));
    wend_listen_write(&four, text);
    assert_memory_equal(text, "127.0.0.1:", 10);
    assert_int_equal(wend_listen_open(&six, message), WEND_OK);
    assert_true(can_connect(&six));
    assert_false(wend_listen_same(&four, &six));
    assert_true(wend_listen_same(&six, &six));
    four.options.backlog = 20;
    wend_listen_apply(&four);
    wend_listen_close(&four, true);
    wend_listen_close(&six, true);
    assert_int_equal(four.fd, -1);
}

static void a_port_in_use_is_said_with_its_owner(void **state)
{
    struct wend_listener first = inet("127.0.0.1", 0), second;
    struct wend_listen_owner owner;
    char expected[WEND_LISTEN_MESSAGE_MAX];

    (void)state;
    assert_int_equal(wend_listen_open(&first, message), WEND_OK);
    second = first;
    assert_int_equal(wend_listen_open(&second, message), WEND_E_EXISTS);
    assert_int_equal(errno, EADDRINUSE);
    snprintf(expected, sizeof(expected),
             "bind() to 127.0.0.1:%d failed (98: Address already in use)",
             wend_address_port(&first.address));
    assert_string_equal(message, expected);
    assert_int_equal(second.fd, -1);
    assert_true(wend_listen_find_owner(&first.address, &owner));
    assert_int_equal(owner.pid, getpid());
    assert_memory_equal(owner.name, "net_listen_test", 15);
    wend_listen_close(&first, true);
    assert_false(wend_listen_find_owner(&first.address, &owner));
}

static void two_may_share_a_port_when_both_want_to(void **state)
{
    struct wend_listener first = inet("127.0.0.1", 0), second;

    (void)state;
    first.options.reuseport = true;
    assert_int_equal(wend_listen_open(&first, message), WEND_OK);
    second = first;
    assert_int_equal(wend_listen_open(&second, message), WEND_OK);
    wend_listen_close(&first, true);
    wend_listen_close(&second, true);
}

static struct wend_listener in_directory(const char *directory, const char *name)
{
    struct wend_listener listener = {.fd = -1};
    char path[100];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    assert_true(wend_listen_unix(&listener, wend_str_of(path)));
    return listener;
}

static void unix_sockets_replace_only_stale_ones(void **state)
{
    char directory[] = "/tmp/wend-listen-XXXXXX";
    struct wend_listener first, second, file;
    struct stat info;
    int fd;

    (void)state;
    assert_non_null(mkdtemp(directory));
    first = second = in_directory(directory, "s");
    first.options.mode = 0600;
    assert_int_equal(wend_listen_open(&first, message), WEND_OK);
    assert_int_equal(stat(first.path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(wend_listen_open(&second, message), WEND_E_EXISTS);
    assert_true(can_connect(&first));
    close(first.fd); /* as if killed: the path stays */
    assert_int_equal(wend_listen_open(&second, message), WEND_OK);
    wend_listen_close(&second, true);
    assert_int_not_equal(stat(second.path, &info), 0);

    file = in_directory(directory, "file");
    fd = open(file.path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(wend_listen_open(&file, message), WEND_E_EXISTS);
    assert_int_equal(stat(file.path, &info), 0);
    unlink(file.path);
    file = in_directory(directory, "none/s");
    assert_int_equal(wend_listen_open(&file, message), WEND_E_NOT_FOUND);
    rmdir(directory);
}

static void abstract_names_work(void **state)
{
    struct wend_listener listener = {.fd = -1}, adopted = {.fd = -1};
    char name[64], text[WEND_LISTEN_TEXT_MAX];
    int fd;

    (void)state;
    snprintf(name, sizeof(name), "@wend-listen-test-%d", (int)getpid());
    assert_true(wend_listen_unix(&listener, wend_str_of(name)));
    assert_true(wend_listen_unix(&adopted, wend_str_of(name)));
    assert_int_equal(wend_listen_open(&listener, message), WEND_OK);
    wend_listen_write(&listener, text);
    assert_memory_equal(text, "unix:@wend-listen-test-", 23);
    assert_true(can_connect(&listener));
    fd = dup(listener.fd);
    assert_int_equal(wend_listen_adopt(&adopted, fd, message), WEND_OK);
    wend_listen_close(&adopted, false);
    wend_listen_close(&listener, true);
    assert_false(wend_listen_unix(&listener, WEND_STR("")));
    assert_false(wend_listen_unix(&listener, WEND_STR("@")));
    assert_false(wend_listen_unix(&listener, wend_str_make(text, 0)));
    memset(text, 'x', sizeof(text));
    assert_false(wend_listen_unix(&listener, wend_str_make(text, 108)));
}

static void adopts_only_what_listens_there(void **state)
{
    struct wend_listener first = inet("127.0.0.1", 0), other = inet("127.0.0.2", 0);
    int fd;

    (void)state;
    assert_int_equal(wend_listen_open(&first, message), WEND_OK);
    assert_int_equal(wend_listen_adopt(&other, first.fd, message), WEND_E_PROTOCOL);
    assert_int_equal(wend_listen_adopt(&other, 0, message), WEND_E_PROTOCOL);
    assert_int_equal(wend_listen_adopt(&other, 9999, message), WEND_E_PROTOCOL);
    other = first;
    fd = dup(first.fd);
    assert_int_equal(wend_listen_adopt(&other, fd, message), WEND_OK);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    wend_listen_close(&other, false);
    wend_listen_close(&first, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(listens_on_ipv4_and_ipv6),
        cmocka_unit_test(a_port_in_use_is_said_with_its_owner),
        cmocka_unit_test(two_may_share_a_port_when_both_want_to),
        cmocka_unit_test(unix_sockets_replace_only_stale_ones),
        cmocka_unit_test(abstract_names_work),
        cmocka_unit_test(adopts_only_what_listens_there),
    };

    return cmocka_run_group_tests_name("net.listen", tests, NULL, NULL);
}
