/* net/handover_test.c */
#include "net/handover.c"

#include "net/listen.h"
#include "zone/zone.h"

#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CONFIGURATION WEND_STR("# configuration file x:\nevents {}\n")

static struct wend_listener listener;
static struct wend_zone zone;
static struct wend_handover_listener listeners[1];
static struct wend_handover_zone zones[1];
static const struct wend_handover_option options[] = {
    {WEND_STR_INIT("application"), WEND_STR_INIT("site.wsgi:app")},
    {WEND_STR_INIT("empty"), WEND_STR_INIT("")},
};
static struct wend_handover given;
static struct wend_arena arena;
static struct wend_str error;

static int set_up(void **state)
{
    char message[WEND_LISTEN_MESSAGE_MAX];

    (void)state;
    wend_arena_init(&arena, 1 << 20);
    listener = (struct wend_listener){.fd = -1};
    assert_true(wend_address_parse_host(WEND_STR("127.0.0.1"), 0, &listener.address));
    assert_int_equal(wend_listen_open(&listener, message), WEND_OK);
    assert_int_equal(wend_zone_create(&zone, WEND_STR("shared"), 65536, 3), WEND_OK);
    wend_zone_set_root(&zone, 77);
    listeners[0] = (struct wend_handover_listener){listener.fd, WEND_STR("127.0.0.1:0")};
    zones[0] = (struct wend_handover_zone){zone.fd, WEND_STR("shared"), zone.size, 3};
    given = (struct wend_handover){.configuration = CONFIGURATION,
                                   .listeners = listeners,
                                   .listener_count = 1,
                                   .zones = zones,
                                   .zone_count = 1,
                                   .options = options,
                                   .option_count = 2};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wend_listen_close(&listener, false);
    wend_zone_detach(&zone);
    wend_arena_release(&arena);
    wend_arena_thread_release();
    return 0;
}

static void assert_same(const struct wend_handover *got)
{
    assert_true(wend_str_eq(got->configuration, CONFIGURATION));
    assert_int_equal(got->listener_count, 1);
    assert_true(wend_str_eq(got->listeners[0].address, WEND_STR("127.0.0.1:0")));
    assert_int_equal(got->zone_count, 1);
    assert_true(wend_str_eq(got->zones[0].name, WEND_STR("shared")));
    assert_int_equal(got->zones[0].size, 65536);
    assert_int_equal(got->zones[0].version, 3);
    assert_true(
        wend_str_eq(wend_handover_option(got, WEND_STR("application")), WEND_STR("site.wsgi:app")));
    assert_non_null(wend_handover_option(got, WEND_STR("empty")).ptr);
    assert_null(wend_handover_option(got, WEND_STR("missing")).ptr);
}

static void what_is_written_is_read(void **state)
{
    struct wend_handover got;
    int memfd;

    (void)state;
    assert_int_equal(wend_handover_write(&given, &memfd), WEND_OK);
    assert_int_equal(wend_handover_read(memfd, &arena, &got, &error), WEND_OK);
    assert_same(&got);
    assert_int_equal(got.listeners[0].fd, listener.fd);
    assert_int_not_equal(write(memfd, "x", 1), 1); /* sealed */
    close(memfd);
    given = (struct wend_handover){.listener_count = 0};
    assert_int_equal(wend_handover_write(&given, &memfd), WEND_OK);
    assert_int_equal(wend_handover_read(memfd, &arena, &got, &error), WEND_OK);
    assert_int_equal(got.listener_count + got.zone_count + got.option_count, 0);
    close(memfd);
    given.option_count = WEND_HANDOVER_ROWS_MAX + 1;
    assert_int_equal(wend_handover_write(&given, &memfd), WEND_E_LIMIT);
}

static int memfd_of(const char *bytes, size_t len, int seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    assert_int_equal(write(fd, bytes, len), len);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
    return fd;
}

/* Each 8-byte word of a good one replaced by values that break sums: whatever comes of it, the
 * reader stays inside the file and says something. */
static void damage_is_found_or_harmless(void **state)
{
    static const uint64_t poison[] = {0,          1,         7,          4097,           INT32_MAX,
                                      UINT32_MAX, INT64_MAX, UINT64_MAX, UINT64_MAX - 40};
    struct wend_handover got;
    char bytes[4096];
    size_t refused = 0;
    ssize_t len;
    int memfd;

    (void)state;
    assert_int_equal(wend_handover_write(&given, &memfd), WEND_OK);
    len = pread(memfd, bytes, sizeof(bytes), 0);
    close(memfd);
    assert_true(len > 0);
    for (size_t at = 0; at + 8 <= (size_t)len; at += 8) {
        for (size_t p = 0; p < WEND_COUNT(poison); p++) {
            char damaged[4096];
            enum wend_code code;

            memcpy(damaged, bytes, (size_t)len);
            memcpy(damaged + at, &poison[p], 8);
            memfd = memfd_of(damaged, (size_t)len, HANDOVER_SEALS);
            code = wend_handover_read(memfd, &arena, &got, &error);
            refused += code != WEND_OK;
            assert_true(code == WEND_OK || (code == WEND_E_PROTOCOL && error.len > 0));
            for (size_t i = 0; code == WEND_OK && i < got.option_count; i++)
                assert_true(wend_str_hash(got.options[i].value) != 1); /* reads all of it */
            close(memfd);
            wend_arena_release(&arena);
        }
    }
    assert_true(refused > 50);
    for (size_t cut = 0; cut < (size_t)len; cut++) {
        memfd = memfd_of(bytes, cut, HANDOVER_SEALS);
        assert_int_equal(wend_handover_read(memfd, &arena, &got, &error), WEND_E_PROTOCOL);
        close(memfd);
        wend_arena_release(&arena);
    }
    memfd = memfd_of(bytes, (size_t)len, F_SEAL_SHRINK);
    assert_int_equal(wend_handover_read(memfd, &arena, &got, &error), WEND_E_PROTOCOL);
    close(memfd);
    assert_int_equal(wend_handover_read(-1, &arena, &got, &error), WEND_E_PROTOCOL);
}

static void another_protocol_is_said(void **state)
{
    struct head head = {.magic = HANDOVER_MAGIC, .protocol = 99, .bytes = sizeof(head)};
    struct wend_handover got;
    int memfd = memfd_of((const char *)&head, sizeof(head), HANDOVER_SEALS);

    (void)state;
    assert_int_equal(wend_handover_read(memfd, &arena, &got, &error), WEND_E_PROTOCOL);
    assert_true(wend_str_find(error, WEND_STR("protocol 99")) >= 0);
    close(memfd);
}

/* Through a real exec: the other process takes a connection on the socket and reads the zone. */
static void another_executable_goes_on(void **state)
{
    int memfd, client, status;
    char byte = 0;
    pid_t pid;

    (void)state;
    assert_int_equal(wend_handover_write(&given, &memfd), WEND_OK);
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, &listener.address.any, wend_address_len(&listener.address)),
                     0);
    pid = fork();
    if (pid == 0) {
        if (wend_handover_export(&given, memfd) == WEND_OK)
            execl("/proc/self/exe", "executed", "--worker", (char *)NULL);
        _exit(9);
    }
    close(memfd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(read(client, &byte, 1), 1);
    assert_int_equal(byte, 'w');
    close(client);
    assert_int_equal(wend_zone_root(&zone), 78);
}

static int serve_one(const struct wend_handover *got)
{
    struct wend_listener adopted = {.fd = -1};
    struct wend_zone attached;
    char message[WEND_LISTEN_MESSAGE_MAX];
    int fd;

    if (wend_zone_attach(&attached, got->zones[0].fd, got->zones[0].name, got->zones[0].version) !=
            WEND_OK ||
        wend_zone_root(&attached) != 77)
        return 4;
    wend_zone_set_root(&attached, 78);
    wend_zone_detach(&attached);
    wend_address_of_local(got->listeners[0].fd, &adopted.address);
    if (wend_listen_adopt(&adopted, got->listeners[0].fd, message) != WEND_OK)
        return 5;
    fd = accept(adopted.fd, NULL, NULL);
    if (fd < 0 || write(fd, "w", 1) != 1)
        return 6;
    close(fd);
    wend_listen_close(&adopted, false);
    return 0;
}

static int be_executed(void)
{
    struct wend_handover got;
    int status;

    wend_arena_init(&arena, 1 << 20);
    if (wend_handover_from_environment(&arena, &got, &error) != WEND_OK)
        return 2;
    if (getenv(WEND_HANDOVER_ENV) != NULL || fcntl(got.listeners[0].fd, F_GETFD) != FD_CLOEXEC)
        return 3;
    status = serve_one(&got);
    wend_arena_release(&arena);
    wend_arena_thread_release();
    return status;
}

static void without_the_variable_there_is_none(void **state)
{
    struct wend_handover got;

    (void)state;
    assert_int_equal(wend_handover_from_environment(&arena, &got, &error), WEND_E_NOT_FOUND);
    setenv(WEND_HANDOVER_ENV, "x7", 1);
    assert_int_equal(wend_handover_from_environment(&arena, &got, &error), WEND_E_PROTOCOL);
    setenv(WEND_HANDOVER_ENV, "999999", 1);
    assert_int_equal(wend_handover_from_environment(&arena, &got, &error), WEND_E_PROTOCOL);
    unsetenv(WEND_HANDOVER_ENV);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(damage_is_found_or_harmless, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_protocol_is_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_executable_goes_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_the_variable_there_is_none, set_up, tear_down),
    };

    if (argc == 2 && strcmp(argv[1], "--worker") == 0)
        return be_executed();
    return cmocka_run_group_tests_name("net.handover", tests, NULL, NULL);
}
