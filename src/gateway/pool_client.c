/* gateway/pool_client.c - see gateway/pool_client.h.
 *
 *   request's task                          loop (frames of the link)
 *     collect body ─ choose slot
 *     REQUEST, BODY ...                       WINDOW: credit
 *     wait                          ◄──────── HEAD, DATA, END: into the stream
 *     respond ─ WINDOW ─ wait ...
 */
#include "gateway/pool_client.h"

#include "base/assert.h"
#include "base/log.h"
#include "gateway/pool_link.h"
#include "gateway/rendezvous.h"
#include "gateway/uwsgi_server.h"
#include "http/h1_server.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A request on its way. On the stack of its task. */
struct stream {
    struct wend_pool_key key;
    struct member *member;
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

/* A connection to the process of a slot. */
struct member {
    struct wend_pool_link link;
    struct wend_pool *pool;
    struct slot *slot;
    struct wend_list node; /* in pool->members, until it is closed */
    struct wend_pool_table streams;
    struct wend_timer patience; /* runs until the process has said HELLO */
    uint32_t last_stream;
    uint64_t pid;           /* 0: no HELLO yet */
    enum wend_code failure; /* of a closed one: what its streams get */
    bool leaving;
};

struct slot {
    struct wend_pool *pool;
    int rendezvous;
    struct member *member; /* new streams go here; NULL: none */
    bool broken;           /* the last connection ended without a farewell */
};

struct wend_pool {
    struct wend_handler handler;
    struct wend_pool_options options;
    struct wend_loop *loop;
    struct wend_list members;
    bool closing;
    unsigned next; /* the slot asked first */
    struct slot slots[WEND_POOL_PROCESSES_MAX];
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

static enum wend_code take_stream_frame(struct member *member, const struct wend_pool_frame *frame,
                                        struct wend_str payload)
{
    struct wend_pool_key *key = wend_pool_table_find(&member->streams, frame->stream);
    struct stream *stream;
    enum wend_code code;

    if (frame->stream > member->last_stream)
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

/* --- a connection ----------------------------------------------------------------------------- */

/* No new streams come here any more; another connection may take the slot. */
static void detach(struct member *member)
{
    if (member->slot->member == member)
        member->slot->member = NULL;
}

static enum wend_code take_frame(struct wend_pool_link *link, const struct wend_pool_frame *frame,
                                 struct wend_str payload)
{
    struct member *member = WEND_OF(link, struct member, link);

    if (frame->stream != 0)
        return take_stream_frame(member, frame, payload);
    if (frame->type == WEND_POOL_HELLO) {
        wend_timer_stop(member->pool->loop, &member->patience);
        member->slot->broken = false;
        return wend_pool_number_read(payload, &member->pid);
    }
    member->leaving = true;
    detach(member);
    if (member->streams.count == 0)
        wend_pool_link_end(link);
    return WEND_OK;
}

static void fail_stream(struct wend_pool_key *key)
{
    struct stream *stream = stream_of(key);

    if (!stream->ended && stream->code == WEND_OK)
        stream->code = stream->member->failure;
    wake(stream);
}

static enum wend_code join(struct wend_pool *pool, struct slot *slot);

/* Nobody is sent to a slot whose process died while others live, so nobody would find out that
 * there is a new one: this connection waits for it. */
static void join_again(void *arg)
{
    struct slot *slot = arg;

    if (slot->member == NULL && !slot->pool->closing)
        (void)!join(slot->pool, slot);
}

static void link_closed(struct wend_pool_link *link, enum wend_code code)
{
    struct member *member = WEND_OF(link, struct member, link);
    bool unexpected = member->streams.count != 0 || (!member->leaving && code != WEND_E_CLOSED);

    if (unexpected)
        wend_log(wend_log_process, WEND_LOG_ERROR, 0, 0,
                 "app %.*s: the connection to its process %llu ended with %zu requests under way: "
                 "%s",
                 WEND_STR_ARG(member->pool->options.name), (unsigned long long)member->pid,
                 member->streams.count, wend_code_text(code));
    if (member->slot->member == member) {
        member->slot->broken = true;
        wend_loop_later(link->loop, join_again, member->slot);
    }
    detach(member);
    wend_timer_stop(member->pool->loop, &member->patience);
    wend_list_remove(&member->node);
    /* Reset, refused, closed: for the request it is all the same, the process is gone. */
    member->failure = code == WEND_E_DEADLINE ? WEND_E_DEADLINE : WEND_E_REFUSED;
    wend_pool_table_each(&member->streams, fail_stream);
}

static void link_released(struct wend_pool_link *link)
{
    wend_loop_free_later(link->loop, WEND_OF(link, struct member, link));
}

static void patience_over(struct wend_timer *timer)
{
    struct member *member = WEND_OF(timer, struct member, patience);

    wend_pool_link_close(&member->link, WEND_E_DEADLINE);
}

static enum wend_code join(struct wend_pool *pool, struct slot *slot)
{
    struct member *member = calloc(1, sizeof(*member));
    enum wend_code code;
    int pair[2];

    if (member == NULL)
        wend_die("calloc of a pool's connection");
    member->pool = pool;
    member->slot = slot;
    member->link = (struct wend_pool_link){
        .loop = pool->loop, .frame = take_frame, .closed = link_closed, .release = link_released};
    code = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0
               ? WEND_OK
               : WEND_E_LIMIT;
    if (code == WEND_OK) {
        code = wend_rendezvous_send(slot->rendezvous, pair[1]);
        close(pair[1]);
        if (code != WEND_OK)
            close(pair[0]);
    }
    if (code == WEND_OK)
        code = wend_pool_link_open(&member->link, pair[0]);
    if (code != WEND_OK) {
        wend_log(wend_log_process, WEND_LOG_ERROR, 0, errno,
                 "app %.*s: no connection to its processes", WEND_STR_ARG(pool->options.name));
        free(member);
        return code;
    }
    member->patience.fire = patience_over;
    wend_timer_start(pool->loop, &member->patience,
                     wend_loop_now_ns(pool->loop) + WEND_POOL_WAIT_MS * WEND_NS_PER_MS);
    wend_list_append(&pool->members, &member->node);
    slot->member = member;
    return WEND_OK;
}

/* --- choosing --------------------------------------------------------------------------------- */

/* How little we want to send a request there; SIZE_MAX: it cannot take one. A slot whose process is
 * being replaced is asked when there is no other. */
static size_t load_of(const struct slot *slot)
{
    size_t count = slot->member == NULL ? 0 : slot->member->streams.count;

    if (count >= WEND_POOL_STREAMS_MAX)
        return SIZE_MAX;
    return slot->broken ? count + WEND_POOL_STREAMS_MAX : count;
}

static struct slot *choose(struct wend_pool *pool)
{
    struct slot *best = NULL;
    size_t least = SIZE_MAX;

    for (unsigned i = 0; i < pool->options.count; i++) {
        struct slot *slot = &pool->slots[(pool->next + i) % pool->options.count];
        size_t load = load_of(slot);

        if (load < least) {
            least = load;
            best = slot;
        }
    }
    if (best != NULL)
        pool->next = (unsigned)(best - pool->slots + 1) % pool->options.count;
    return best;
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

static void fill_place(struct wend_pool *pool, struct wend_exchange *x,
                       const struct wend_body *body, struct wend_pool_place *place)
{
    *place = (struct wend_pool_place){.peer = x->conn->peer,
                                      .local = x->conn->local,
                                      .variables = wend_uwsgi_variables(x),
                                      .connection = x->conn->number,
                                      .body_bytes = body->bytes,
                                      .send_timeout_ms = x->policy->send_timeout_ms};
    if (pool->options.place != NULL)
        pool->options.place(x, place);
}

/* WEND_E_LIMIT: the head does not fit a frame. */
static enum wend_code send_request(struct stream *stream, const struct wend_body *body)
{
    struct wend_pool_link *link = &stream->member->link;
    struct wend_pool_place place;
    struct wend_buffer *out;
    size_t began;

    fill_place(stream->member->pool, stream->x, body, &place);
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
    struct wend_pool_link *link = &stream->member->link;
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
        wend_pool_link_send_number(&stream->member->link, WEND_POOL_WINDOW_MORE, stream->key.stream,
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
    struct member *member = stream->member;
    struct wend_exchange *x = stream->x;

    wend_pool_table_remove(&member->streams, &stream->key);
    if (!stream->ended && !member->link.is_closed)
        wend_pool_link_send(&member->link, WEND_POOL_CANCEL, 0, stream->key.stream, WEND_STR_NULL);
    if (member->leaving && member->streams.count == 0)
        wend_pool_link_end(&member->link);
    end_spans(stream);
    wend_buffer_release(&stream->data);
    if (x->state == WEND_X_HEAD && (code != WEND_OK || stream->outcome != WEND_POOL_COMPLETE))
        wend_respond_torn(x);
    wend_span_end(x->task->trace, stream->span, x->response.status);
    wend_pool_link_unuse(&member->link);
}

/* The status of a request that was not answered. */
static void fail(struct stream *stream)
{
    struct wend_exchange *x = stream->x;

    x->response.status = stream->code == WEND_E_DEADLINE ? 504 : 502;
    wend_log(wend_log_process, WEND_LOG_ERROR, x->conn->number, 0,
             "app %.*s: its process %llu %s; answered %d",
             WEND_STR_ARG(stream->member->pool->options.name),
             (unsigned long long)stream->member->pid,
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

static enum wend_code exchange(struct member *member, struct wend_exchange *x,
                               const struct wend_body *body, uint16_t span)
{
    struct stream stream = {.key.stream = ++member->last_stream,
                            .member = member,
                            .x = x,
                            .granted = WEND_POOL_WINDOW,
                            .credit = WEND_POOL_WINDOW,
                            .span = span,
                            .spans.inside = span};
    enum wend_code code;

    wend_buffer_init(&stream.data, WEND_POOL_WINDOW);
    wend_pool_table_add(&member->streams, &stream.key);
    member->link.uses++; /* the member outlives its stream */
    if (member->last_stream == UINT32_MAX) {
        member->leaving = true; /* its numbers are used up */
        detach(member);
    }
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

static enum wend_code refuse(struct wend_pool *pool, struct wend_exchange *x)
{
    wend_log(wend_log_process, WEND_LOG_ERROR, x->conn->number, 0,
             "app %.*s: none of its %u processes takes another request; answered 503",
             WEND_STR_ARG(pool->options.name), pool->options.count);
    x->response.status = 503;
    (void)!wend_fields_add_name(&x->response.fields, &x->task->arena, WEND_STR("Retry-After"),
                                WEND_STR(WEND_POOL_RETRY_AFTER));
    return WEND_OK;
}

static enum wend_code serve(const struct wend_handler *self, struct wend_exchange *x)
{
    struct wend_pool *pool = WEND_OF(self, struct wend_pool, handler);
    struct wend_body body = {0};
    struct slot *slot;
    uint16_t span;
    enum wend_code code = WEND_OK;

    if (!x->body_read)
        code = wend_body_collect(x, &pool->options.body, &body);
    if (code != WEND_OK)
        return code;
    slot = choose(pool);
    if (slot == NULL)
        return refuse(pool, x);
    span = wend_span_begin(x->task->trace, WEND_EV_POOL);
    wend_span_note(x->task->trace, span, pool->options.name);
    if (slot->member == NULL)
        code = join(pool, slot);
    if (code == WEND_E_LIMIT)
        return refuse(pool, x);
    if (code != WEND_OK) {
        x->response.status = 502;
        return WEND_OK;
    }
    return exchange(slot->member, x, &body, span);
}

/* --- the pool --------------------------------------------------------------------------------- */

struct wend_pool *wend_pool_new(const struct wend_pool_options *options, struct wend_loop *loop)
{
    struct wend_pool *pool = calloc(1, sizeof(*pool));

    if (pool == NULL)
        wend_die("calloc of a pool");
    WEND_ASSERT(options->count >= 1 && options->count <= WEND_POOL_PROCESSES_MAX);
    pool->handler = (struct wend_handler){"pool", serve};
    pool->options = *options;
    pool->loop = loop;
    pool->next = options->first % options->count;
    wend_list_init(&pool->members);
    for (unsigned i = 0; i < options->count; i++)
        pool->slots[i] = (struct slot){.pool = pool, .rendezvous = options->rendezvous[i]};
    return pool;
}

void wend_pool_free(struct wend_pool *pool)
{
    pool->closing = true;
    WEND_LIST_EACH(&pool->members, node, after)
        wend_pool_link_close(&WEND_OF(node, struct member, node)->link, WEND_E_CLOSED);
    wend_loop_free_later(pool->loop, pool);
}

const struct wend_handler *wend_pool_handler(const struct wend_pool *pool)
{
    return &pool->handler;
}
