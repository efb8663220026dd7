/* net/upgrade_test.c - what a variable from another program can make of us, and what is handed on.
 */
#include "net/upgrade.c"

#include <sys/socket.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char message[WEND_LISTEN_MESSAGE_MAX];

static int forget(void **state)
{
    (void)state;
    memset(&received, 0, sizeof(received));
    other = 0;
    given[0] = '\0';
    (void)unsetenv(WEND_UPGRADE_ENV);
    return 0;
}

static struct wend_listener inet(uint16_t port)
{
    struct wend_listener listener = {.fd = -1};

    assert_true(wend_address_parse_host(WEND_STR("127.0.0.1"), port, &listener.address));
    return listener;
}

static struct wend_listener opened(void)
{
    struct wend_listener listener = inet(0);

    assert_int_equal(wend_listen_open(&listener, message), WEND_OK);
    return listener;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void inherit(const char *numbers)
{
    assert_int_equal(setenv(WEND_UPGRADE_ENV, numbers, 1), 0);
}

static int to_give[2];

static void give_two(void *data)
{
    (void)data;
    wend_upgrade_give(to_give[0]);
    wend_upgrade_give(to_give[1]);
}

static void without_the_variable_nothing_is_inherited(void **state)
{
    struct wend_listener wanted = inet(80);

    (void)state;
    assert_false(wend_upgrade_inherited());
    inherit("5;"); /* asked once only */
    assert_false(wend_upgrade_inherited());
    assert_false(wend_upgrade_take(&wanted));
    assert_int_equal(wanted.fd, -1);
    assert_false(wend_upgrade_shares());
}

static void a_descriptor_is_taken_for_its_own_address_only(void **state)
{
    struct wend_listener first = opened(), second = opened(), elsewhere = inet(1), wanted;
    char numbers[64];

    (void)state;
    snprintf(numbers, sizeof(numbers), "%d;%d;", first.fd, second.fd);
    (void)fcntl(first.fd, F_SETFD, 0);
    inherit(numbers);
    assert_true(wend_upgrade_inherited());
    assert_null(getenv(WEND_UPGRADE_ENV)); /* our children are not told */
    assert_int_equal(fcntl(first.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);

    assert_false(wend_upgrade_take(&elsewhere));
    wanted = inet(wend_address_port(&second.address));
    assert_true(wend_upgrade_take(&wanted));
    assert_int_equal(wanted.fd, second.fd);
    wanted.fd = -1;
    assert_false(wend_upgrade_take(&wanted)); /* by one only */

    wend_upgrade_close_rest();
    assert_false(is_open(first.fd));
    assert_true(is_open(second.fd));
    wend_upgrade_close_rest(); /* a later reload: nothing more is closed */
    assert_true(is_open(second.fd));
    close(second.fd);
}

static void numbers_that_are_none_end_the_reading(void **state)
{
    static const char *const texts[] = {
        "x;", "-1;", "2;", ";", "7", "7:8;", "99999999999999999999;", "1048577;"};

    for (size_t i = 0; i < WEND_COUNT(texts); i++) {
        (void)forget(state);
        inherit(texts[i]);
        assert_false(wend_upgrade_inherited());
        assert_int_equal(received.count, 0);
    }
    (void)forget(state);
    inherit("");
    assert_false(wend_upgrade_inherited());
}

static void what_was_read_before_a_bad_number_counts(void **state)
{
    struct wend_listener first = opened();
    char numbers[64];

    (void)state;
    snprintf(numbers, sizeof(numbers), "%d;oops;9;", first.fd);
    inherit(numbers);
    assert_true(wend_upgrade_inherited());
    assert_int_equal(received.count, 1);
    wend_upgrade_close_rest();
    assert_false(is_open(first.fd));
}

/* Files and connected sockets may stand behind the numbers; only what listens there is taken. */
static void what_does_not_listen_is_not_taken(void **state)
{
    struct wend_listener wanted = inet(80);
    char numbers[64];
    int pair[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    snprintf(numbers, sizeof(numbers), "%d;%d;", pair[0], open("/dev/null", O_RDONLY | O_CLOEXEC));
    inherit(numbers);
    assert_true(wend_upgrade_inherited());
    assert_false(wend_upgrade_take(&wanted));
    wend_upgrade_close_rest();
    close(pair[1]);
}

static void more_than_fit_are_left(void **state)
{
    static char numbers[WEND_UPGRADE_SOCKETS_MAX * 8 + 64];
    size_t len = 0;

    (void)state;
    for (int i = 0; i < WEND_UPGRADE_SOCKETS_MAX + 5; i++)
        len += (size_t)snprintf(numbers + len, sizeof(numbers) - len, "%d;", 100000 + i);
    inherit(numbers);
    assert_true(wend_upgrade_inherited());
    assert_int_equal(received.count, WEND_UPGRADE_SOCKETS_MAX);
}

/* While the parent that started us lives, paths of its unix sockets are not ours to remove. */
static void sockets_are_shared_until_the_other_master_ends(void **state)
{
    (void)state;
    inherit("100000;");
    assert_true(wend_upgrade_inherited());
    assert_true(wend_upgrade_shares());
    assert_int_equal(wend_upgrade_start(give_two, NULL), WEND_E_STATE);
    received.parent = getpid(); /* as after its end: another is our parent */
    assert_false(wend_upgrade_shares());
}

/* There are no arguments to start again with (wend_title_init() was not called): the child ends. */
static void one_upgrade_at_a_time(void **state)
{
    int status;
    pid_t pid;

    (void)state;
    to_give[0] = to_give[1] = STDIN_FILENO;
    assert_int_equal(wend_upgrade_start(give_two, NULL), WEND_OK);
    pid = wend_upgrade_pid();
    assert_true(pid > 0 && wend_upgrade_shares());
    assert_int_equal(wend_upgrade_start(give_two, NULL), WEND_E_STATE);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(WEXITSTATUS(status), 1);
    wend_upgrade_ended();
    assert_int_equal(wend_upgrade_pid(), 0);
    assert_false(wend_upgrade_shares());
}

static void what_is_given_is_what_the_other_reads(void **state)
{
    struct wend_listener first = opened(), second = opened(), wanted;

    (void)state;
    to_give[0] = first.fd;
    to_give[1] = second.fd;
    give_two(NULL);
    assert_int_equal(fcntl(first.fd, F_GETFD) & FD_CLOEXEC, 0);
    wend_upgrade_give(1 << 19); /* not open: left out */
    inherit(given);
    assert_true(wend_upgrade_inherited());
    assert_int_equal(received.count, 2);
    wanted = inet(wend_address_port(&first.address));
    assert_true(wend_upgrade_take(&wanted));
    assert_int_equal(wanted.fd, first.fd);
    wend_upgrade_close_rest();
    close(first.fd);
}

#define TEST(name) cmocka_unit_test_setup(name, forget)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(without_the_variable_nothing_is_inherited),
        TEST(a_descriptor_is_taken_for_its_own_address_only),
        TEST(numbers_that_are_none_end_the_reading),
        TEST(what_was_read_before_a_bad_number_counts),
        TEST(what_does_not_listen_is_not_taken),
        TEST(more_than_fit_are_left),
        TEST(sockets_are_shared_until_the_other_master_ends),
        TEST(one_upgrade_at_a_time),
        TEST(what_is_given_is_what_the_other_reads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
