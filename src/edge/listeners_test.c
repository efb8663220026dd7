/* edge/listeners_test.c - configurations that follow each other, with real sockets. */
#include "edge/listeners.c"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LISTENS 4

static const struct wend_edge_server_options options;
static char directory[] = "/tmp/wend-listeners-XXXXXX";
static char unix_path[64];

/* A configuration with room for some listeners. */
struct site {
    struct wend_edge edge;
    struct wend_edge_listen listens[LISTENS];
    size_t count;
};

static struct wend_edge_listen *add(struct site *site)
{
    struct wend_edge_listen *listen = &site->listens[site->count++];

    assert_true(site->count <= LISTENS);
    listen->listener.fd = -1;
    listen->next = site->edge.listens;
    site->edge.listens = listen;
    return listen;
}

/* Port 0: one that the kernel chooses when it is opened. */
static struct wend_edge_listen *add_port(struct site *site, uint16_t port)
{
    struct wend_edge_listen *listen = add(site);

    assert_true(wend_address_parse_host(WEND_STR("127.0.0.1"), port, &listen->listener.address));
    return listen;
}

static struct wend_edge_listen *add_path(struct site *site)
{
    struct wend_edge_listen *listen = add(site);

    assert_true(wend_listen_unix(&listen->listener, wend_str_of(unix_path)));
    return listen;
}

static uint16_t port_of(const struct wend_edge_listen *listen)
{
    return wend_address_port(&listen->listener.address);
}

static bool answers(uint16_t port)
{
    struct wend_address address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool connected;

    assert_true(wend_address_parse_host(WEND_STR("127.0.0.1"), port, &address));
    connected = connect(fd, &address.any, wend_address_len(&address)) == 0;
    close(fd);
    return connected;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

/* A port somebody listens on that is not ours to take. */
static uint16_t take_port(struct wend_listener *taken)
{
    char message[WEND_LISTEN_MESSAGE_MAX];

    *taken = (struct wend_listener){.fd = -1};
    assert_true(wend_address_parse_host(WEND_STR("127.0.0.1"), 0, &taken->address));
    assert_int_equal(wend_listen_open(taken, message), WEND_OK);
    return wend_address_port(&taken->address);
}

/* Opens one with a port of the kernel's choice. */
static struct wend_edge_listen *open_first(struct site *site)
{
    struct wend_edge_listen *listen = add_port(site, 0);

    assert_int_equal(wend_edge_listeners_open(&options, &site->edge, NULL), WEND_OK);
    assert_true(answers(port_of(listen)));
    return listen;
}

static void what_both_have_is_handed_on_and_the_rest_closed(void **state)
{
    struct site old = {0}, new = {0};
    struct wend_edge_listen *kept = add_port(&old, 0), *dropped = add_port(&old, 0);
    struct wend_edge_listen *path = add_path(&old), *taken_over, *fresh;
    uint16_t port;

    (void)state;
    assert_int_equal(wend_edge_listeners_open(&options, &old.edge, NULL), WEND_OK);
    port = port_of(dropped);
    assert_int_equal(access(unix_path, F_OK), 0);

    taken_over = add_port(&new, port_of(kept));
    fresh = add_port(&new, 0);
    assert_int_equal(wend_edge_listeners_open(&options, &new.edge, &old.edge), WEND_OK);
    assert_int_equal(taken_over->listener.fd, kept->listener.fd);
    assert_true(answers(port_of(fresh)) && answers(port)); /* the old one still serves */

    wend_edge_listeners_close_unused(&old.edge, &new.edge);
    assert_true(answers(port_of(taken_over)) && !answers(port));
    assert_int_equal(kept->listener.fd, -1);
    assert_int_equal(path->listener.fd, -1);
    assert_int_not_equal(access(unix_path, F_OK), 0);
    wend_edge_listeners_close(&old.edge, true); /* nothing is its own any more */
    assert_true(answers(port_of(taken_over)));
    port = port_of(taken_over);
    wend_edge_listeners_close(&new.edge, true);
    assert_false(answers(port));
}

static void a_failure_leaves_nothing_of_the_new_open(void **state)
{
    struct site old = {0}, new = {0};
    struct wend_edge_listen *serving = open_first(&old), *shared, *fresh;
    struct wend_listener taken;
    int fd;

    (void)state;
    /* Opened in the reverse order: the one that fails comes last. */
    add_port(&new, take_port(&taken));
    fresh = add_port(&new, 0);
    add_path(&new);
    shared = add_port(&new, port_of(serving));
    assert_int_equal(wend_edge_listeners_open(&options, &new.edge, &old.edge), WEND_E_CONFIG);
    assert_false(answers(port_of(fresh)));
    assert_int_not_equal(access(unix_path, F_OK), 0);
    for (size_t i = 0; i < new.count; i++)
        assert_int_equal(new.listens[i].listener.fd, -1);
    assert_true(answers(port_of(serving)));

    /* The address is free now: the same configuration can be had. */
    wend_listen_close(&taken, true);
    assert_int_equal(wend_edge_listeners_open(&options, &new.edge, &old.edge), WEND_OK);
    fd = shared->listener.fd;
    assert_int_equal(fd, serving->listener.fd);
    assert_true(answers(port_of(fresh)));
    wend_edge_listeners_close_unused(&old.edge, &new.edge);
    wend_edge_listeners_close(&new.edge, true);
    assert_false(is_open(fd));
}

static void a_first_start_that_fails_closes_its_own(void **state)
{
    struct site site = {0};
    struct wend_listener taken;
    struct wend_edge_listen *fresh;

    (void)state;
    add_port(&site, take_port(&taken));
    fresh = add_port(&site, 0);
    assert_int_equal(wend_edge_listeners_open(&options, &site.edge, NULL), WEND_E_CONFIG);
    assert_int_not_equal(port_of(fresh), 0); /* it was open */
    assert_false(answers(port_of(fresh)));
    wend_listen_close(&taken, true);
}

/* The one that is in the way leaves while it is tried again. */
static void an_address_in_use_is_tried_again(void **state)
{
    const struct wend_edge_server_options patient = {.bind_tries = 20};
    struct site site = {0};
    struct wend_listener taken;
    struct wend_edge_listen *wanted = add_port(&site, take_port(&taken));
    pid_t pid = fork();

    (void)state;
    assert_true(pid >= 0);
    if (pid == 0) { /* it alone keeps the address now */
        usleep(700000);
        _exit(0);
    }
    wend_listen_close(&taken, true);
    assert_int_equal(wend_edge_listeners_open(&patient, &site.edge, NULL), WEND_OK);
    assert_true(answers(port_of(wanted)));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    wend_edge_listeners_close(&site.edge, true);
}

static void what_another_address_covers_is_not_opened(void **state)
{
    struct site site = {0};
    struct wend_edge_listen *wildcard = add_port(&site, 0), *covered;

    (void)state;
    assert_int_equal(wend_edge_listeners_open(&options, &site.edge, NULL), WEND_OK);
    covered = add_port(&site, port_of(wildcard));
    covered->covered_by = wildcard;
    assert_int_equal(wend_edge_listeners_open(&options, &site.edge, NULL), WEND_OK);
    assert_int_equal(covered->listener.fd, -1);
    wend_edge_listeners_close(&site.edge, true);
}

static int make_directory(void **state)
{
    (void)state;
    if (mkdtemp(directory) == NULL)
        return -1;
    snprintf(unix_path, sizeof(unix_path), "%s/socket", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    return rmdir(directory); /* fails when a path was left in it */
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_both_have_is_handed_on_and_the_rest_closed),
        cmocka_unit_test(a_failure_leaves_nothing_of_the_new_open),
        cmocka_unit_test(a_first_start_that_fails_closes_its_own),
        cmocka_unit_test(an_address_in_use_is_tried_again),
        cmocka_unit_test(what_another_address_covers_is_not_opened),
    };

    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
