/* gateway/pool_server.c - see gateway/pool_server.h. */
#include "gateway/pool_server.h"

#include "base/assert.h"
#include "base/log.h"
#include "gateway/guard.h"
#include "gateway/pool_link.h"
#include "gateway/rendezvous.h"
#include "http/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define EDGE_GRACE_MS 10000 /* beyond its patience with the client the edge has given up itself */

/* --- who is connected ------------------------------------------------------------------------- */

/* A connection to an edge worker. */
struct member {
    struct wend_pool_link link;
    struct wend_pool_server *server;
    struct wend_list node;
    struct wend_pool_table streams;
    uint32_t last_stream;
    int fd; /* the connection's, until it is closed */
};

/* A request and its answer. */
struct stream {
    struct wend_pool_key key;
    struct member *member;
    struct wend_conn conn; /* of no socket: whom the edge speaks to */
    struct wend_pool_place place;
    struct wend_exchange *x; /* NULL: its task has not begun */
    bool reading, writing;   /* the task is suspended for it */
    bool cancelled, ended;   /* END is out */
    bool body_ended;
    struct wend_buffer body; /* received, not yet read */
    size_t granted, used;    /* of the request body, as the edge counts its own */
    size_t credit;           /* bytes of the answer that may go now */
    int64_t left;            /* of the answer's length; -1: unknown */
    bool head_sent;
    size_t payload_bytes; /* the REQUEST */
    char payload[];
};

static struct stream *stream_of(struct wend_pool_key *key)
{
    return WEND_OF(key, struct stream, key);
}

static void wake(struct stream *stream, bool *waits)
{
    if (!*waits)
        return;
    *waits = false;
    wend_task_wake(stream->x->task, WEND_OK);
}

static enum wend_code await(struct stream *stream, bool *waits, int timeout_ms)
{
    struct wend_task *task = stream->x->task;
    enum wend_code code;

    *waits = true;
    code = wend_task_suspend(task, wend_loop_now_ns(task->loop) + timeout_ms * WEND_NS_PER_MS);
    *waits = false;
    return code;
}

/* --- the codec -------------------------------------------------------------------------------- */

static enum wend_code read_body(struct wend_exchange *x, void *into, size_t room, size_t *got)
{
    struct stream *stream = x->codec_state;
    enum wend_code code = WEND_OK;

    *got = 0;
    while (stream->body.len == 0 && !stream->body_ended && !stream->cancelled && code == WEND_OK)
        code = await(stream, &stream->reading, x->policy->body_timeout_ms);
    if (code != WEND_OK || stream->cancelled)
        return code != WEND_OK ? code : WEND_E_CLOSED;
    *got = stream->body.len < room ? stream->body.len : room;
    if (*got == 0)
        return WEND_OK;
    memcpy(into, stream->body.ptr, *got);
    wend_buffer_consume(&stream->body, *got);
    stream->used += *got;
    if (!stream->body_ended && stream->used >= WEND_POOL_WINDOW / 2) {
        stream->granted += stream->used;
        wend_pool_link_send_number(&stream->member->link, WEND_POOL_WINDOW_MORE, stream->key.stream,
                                   stream->used);
        stream->used = 0;
    }
    return WEND_OK;
}

static enum wend_code send_head(struct stream *stream, unsigned flags)
{
    struct wend_pool_link *link = &stream->member->link;
    struct wend_exchange *x = stream->x;
    struct wend_buffer *out;
    size_t began;

    out = wend_pool_link_begin(link, WEND_POOL_HEAD, flags, stream->key.stream, &began);
    wend_pool_response_write(out, &x->response, x->task->trace);
    if (!wend_pool_link_finish(link, began))
        return wend_fail(x->task, WEND_E_LIMIT, x->request.line, "the response's head is too long");
    stream->head_sent = true;
    stream->left = x->response.content_length;
    return WEND_OK;
}

/* ITERATE ends only after its last block was sent, which is now. */
static void tell_iterated(const struct stream *stream)
{
    struct wend_trace *trace = stream->x->task->trace;

    for (uint16_t i = 0; i < trace->count; i++)
        if (wend_trace_span(trace, i)->event == WEND_EV_ITERATE &&
            wend_trace_span(trace, i)->end_ticks == 0)
            wend_trace_span(trace, i)->number = stream->x->body_sent;
}

static void send_end(struct stream *stream, enum wend_pool_state state)
{
    struct wend_pool_link *link = &stream->member->link;
    struct wend_buffer *out;
    size_t began;

    if (stream->ended)
        return;
    stream->ended = true;
    if (stream->cancelled)
        return;
    tell_iterated(stream);
    out = wend_pool_link_begin(link, WEND_POOL_END, 0, stream->key.stream, &began);
    wend_pool_outcome_write(out, state, stream->x->task->trace);
    if (!wend_pool_link_finish(link, began))
        wend_die("the end of a pool's answer");
}

static ssize_t copy_piece(const struct wend_piece *piece, size_t from, char *into, size_t len)
{
    ssize_t got;

    if (piece->kind == WEND_PIECE_MEMORY) {
        memcpy(into, piece->memory + from, len);
        return (ssize_t)len;
    }
    do
        got = pread(piece->file, into, len, piece->offset + (off_t)from);
    while (got < 0 && errno == EINTR);
    return got;
}

/* At most one DATA frame; *sent: its bytes. */
static enum wend_code send_part(struct stream *stream, const struct wend_piece *piece, size_t from,
                                size_t len, size_t *sent)
{
    struct wend_pool_link *link = &stream->member->link;
    struct wend_buffer *out;
    size_t began;
    char *into;
    ssize_t got;

    if (len > WEND_POOL_DATA_MAX)
        len = WEND_POOL_DATA_MAX;
    if (len > stream->credit)
        len = stream->credit;
    out = wend_pool_link_begin(link, WEND_POOL_DATA, 0, stream->key.stream, &began);
    into = wend_buffer_reserve(out, len);
    got = into == NULL ? -1 : copy_piece(piece, from, into, len);
    *sent = got > 0 ? (size_t)got : 0;
    out->len += *sent;
    if (!wend_pool_link_finish(link, began))
        return WEND_E_LIMIT;
    stream->credit -= *sent;
    if (got > 0)
        return WEND_OK;
    return wend_fail(stream->x->task, got == 0 ? WEND_E_CLOSED : WEND_E_IO, WEND_STR_NULL,
                     "a file became shorter while it was sent");
}

static enum wend_code send_piece(struct stream *stream, const struct wend_piece *piece)
{
    struct wend_exchange *x = stream->x;
    int timeout_ms = x->policy->send_timeout_ms;
    enum wend_code code = WEND_OK;
    size_t len = piece->len, from = 0, sent;

    if (stream->place.send_timeout_ms > timeout_ms)
        timeout_ms = stream->place.send_timeout_ms;
    if (stream->left >= 0 && (int64_t)len > stream->left)
        len = (size_t)stream->left;
    while (from < len && code == WEND_OK) {
        if (stream->cancelled)
            return WEND_E_CLOSED;
        if (stream->credit == 0) {
            code = await(stream, &stream->writing, timeout_ms + EDGE_GRACE_MS);
            continue;
        }
        code = send_part(stream, piece, from, len - from, &sent);
        from += sent;
        x->body_sent += (int64_t)sent;
        x->bytes_sent += (int64_t)sent;
    }
    if (stream->left >= 0)
        stream->left -= (int64_t)from;
    return code;
}

static enum wend_code send_pieces(struct wend_exchange *x, const struct wend_piece *pieces,
                                  size_t count, bool last)
{
    struct stream *stream = x->codec_state;
    enum wend_code code = stream->cancelled ? WEND_E_CLOSED : WEND_OK;

    if (code == WEND_OK && !stream->head_sent)
        code = send_head(stream, 0);
    for (size_t i = 0; code == WEND_OK && !x->header_only && i < count; i++)
        code = send_piece(stream, &pieces[i]);
    if (code != WEND_OK) {
        x->state = WEND_X_TORN;
        return code;
    }
    if (!last)
        return WEND_OK;
    x->state = !x->header_only && stream->left > 0 ? WEND_X_TORN : WEND_X_DONE;
    send_end(stream, x->state == WEND_X_DONE ? WEND_POOL_COMPLETE : WEND_POOL_TORN);
    return WEND_OK;
}

/* The edge has its own. */
static enum wend_code inform(struct wend_exchange *x, int status, const struct wend_fields *fields)
{
    (void)x, (void)status, (void)fields;
    return WEND_OK;
}

static const struct wend_codec codec = {
    .name = "pool",
    .read_body = read_body,
    .send = send_pieces,
    .inform = inform,
};

const struct wend_pool_place *wend_pool_exchange_place(const struct wend_exchange *x)
{
    return x->codec == &codec ? &((const struct stream *)x->codec_state)->place : NULL;
}

/* --- a stream's life -------------------------------------------------------------------------- */

static struct wend_exchange *new_exchange(struct wend_task *task, struct stream *stream)
{
    static const struct wend_filter *const no_filters[] = {NULL}; /* the edge has them */
    struct wend_exchange *x = WEND_NEW(&task->arena, struct wend_exchange);

    if (x == NULL)
        return NULL;
    x->task = task;
    x->codec = &codec;
    x->codec_state = stream;
    x->conn = &stream->conn;
    x->body_max = -1;
    x->started_ns = wend_clock_monotonic_ns();
    x->started_wall_ns = wend_clock_wall_ns();
    x->policy = stream->member->server->policy;
    x->filters = no_filters;
    x->response.content_length = -1;
    x->response.last_modified = -1;
    wend_fields_init(&x->response.fields, NULL, 0, WEND_FIELDS_MAX);
    wend_fields_init(&x->response.trailers, NULL, 0, WEND_FIELDS_MAX);
    return x;
}

/* After the handler: whatever was not answered is. */
static void conclude(struct stream *stream, enum wend_code result)
{
    struct wend_exchange *x = stream->x;
    int status = x->response.status;

    if (x->state == WEND_X_REQUEST && !stream->cancelled && result != WEND_E_CLOSED) {
        if (result != WEND_OK || status < 300)
            status = result == WEND_OK ? 500 : wend_status_of(result);
        x->response.status = status;
        x->response.reason = WEND_STR_NULL;
        if (send_head(stream, WEND_POOL_PAGE) == WEND_OK) {
            send_end(stream, WEND_POOL_COMPLETE);
            return;
        }
    }
    send_end(stream, x->state == WEND_X_REQUEST ? WEND_POOL_FAILED : WEND_POOL_TORN);
}

static void last_is_over(struct wend_timer *timer)
{
    struct wend_pool_server *server = WEND_OF(timer, struct wend_pool_server, last);

    server->deserted(server);
}

static void look_around(struct wend_pool_server *server)
{
    if (!server->alone || !wend_list_empty(&server->members))
        return;
    if (server->streams == 0) {
        wend_timer_stop(server->loop, &server->last);
        server->deserted(server);
        return;
    }
    server->last.fire = last_is_over;
    wend_timer_start(server->loop, &server->last,
                     wend_loop_now_ns(server->loop) + WEND_POOL_LAST_MS * WEND_NS_PER_MS);
}

static void end_stream(void *arg)
{
    struct stream *stream = arg;
    struct member *member = stream->member;

    wend_pool_table_remove(&member->streams, &stream->key);
    wend_buffer_release(&stream->body);
    wend_loop_free_later(member->server->loop, stream);
    member->server->streams--;
    look_around(member->server);
    wend_pool_link_unuse(&member->link);
}

static void run(struct wend_task *task, void *arg)
{
    struct stream *stream = arg;
    struct wend_pool_server *server = stream->member->server;
    struct wend_exchange *x;
    enum wend_code code;

    wend_defer(task, end_stream, stream);
    wend_trace_start(task->trace, 0, wend_clock_wall_ns());
    x = new_exchange(task, stream);
    code = x == NULL ? WEND_E_MEMORY
                     : wend_pool_request_read(wend_str_make(stream->payload, stream->payload_bytes),
                                              &task->arena, &x->request, &stream->place);
    if (code != WEND_OK) {
        wend_pool_link_close(&stream->member->link, code);
        return;
    }
    stream->x = x;
    stream->conn.peer = stream->place.peer;
    stream->conn.local = stream->place.local;
    stream->conn.number = stream->place.connection;
    stream->conn.secure = wend_str_eq(x->request.scheme, WEND_STR("https"));
    x->header_only = x->request.method == WEND_HEAD;
    x->request.head_bytes = stream->payload_bytes;
    if (!stream->cancelled)
        conclude(stream, wend_serve(server->handler, x));
}

static enum wend_code begin_stream(struct member *member, const struct wend_pool_frame *frame,
                                   struct wend_str payload)
{
    struct stream *stream;

    if (frame->stream <= member->last_stream || member->streams.count >= WEND_POOL_STREAMS_MAX)
        return WEND_E_PROTOCOL;
    stream = calloc(1, sizeof(*stream) + payload.len);
    if (stream == NULL)
        wend_die("calloc of a pool's request");
    member->last_stream = frame->stream;
    stream->key.stream = frame->stream;
    stream->member = member;
    stream->conn.io.fd = -1;
    stream->granted = stream->credit = WEND_POOL_WINDOW;
    stream->left = -1;
    stream->body_ended = (frame->flags & WEND_POOL_LAST) != 0;
    stream->payload_bytes = payload.len;
    memcpy(stream->payload, payload.ptr, payload.len);
    wend_buffer_init(&stream->body, WEND_POOL_WINDOW);
    wend_pool_table_add(&member->streams, &stream->key);
    member->link.uses++;
    member->server->streams++;
    wend_task_start(member->server->loop, run, stream);
    return WEND_OK;
}

/* --- what the edge says of a stream ----------------------------------------------------------- */

static void cancel(struct wend_pool_key *key)
{
    struct stream *stream = stream_of(key);

    stream->cancelled = true;
    __atomic_store_n(&stream->conn.io.broken, true, __ATOMIC_RELAXED);
    wake(stream, &stream->reading);
    wake(stream, &stream->writing);
}

static enum wend_code take_body(struct stream *stream, const struct wend_pool_frame *frame,
                                struct wend_str payload)
{
    if (stream->body_ended || payload.len > stream->granted)
        return WEND_E_PROTOCOL;
    stream->granted -= payload.len;
    stream->body_ended = (frame->flags & WEND_POOL_LAST) != 0;
    wend_buffer_add(&stream->body, payload);
    wake(stream, &stream->reading);
    return WEND_OK;
}

static enum wend_code take_window(struct stream *stream, struct wend_str payload)
{
    uint64_t more;
    enum wend_code code = wend_pool_number_read(payload, &more);

    if (code != WEND_OK || more > WEND_POOL_WINDOW - stream->credit)
        return WEND_E_PROTOCOL;
    stream->credit += (size_t)more;
    wake(stream, &stream->writing);
    return WEND_OK;
}

static enum wend_code take_frame(struct wend_pool_link *link, const struct wend_pool_frame *frame,
                                 struct wend_str payload)
{
    struct member *member = WEND_OF(link, struct member, link);
    struct wend_pool_key *key;

    if (frame->type == WEND_POOL_REQUEST)
        return begin_stream(member, frame, payload);
    if (frame->stream == 0 || frame->stream > member->last_stream)
        return WEND_E_PROTOCOL;
    key = wend_pool_table_find(&member->streams, frame->stream);
    if (key == NULL)
        return WEND_OK; /* it was answered before all of it was said */
    switch (frame->type) {
    case WEND_POOL_BODY:
        return take_body(stream_of(key), frame, payload);
    case WEND_POOL_WINDOW_MORE:
        return take_window(stream_of(key), payload);
    case WEND_POOL_CANCEL:
        cancel(key);
        return WEND_OK;
    default:
        return WEND_E_PROTOCOL;
    }
}

/* --- connections ------------------------------------------------------------------------------ */

static void link_closed(struct wend_pool_link *link, enum wend_code code)
{
    struct member *member = WEND_OF(link, struct member, link);

    if (code == WEND_E_PROTOCOL || code == WEND_E_LIMIT || code == WEND_E_DEADLINE)
        wend_log(wend_log_process, WEND_LOG_ERROR, 0, 0,
                 "app %.*s: a connection from the edge is closed: %s",
                 WEND_STR_ARG(member->server->name), wend_code_text(code));
    wend_list_remove(&member->node);
    wend_guard_remove(member->fd);
    wend_pool_table_each(&member->streams, cancel);
    look_around(member->server);
}

static void link_released(struct wend_pool_link *link)
{
    wend_loop_free_later(link->loop, WEND_OF(link, struct member, link));
}

static void welcome(struct wend_pool_server *server, int fd)
{
    struct member *member = calloc(1, sizeof(*member));

    if (member == NULL)
        wend_die("calloc of a pool's connection");
    member->server = server;
    member->link = (struct wend_pool_link){
        .loop = server->loop, .frame = take_frame, .closed = link_closed, .release = link_released};
    if (wend_pool_link_open(&member->link, fd) != WEND_OK) {
        free(member);
        return;
    }
    member->fd = fd;
    wend_guard_add(fd);
    wend_list_append(&server->members, &member->node);
    wend_pool_link_send_number(&member->link, WEND_POOL_HELLO, 0, (uint64_t)getpid());
}

static void close_door(struct wend_pool_server *server)
{
    if (server->door.fd < 0)
        return;
    wend_guard_remove(server->door.fd);
    wend_io_close(&server->door);
    server->alone = true;
}

static void on_door(struct wend_io *io)
{
    struct wend_pool_server *server = WEND_OF(io, struct wend_pool_server, door);
    enum wend_code code;
    int fd;

    do {
        code = wend_rendezvous_take(io->fd, &fd);
        if (code == WEND_OK)
            welcome(server, fd);
    } while (code == WEND_OK);
    io->readable = false;
    if (code == WEND_DECLINED)
        return;
    close_door(server);
    look_around(server);
}

enum wend_code wend_pool_server_start(struct wend_pool_server *server)
{
    int door = fcntl(server->rendezvous, F_DUPFD_CLOEXEC, 3);
    enum wend_code code;

    wend_list_init(&server->members);
    server->streams = 0;
    server->alone = false;
    if (door < 0)
        return WEND_E_LIMIT;
    code = wend_io_open(&server->door, server->loop, door, false);
    server->door.on_ready = on_door;
    if (code != WEND_OK) {
        close(door);
        return code;
    }
    wend_guard_start();
    wend_guard_add(door);
    return WEND_OK;
}

void wend_pool_server_leave(struct wend_pool_server *server)
{
    close_door(server);
    WEND_LIST_EACH(&server->members, node, after)
        wend_pool_link_send(&WEND_OF(node, struct member, node)->link, WEND_POOL_LEAVE, 0, 0,
                            WEND_STR_NULL);
    look_around(server);
}
