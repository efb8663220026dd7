/* http/h1_input.c - request bodies: by length or chunked, first from what came with the head.
 *
 * A body by length goes from the kernel straight into the caller's memory. A chunked one passes
 * through the window behind the head, because its framing must be taken off.
 */
#include "base/assert.h"
#include "http/h1_conn.h"

#include <string.h>

void h1_input_start(struct h1_stream *stream)
{
    const struct wend_request *request = &stream->x.request;

    stream->body_left = request->content_length > 0 ? (uint64_t)request->content_length : 0;
    memset(&stream->chunks, 0, sizeof(stream->chunks));
    stream->x.body_read = stream->body_left == 0 && !request->chunked;
    stream->continue_wanted =
        request->expects_continue && !stream->x.body_read && request->version >= WEND_HTTP_11;
    stream->body_ended = false;
    wend_buffer_init_arena(&stream->trailers, &stream->x.task->arena, WEND_H1_TRAILER_MAX);
    wend_fields_init(&stream->x.request.trailers, NULL, 0, WEND_FIELDS_MAX);
}

/* A request whose body is asked for before any of it came may be waiting for our word. */
static enum wend_code say_continue(struct h1_stream *stream)
{
    if (!stream->continue_wanted || stream->head_sent || stream->in.at != stream->in.end)
        return WEND_OK;
    stream->continue_wanted = false;
    return h1_inform(&stream->x, 100, NULL);
}

static enum wend_code receive(struct h1_stream *stream, void *into, size_t room, size_t *got)
{
    struct wend_exchange *x = &stream->x;
    enum wend_code code =
        wend_conn_recv(x->task, x->conn, into, room, x->policy->body_timeout_ms, got);

    if (code == WEND_OK && *got == 0)
        return wend_fail(x->task, WEND_E_CLOSED, WEND_STR_NULL,
                         "the client closed the connection before its request body was complete");
    if (code == WEND_E_DEADLINE)
        return wend_fail(x->task, code, WEND_STR_NULL, "the request body did not come in time");
    if (code != WEND_OK)
        return wend_fail(x->task, code, WEND_STR_NULL, "the request body could not be read");
    stream->continue_wanted = false;
    return WEND_OK;
}

static size_t take_received(struct h1_window *in, void *into, size_t room)
{
    size_t count = in->end - in->at;

    count = count < room ? count : room;
    memcpy(into, in->bytes + in->at, count);
    in->at += count;
    return count;
}

static enum wend_code read_by_length(struct h1_stream *stream, void *into, size_t room, size_t *got)
{
    enum wend_code code = WEND_OK;

    if (room > stream->body_left)
        room = (size_t)stream->body_left;
    *got = 0;
    if (room == 0)
        return WEND_OK;
    if (stream->in.at != stream->in.end)
        *got = take_received(&stream->in, into, room);
    else
        code = receive(stream, into, room, got);
    stream->body_left -= *got;
    return code;
}

/* Makes room behind the head, whose bytes the request's slices still point into. */
static enum wend_code refill(struct h1_stream *stream)
{
    struct h1_window *in = &stream->in;
    size_t got = 0;
    enum wend_code code;

    /* Everything behind `base` was used: start there again. */
    in->at = in->end = in->base;
    if (in->room - in->base < WEND_H1_BODY_WINDOW_MIN) {
        in->bytes = wend_arena_alloc(&stream->x.task->arena, WEND_H1_INPUT_BYTES);
        if (in->bytes == NULL)
            return wend_fail(stream->x.task, WEND_E_MEMORY, WEND_STR_NULL, "no room for a body");
        in->room = WEND_H1_INPUT_BYTES;
        in->at = in->end = in->base = 0;
    }
    code = receive(stream, in->bytes + in->end, in->room - in->end, &got);
    in->end += got;
    return code;
}

static enum wend_code finish_trailers(struct h1_stream *stream)
{
    struct wend_exchange *x = &stream->x;
    struct wend_h1_error error;
    const struct wend_h1_server *server = stream->hc->server;

    if (stream->trailers.len == 0)
        return WEND_OK;
    if (wend_h1_parse_trailers(&x->task->arena, wend_buffer_str(&stream->trailers), server->policy,
                               &server->limits, &x->request.trailers, &error) != WEND_OK)
        return wend_fail(x->task, WEND_E_PROTOCOL, WEND_STR_NULL,
                         "the trailer section of the request body is malformed");
    return WEND_OK;
}

static enum wend_code read_chunked(struct h1_stream *stream, void *into, size_t room, size_t *got)
{
    struct wend_exchange *x = &stream->x;
    struct h1_window *in = &stream->in;

    *got = 0;
    while (!stream->body_ended) {
        struct wend_str data = WEND_STR_NULL;
        size_t offered = in->end - in->at, used = 0;
        enum wend_code code;

        if (offered == 0) {
            code = refill(stream);
            if (code != WEND_OK)
                return code;
            continue;
        }
        /* No more than `room` is offered, so that no more than it can come out. */
        offered = offered < room ? offered : room;
        code = wend_h1_chunks_decode(&stream->chunks, in->bytes + in->at, offered, &used, &data,
                                     &stream->trailers);
        in->at += used;
        memcpy(into, data.len == 0 ? "" : data.ptr, data.len);
        *got = data.len;
        if (code == WEND_OK) {
            stream->body_ended = true;
            return finish_trailers(stream);
        }
        if (code != WEND_MORE)
            return wend_fail(x->task, WEND_E_PROTOCOL, WEND_STR_NULL,
                             "the chunked framing of the request body is malformed");
        if (data.len != 0)
            return WEND_OK;
    }
    return WEND_OK;
}

enum wend_code h1_read_body(struct wend_exchange *x, void *into, size_t room, size_t *got)
{
    struct h1_stream *stream = h1_stream_of(x);
    enum wend_code code = say_continue(stream);

    if (code != WEND_OK)
        return code;
    if (room == 0) {
        *got = 0;
        return WEND_E_STATE;
    }
    return x->request.chunked ? read_chunked(stream, into, room, got)
                              : read_by_length(stream, into, room, got);
}

bool h1_framing_sound(const struct h1_stream *stream)
{
    struct wend_h1_chunks chunks = stream->chunks;
    const struct h1_window *in = &stream->in;
    size_t at = in->at;

    while (stream->x.request.chunked && at != in->end) {
        struct wend_str data;
        size_t used = 0;
        enum wend_code code =
            wend_h1_chunks_decode(&chunks, in->bytes + at, in->end - at, &used, &data, NULL);

        at += used;
        if (code != WEND_MORE)
            return code == WEND_OK;
        WEND_ASSERT(used != 0);
    }
    return true;
}

bool h1_skip_received(struct h1_stream *stream)
{
    struct h1_window *in = &stream->in;

    if (stream->x.body_read || stream->body_ended)
        return true;
    if (!stream->x.request.chunked) {
        size_t count = in->end - in->at;

        count = count < stream->body_left ? count : (size_t)stream->body_left;
        in->at += count;
        stream->body_left -= count;
        return stream->body_left == 0;
    }
    while (in->at != in->end) {
        struct wend_str data;
        size_t used = 0;
        enum wend_code code = wend_h1_chunks_decode(&stream->chunks, in->bytes + in->at,
                                                    in->end - in->at, &used, &data, NULL);

        in->at += used;
        if (code == WEND_OK)
            return true;
        if (code != WEND_MORE)
            return false;
    }
    return false;
}
