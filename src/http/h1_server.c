/* http/h1_server.c - connections between requests, and one request after the other on each.
 *
 * A parked connection has a callback and nothing else. Its first byte starts a task, which
 * receives, parses, serves, and goes on as long as there are bytes; when there are none, the task
 * ends and the connection is parked again. So an idle connection costs its struct, and a busy one
 * runs as straight-line code. See h1_conn.h for the states.
 */
#include "http/h1_server.h"

#include "base/assert.h"
#include "base/log.h"
#include "http/h1_conn.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#define INPUTS_SPARE 64  /* receive buffers kept per thread */
#define TURN_REQUESTS 32 /* of one connection, before the others get their turn */

enum step { STEP_GO_ON, STEP_STOP };

/* What the connections of a thread share. */
static _Thread_local struct {
    struct wend_list idle; /* longest parked first */
    struct h1_input *inputs;
    size_t inputs_spare, live, idle_count;
    bool draining;
    int drain_idle_ms;
    uint64_t numbers, requests;
} house;

const struct wend_codec wend_h1_codec = {"http/1", h1_read_body, h1_send, h1_inform};

bool h1_draining(const struct h1_conn *hc)
{
    return hc->drain || house.draining;
}

static struct h1_input *input_take(void)
{
    struct h1_input *input = house.inputs;

    if (input == NULL) {
        input = malloc(sizeof(*input));
        if (input == NULL)
            wend_die("malloc of a receive buffer");
        return input;
    }
    house.inputs = input->next;
    house.inputs_spare--;
    return input;
}

static void input_give(struct h1_input *input)
{
    if (house.inputs_spare == INPUTS_SPARE) {
        free(input);
        return;
    }
    input->next = house.inputs;
    house.inputs = input;
    house.inputs_spare++;
}

/* --- parking ---------------------------------------------------------------------------------- */

static void serve_connection(struct wend_task *task, void *arg);

static void leave_phase(struct h1_conn *hc)
{
    if (wend_list_linked(&hc->node)) {
        wend_list_remove(&hc->node);
        house.idle_count--;
    }
}

static void close_conn(struct h1_conn *hc)
{
    const struct wend_h1_server *server = hc->server;
    struct wend_loop *loop = hc->conn.io.loop;

    leave_phase(hc);
    wend_timer_stop(loop, &hc->timer);
    wend_conn_close(&hc->conn);
    free(hc->half);
    hc->half = NULL;
    house.live--;
    wend_loop_free_later(loop, hc);
    if (server->connections != NULL)
        server->connections(server, -1);
    if (server->unref != NULL)
        server->unref(server);
}

/* The first byte of a head is there: from now on the rest of it has a deadline. */
static void head_began(struct h1_conn *hc)
{
    hc->first_ticks = wend_clock_ticks();
    if (hc->conn.requests != 0)
        hc->until_ns =
            wend_loop_now_ns(hc->conn.io.loop) + hc->server->head_timeout_ms * WEND_NS_PER_MS;
}

static void bytes_came(struct wend_io *io)
{
    struct h1_conn *hc = WEND_OF(io, struct h1_conn, conn.io);

    io->on_ready = NULL;
    leave_phase(hc);
    if (hc->phase == H1_IDLE)
        head_began(hc);
    hc->phase = H1_BUSY;
    wend_task_start(io->loop, serve_connection, hc);
}

/* The connection waits for a head, or the rest of one, without a task. */
static void park(struct h1_conn *hc, enum h1_phase phase, int64_t until_ns)
{
    hc->phase = (uint8_t)phase;
    if (phase == H1_IDLE && house.draining) {
        /* The answer it just got may have been promised more; it has as long as the others. */
        int64_t drained_ns =
            wend_loop_now_ns(hc->conn.io.loop) + house.drain_idle_ms * WEND_NS_PER_MS;

        until_ns = until_ns < drained_ns ? until_ns : drained_ns;
    }
    hc->until_ns = until_ns;
    if (phase == H1_IDLE) {
        wend_list_append(&house.idle, &hc->node);
        house.idle_count++;
    }
    wend_timer_start(hc->conn.io.loop, &hc->timer, until_ns);
    hc->conn.io.on_ready = bytes_came;
}

static bool keep_half(struct h1_conn *hc, const struct h1_window *in, size_t seen)
{
    size_t bytes = in->end - in->at;
    char *half;

    if (bytes == 0) {
        free(hc->half);
        hc->half = NULL;
        hc->half_bytes = 0;
        hc->half_seen = 0;
        return true;
    }
    half = realloc(hc->half, bytes);
    if (half == NULL)
        return false;
    memcpy(half, in->bytes + in->at, bytes);
    hc->half = half;
    hc->half_bytes = (uint32_t)bytes;
    hc->half_seen = (uint32_t)seen;
    return true;
}

/* --- lingering close -------------------------------------------------------------------------- */

/* Closing while the client still sends makes the kernel reset the connection, and the reset may
 * overtake our answer. So we stop sending and throw away what comes until the client has closed. */
static void throw_away(struct wend_io *io)
{
    struct h1_conn *hc = WEND_OF(io, struct h1_conn, conn.io);
    int64_t now_ns = wend_loop_now_ns(io->loop);
    struct h1_input *input = input_take();
    ssize_t got;

    do
        got = wend_conn_try_recv(&hc->conn, input->bytes, sizeof(input->bytes));
    while (got == (ssize_t)sizeof(input->bytes) && now_ns < hc->until_ns);
    input_give(input);
    if (got == 0 || (got < 0 && errno != EAGAIN) || io->hangup || now_ns >= hc->until_ns) {
        close_conn(hc);
        return;
    }
    now_ns += hc->server->policy_default->lingering_timeout_ms * WEND_NS_PER_MS;
    wend_timer_start(io->loop, &hc->timer, now_ns < hc->until_ns ? now_ns : hc->until_ns);
}

static void linger(struct h1_conn *hc, const struct wend_exchange_policy *policy)
{
    struct wend_io *io = &hc->conn.io;
    int64_t now_ns = wend_loop_now_ns(io->loop);

    if (shutdown(io->fd, SHUT_WR) != 0) {
        close_conn(hc);
        return;
    }
    hc->phase = H1_LINGERING;
    hc->until_ns = now_ns + policy->lingering_time_ms * WEND_NS_PER_MS;
    wend_timer_start(io->loop, &hc->timer, now_ns + policy->lingering_timeout_ms * WEND_NS_PER_MS);
    io->on_ready = throw_away;
    if (io->readable)
        throw_away(io);
}

/* --- one exchange ----------------------------------------------------------------------------- */

static void stream_init(struct h1_stream *stream, struct wend_task *task, struct h1_conn *hc)
{
    struct wend_exchange *x = &stream->x;

    memset(stream, 0, sizeof(*stream));
    stream->hc = hc;
    stream->left = -1;
    stream->respond_span = WEND_SPAN_NONE;
    x->task = task;
    x->codec = &wend_h1_codec;
    x->codec_state = stream;
    x->conn = &hc->conn;
    x->body_max = -1;
    x->policy = hc->server->policy_default;
    x->listener = hc->server;
    x->started_ns = wend_loop_now_ns(task->loop);
    x->started_wall_ns = wend_loop_wall_ns(task->loop);
    x->request.content_length = -1;
    x->response.content_length = -1;
    x->response.last_modified = -1;
    wend_fields_init(&x->response.fields, NULL, 0, WEND_FIELDS_MAX);
    wend_fields_init(&x->response.trailers, NULL, 0, WEND_FIELDS_MAX);
}

static void trace_head(struct wend_task *task, const struct h1_conn *hc, size_t head_bytes)
{
    struct wend_trace *trace = task->trace;
    bool first = hc->conn.requests == 0;
    uint16_t span;

    trace->enabled = !hc->server->untraced;
    if (!trace->enabled)
        return;
    wend_trace_start(trace, first ? hc->accept_ticks : hc->first_ticks,
                     wend_loop_wall_ns(task->loop));
    wend_span_begin_at(trace, WEND_EV_REQUEST, trace->start_ticks);
    if (first) {
        span = wend_span_begin_at(trace, WEND_EV_ACCEPT, hc->accept_ticks);
        wend_span_end_at(trace, span, (int64_t)hc->conn.number, hc->first_ticks);
    }
    span = wend_span_begin_at(trace, WEND_EV_HEAD, hc->first_ticks);
    wend_span_end(trace, span, (int64_t)head_bytes);
}

/* The page of last resort: whoever serves has usually made a better one. 494 is how servers talk
 * about too large heads among themselves; clients are told 400. */
static enum wend_code plain_page(struct wend_exchange *x, int status)
{
    struct wend_str reason = wend_reason_phrase(status == 494 ? 400 : status);
    struct wend_str text;

    status = status == 494 ? 400 : status;
    text = wend_arena_printf(&x->task->arena, "%d %.*s\n", status, WEND_STR_ARG(reason));

    return wend_respond_text(x, status, WEND_STR("text/plain"), text);
}

/* Whatever the handler left undone. */
static void settle(struct wend_exchange *x, enum wend_code code)
{
    if (x->state == WEND_X_REQUEST && code != WEND_E_CLOSED && code != WEND_E_RESET) {
        int status = code == WEND_OK ? x->response.status : wend_status_of(code);

        x->response.close |= code != WEND_OK;
        if (plain_page(x, status < 200 ? 500 : status) != WEND_OK)
            wend_respond_torn(x);
    } else if (x->state != WEND_X_DONE) {
        wend_respond_torn(x);
    }
}

/* Reads what is left of the body, so that the next head is found. False: it is not worth it. */
static bool drain_body(struct h1_stream *stream)
{
    struct wend_exchange *x = &stream->x;
    int64_t deadline_ns =
        wend_loop_now_ns(x->task->loop) + x->policy->lingering_time_ms * WEND_NS_PER_MS;
    char scratch[4096];
    size_t got = 1;
    enum wend_code code = WEND_OK;

    if (h1_skip_received(stream))
        return true;
    if (x->policy->lingering == WEND_LINGERING_OFF || stream->continue_wanted)
        return false;
    x->task->deadline_ns = deadline_ns;
    while (code == WEND_OK && got != 0)
        code = wend_body_read(x, scratch, sizeof(scratch), &got);
    x->task->deadline_ns = WEND_NEVER;
    /* After a failure nobody knows where the next head starts: what follows must not be read as
     * one. */
    return code == WEND_OK;
}

/* Ends the exchange; true when the connection can take another one. */
static bool conclude(struct h1_stream *stream)
{
    struct wend_exchange *x = &stream->x;
    const struct wend_h1_server *server = stream->hc->server;
    bool keep;

    wend_span_end(x->task->trace, 0, x->response.status);
    if (server->finished != NULL)
        server->finished(server, x);
    stream->hc->idle_ms = x->policy->keepalive_timeout_ms;
    keep = x->state == WEND_X_DONE && stream->keep_alive && drain_body(stream);
    wend_defer_unwind(x->task, NULL);
    return keep;
}

static void end_connection(struct h1_stream *stream)
{
    struct h1_conn *hc = stream->hc;
    const struct wend_exchange_policy *policy = stream->x.policy;
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    bool unread = stream->in.at != stream->in.end || !stream->x.body_read || hc->conn.io.readable;

    /* Only a reset tells the client that a body which ends with the connection is torn. */
    if (stream->x.state == WEND_X_TORN && stream->until_close)
        (void)setsockopt(hc->conn.io.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    /* A peer that has finished sending has left unread bytes all the same: throw them away, or
     * close() answers them with a reset. */
    if (stream->x.state == WEND_X_DONE && (policy->lingering == WEND_LINGERING_ALWAYS ||
                                           (policy->lingering == WEND_LINGERING_ON && unread)))
        linger(hc, policy);
    else
        close_conn(hc);
}

/* The head cannot be served: an answer that says why, then the end. */
static void reject(struct h1_stream *stream, const struct wend_h1_error *error)
{
    struct wend_exchange *x = &stream->x;
    const struct wend_h1_server *server = stream->hc->server;
    enum wend_code code = WEND_OK;

    trace_head(x->task, stream->hc, stream->in.end - stream->in.at);
    x->conn->requests++;
    if (x->request.version == 0)
        x->request.version = WEND_HTTP_11;
    x->request.keep_alive = false;
    x->response.status = error->status;
    x->response.close = true;
    x->body_read = true;
    if (server->reject != NULL)
        code = server->reject(server, x, error);
    settle(x, code);
    (void)conclude(stream);
    x->body_read = false; /* what else the client says is not read */
    end_connection(stream);
}

/* The bytes that came, apart from the pooled buffer when they are few: a request that waits holds
 * what was received and no buffer. NULL: they stay where they are. */
static char *set_apart(struct wend_task *task, const struct h1_window *in)
{
    size_t bytes = in->end - in->at;
    char *apart;

    if (in->bytes != in->input->bytes || bytes > WEND_H1_APART_BYTES)
        return NULL;
    apart = wend_arena_alloc(&task->arena, bytes);
    if (apart != NULL)
        memcpy(apart, in->bytes + in->at, bytes);
    return apart;
}

/* `apart` is theirs now, and the pooled buffer whoever's comes next. */
static void leave_input(struct h1_window *in, char *apart)
{
    input_give(in->input);
    in->input = NULL;
    in->bytes = apart;
    in->end -= in->at;
    in->room = in->end;
    in->at = 0;
}

/* What came behind a request is the start of the next one. It goes back to a pooled buffer when it
 * fits, so that one large head does not make the whole connection dear. */
static void return_to_input(struct h1_window *in, const struct h1_window *served)
{
    if (in->input == NULL)
        in->input = input_take();
    in->end = served->end - served->at;
    if (in->end <= WEND_H1_POOLED_BYTES) {
        in->bytes = in->input->bytes;
        in->room = WEND_H1_POOLED_BYTES;
    }
    WEND_ASSERT(in->end <= in->room);
    memmove(in->bytes, served->bytes + served->at, in->end);
    in->at = 0;
}

/* True: another head may follow in the window. */
static bool serve_one(struct h1_stream *stream, struct h1_window *in, size_t used)
{
    struct wend_exchange *x = &stream->x;
    bool keep;

    in->at += used;
    stream->in = *in;
    stream->in.base = in->at;
    x->request.scheme = x->conn->secure ? WEND_STR("https") : WEND_STR("http");
    x->request.head_bytes = used;
    x->arrived = in->arrived;
    h1_input_start(stream);
    if (!h1_framing_sound(stream)) {
        reject(stream,
               &(struct wend_h1_error){400, used, "the chunked framing of the body is malformed"});
        return false;
    }
    trace_head(x->task, stream->hc, used);
    x->conn->requests++;
    house.requests++;
    /* Asked here: a thread that the exchange is lent to has no house, and writes the head. */
    stream->hc->drain = house.draining;
    settle(x, wend_serve(stream->hc->server->handler, x));
    keep = conclude(stream);
    if (!keep) {
        end_connection(stream);
        return false;
    }
    return_to_input(in, &stream->in);
    in->arrived = stream->hc->conn.io.received;
    stream->hc->first_ticks = 0;
    if (in->end != 0)
        head_began(stream->hc);
    return true;
}

/* --- a connection's task ---------------------------------------------------------------------- */

/* A head larger than the pooled buffer gets memory of its own, up to the limit and a byte more, so
 * that the parser sees that the limit was passed. */
static bool widen(struct wend_task *task, const struct wend_h1_limits *limits, struct h1_window *in)
{
    size_t room = limits->head_bytes + 1024;
    char *bytes;

    if (in->at != 0) {
        memmove(in->bytes, in->bytes + in->at, in->end - in->at);
        in->end -= in->at;
        in->at = 0;
        return true;
    }
    if (room <= in->room)
        return false;
    bytes = wend_arena_alloc(&task->arena, room);
    if (bytes == NULL)
        return false;
    memcpy(bytes, in->bytes, in->end);
    in->bytes = bytes;
    in->room = room;
    return true;
}

static void park_or_close(struct h1_conn *hc, const struct h1_window *in, size_t seen)
{
    bool fresh = hc->conn.requests == 0;
    bool half = in->at != in->end;

    if (!keep_half(hc, in, seen)) {
        close_conn(hc);
        return;
    }
    if (half || fresh) {
        park(hc, half ? H1_HALF : H1_IDLE, hc->until_ns);
        return;
    }
    park(hc, H1_IDLE, wend_loop_now_ns(hc->conn.io.loop) + hc->idle_ms * WEND_NS_PER_MS);
}

/* More bytes, if there are any now. */
static enum step receive(struct wend_task *task, struct h1_conn *hc, struct h1_window *in,
                         size_t seen)
{
    /* Behind a filter the bytes that waited need not be the ones that come out. */
    uint64_t waiting = hc->conn.filter == NULL ? hc->conn.io.waiting : 0;
    ssize_t got;

    if (!hc->conn.io.readable) {
        park_or_close(hc, in, seen);
        return STEP_STOP;
    }
    if (in->end == in->room && !widen(task, &hc->server->limits, in)) {
        close_conn(hc);
        return STEP_STOP;
    }
    got = wend_conn_try_recv(&hc->conn, in->bytes + in->end, in->room - in->end);
    if (got > 0) {
        if (in->at == in->end && hc->first_ticks == 0)
            head_began(hc);
        /* A head in parts is as young as its last one. */
        in->arrived = waiting != 0 ? waiting : hc->conn.io.received;
        in->end += (size_t)got;
        return STEP_GO_ON;
    }
    if (got < 0 && errno == EAGAIN)
        return STEP_GO_ON; /* readable is false now: it parks */
    if (in->at != in->end)
        wend_log(wend_log_process, WEND_LOG_INFO, hc->conn.number, got < 0 ? errno : 0,
                 "client prematurely closed connection while sending a request head");
    close_conn(hc);
    return STEP_STOP;
}

/* What counts as received of a head that is refused: the lines before the wrong one. */
static size_t read_of_head(const struct h1_window *in, const struct wend_h1_error *error)
{
    size_t len = in->end - in->at;
    struct wend_str before =
        wend_str_make(in->bytes + in->at, error->offset < len ? error->offset : len);
    ptrdiff_t line = wend_str_rfind_byte(before, '\n');

    return (size_t)(line + 1);
}

static enum step next_request(struct wend_task *task, struct h1_conn *hc, struct h1_window *in,
                              size_t *seen)
{
    struct h1_stream stream;
    struct wend_h1_error error = {0};
    size_t used = 0;
    enum wend_code code;
    char *apart;

    if (in->at == in->end)
        return receive(task, hc, in, *seen);
    stream_init(&stream, task, hc);
    apart = set_apart(task, in);
    code = wend_h1_parse_request(&task->arena, apart != NULL ? apart : in->bytes + in->at,
                                 in->end - in->at, hc->server->policy, &hc->server->limits, seen,
                                 &stream.x.request, &used, &error);
    if (code == WEND_MORE)
        return receive(task, hc, in, *seen);
    *seen = 0;
    if (apart != NULL)
        leave_input(in, apart);
    if (code == WEND_OK)
        return serve_one(&stream, in, used) ? STEP_GO_ON : STEP_STOP;
    stream.in = *in;
    stream.x.request.head_bytes = read_of_head(in, &error);
    reject(&stream, &error);
    return STEP_STOP;
}

static void serve_connection(struct wend_task *task, void *arg)
{
    struct h1_conn *hc = arg;
    struct h1_input *input = input_take();
    struct h1_window in = {.bytes = input->bytes, .input = input, .room = sizeof(input->bytes)};
    struct wend_arena_mark start = wend_arena_mark(&task->arena);
    size_t seen = hc->half_seen;
    enum step step = STEP_GO_ON;

    if (hc->half_bytes > in.room && !widen(task, &hc->server->limits, &in))
        in.room = 0;
    if (hc->half_bytes <= in.room && hc->half_bytes != 0) {
        memcpy(in.bytes, hc->half, hc->half_bytes);
        in.end = hc->half_bytes;
    }
    for (unsigned steps = 1; step == STEP_GO_ON; steps++) {
        step = next_request(task, hc, &in, &seen);
        /* Who pipelines without end must not keep the others waiting. */
        if (step == STEP_GO_ON && steps % TURN_REQUESTS == 0 && wend_task_yield(task) != WEND_OK) {
            close_conn(hc);
            step = STEP_STOP;
        }
        /* A head in memory of its own must survive until it is complete. */
        if (in.input != NULL && in.bytes == in.input->bytes)
            wend_arena_rewind(&task->arena, start);
    }
    if (in.input != NULL)
        input_give(in.input);
}

/* --- time ------------------------------------------------------------------------------------- */

/* Strict servers say 408 (RFC 9110 15.5.9) to a client that began a head. */
static void say_timeout(struct wend_task *task, void *arg)
{
    struct h1_conn *hc = arg;
    struct h1_stream stream;
    struct wend_h1_error error = {.status = 408, .text = "the request head did not come in time"};

    stream_init(&stream, task, hc);
    if (hc->first_ticks == 0)
        hc->first_ticks = hc->accept_ticks;
    reject(&stream, &error);
}

static void timed_out(struct wend_timer *timer)
{
    struct h1_conn *hc = WEND_OF(timer, struct h1_conn, timer);

    if (hc->phase == H1_BUSY)
        return; /* its task has waits of its own; parking starts the timer again */
    if (hc->phase == H1_HALF && hc->server->policy == WEND_H1_STRICT) {
        hc->conn.io.on_ready = NULL;
        hc->phase = H1_BUSY;
        wend_task_start(hc->conn.io.loop, say_timeout, hc);
        return;
    }
    if (hc->phase == H1_HALF)
        wend_log(wend_log_process, WEND_LOG_INFO, hc->conn.number, ETIMEDOUT,
                 "client timed out while sending a request head");
    close_conn(hc);
}

void wend_h1_serve(struct wend_loop *loop, const struct wend_h1_server *server, int fd,
                   const struct wend_address *peer, const struct wend_address *local,
                   uint64_t accept_ticks)
{
    struct h1_conn *hc = calloc(1, sizeof(*hc));
    int one = 1;

    if (hc == NULL)
        wend_die("calloc of a connection");
    if (house.idle.next == NULL)
        wend_list_init(&house.idle);
    if (wend_io_open(&hc->conn.io, loop, fd, false) != WEND_OK) {
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, hc->conn.io.error, "epoll_ctl() failed");
        close(fd);
        free(hc);
        if (server->unref != NULL)
            server->unref(server);
        return;
    }
    if (local->family != AF_UNIX && server->policy_default->tcp_nodelay)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    hc->conn.peer = *peer;
    hc->conn.local = *local;
    hc->conn.number = ++house.numbers;
    hc->server = server;
    hc->timer.fire = timed_out;
    hc->conn.opened_ns = wend_loop_now_ns(loop);
    hc->accept_ticks = accept_ticks;
    house.live++;
    if (server->connections != NULL)
        server->connections(server, 1);
    park(hc, H1_IDLE, hc->conn.opened_ns + server->head_timeout_ms * WEND_NS_PER_MS);
}

void wend_h1_drain(struct wend_loop *loop, int idle_ms)
{
    int64_t until_ns = wend_loop_now_ns(loop) + idle_ms * WEND_NS_PER_MS;

    house.draining = true;
    house.drain_idle_ms = idle_ms;
    if (house.idle.next == NULL)
        return;
    WEND_LIST_EACH(&house.idle, node, after) {
        struct h1_conn *hc = WEND_OF(node, struct h1_conn, node);

        if (until_ns < hc->until_ns)
            wend_timer_start(loop, &hc->timer, until_ns);
    }
}

void wend_h1_count(struct wend_loop *loop, size_t *live, size_t *idle)
{
    (void)loop;
    *live = house.live;
    *idle = house.idle_count;
}

uint64_t wend_h1_requests(void)
{
    return house.requests;
}

bool wend_h1_close_idlest(struct wend_loop *loop)
{
    (void)loop;
    if (house.idle.next == NULL || wend_list_empty(&house.idle))
        return false;
    close_conn(WEND_OF(house.idle.next, struct h1_conn, node));
    return true;
}

void wend_h1_thread_release(void)
{
    while (house.inputs != NULL) {
        struct h1_input *input = house.inputs;

        house.inputs = input->next;
        free(input);
    }
    house.inputs_spare = 0;
}

struct wend_str wend_h1_take_input(struct wend_exchange *x)
{
    struct h1_stream *stream = h1_stream_of(x);
    struct wend_str bytes = {stream->in.bytes + stream->in.at, stream->in.end - stream->in.at};

    stream->in.at = stream->in.end;
    return bytes;
}
