/* net/conn_test.c */
#include "net/conn.c"

#include "fiber/offload.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define FILE_BYTES (100u << 10)

static struct wend_loop *loop;
static char received[FILE_BYTES * 2];
static size_t received_len;
static int file;

static enum wend_code collect(struct wend_task *task, struct wend_conn *conn, struct iovec *parts,
                              size_t count, bool more, int timeout_ms)
{
    (void)task, (void)conn, (void)more, (void)timeout_ms;
    for (size_t i = 0; i < count; i++) {
        assert_true(received_len + parts[i].iov_len <= sizeof(received));
        memcpy(received + received_len, parts[i].iov_base, parts[i].iov_len);
        received_len += parts[i].iov_len;
    }
    return WEND_OK;
}

static int closed;
static void count_close(struct wend_conn *conn)
{
    (void)conn;
    closed++;
}

static const struct wend_conn_filter memory_filter = {
    .name = "memory", .sendv = collect, .close = count_close};

static void make_file(void)
{
    char block[1024];

    file = memfd_create("wend-conn-test", MFD_CLOEXEC);
    assert_true(file >= 0);
    for (size_t i = 0; i < FILE_BYTES / sizeof(block); i++) {
        memset(block, (int)('a' + i % 26), sizeof(block));
        assert_int_equal(write(file, block, sizeof(block)), sizeof(block));
    }
}

static void send_through_filter(struct wend_task *task, void *arg)
{
    struct wend_conn conn = {.filter = &memory_filter, .io = {.fd = -1, .loop = loop}};
    off_t offset = 1000;
    size_t held = task->arena.bytes;

    (void)arg;
    assert_int_equal(wend_conn_sendfile(task, &conn, file, &offset, 70000, 1000), WEND_OK);
    assert_int_equal(offset, 71000);
    assert_int_equal(received_len, 70000);
    assert_int_equal(received[0], 'a');
    assert_int_equal(received[24], 'b');
    assert_int_equal(conn.bytes_sent, 70000);
    assert_int_equal(task->arena.bytes, held);
    /* Truncated midway: what there was is sent, and the end is told. */
    received_len = 0;
    assert_int_equal(wend_conn_sendfile(task, &conn, file, &offset, FILE_BYTES, 1000),
                     WEND_E_CLOSED);
    assert_int_equal(offset, FILE_BYTES);
    assert_int_equal(received_len, FILE_BYTES - 71000);
    wend_conn_close(&conn);
    assert_int_equal(closed, 1);
    assert_null(conn.filter);
    wend_loop_stop(loop);
}

static void files_go_through_a_filter_that_has_no_sendfile(void **state)
{
    (void)state;
    loop = wend_loop_new(0);
    make_file();
    received_len = 0;
    wend_task_start(loop, send_through_filter, NULL);
    wend_loop_run_until_idle(loop);
    assert_int_equal(closed, 1);
    close(file);
    wend_offload_stop();
    wend_loop_free(loop);
}

static struct wend_conn near_end;

static void send_plain(struct wend_task *task, void *arg)
{
    struct iovec parts[] = {{"head ", 5}, {"", 0}, {"and body", 8}};
    off_t offset = 1024;

    (void)arg;
    assert_int_equal(wend_conn_sendv(task, &near_end, parts, 3, false, 1000), WEND_OK);
    assert_int_equal(wend_conn_sendfile(task, &near_end, file, &offset, 50, 1000), WEND_OK);
    assert_int_equal(near_end.bytes_sent, 63);
    offset = FILE_BYTES - 10;
    assert_int_equal(wend_conn_sendfile(task, &near_end, file, &offset, 20, 1000), WEND_E_CLOSED);
    assert_int_equal(near_end.bytes_sent, 73);
    wend_conn_close(&near_end);
    assert_int_equal(near_end.io.fd, -1);
}

static void plain_connections_send_parts_and_files(void **state)
{
    int pair[2];
    char got[100];

    (void)state;
    loop = wend_loop_new(0);
    make_file();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    near_end = (struct wend_conn){.number = 1};
    assert_int_equal(wend_io_open(&near_end.io, loop, pair[0], true), WEND_OK);
    wend_task_start(loop, send_plain, NULL);
    wend_loop_run_until_idle(loop);
    assert_int_equal(read(pair[1], got, sizeof(got)), 73);
    assert_memory_equal(got, "head and bodybbbbb", 18);
    assert_int_equal(read(pair[1], got, sizeof(got)), 0);
    close(pair[1]);
    close(file);
    wend_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_go_through_a_filter_that_has_no_sendfile),
        cmocka_unit_test(plain_connections_send_parts_and_files),
    };

    return cmocka_run_group_tests_name("net.conn", tests, NULL, NULL);
}
