/* edge/upstream_relay.c - two tasks, one per direction; the end of either ends both. */
#include "edge/upstream_relay.h"

#define STEP_BYTES 16384

struct relay {
    struct wend_conn *client, *server;
    int timeout_ms;
    int64_t moved_ns; /* when anything moved last, in either direction */
    uint64_t to_client_bytes;
};

static bool idle_too_long(const struct relay *relay)
{
    return wend_clock_monotonic_ns() - relay->moved_ns >= relay->timeout_ms * WEND_NS_PER_MS;
}

static enum wend_code send_all(struct wend_task *task, struct relay *relay, struct wend_conn *to,
                               const char *bytes, size_t len)
{
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = len};

    relay->moved_ns = wend_clock_monotonic_ns();
    if (to == relay->client)
        relay->to_client_bytes += len;
    return wend_conn_sendv(task, to, &part, 1, false, relay->timeout_ms);
}

/* Until the end of `from`, a failure, or silence on both sides. */
static void pump(struct wend_task *task, struct relay *relay, struct wend_conn *from,
                 struct wend_conn *to)
{
    char *bytes = wend_arena_alloc(&task->arena, STEP_BYTES);
    enum wend_code code = bytes == NULL ? WEND_E_MEMORY : WEND_OK;

    while (code == WEND_OK) {
        size_t got = 0;

        code = wend_conn_recv(task, from, bytes, STEP_BYTES, relay->timeout_ms, &got);
        if (code == WEND_E_DEADLINE && !idle_too_long(relay)) {
            code = WEND_OK;
            continue;
        }
        if (code == WEND_OK && got == 0)
            break;
        if (code == WEND_OK)
            code = send_all(task, relay, to, bytes, got);
    }
}

struct upward {
    struct relay *relay;
    bool done;
};

static void pump_up(struct wend_task *task, void *arg)
{
    struct upward *upward = arg;

    pump(task, upward->relay, upward->relay->client, upward->relay->server);
    upward->done = true;
    /* The server hears that nothing more comes, answers or not, and the other direction ends. */
    (void)shutdown(upward->relay->server->io.fd, SHUT_WR);
}

/* What either side said before the relay began. */
static enum wend_code send_held(struct wend_exchange *x, struct relay *relay,
                                struct wend_h1_client *client)
{
    struct wend_str early = wend_h1_take_input(x), data;
    enum wend_code code = WEND_OK;

    if (early.len > 0)
        code = send_all(x->task, relay, relay->server, early.ptr, early.len);
    while (code == WEND_OK && wend_h1_client_pending(client)) {
        code = wend_h1_client_read(x->task, client, &data);
        if (code == WEND_OK)
            code = send_all(x->task, relay, relay->client, data.ptr, data.len);
    }
    return code;
}

enum wend_code wend_upstream_relay(struct wend_exchange *x, struct wend_h1_client *client,
                                   int timeout_ms)
{
    struct relay relay = {.client = x->conn,
                          .server = client->conn,
                          .timeout_ms = timeout_ms,
                          .moved_ns = wend_clock_monotonic_ns()};
    struct upward upward = {.relay = &relay};
    struct wend_task *child;
    enum wend_code code;

    x->response.close = true;
    code = wend_respond(x, NULL, 0, false);
    if (code == WEND_OK)
        code = send_held(x, &relay, client);
    if (code == WEND_OK) {
        wend_task_spawn(x->task, pump_up, &upward, &child);
        pump(x->task, &relay, relay.server, relay.client);
        if (!upward.done)
            wend_task_cancel(child);
        wend_task_join(x->task, child);
    }
    x->bytes_sent += (int64_t)relay.to_client_bytes;
    x->body_sent += (int64_t)relay.to_client_bytes;
    return code == WEND_OK ? wend_respond(x, NULL, 0, true) : code;
}
