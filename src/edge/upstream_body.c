/* edge/upstream_body.c - see edge/upstream_body.h. */
#include "edge/upstream_body.h"

#define BODY_STEP (64u << 10) /* of a body passed on unbuffered; and what one write may hold */

static bool has_body(const struct wend_request *request)
{
    return request->chunked || request->content_length > 0;
}

enum wend_code wend_upstream_body_prepare(struct wend_upstream *upstream)
{
    struct wend_exchange *x = upstream->x;
    enum wend_code code;

    if (upstream->body_given) {
        upstream->body_collected = true; /* once more, if need be */
        upstream->body_bytes = upstream->body.bytes;
        return WEND_OK;
    }
    if (!upstream->settings->pass_request_body || !has_body(&x->request)) {
        upstream->body_collected = true;
        upstream->body_bytes = 0;
        return WEND_OK;
    }
    if (!upstream->settings->request_buffering) {
        upstream->body_bytes = x->request.chunked ? -1 : x->request.content_length;
        return WEND_OK;
    }
    code = wend_body_collect(x, upstream->settings->body, &upstream->body);
    upstream->body_collected = code == WEND_OK;
    upstream->body_bytes = upstream->body.bytes;
    return code;
}

static void send_on_child(struct wend_task *task, void *arg)
{
    struct wend_upstream_sender *sender = arg;

    /* A failure shows when the answer is read: an early one may be there. */
    if (wend_h1_client_send_body(task, sender->client, &sender->piece, 1, true) != WEND_OK)
        sender->client->sending_done = false;
}

/* Passes the body on as it comes, until its end or until the server has its answer ready. */
static enum wend_code stream_body(struct wend_upstream *upstream, struct wend_h1_client *client)
{
    struct wend_exchange *x = upstream->x;
    char *bytes = wend_arena_alloc(&x->task->arena, BODY_STEP);
    enum wend_code code = WEND_OK;
    size_t got = 1;

    if (bytes == NULL)
        return WEND_E_MEMORY;
    while (code == WEND_OK && got > 0 && !wend_h1_client_answered(client)) {
        struct wend_piece piece;

        code = wend_body_read(x, bytes, BODY_STEP, &got);
        piece = wend_piece_of(wend_str_make(bytes, got));
        if (code == WEND_OK)
            code = wend_h1_client_send_body(x->task, client, &piece, got > 0 ? 1 : 0, got == 0);
    }
    return code;
}

enum wend_code wend_upstream_body_send(struct wend_upstream *upstream,
                                       struct wend_h1_client *client,
                                       struct wend_upstream_sender *sender)
{
    struct wend_task *task = upstream->x->task;

    if (upstream->body_bytes == 0)
        return WEND_OK;
    if (!upstream->body_collected)
        return stream_body(upstream, client);
    if (upstream->body.bytes <= BODY_STEP)
        return wend_h1_client_send_body(task, client, &upstream->body.piece, upstream->body.count,
                                        true);
    sender->client = client;
    sender->piece = upstream->body.piece;
    wend_task_spawn(task, send_on_child, sender, &sender->task);
    return WEND_OK;
}

void wend_upstream_body_stop(struct wend_task *task, struct wend_upstream_sender *sender)
{
    if (sender->task == NULL)
        return;
    if (!sender->client->sending_done)
        wend_task_cancel(sender->task);
    wend_task_join(task, sender->task);
    sender->task = NULL;
}
