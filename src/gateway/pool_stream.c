/* gateway/pool_stream.c - see gateway/pool_stream.h. */
#include "gateway/pool_stream.h"

#include "base/log.h"
#include "gateway/uwsgi_server.h"
#include "http/h1_server.h"

/* A request on its way. On the stack of its task. */
struct stream {
    struct wend_pool_key key;
    struct wend_pool_conn *conn;
    struct wend_exchange *x;
    bool waiting; /* the task is suspended for it */
    bool has_head, page, ended;
    enum wend_pool_state outcome;
    enum wend_code code;     /* not WEND_OK: it failed, for this reason */
    struct wend_buffer data; /* of the answer's body, not yet sent on */
    size_t granted;          /* what the other side may still send */
    size_t used;             /* sent on, not yet granted again */
    size_t credit;           /* what we may still send */
    uint16_t span;
    struct wend_pool_spans spans;
};

/* --- what the loop tells a stream ------------------------------------------------------------- */

static void wake(struct stream *stream)
{
    if (!stream->waiting)
        return;
    stream->waiting = false;
    wend_task_wake(stream->x->task, WEND_OK);
}

static struct stream *stream_of(struct wend_pool_key *key)
{
    return WEND_OF(key, struct stream, key);
}

static enum wend_code take_head(struct stream *stream, const struct wend_pool_frame *frame,
                                struct wend_str payload)
{
    struct wend_exchange *x = stream->x;
    struct wend_response response = x->response;
    struct wend_str spans;
    enum wend_code code;

    if (stream->has_head || stream->ended)
        return WEND_E_PROTOCOL;
    payload = wend_arena_keep(&x->task->arena, payload);
    if (payload.ptr == NULL) {
        stream->code = WEND_E_MEMORY;
        return WEND_OK;
    }
    code = wend_pool_response_read(payload, &x->task->arena, &response, &spans);
    if (code == WEND_OK)
        code = wend_pool_spans_read(spans, &x->task->arena, x->task->trace, &stream->spans);
    if (code != WEND_OK)
        return code;
    x->response = response;
    stream->has_head = true;
    stream->page = (frame->flags & WEND_POOL_PAGE) != 0;
    return WEND_OK;
}

static enum wend_code take_data(struct stream *stream, struct wend_str payload)
{
    if (!stream->has_head || stream->ended || payload.len > stream->granted)
        return WEND_E_PROTOCOL;
    stream->granted -= payload.len;
    wend_buffer_add(&stream->data, payload);
    return WEND_OK;
}

static enum wend_code take_end(struct stream *stream, struct wend_str payload)
{
    struct wend_exchange *x = stream->x;
    struct wend_str spans;
    enum wend_code code;

    if (stream->ended)
        return WEND_E_PROTOCOL;
    code = wend_pool_outcome_read(payload, &stream->outcome, &spans);
    if (code == WEND_OK && stream->outcome == WEND_POOL_COMPLETE && !stream->has_head)
        code = WEND_E_PROTOCOL;
    if (code == WEND_OK)
        code = wend_pool_spans_read(spans, &x->task->arena, x->task->trace, &stream->spans);
    stream->ended = code == WEND_OK;
    return code;
}

static enum wend_code take_window(struct stream *stream, struct wend_str payload)
{
    uint64_t more;
    enum wend_code code = wend_pool_number_read(payload, &more);

    if (code != WEND_OK || more > WEND_POOL_WINDOW - stream->credit)
        return WEND_E_PROTOCOL;
    stream->credit += (size_t)more;
    return WEND_OK;
}

enum wend_code wend_pool_stream_frame(struct wend_pool_conn *conn,
                                      const struct wend_pool_frame *frame, struct wend_str payload)
{
    struct wend_pool_key *key = wend_pool_table_find(&conn->streams, frame->stream);
    struct stream *stream;
    enum wend_code code;

    if (frame->stream > conn->last_stream)
        return WEND_E_PROTOCOL;
    if (key == NULL)
        return WEND_OK; /* it was cancelled, and the answer crossed that */
    stream = stream_of(key);
    switch (frame->type) {
    case WEND_POOL_HEAD:
        code = take_head(stream, frame, payload);
        break;
    case WEND_POOL_DATA:
        code = take_data(stream, payload);
        break;
    case WEND_POOL_END:
        code = take_end(stream, payload);
        break;
    case WEND_POOL_WINDOW_MORE:
        code = take_window(stream, payload);
        break;
    default:
        return WEND_E_PROTOCOL;
    }
    if (code == WEND_OK)
        wake(stream);
    return code;
}

static void fail_stream(struct wend_pool_key *key)
{
    struct stream *stream = stream_of(key);

    if (!stream->ended && stream->code == WEND_OK)
        stream->code = stream->conn->failure;
    wake(stream);
}

void wend_pool_streams_fail(struct wend_pool_conn *conn, enum wend_code code)
{
    conn->failure = code;
    wend_pool_table_each(&conn->streams, fail_stream);
}

void wend_pool_conn_leave(struct wend_pool_conn *conn)
{
    conn->leaving = true;
    if (conn->streams.count == 0)
        wend_pool_link_end(&conn->link);
}

/* --- one request ------------------------------------------------------------------------------ */

/* Until the stream has news. WEND_E_CLOSED: the client is gone. */
static enum wend_code await(struct stream *stream)
{
    struct wend_task *task = stream->x->task;
    enum wend_code code;

    do {
        if (wend_exchange_client_gone(stream->x))
            return WEND_E_CLOSED;
        stream->waiting = true;
        code = wend_task_suspend(task,
                                 wend_loop_now_ns(task->loop) + WEND_POOL_LOOK_MS * WEND_NS_PER_MS);
        if (code != WEND_E_DEADLINE || !stream->waiting)
            break;
    } while (task->deadline_ns > wend_loop_now_ns(task->loop));
    stream->waiting = false;
    return code;
}

static void fill_place(const struct wend_pool_options *options, struct wend_exchange *x,
                       const struct wend_body *body, struct wend_pool_place *place)
{
    *place = (struct wend_pool_place){.peer = x->conn->peer,
                                      .local = x->conn->local,
                                      .variables = wend_uwsgi_variables(x),
                                      .connection = x->conn->number,
                                      .body_bytes = body->bytes,
                                      .send_timeout_ms = x->policy->send_timeout_ms};
    if (options->place != NULL)
        options->place(x, place);
}

/* WEND_E_LIMIT: the head does not fit a frame. */
static enum wend_code send_request(struct stream *stream, const struct wend_body *body)
{
    struct wend_pool_link *link = &stream->conn->link;
    struct wend_pool_place place;
    struct wend_buffer *out;
    size_t began;

    fill_place(stream->conn->options, stream->x, body, &place);
    out = wend_pool_link_begin(link, WEND_POOL_REQUEST, body->bytes == 0 ? WEND_POOL_LAST : 0,
                               stream->key.stream, &began);
    wend_pool_request_write(out, &stream->x->request, &place);
    return wend_pool_link_finish(link, began) ? WEND_OK : WEND_E_LIMIT;
}

static size_t smallest(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* One BODY frame from `offset` on. */
static enum wend_code send_body_part(struct stream *stream, const struct wend_body *body,
                                     int64_t offset, size_t len)
{
    struct wend_pool_link *link = &stream->conn->link;
    bool last = offset + (int64_t)len == body->bytes;
    struct wend_buffer *out;
    size_t began;
    char *into;
    ssize_t got;

    out = wend_pool_link_begin(link, WEND_POOL_BODY, last ? WEND_POOL_LAST : 0, stream->key.stream,
                               &began);
    into = wend_buffer_reserve(out, len);
    got = into == NULL ? -1 : wend_body_pread(body, into, len, offset);
    if (got == (ssize_t)len)
        out->len += len;
    if (!wend_pool_link_finish(link, began))
        return WEND_E_LIMIT;
    return got == (ssize_t)len ? WEND_OK : WEND_E_IO;
}

static enum wend_code send_body(struct stream *stream, const struct wend_body *body)
{
    enum wend_code code = WEND_OK;
    int64_t offset = 0;

    while (code == WEND_OK && offset < body->bytes && stream->code == WEND_OK && !stream->ended) {
        size_t len = (size_t)(body->bytes - offset < WEND_POOL_DATA_MAX ? body->bytes - offset
                                                                        : WEND_POOL_DATA_MAX);

        len = smallest(len, stream->credit);
        if (len == 0) {
            code = await(stream);
            continue;
        }
        stream->credit -= len;
        code = send_body_part(stream, body, offset, len);
        offset += (int64_t)len;
    }
    return code;
}

/* Sends on what has come, and lets as much more come. */
static enum wend_code pass_on(struct stream *stream)
{
    struct wend_exchange *x = stream->x;
    struct wend_buffer data = stream->data;
    bool last = stream->ended && stream->outcome == WEND_POOL_COMPLETE;
    struct wend_piece piece = wend_piece_of(wend_buffer_str(&data));
    enum wend_code code;

    wend_buffer_init(&stream->data, WEND_POOL_WINDOW);
    code = wend_respond(x, &piece, data.len != 0, last);
    stream->used += data.len;
    wend_buffer_release(&data);
    if (code == WEND_OK && !stream->ended && stream->used >= WEND_POOL_WINDOW / 2) {
        stream->granted += stream->used;
        wend_pool_link_send_number(&stream->conn->link, WEND_POOL_WINDOW_MORE, stream->key.stream,
                                   stream->used);
        stream->used = 0;
    }
    return code;
}

static enum wend_code receive(struct stream *stream)
{
    enum wend_code code = WEND_OK;

    while (code == WEND_OK && stream->code == WEND_OK) {
        bool ended = stream->ended;

        if (ended && (stream->page || stream->outcome == WEND_POOL_FAILED))
            return WEND_OK;
        if (stream->has_head && !stream->page && (stream->data.len != 0 || ended))
            code = pass_on(stream);
        else
            code = await(stream);
        /* More may have come while it was sent on; what was there at its end was all. */
        if (ended)
            return code;
    }
    return code != WEND_OK ? code : stream->code;
}

/* What nobody will end any more ends now. */
static void end_spans(struct stream *stream)
{
    struct wend_trace *trace = stream->x->task->trace;

    for (uint16_t i = 0; i < stream->spans.count; i++) {
        uint16_t local = stream->spans.local[i];

        if (local != WEND_SPAN_NONE && wend_trace_span(trace, local)->end_ticks == 0)
            wend_trace_span(trace, local)->end_ticks = wend_clock_ticks();
    }
}

static void close_stream(struct stream *stream, enum wend_code code)
{
    struct wend_pool_conn *conn = stream->conn;
    struct wend_exchange *x = stream->x;

    wend_pool_table_remove(&conn->streams, &stream->key);
    if (!stream->ended && !conn->link.is_closed)
        wend_pool_link_send(&conn->link, WEND_POOL_CANCEL, 0, stream->key.stream, WEND_STR_NULL);
    if (conn->leaving && conn->streams.count == 0)
        wend_pool_link_end(&conn->link);
    end_spans(stream);
    wend_buffer_release(&stream->data);
    if (x->state == WEND_X_HEAD && (code != WEND_OK || stream->outcome != WEND_POOL_COMPLETE))
        wend_respond_torn(x);
    wend_span_end(x->task->trace, stream->span, x->response.status);
    wend_pool_link_unuse(&conn->link);
}

/* The status of a request that was not answered. */
static void fail(struct stream *stream)
{
    struct wend_exchange *x = stream->x;

    x->response.status = stream->code == WEND_E_DEADLINE ? 504 : 502;
    wend_log(wend_log_process, WEND_LOG_ERROR, x->conn->number, 0,
             "app %.*s: its process %llu %s; answered %d",
             WEND_STR_ARG(stream->conn->options->name), (unsigned long long)stream->conn->pid,
             stream->code == WEND_E_DEADLINE ? "does not come up" : "ended during the request",
             x->response.status);
}

static enum wend_code ask(struct stream *stream, const struct wend_body *body)
{
    enum wend_code code = send_request(stream, body);

    if (code == WEND_E_LIMIT) {
        stream->x->response.status = 431;
        stream->ended = true; /* it never began */
        return WEND_OK;
    }
    if (code == WEND_OK)
        code = send_body(stream, body);
    return code == WEND_OK ? receive(stream) : code;
}

enum wend_code wend_pool_stream_serve(struct wend_pool_conn *conn, struct wend_exchange *x,
                                      const struct wend_body *body, uint16_t span)
{
    struct stream stream = {.key.stream = ++conn->last_stream,
                            .conn = conn,
                            .x = x,
                            .granted = WEND_POOL_WINDOW,
                            .credit = WEND_POOL_WINDOW,
                            .span = span,
                            .spans.inside = span};
    enum wend_code code;

    wend_buffer_init(&stream.data, WEND_POOL_WINDOW);
    wend_pool_table_add(&conn->streams, &stream.key);
    conn->link.uses++; /* the connection outlives its stream */
    code = ask(&stream, body);
    if (stream.code != WEND_OK && x->state == WEND_X_REQUEST) {
        fail(&stream);
        code = WEND_OK;
    } else if (stream.ended && stream.outcome != WEND_POOL_COMPLETE && code == WEND_OK) {
        code = WEND_E_APP;
    }
    close_stream(&stream, code);
    return code;
}
