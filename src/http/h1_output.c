/* http/h1_output.c - responses on an HTTP/1 connection: the head, the framing, the pieces.
 *
 * The head is held back until the first piece comes, so that a small answer leaves in one system
 * call; a small piece is even copied behind the head, which costs less than a second vector entry
 * does in the kernel. A file goes by sendfile, corked to the head with MSG_MORE.
 *
 * Framing (RFC 9112 6.3), decided once, with the head: a known length is Content-Length; a response
 * that ends with its first call has a known length too; HTTP/1.1 gets chunks; else the end of the
 * connection is the end of the body.
 */
#include "base/assert.h"
#include "http/h1_conn.h"
#include "net/disk.h"

#include <errno.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define VECTOR_PARTS 32
#define JOIN_BYTES_MAX 2048u        /* a piece up to this is copied behind the head */
#define COPY_STEP_BYTES (64u << 10) /* read at once when sendfile is off */
#define HEAD_FIXED_BYTES 512u       /* bounds all that is not of variable length */

/* What waits to be sent, in order. */
struct output {
    struct h1_stream *stream;
    struct iovec parts[VECTOR_PARTS];
    size_t count;
};

/* The vector is filled before it is looked at: clearing it would be the dearest line of a send. */
static void output_init(struct output *out, struct h1_stream *stream)
{
    out->stream = stream;
    out->count = 0;
}

static enum wend_code poll_writable(struct h1_stream *stream)
{
    struct pollfd wait = {.fd = stream->x.conn->io.fd, .events = POLLOUT};
    int ready = poll(&wait, 1, stream->x.policy->send_timeout_ms);

    if (ready == 0)
        return WEND_E_DEADLINE;
    return ready < 0 && errno != EINTR ? WEND_E_IO : WEND_OK;
}

/* The same as wend_io_sendv() for a thread that has no loop. */
static enum wend_code send_blocking(struct h1_stream *stream, struct iovec *parts, size_t count,
                                    bool more)
{
    while (count != 0) {
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        ssize_t sent =
            sendmsg(stream->x.conn->io.fd, &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
        enum wend_code code = WEND_OK;

        if (sent < 0 && errno == EAGAIN)
            code = poll_writable(stream);
        else if (sent < 0 && errno != EINTR)
            code = wend_code_of_errno(errno);
        if (code != WEND_OK)
            return code;
        while (count != 0 && sent >= 0 && (size_t)sent >= parts->iov_len) {
            sent -= (ssize_t)parts->iov_len;
            parts++;
            count--;
        }
        if (count != 0 && sent > 0) {
            parts->iov_base = (char *)parts->iov_base + sent;
            parts->iov_len -= (size_t)sent;
        }
    }
    return WEND_OK;
}

static enum wend_code sendfile_blocking(struct h1_stream *stream, int file, off_t offset,
                                        size_t len)
{
    while (len != 0) {
        ssize_t sent = sendfile(stream->x.conn->io.fd, file, &offset,
                                len < WEND_SENDFILE_STEP ? len : WEND_SENDFILE_STEP);
        enum wend_code code = WEND_OK;

        if (sent == 0)
            return WEND_E_CLOSED;
        if (sent > 0)
            len -= (size_t)sent;
        else if (errno == EAGAIN)
            code = poll_writable(stream);
        else if (errno != EINTR)
            code = wend_code_of_errno(errno);
        if (code != WEND_OK)
            return code;
    }
    return WEND_OK;
}

static enum wend_code flush(struct output *out, bool more)
{
    struct h1_stream *stream = out->stream;
    struct wend_exchange *x = &stream->x;
    int64_t bytes = 0;
    enum wend_code code;

    if (out->count == 0)
        return WEND_OK;
    for (size_t i = 0; i < out->count; i++)
        bytes += (int64_t)out->parts[i].iov_len;
    if (stream->on_thread)
        code = send_blocking(stream, out->parts, out->count, more);
    else
        code = wend_conn_sendv(x->task, x->conn, out->parts, out->count, more,
                               x->policy->send_timeout_ms);
    out->count = 0;
    if (code == WEND_OK) {
        x->bytes_sent += bytes;
        x->conn->bytes_sent += (uint64_t)bytes;
    }
    return code;
}

static enum wend_code add(struct output *out, struct wend_str bytes)
{
    enum wend_code code = WEND_OK;

    if (bytes.len == 0)
        return WEND_OK;
    if (out->count == VECTOR_PARTS)
        code = flush(out, true);
    out->parts[out->count++] = (struct iovec){(void *)(uintptr_t)bytes.ptr, bytes.len};
    return code;
}

/* sendfile is off: the file is read into memory, in steps. */
static enum wend_code copy_file(struct output *out, const struct wend_piece *piece)
{
    struct wend_task *task = out->stream->x.task;
    struct wend_arena_mark mark = wend_arena_mark(&task->arena);
    char *bytes = wend_arena_alloc(&task->arena, COPY_STEP_BYTES);
    off_t offset = piece->offset;
    size_t left = piece->len;
    enum wend_code code = bytes == NULL ? WEND_E_MEMORY : WEND_OK;

    while (left != 0 && code == WEND_OK) {
        size_t got = 0;

        code = wend_disk_read(task, piece->file, bytes,
                              left < COPY_STEP_BYTES ? left : COPY_STEP_BYTES, offset, &got);
        if (code == WEND_OK && got == 0)
            code = WEND_E_CLOSED;
        if (code != WEND_OK)
            break;
        offset += (off_t)got;
        left -= got;
        code = add(out, wend_str_make(bytes, got));
        if (code == WEND_OK)
            code = flush(out, left != 0);
    }
    wend_arena_rewind(&task->arena, mark);
    return code;
}

static enum wend_code add_file(struct output *out, const struct wend_piece *piece)
{
    struct h1_stream *stream = out->stream;
    struct wend_exchange *x = &stream->x;
    off_t offset = piece->offset;
    enum wend_code code;

    if (!x->policy->sendfile)
        return copy_file(out, piece);
    code = flush(out, true);
    if (code != WEND_OK)
        return code;
    if (stream->on_thread)
        code = sendfile_blocking(stream, piece->file, offset, piece->len);
    else
        code = wend_conn_sendfile(x->task, x->conn, piece->file, &offset, piece->len,
                                  x->policy->send_timeout_ms);
    if (code == WEND_OK) {
        x->bytes_sent += (int64_t)piece->len;
        x->conn->bytes_sent += piece->len;
    }
    return code;
}

/* --- the head --------------------------------------------------------------------------------- */

static char *put(char *at, struct wend_str s)
{
    memcpy(at, s.ptr, s.len);
    return at + s.len;
}

#define PUT(at, literal) put((at), WEND_STR(literal))

static char *put_field(char *at, struct wend_str name, struct wend_str value)
{
    at = put(at, name);
    *at++ = ':';
    *at++ = ' ';
    at = put(at, value);
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

/* Whether the request leaves the connection in a state in which another one can follow. */
static bool can_keep_alive(const struct h1_stream *stream)
{
    const struct wend_exchange *x = &stream->x;
    const struct h1_conn *hc = stream->hc;
    const struct wend_h1_server *server = hc->server;

    if (!x->request.keep_alive || !x->policy->keepalive || x->policy->keepalive_timeout_ms <= 0)
        return false;
    if (x->response.close || stream->until_close || h1_draining(hc))
        return false;
    if ((int)hc->conn.requests >= server->requests_max)
        return false;
    if (server->lifetime_ms > 0 &&
        wend_loop_now_ns(x->task->loop) - hc->conn.opened_ns > server->lifetime_ms * WEND_NS_PER_MS)
        return false;
    /* A client that still waits for 100 may send its body or not: nobody can tell what follows. */
    return x->body_read || !stream->continue_wanted;
}

static void decide_framing(struct h1_stream *stream, int64_t all_bytes, bool last)
{
    struct wend_exchange *x = &stream->x;
    struct wend_response *response = &x->response;
    int status = response->status;

    if (response->no_body_framing) {
        stream->until_close = true;
        stream->left = -1;
        return;
    }
    if (status == 204 || status == 304 || status < 200) {
        stream->left = 0;
        return;
    }
    if (response->content_length < 0 && last && !x->header_only)
        response->content_length = all_bytes;
    stream->left = response->content_length;
    if (response->content_length >= 0 || x->request.method == WEND_HEAD)
        return;
    stream->chunked = x->request.version >= WEND_HTTP_11 && x->policy->chunked;
    stream->until_close = !stream->chunked;
}

static size_t head_room(const struct wend_exchange *x)
{
    const struct wend_response *response = &x->response;
    size_t bytes = HEAD_FIXED_BYTES + response->reason.len + x->policy->server.len +
                   response->content_type.len + response->etag.len;

    for (unsigned i = 0; i < response->fields.count; i++)
        bytes += response->fields.at[i].name.len + response->fields.at[i].value.len + 4;
    return bytes;
}

static char *put_status_line(char *at, const struct wend_response *response)
{
    struct wend_str reason = response->reason;
    int status = response->status;

    if (status == 200 && reason.ptr == NULL)
        return PUT(at, "HTTP/1.1 200 OK\r\n");
    if (reason.ptr == NULL)
        reason = wend_reason_phrase(status);
    at = PUT(at, "HTTP/1.1 ");
    *at++ = (char)('0' + status / 100 % 10);
    *at++ = (char)('0' + status / 10 % 10);
    *at++ = (char)('0' + status % 10);
    *at++ = ' ';
    if (reason.len != 0)
        at = put(at, reason);
    return PUT(at, "\r\n");
}

static char *put_connection(char *at, const struct h1_stream *stream)
{
    const struct wend_exchange *x = &stream->x;

    if (x->response.no_body_framing)
        return x->response.status == 101 ? PUT(at, "Connection: upgrade\r\n") : at;
    if (!stream->keep_alive)
        return PUT(at, "Connection: close\r\n");
    at = PUT(at, "Connection: keep-alive\r\n");
    if (x->policy->keepalive_header_s > 0) {
        at = PUT(at, "Keep-Alive: timeout=");
        at += wend_str_from_u64((uint64_t)x->policy->keepalive_header_s, at);
        at = PUT(at, "\r\n");
    }
    return at;
}

static char *put_framing(char *at, const struct h1_stream *stream)
{
    const struct wend_exchange *x = &stream->x;
    int status = x->response.status;

    if (stream->chunked)
        return PUT(at, "Transfer-Encoding: chunked\r\n");
    if (x->response.content_length < 0 || status == 204 || status == 304 || status < 200 ||
        x->response.no_body_framing)
        return at;
    at = PUT(at, "Content-Length: ");
    at += wend_str_from_u64((uint64_t)x->response.content_length, at);
    return PUT(at, "\r\n");
}

/* nginx's order, because people and tests compare. */
static char *put_head(char *at, const struct h1_stream *stream)
{
    const struct wend_exchange *x = &stream->x;
    const struct wend_response *response = &x->response;
    const struct wend_fields *fields = &response->fields;

    at = put_status_line(at, response);
    if (x->policy->server.ptr != NULL && wend_fields_get(fields, WEND_FIELD_SERVER) == NULL)
        at = put_field(at, WEND_STR("Server"), x->policy->server);
    if (wend_fields_get(fields, WEND_FIELD_DATE) == NULL)
        at = put_field(at, WEND_STR("Date"), wend_clock_http_now(wend_loop_wall_ns(x->task->loop)));
    if (response->content_type.len != 0)
        at = put_field(at, WEND_STR("Content-Type"), response->content_type);
    at = put_framing(at, stream);
    if (response->last_modified >= 0) {
        char date[WEND_CLOCK_HTTP_LEN + 1];

        wend_clock_write_http(response->last_modified, date);
        at = put_field(at, WEND_STR("Last-Modified"), wend_str_make(date, WEND_CLOCK_HTTP_LEN));
    }
    at = put_connection(at, stream);
    if (response->etag.len != 0)
        at = put_field(at, WEND_STR("ETag"), response->etag);
    for (unsigned i = 0; i < fields->count; i++)
        if (fields->at[i].hidden == 0)
            at = put_field(at, fields->at[i].name, fields->at[i].value);
    return PUT(at, "\r\n");
}

static int64_t total_bytes(const struct wend_piece *pieces, size_t count)
{
    int64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += (int64_t)pieces[i].len;
    return bytes;
}

/* Makes the head; a lone small piece that ends the response is copied behind it (*joined). */
static enum wend_code make_head(struct h1_stream *stream, const struct wend_piece *pieces,
                                size_t count, bool last, struct wend_str *head, bool *joined)
{
    struct wend_exchange *x = &stream->x;
    size_t room;
    char *start, *at;

    stream->respond_span = wend_span_begin(x->task->trace, WEND_EV_RESPOND);
    decide_framing(stream, total_bytes(pieces, count), last);
    stream->keep_alive = can_keep_alive(stream);
    room = head_room(x);
    *joined = count == 1 && last && !stream->chunked && pieces->kind == WEND_PIECE_MEMORY &&
              pieces->len <= JOIN_BYTES_MAX &&
              (stream->left < 0 || (int64_t)pieces->len <= stream->left);
    if (*joined)
        room += pieces->len;
    start = wend_arena_alloc(&x->task->arena, room);
    if (start == NULL)
        return wend_fail(x->task, WEND_E_MEMORY, WEND_STR_NULL, "no room for the response head");
    /* HTTP/0.9 has no head. */
    at = x->request.version == WEND_HTTP_09 ? start : put_head(start, stream);
    if (*joined && pieces->len != 0) {
        at = put(at, wend_str_make(pieces->memory, pieces->len));
        x->body_sent += (int64_t)pieces->len;
        if (stream->left > 0)
            stream->left -= (int64_t)pieces->len;
    }
    WEND_ASSERT((size_t)(at - start) <= room);
    *head = wend_str_make(start, (size_t)(at - start));
    stream->head_sent = true;
    return WEND_OK;
}

/* --- the body --------------------------------------------------------------------------------- */

/* One piece, cut to what the head promised. */
static enum wend_code add_piece(struct output *out, struct wend_piece piece)
{
    struct h1_stream *stream = out->stream;
    enum wend_code code;

    if (stream->left >= 0 && (int64_t)piece.len > stream->left)
        piece.len = (size_t)stream->left;
    if (piece.len == 0)
        return WEND_OK;
    code = piece.kind == WEND_PIECE_FILE ? add_file(out, &piece)
                                         : add(out, wend_str_make(piece.memory, piece.len));
    if (code != WEND_OK)
        return code;
    if (stream->left >= 0)
        stream->left -= (int64_t)piece.len;
    stream->x.body_sent += (int64_t)piece.len;
    return WEND_OK;
}

static enum wend_code add_framing(struct output *out, struct wend_str text)
{
    out->stream->x.body_sent += (int64_t)text.len;
    return add(out, text);
}

/* The last chunk and, for a client that said it takes them, the trailer section. */
static enum wend_code add_last_chunk(struct output *out)
{
    struct wend_exchange *x = &out->stream->x;
    const struct wend_fields *trailers = &x->response.trailers;
    struct wend_buffer text;

    if (trailers->count == 0)
        return add_framing(out, WEND_STR("0\r\n\r\n"));
    wend_buffer_init_arena(&text, &x->task->arena, WEND_H1_TRAILER_MAX);
    wend_buffer_add(&text, WEND_STR("0\r\n"));
    for (unsigned i = 0; i < trailers->count; i++) {
        wend_buffer_add(&text, trailers->at[i].name);
        wend_buffer_add(&text, WEND_STR(": "));
        wend_buffer_add(&text, trailers->at[i].value);
        wend_buffer_add(&text, WEND_STR("\r\n"));
    }
    wend_buffer_add(&text, WEND_STR("\r\n"));
    return add_framing(out, text.overflow ? WEND_STR("0\r\n\r\n") : wend_buffer_str(&text));
}

static enum wend_code add_body(struct output *out, const struct wend_piece *pieces, size_t count,
                               bool last)
{
    struct h1_stream *stream = out->stream;
    int64_t bytes = stream->chunked ? total_bytes(pieces, count) : 0;
    char chunk_head[24];
    enum wend_code code = WEND_OK;

    if (bytes != 0)
        code = add_framing(
            out, wend_str_make(chunk_head, wend_h1_chunk_head((uint64_t)bytes, chunk_head)));
    for (size_t i = 0; i < count && code == WEND_OK; i++)
        code = add_piece(out, pieces[i]);
    if (bytes != 0 && code == WEND_OK)
        code = add_framing(out, WEND_STR("\r\n"));
    if (stream->chunked && last && code == WEND_OK)
        code = add_last_chunk(out);
    return code == WEND_OK ? flush(out, false) : code;
}

enum wend_code h1_send(struct wend_exchange *x, const struct wend_piece *pieces, size_t count,
                       bool last)
{
    struct h1_stream *stream = h1_stream_of(x);
    struct output out;
    bool joined = false;
    enum wend_code code = WEND_OK;

    output_init(&out, stream);
    if (!stream->head_sent) {
        struct wend_str head = WEND_STR_NULL;

        code = make_head(stream, pieces, count, last, &head, &joined);
        if (code == WEND_OK)
            code = add(&out, head);
    }
    if (code == WEND_OK)
        code = add_body(&out, pieces, joined ? 0 : count, last);
    if (code != WEND_OK) {
        wend_respond_torn(x);
        return code;
    }
    if (!last)
        return WEND_OK;
    wend_span_end(x->task->trace, stream->respond_span, x->body_sent);
    /* Fewer bytes than promised: the client must see that something is missing. */
    if (stream->left > 0 && !x->header_only)
        wend_respond_torn(x);
    return WEND_OK;
}

enum wend_code h1_inform(struct wend_exchange *x, int status, const struct wend_fields *fields)
{
    struct h1_stream *stream = h1_stream_of(x);
    struct output out;
    struct wend_buffer text;
    struct wend_str reason = wend_reason_phrase(status);
    enum wend_code code;

    if (stream->head_sent || x->request.version < WEND_HTTP_11)
        return WEND_OK;
    wend_buffer_init_arena(&text, &x->task->arena, WEND_H1_TRAILER_MAX);
    output_init(&out, stream);
    wend_buffer_printf(&text, "HTTP/1.1 %d %.*s\r\n", status, WEND_STR_ARG(reason));
    for (unsigned i = 0; fields != NULL && i < fields->count; i++) {
        wend_buffer_add(&text, fields->at[i].name);
        wend_buffer_add(&text, WEND_STR(": "));
        wend_buffer_add(&text, fields->at[i].value);
        wend_buffer_add(&text, WEND_STR("\r\n"));
    }
    wend_buffer_add(&text, WEND_STR("\r\n"));
    if (text.overflow)
        return WEND_E_LIMIT;
    code = add(&out, wend_buffer_str(&text));
    return code == WEND_OK ? flush(&out, false) : code;
}
