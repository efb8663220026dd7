/* gateway/uwsgi_server.c - a connection's life: read the packet, serve the exchange, close.
 *
 * nginx opens one connection per request and sends the packet at once, so nothing is parked here: a
 * task runs from the accept to the close.
 */
#include "gateway/uwsgi_server.h"

#include "base/assert.h"
#include "base/log.h"
#include "gateway/uwsgi_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define RECEIVE_BYTES (WEND_UWSGI_HEAD_BYTES + 4096) /* most packets, in one call */
#define RESPONSE_HEAD_MAX (256u << 10)

struct serving {
    struct wend_conn conn;
    const struct wend_h1_server *server;
    struct wend_loop *loop;
    uint64_t accept_ticks;
    uint16_t request_span;
    struct wend_uwsgi_head packet;
    /* bytes[0 .. held) is received: the packet, then the first part of the body */
    char *bytes;
    size_t held, room, taken;
    struct wend_str vars;
    int64_t body_left;
    int64_t response_left; /* -1: unknown length */
    bool head_sent;
};

/* --- the codec -------------------------------------------------------------------------------- */

static enum wend_code read_body(struct wend_exchange *x, void *into, size_t room, size_t *got)
{
    struct serving *serving = x->codec_state;
    size_t most = (int64_t)room < serving->body_left ? room : (size_t)serving->body_left;
    size_t held = serving->held - serving->taken;
    enum wend_code code = WEND_OK;

    *got = 0;
    if (most == 0)
        return WEND_OK;
    if (held > 0) {
        *got = held < most ? held : most;
        memcpy(into, serving->bytes + serving->taken, *got);
        serving->taken += *got;
    } else {
        code = wend_conn_recv(x->task, &serving->conn, into, most, x->policy->body_timeout_ms, got);
        if (code == WEND_OK && *got == 0)
            code = WEND_E_CLOSED;
    }
    serving->body_left -= (int64_t)*got;
    return code;
}

static void add_field(struct wend_buffer *out, struct wend_str name, struct wend_str value)
{
    wend_buffer_add(out, name);
    wend_buffer_add(out, WEND_STR(": "));
    wend_buffer_add(out, value);
    wend_buffer_add(out, WEND_STR("\r\n"));
}

/* Framing of this hop is not the response's to say. */
static bool passes(const struct wend_field *field)
{
    return !field->hidden && field->id != WEND_FIELD_CONTENT_LENGTH &&
           field->id != WEND_FIELD_TRANSFER_ENCODING && field->id != WEND_FIELD_CONNECTION &&
           field->id != WEND_FIELD_KEEP_ALIVE;
}

static enum wend_code add_fields(struct wend_buffer *out, const struct wend_fields *fields)
{
    for (unsigned i = 0; i < fields->count; i++) {
        const struct wend_field *field = &fields->at[i];

        if (!passes(field))
            continue;
        if (!wend_field_name_valid(field->name) || !wend_field_value_valid(field->value))
            return WEND_E_SYNTAX;
        add_field(out, field->name, field->value);
    }
    return WEND_OK;
}

static enum wend_code write_head(const struct wend_exchange *x, struct wend_buffer *out)
{
    const struct wend_response *response = &x->response;
    struct wend_str reason =
        response->reason.ptr != NULL ? response->reason : wend_reason_phrase(response->status);
    char date[WEND_CLOCK_HTTP_LEN + 1];
    enum wend_code code;

    if (!wend_field_value_valid(reason))
        return WEND_E_SYNTAX;
    wend_buffer_printf(out, "HTTP/1.1 %03d %.*s\r\n", response->status, WEND_STR_ARG(reason));
    if (response->content_type.ptr != NULL)
        add_field(out, WEND_STR("Content-Type"), response->content_type);
    if (response->etag.ptr != NULL)
        add_field(out, WEND_STR("ETag"), response->etag);
    if (response->last_modified >= 0) {
        wend_clock_write_http(response->last_modified, date);
        add_field(out, WEND_STR("Last-Modified"), wend_str_make(date, WEND_CLOCK_HTTP_LEN));
    }
    if (response->content_length >= 0 && response->status >= 200 && response->status != 204)
        wend_buffer_printf(out, "Content-Length: %lld\r\n", (long long)response->content_length);
    code = add_fields(out, &response->fields);
    wend_buffer_add(out, WEND_STR("\r\n"));
    return out->overflow ? WEND_E_LIMIT : code;
}

static enum wend_code send_bytes(struct wend_exchange *x, const void *bytes, size_t len, bool more)
{
    struct serving *serving = x->codec_state;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = len};
    enum wend_code code;

    code = wend_conn_sendv(x->task, &serving->conn, &part, 1, more, x->policy->send_timeout_ms);
    if (code == WEND_OK)
        x->bytes_sent += (int64_t)len;
    return code;
}

static enum wend_code send_head(struct wend_exchange *x, bool more)
{
    struct serving *serving = x->codec_state;
    struct wend_buffer head;
    enum wend_code code;

    wend_buffer_init_arena(&head, &x->task->arena, RESPONSE_HEAD_MAX);
    code = write_head(x, &head);
    if (code != WEND_OK)
        return wend_fail(x->task, code, x->request.line, "the response's head cannot be sent");
    if (x->request.method == WEND_HEAD || x->response.status == 204 || x->response.status == 304)
        x->header_only = true;
    serving->head_sent = true;
    serving->response_left = x->response.content_length;
    x->state = WEND_X_HEAD;
    return send_bytes(x, head.ptr, head.len, more);
}

static enum wend_code send_piece(struct wend_exchange *x, const struct wend_piece *piece, bool more)
{
    struct serving *serving = x->codec_state;
    size_t len = piece->len;
    off_t offset = piece->offset;
    enum wend_code code;

    if (serving->response_left >= 0 && (int64_t)len > serving->response_left)
        len = (size_t)serving->response_left;
    if (len == 0)
        return WEND_OK;
    if (piece->kind == WEND_PIECE_MEMORY) {
        code = send_bytes(x, piece->memory, len, more);
    } else {
        code = wend_conn_sendfile(x->task, &serving->conn, piece->file, &offset, len,
                                  x->policy->send_timeout_ms);
        if (code == WEND_OK)
            x->bytes_sent += (int64_t)len;
    }
    if (code != WEND_OK)
        return code;
    x->body_sent += (int64_t)len;
    if (serving->response_left >= 0)
        serving->response_left -= (int64_t)len;
    return WEND_OK;
}

static enum wend_code send_pieces(struct wend_exchange *x, const struct wend_piece *pieces,
                                  size_t count, bool last)
{
    struct serving *serving = x->codec_state;
    enum wend_code code = WEND_OK;

    if (!serving->head_sent)
        code = send_head(x, count > 0);
    for (size_t i = 0; code == WEND_OK && !x->header_only && i < count; i++)
        code = send_piece(x, &pieces[i], !last || i + 1 < count);
    if (code != WEND_OK) {
        x->state = WEND_X_TORN;
        return code;
    }
    if (last)
        x->state = !x->header_only && serving->response_left > 0 ? WEND_X_TORN : WEND_X_DONE;
    return WEND_OK;
}

/* uwsgi has no interim answers. */
static enum wend_code inform(struct wend_exchange *x, int status, const struct wend_fields *fields)
{
    (void)x, (void)status, (void)fields;
    return WEND_OK;
}

static const struct wend_codec codec = {
    .name = "uwsgi",
    .read_body = read_body,
    .send = send_pieces,
    .inform = inform,
};

bool wend_uwsgi_exchange(const struct wend_exchange *x)
{
    return x->codec == &codec;
}

struct wend_str wend_uwsgi_variable(const struct wend_exchange *x, struct wend_str key)
{
    const struct serving *serving = x->codec_state;
    struct wend_str rest, name, value, found = WEND_STR_NULL;

    if (x->codec != &codec)
        return found;
    rest = serving->vars;
    while (wend_uwsgi_vars_next(&rest, &name, &value))
        if (wend_str_eq(name, key))
            found = value;
    return found;
}

struct wend_str wend_uwsgi_variables(const struct wend_exchange *x)
{
    const struct serving *serving = x->codec_state;

    return x->codec == &codec ? serving->vars : WEND_STR_NULL;
}

/* --- a connection's life ---------------------------------------------------------------------- */

static void complain(const struct serving *serving, const char *text)
{
    wend_log(wend_log_process, WEND_LOG_ERROR, serving->conn.number, 0, "uwsgi: %s", text);
}

/* Receives until `bytes` are held. */
static enum wend_code receive(struct wend_task *task, struct serving *serving, size_t bytes)
{
    while (serving->held < bytes) {
        size_t got = 0;
        enum wend_code code = wend_conn_recv(task, &serving->conn, serving->bytes + serving->held,
                                             serving->room - serving->held, WEND_FOREVER, &got);

        if (code != WEND_OK)
            return code;
        if (got == 0)
            return WEND_E_CLOSED;
        serving->held += got;
    }
    return WEND_OK;
}

static enum wend_code make_room(struct wend_task *task, struct serving *serving, size_t bytes)
{
    char *larger;

    if (bytes <= serving->room)
        return WEND_OK;
    larger = wend_arena_alloc(&task->arena, bytes);
    if (larger == NULL)
        return WEND_E_MEMORY;
    if (serving->held > 0)
        memcpy(larger, serving->bytes, serving->held);
    serving->bytes = larger;
    serving->room = bytes;
    return WEND_OK;
}

static enum wend_code read_packet(struct wend_task *task, struct serving *serving)
{
    size_t bytes = WEND_UWSGI_HEAD_BYTES, offset;
    enum wend_code code;

    code = make_room(task, serving, RECEIVE_BYTES);
    if (code == WEND_OK)
        code = receive(task, serving, bytes);
    if (code != WEND_OK)
        return code;
    wend_uwsgi_head_parse(serving->bytes, &serving->packet);
    if (wend_uwsgi_head_is_http(&serving->packet)) {
        complain(serving, "a client speaks HTTP to this socket: it must use the uwsgi protocol "
                          "(uwsgi_pass), or connect to an http-socket");
        return WEND_E_PROTOCOL;
    }
    bytes += serving->packet.size;
    code = make_room(task, serving, bytes);
    if (code == WEND_OK)
        code = receive(task, serving, bytes);
    if (code != WEND_OK)
        return code;
    serving->vars = wend_str_make(serving->bytes + WEND_UWSGI_HEAD_BYTES, serving->packet.size);
    serving->taken = bytes;
    code = wend_uwsgi_vars_check(serving->vars, &offset);
    if (code != WEND_OK)
        complain(serving, code == WEND_E_LIMIT ? "a packet has too many variables"
                                               : "a packet's variables are cut or overlap");
    return code;
}

static void answer_ping(struct wend_task *task, struct serving *serving)
{
    static const char pong[WEND_UWSGI_HEAD_BYTES] = {WEND_UWSGI_PING, 0, 0, 1};
    struct iovec part = {.iov_base = (void *)pong, .iov_len = sizeof(pong)};

    if (serving->packet.modifier2 != 0)
        return;
    if (wend_conn_sendv(task, &serving->conn, &part, 1, false,
                        serving->server->policy_default->send_timeout_ms) != WEND_OK)
        complain(serving, "a ping's answer could not be sent");
}

/* After the handler: whatever was not answered is. */
static void conclude(struct wend_exchange *x, enum wend_code result)
{
    const struct wend_h1_server *server = x->listener;
    struct wend_h1_error error = {.text = "the request could not be served"};
    int status;

    if (x->state == WEND_X_HEAD || result == WEND_E_CLOSED || result == WEND_E_RESET)
        wend_respond_torn(x);
    if (x->state != WEND_X_REQUEST)
        return;
    status =
        result == WEND_OK || result == WEND_DECLINED ? x->response.status : wend_status_of(result);
    if (status == 0)
        status = result == WEND_DECLINED ? 404 : 500;
    x->response.status = status;
    error.status = status;
    if (server->reject != NULL)
        result = server->reject(server, x, &error);
    else
        result = wend_respond_text(x, status, WEND_STR("text/plain"), wend_reason_phrase(status));
    if (result != WEND_OK && x->state == WEND_X_HEAD)
        wend_respond_torn(x);
}

static struct wend_exchange *new_exchange(struct wend_task *task, struct serving *serving)
{
    struct wend_exchange *x = WEND_NEW(&task->arena, struct wend_exchange);

    if (x == NULL)
        return NULL;
    x->task = task;
    x->codec = &codec;
    x->codec_state = serving;
    x->conn = &serving->conn;
    x->body_max = -1;
    x->started_ns = wend_clock_monotonic_ns();
    x->started_wall_ns = wend_clock_wall_ns();
    x->policy = serving->server->policy_default;
    x->listener = serving->server;
    x->response.content_length = -1;
    x->response.last_modified = -1;
    wend_fields_init(&x->response.fields, NULL, 0, WEND_FIELDS_MAX);
    wend_fields_init(&x->response.trailers, NULL, 0, WEND_FIELDS_MAX);
    return x;
}

static void reset_on_close(struct serving *serving)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};

    (void)setsockopt(serving->conn.io.fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
}

/* Unread bytes at the close would make the kernel reset the connection, and the front server lose
 * the end of the answer: they are read and dropped, for a while. */
static void linger(struct wend_task *task, struct serving *serving,
                   const struct wend_exchange_policy *policy)
{
    char scratch[4096];
    size_t got = 1;

    if (serving->body_left == 0 || policy->lingering == WEND_LINGERING_OFF)
        return;
    (void)shutdown(serving->conn.io.fd, SHUT_WR);
    task->deadline_ns = wend_clock_monotonic_ns() + policy->lingering_time_ms * WEND_NS_PER_MS;
    while (got > 0)
        if (wend_conn_recv(task, &serving->conn, scratch, sizeof(scratch),
                           policy->lingering_timeout_ms, &got) != WEND_OK)
            break;
}

static void serve_request(struct wend_task *task, struct serving *serving)
{
    const struct wend_h1_server *server = serving->server;
    struct wend_exchange *x = new_exchange(task, serving);
    struct wend_uwsgi_facts facts;
    const char *text = "the packet does not fit its memory";
    bool mounted = serving->packet.modifier1 == WEND_UWSGI_REQUEST_MOUNTED;

    if (x == NULL)
        return;
    if (wend_uwsgi_request_fill(&task->arena, serving->vars, mounted, &x->request, &facts, &text) !=
        WEND_OK) {
        complain(serving, text);
        return;
    }
    if (facts.client.family != 0)
        serving->conn.peer = facts.client;
    serving->conn.secure = facts.secure;
    serving->body_left = x->request.content_length > 0 ? x->request.content_length : 0;
    x->request.head_bytes = serving->taken;
    x->header_only = x->request.method == WEND_HEAD;
    wend_trace_join(task->trace, wend_fields_value(&x->request.fields, WEND_FIELD_TRACEPARENT));
    conclude(x, wend_serve(server->handler, x));
    wend_span_end(task->trace, serving->request_span, x->response.status);
    if (server->finished != NULL)
        server->finished(server, x);
    if (x->state == WEND_X_TORN)
        reset_on_close(serving);
    else
        linger(task, serving, x->policy);
}

static void serve_packet(struct wend_task *task, struct serving *serving)
{
    char text[64];

    switch (serving->packet.modifier1) {
    case WEND_UWSGI_REQUEST:
    case WEND_UWSGI_REQUEST_MOUNTED:
        serve_request(task, serving);
        break;
    case WEND_UWSGI_PING:
        answer_ping(task, serving);
        break;
    default:
        snprintf(text, sizeof(text), "unavailable modifier requested: %u",
                 (unsigned)serving->packet.modifier1);
        complain(serving, text);
    }
}

static void end_serving(void *arg)
{
    struct serving *serving = arg;
    const struct wend_h1_server *server = serving->server;

    wend_conn_close(&serving->conn);
    wend_loop_free_later(serving->loop, serving);
    if (server->connections != NULL)
        server->connections(server, -1);
    if (server->unref != NULL)
        server->unref(server);
}

static void run(struct wend_task *task, void *arg)
{
    struct serving *serving = arg;
    uint16_t head_span;
    enum wend_code code;

    wend_defer(task, end_serving, serving);
    wend_trace_start(task->trace, serving->accept_ticks, wend_clock_wall_ns());
    serving->request_span =
        wend_span_begin_at(task->trace, WEND_EV_REQUEST, task->trace->start_ticks);
    head_span = wend_span_begin(task->trace, WEND_EV_HEAD);
    task->deadline_ns =
        wend_clock_monotonic_ns() + serving->server->head_timeout_ms * WEND_NS_PER_MS;
    code = read_packet(task, serving);
    task->deadline_ns = WEND_NEVER;
    wend_span_end(task->trace, head_span, (int64_t)serving->held);
    if (code == WEND_OK)
        serve_packet(task, serving);
}

void wend_uwsgi_serve(struct wend_loop *loop, const struct wend_h1_server *server, int fd,
                      const struct wend_address *peer, const struct wend_address *local,
                      uint64_t accept_ticks)
{
    static uint64_t connections;
    struct serving *serving = calloc(1, sizeof(*serving));

    if (serving == NULL)
        wend_die("a uwsgi connection");
    serving->server = server;
    serving->loop = loop;
    serving->accept_ticks = accept_ticks;
    if (wend_io_open(&serving->conn.io, loop, fd, true) != WEND_OK) {
        free(serving);
        close(fd);
        if (server->unref != NULL)
            server->unref(server);
        return;
    }
    serving->conn.peer = *peer;
    serving->conn.local = *local;
    serving->conn.number = ++connections;
    if (server->connections != NULL)
        server->connections(server, 1);
    wend_task_start(loop, run, serving);
}
