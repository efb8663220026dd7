/* edge/asked_test.h - for tests and fuzz targets: a configuration, asked in process.
 *
 * The configuration is a text that the real reader reads; a request goes over a socket pair to the
 * real server, and the whole answer comes back. So a table of (request, answer) rows can say what a
 * configuration means, and no test builds by hand what the reader makes.
 *
 * The file, not a library, is shared: it has static functions only, each test has its own loop.
 */
#ifndef WEND_EDGE_ASKED_TEST_H
#define WEND_EDGE_ASKED_TEST_H

#include "base/assert.h"
#include "base/log.h"
#include "edge/serve.h"
#include "edge/serving.h"
#include "fiber/io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASKED_ARENA_MAX (64u << 20)
#define ASKED_ANSWER_MAX (4u << 20)

struct asked {
    struct wend_arena arena;
    struct wend_edge *edge;
    struct wend_conf_error error; /* why it was refused */
};

static struct wend_loop *asked_loop;
static struct wend_io asked_client;
static char asked_answer[ASKED_ANSWER_MAX]; /* to the last request */
static size_t asked_answer_len;

static void asked_silent(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log;
    (void)level;
    (void)line;
}

static void asked_connections_changed(const struct wend_h1_server *server, int change)
{
    (void)server;
    if (change < 0)
        wend_loop_stop(asked_loop);
}

/* Whether the text is accepted. Either way asked_close() gives everything back. */
static bool asked_open(struct asked *asked, struct wend_str conf)
{
    static struct wend_log quiet = {.level = WEND_LOG_EMERG, .sink = asked_silent};
    static const struct wend_edge_options options = {.prefix = WEND_STR_INIT("/"),
                                                     .conf_path = WEND_STR_INIT("asked.conf")};

    wend_log_process = &quiet;
    if (asked_loop == NULL)
        asked_loop = wend_loop_new(0);
    memset(asked, 0, sizeof(*asked));
    wend_arena_init(&asked->arena, ASKED_ARENA_MAX);
    conf = wend_arena_keep(&asked->arena, conf); /* the edge's names are slices of it */
    if (wend_edge_parse(&asked->arena, &options, WEND_STR("asked.conf"), conf, &asked->edge,
                        &asked->error) != WEND_OK)
        return false;
    for (struct wend_edge_listen *l = asked->edge->listens; l != NULL; l = l->next)
        l->h1.connections = asked_connections_changed;
    return true;
}

static void asked_close(struct asked *asked)
{
    wend_edge_free(asked->edge);
    wend_arena_release(&asked->arena);
}

/* The client reads to the end, and then closes. */
static void asked_read(struct wend_io *io)
{
    ssize_t got = 1;

    while (got > 0 && asked_answer_len < sizeof(asked_answer)) {
        got =
            read(io->fd, asked_answer + asked_answer_len, sizeof(asked_answer) - asked_answer_len);
        asked_answer_len += got > 0 ? (size_t)got : 0;
    }
    io->readable = false;
    if (got >= 0 || errno != EAGAIN)
        wend_io_close(io);
}

/* All that the first listener answers to these bytes, after which the client closes its side. */
static struct wend_str asked_bytes(struct asked *asked, struct wend_str request)
{
    struct wend_address peer = {0}, local = {0};
    size_t live = 1, idle;
    int pair[2];

    WEND_ASSERT(wend_address_parse_host(WEND_STR("127.0.0.1"), 999, &peer) &&
                wend_address_parse_host(WEND_STR("127.0.0.1"), 1, &local));
    WEND_ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    WEND_ASSERT(write(pair[1], request.ptr, request.len) == (ssize_t)request.len);
    WEND_ASSERT(shutdown(pair[1], SHUT_WR) == 0);
    memset(&asked_client, 0, sizeof(asked_client));
    asked_answer_len = 0;
    WEND_ASSERT(wend_io_open(&asked_client, asked_loop, pair[1], false) == WEND_OK);
    asked_client.on_ready = asked_read;
    wend_edge_serve_connection(asked_loop, asked->edge->listens, pair[0], &peer, &local);
    for (wend_h1_count(asked_loop, &live, &idle); live != 0;
         wend_h1_count(asked_loop, &live, &idle))
        wend_loop_run(asked_loop);
    if (asked_client.fd >= 0)
        asked_read(&asked_client); /* what came with the end of the connection */
    if (asked_client.fd >= 0)
        wend_io_close(&asked_client);
    return wend_str_make(asked_answer, asked_answer_len);
}

#endif
