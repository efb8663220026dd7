/* bench/fiberloop.c - rawloop's job on fibers: what the fibers themselves cost.
 *
 * Usage: fiberloop PORT [task|park] [extra-body-bytes]   (loopback only)
 *
 * task: one task per connection, written top to bottom: receive, look for the blank line, send.
 * park: no task while a connection waits; its next bytes start one, which ends after the answer.
 * The answer is byte for byte rawloop's.
 */
#include "base/assert.h"
#include "base/str.h"
#include "fiber/io.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>

#define IN_MAX 16384

static struct {
    struct wend_io listener;
    char *bytes;
    size_t len;
    bool park;
} server;

struct connection {
    struct wend_io io;
};

static void close_connection(struct connection *c)
{
    struct wend_loop *loop = c->io.loop;

    wend_io_close(&c->io);
    wend_loop_free_later(loop, c);
}

/* False when the connection is over. */
static bool answer(struct wend_task *task, struct connection *c, char *in)
{
    size_t got;

    if (wend_io_recv(task, &c->io, in, IN_MAX, WEND_FOREVER, &got) != WEND_OK || got == 0)
        return false;
    if (memmem(in, got, "\r\n\r\n", 4) == NULL)
        return true;
    return wend_io_send(task, &c->io, server.bytes, server.len, WEND_FOREVER) == WEND_OK;
}

static void converse(struct wend_task *task, void *arg)
{
    struct connection *c = arg;
    char in[IN_MAX];

    while (answer(task, c, in))
        continue;
    close_connection(c);
}

static void bytes_came(struct wend_io *io);

static void answer_and_park(struct wend_task *task, void *arg)
{
    struct connection *c = arg;
    char in[IN_MAX];

    do {
        if (!answer(task, c, in)) {
            close_connection(c);
            return;
        }
    } while (c->io.readable);
    c->io.on_ready = bytes_came;
}

static void bytes_came(struct wend_io *io)
{
    io->on_ready = NULL;
    wend_task_start(io->loop, answer_and_park, WEND_OF(io, struct connection, io));
}

static void open_connection(struct wend_loop *loop, int fd)
{
    struct connection *c = calloc(1, sizeof *c);
    int one = 1;

    if (c == NULL)
        wend_die("calloc");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (wend_io_open(&c->io, loop, fd, true) != WEND_OK) {
        free(c);
        return;
    }
    wend_task_start(loop, server.park ? answer_and_park : converse, c);
}

static void accept_all(struct wend_task *task, void *arg)
{
    struct sockaddr_storage peer;
    socklen_t peer_len;
    int fd;

    (void)arg;
    while (wend_io_accept(task, &server.listener, &peer, &peer_len, &fd) == WEND_OK)
        open_connection(task->loop, fd);
}

static void make_answer(int size)
{
    int head;

    server.bytes = malloc((size_t)size + 512);
    if (server.bytes == NULL)
        wend_die("malloc");
    head = sprintf(server.bytes,
                   "HTTP/1.1 200 OK\r\nServer: raw\r\nDate: Sat, 21 Nov 2026 00:00:00 GMT\r\n"
                   "Content-Type: text/html\r\nContent-Length: %d\r\n"
                   "Last-Modified: Sat, 21 Nov 2026 00:00:00 GMT\r\nConnection: keep-alive\r\n"
                   "ETag: \"0\"\r\nAccept-Ranges: bytes\r\n\r\n",
                   size);
    memset(server.bytes + head, 'x', (size_t)size);
    server.len = (size_t)head + (size_t)size;
}

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;

    if (fd < 0)
        wend_die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0)
        wend_die("bind");
    return fd;
}

int main(int argc, char **argv)
{
    struct wend_loop *loop;

    if (argc < 2) {
        fputs("usage: fiberloop PORT [task|park] [body bytes]\n", stderr);
        return 2;
    }
    server.park = argc > 2 && strcmp(argv[2], "park") == 0;
    make_answer(argc > 3 ? atoi(argv[3]) : 1024);
    loop = wend_loop_new(0);
    if (wend_io_open(&server.listener, loop, listen_on(atoi(argv[1])), true) != WEND_OK)
        wend_die("epoll");
    wend_task_start(loop, accept_all, NULL);
    wend_loop_run(loop);
    wend_loop_free(loop);
    free(server.bytes);
    return 0;
}
