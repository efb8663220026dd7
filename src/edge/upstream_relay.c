/* edge/upstream_relay.c - a tunnel: one task waits for both sides.
 *
 * A tunnel is mostly silent, so silence costs a page of stack and no buffer: a buffer lives from
 * the bytes' arrival until the other side has taken them. When it does not take them at once, a
 * child sends them, so that a side that does not read stops nobody but its own direction.
 */
#include "edge/upstream_relay.h"

#include <errno.h>
#include <stdlib.h>

#define STEP_BYTES 16384

struct relay;

struct direction {
    struct relay *relay;
    struct wend_conn *from, *to;
    bool ended; /* `from` has said all */
    /* of the child that sends what `to` did not take at once */
    struct wend_task *child;
    bool blocked;
    char *bytes;
    size_t at, end;
};

struct relay {
    struct wend_task *task;
    struct direction up, down;
    bool waiting; /* the task, for either side */
    int timeout_ms;
    enum wend_code code;
    uint64_t to_client_bytes;
};

static enum wend_code send_all(struct wend_task *task, struct relay *relay, struct wend_conn *to,
                               const char *bytes, size_t len)
{
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = len};

    return len == 0 ? WEND_OK : wend_conn_sendv(task, to, &part, 1, false, relay->timeout_ms);
}

static void send_on_child(struct wend_task *task, void *arg)
{
    struct direction *direction = arg;
    struct relay *relay = direction->relay;
    enum wend_code code = send_all(task, relay, direction->to, direction->bytes + direction->at,
                                   direction->end - direction->at);

    free(direction->bytes);
    direction->bytes = NULL;
    direction->blocked = false;
    if (code != WEND_OK)
        relay->code = code;
    if (relay->waiting)
        wend_task_wake(relay->task, WEND_OK);
}

static void join_child(struct direction *direction, bool cancel)
{
    if (direction->child == NULL)
        return;
    if (cancel && direction->blocked)
        wend_task_cancel(direction->child);
    wend_task_join(direction->relay->task, direction->child);
    direction->child = NULL;
}

/* Sends what the kernel takes now; the rest is a child's. */
static enum wend_code pass_on(struct direction *direction)
{
    struct wend_conn *to = direction->to;
    ssize_t sent = 0;

    if (to->filter == NULL) {
        sent = wend_io_try_send(&to->io, direction->bytes, direction->end);
        if (sent < 0 && errno != EAGAIN)
            return WEND_E_RESET;
    }
    direction->at = sent > 0 ? (size_t)sent : 0;
    if (direction->at == direction->end) {
        free(direction->bytes);
        direction->bytes = NULL;
        return WEND_OK;
    }
    join_child(direction, false); /* it has ended, or nothing would have been read */
    direction->blocked = true;
    wend_task_spawn(direction->relay->task, send_on_child, direction, &direction->child);
    return WEND_OK;
}

/* What has arrived, once. */
static enum wend_code pump(struct direction *direction)
{
    ssize_t got;

    direction->bytes = malloc(STEP_BYTES);
    if (direction->bytes == NULL)
        return WEND_E_MEMORY;
    got = wend_conn_try_recv(direction->from, direction->bytes, STEP_BYTES);
    if (got > 0) {
        direction->end = (size_t)got;
        if (direction == &direction->relay->down)
            direction->relay->to_client_bytes += (size_t)got;
        return pass_on(direction);
    }
    free(direction->bytes);
    direction->bytes = NULL;
    if (got < 0)
        return errno == EAGAIN ? WEND_OK : WEND_E_RESET;
    direction->ended = true;
    return WEND_OK;
}

static bool listens(const struct direction *direction)
{
    return !direction->ended && !direction->blocked;
}

static struct wend_io *listens_to(struct direction *direction)
{
    return listens(direction) ? &direction->from->io : NULL;
}

/* Until the server has said all, a failure, or silence on both sides. When the client has said all
 * the server hears of it, and the other direction goes on. */
static void run(struct relay *relay)
{
    struct direction *both[] = {&relay->up, &relay->down};
    bool told = false;

    wend_task_trim(relay->task);
    while (relay->code == WEND_OK && !relay->down.ended) {
        relay->waiting = true;
        relay->code = wend_io_wait_either(relay->task, listens_to(both[0]), listens_to(both[1]),
                                          relay->timeout_ms);
        relay->waiting = false;
        for (size_t i = 0; i < WEND_COUNT(both) && relay->code == WEND_OK; i++)
            if (listens(both[i]) && both[i]->from->io.readable)
                relay->code = pump(both[i]);
        if (relay->up.ended && !relay->up.blocked && !told) {
            told = true;
            (void)shutdown(relay->up.to->io.fd, SHUT_WR);
        }
    }
}

/* What either side said before the relay began. */
static enum wend_code send_held(struct wend_exchange *x, struct relay *relay,
                                struct wend_h1_client *client)
{
    struct wend_str early = wend_h1_take_input(x), data;
    enum wend_code code = WEND_OK;

    if (early.len > 0)
        code = send_all(x->task, relay, relay->up.to, early.ptr, early.len);
    while (code == WEND_OK && wend_h1_client_pending(client)) {
        code = wend_h1_client_read(x->task, client, &data);
        if (code != WEND_OK)
            break;
        relay->to_client_bytes += data.len;
        code = send_all(x->task, relay, relay->down.to, data.ptr, data.len);
    }
    return code;
}

enum wend_code wend_upstream_relay(struct wend_exchange *x, struct wend_h1_client *client,
                                   int timeout_ms)
{
    struct relay relay = {.task = x->task, .timeout_ms = timeout_ms};
    enum wend_code code;

    relay.up = (struct direction){.relay = &relay, .from = x->conn, .to = client->conn};
    relay.down = (struct direction){.relay = &relay, .from = client->conn, .to = x->conn};
    x->response.close = true;
    code = wend_respond(x, NULL, 0, false);
    if (code == WEND_OK)
        code = send_held(x, &relay, client);
    if (code == WEND_OK) {
        run(&relay);
        join_child(&relay.up, true);
        join_child(&relay.down, relay.code != WEND_OK);
    }
    x->bytes_sent += (int64_t)relay.to_client_bytes;
    x->body_sent += (int64_t)relay.to_client_bytes;
    return code == WEND_OK ? wend_respond(x, NULL, 0, true) : code;
}
