/* http/h1_client.c - HTTP/1 as its client speaks it.
 *
 * Received bytes go into one buffer. The head's fields are slices of it, so it is never moved after
 * the head is complete: the body is read into the room behind the head, and when that is small into
 * a second buffer of the same size. A body slice is handed out in place; nothing is copied here.
 */
#include "http/h1_client.h"

#include <errno.h>

#define BODY_ROOM_MIN 4096 /* less room behind the head than this: take a new buffer */
#define CHUNK_HEAD_MAX 20

static const char chunk_end[] = "\r\n";
static const char last_chunk[] = "0\r\n\r\n";

void wend_h1_client_start(struct wend_h1_client *client, struct wend_conn *conn,
                          struct wend_arena *arena)
{
    *client = (struct wend_h1_client){
        .conn = conn,
        .arena = arena,
        .limits = wend_h1_limits_default,
        .send_timeout_ms = 60000,
        .receive_timeout_ms = 60000,
        .parse = wend_h1_parse_response,
    };
    wend_fields_init(&client->trailers, NULL, 0, client->limits.fields);
    wend_buffer_init_arena(&client->trailer_bytes, arena, WEND_H1_TRAILER_MAX);
}

/* --- sending ---------------------------------------------------------------------------------- */

static bool target_valid(struct wend_str target)
{
    if (target.len == 0)
        return false;
    for (size_t i = 0; i < target.len; i++)
        if ((unsigned char)target.ptr[i] <= ' ' || target.ptr[i] == 0x7f)
            return false;
    return true;
}

static void add_line(struct wend_buffer *out, struct wend_str name, struct wend_str value)
{
    wend_buffer_add(out, name);
    wend_buffer_add(out, WEND_STR(": "));
    wend_buffer_add(out, value);
    wend_buffer_add(out, WEND_STR("\r\n"));
}

enum wend_code wend_h1_client_write_head(const struct wend_h1_client_request *request,
                                         struct wend_buffer *out)
{
    if (!wend_field_name_valid(request->method) || !target_valid(request->target))
        return WEND_E_SYNTAX;
    wend_buffer_add(out, request->method);
    wend_buffer_add_byte(out, ' ');
    wend_buffer_add(out, request->target);
    wend_buffer_add(out, request->version == WEND_HTTP_10 ? WEND_STR(" HTTP/1.0\r\n")
                                                          : WEND_STR(" HTTP/1.1\r\n"));
    for (unsigned i = 0; i < request->fields->count; i++) {
        const struct wend_field *field = &request->fields->at[i];

        if (field->hidden || field->id == WEND_FIELD_CONTENT_LENGTH ||
            field->id == WEND_FIELD_TRANSFER_ENCODING)
            continue;
        if (!wend_field_name_valid(field->name) || !wend_field_value_valid(field->value))
            return WEND_E_SYNTAX;
        add_line(out, field->name, field->value);
    }
    if (request->chunked) {
        wend_buffer_add(out, WEND_STR("Transfer-Encoding: chunked\r\n"));
    } else if (request->content_length >= 0) {
        wend_buffer_add(out, WEND_STR("Content-Length: "));
        wend_buffer_add_u64(out, (uint64_t)request->content_length);
        wend_buffer_add(out, WEND_STR("\r\n"));
    }
    wend_buffer_add(out, WEND_STR("\r\n"));
    return out->overflow ? WEND_E_LIMIT : WEND_OK;
}

static enum wend_code send_parts(struct wend_task *task, struct wend_h1_client *client,
                                 struct iovec *parts, size_t count, bool more)
{
    uint64_t bytes = 0;
    enum wend_code code;

    for (size_t i = 0; i < count; i++)
        bytes += parts[i].iov_len;
    if (bytes == 0)
        return WEND_OK;
    code = wend_conn_sendv(task, client->conn, parts, count, more, client->send_timeout_ms);
    if (code == WEND_OK)
        client->sent += bytes;
    return code;
}

static struct iovec part_of(const char *bytes, size_t len)
{
    return (struct iovec){.iov_base = (void *)bytes, .iov_len = len};
}

/* WEND_E_STATE when the announced length is not kept. */
static enum wend_code count_body(struct wend_h1_client *client, size_t len, bool last)
{
    if (client->to_send >= 0) {
        if ((uint64_t)client->to_send < len || (last && (uint64_t)client->to_send != len))
            return WEND_E_STATE;
        client->to_send -= (int64_t)len;
    }
    return WEND_OK;
}

static enum wend_code send_memory(struct wend_task *task, struct wend_h1_client *client,
                                  struct iovec head, struct wend_str body, bool last, bool more)
{
    char size_line[CHUNK_HEAD_MAX];
    struct iovec parts[4];
    size_t count = 0;

    parts[count++] = head;
    if (client->to_send < 0 && body.len > 0) {
        parts[count++] = part_of(size_line, wend_h1_chunk_head(body.len, size_line));
        parts[count++] = part_of(body.ptr, body.len);
        parts[count++] = last ? part_of("\r\n0\r\n\r\n", 7) : part_of(chunk_end, 2);
    } else if (client->to_send < 0 && last) {
        parts[count++] = part_of(last_chunk, 5);
    } else {
        parts[count++] = part_of(body.ptr, body.len);
    }
    return send_parts(task, client, parts, count, more);
}

static void look_at_request(struct wend_h1_client *client,
                            const struct wend_h1_client_request *request)
{
    struct wend_str connection = wend_fields_value(request->fields, WEND_FIELD_CONNECTION);

    client->is_head = wend_str_eq(request->method, WEND_STR("HEAD"));
    client->is_connect = wend_str_eq(request->method, WEND_STR("CONNECT"));
    client->asked_upgrade = wend_fields_get(request->fields, WEND_FIELD_UPGRADE) != NULL;
    client->keep_alive = !wend_field_list_has(connection, WEND_STR("close")) &&
                         (request->version >= WEND_HTTP_11 ||
                          wend_field_list_has(connection, WEND_STR("keep-alive")));
    client->to_send = request->chunked              ? -1
                      : request->content_length < 0 ? 0
                                                    : request->content_length;
}

enum wend_code wend_h1_client_send_head(struct wend_task *task, struct wend_h1_client *client,
                                        const struct wend_h1_client_request *request,
                                        struct wend_str body, bool last)
{
    struct wend_buffer head;
    enum wend_code code;

    wend_buffer_init_arena(&head, client->arena, WEND_H1_CLIENT_HEAD_SENT_MAX);
    code = wend_h1_client_write_head(request, &head);
    if (code != WEND_OK)
        return code;
    look_at_request(client, request);
    code = count_body(client, body.len, last);
    if (code != WEND_OK)
        return code;
    code = send_memory(task, client, part_of(head.ptr, head.len), body, last,
                       !last && wend_fields_get(request->fields, WEND_FIELD_EXPECT) == NULL);
    client->sending_done = code == WEND_OK && last;
    return code;
}

enum wend_code wend_h1_client_send_packet(struct wend_task *task, struct wend_h1_client *client,
                                          struct wend_str bytes, int64_t body, bool is_head)
{
    struct iovec part = part_of(bytes.ptr, bytes.len);

    client->is_head = is_head;
    client->asked_upgrade = true; /* gateways may tunnel: the exchange's owner decides */
    client->keep_alive = false;
    client->to_send = body;
    client->sending_done = body == 0;
    return send_parts(task, client, &part, 1, body > 0);
}

static enum wend_code send_file_piece(struct wend_task *task, struct wend_h1_client *client,
                                      const struct wend_piece *piece, bool more)
{
    char size_line[CHUNK_HEAD_MAX];
    off_t offset = piece->offset;
    struct iovec part;
    enum wend_code code = WEND_OK;

    if (piece->len == 0)
        return WEND_OK;
    if (client->to_send < 0) {
        part = part_of(size_line, wend_h1_chunk_head(piece->len, size_line));
        code = send_parts(task, client, &part, 1, true);
    }
    if (code == WEND_OK)
        code = wend_conn_sendfile(task, client->conn, piece->file, &offset, piece->len,
                                  client->send_timeout_ms);
    if (code == WEND_OK)
        client->sent += piece->len;
    if (code == WEND_OK && client->to_send < 0) {
        part = part_of(chunk_end, 2);
        code = send_parts(task, client, &part, 1, more);
    }
    return code;
}

enum wend_code wend_h1_client_send_body(struct wend_task *task, struct wend_h1_client *client,
                                        const struct wend_piece *pieces, size_t count, bool last)
{
    enum wend_code code = WEND_OK;
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += pieces[i].len;
    if (bytes > INT64_MAX)
        return WEND_E_STATE;
    code = count_body(client, bytes, last);
    for (size_t i = 0; code == WEND_OK && i < count; i++) {
        /* What comes in a later call may come much later: only this one's parts are held together.
         */
        bool more = i + 1 < count || (last && client->to_send < 0);

        if (pieces[i].kind == WEND_PIECE_FILE)
            code = send_file_piece(task, client, &pieces[i], more);
        else if (pieces[i].len > 0)
            code = send_memory(task, client, part_of(NULL, 0),
                               wend_str_make(pieces[i].memory, pieces[i].len), false, more);
    }
    if (code == WEND_OK && last && client->to_send < 0)
        code = send_memory(task, client, part_of(NULL, 0), WEND_STR_NULL, true, false);
    client->sending_done = code == WEND_OK && (last || client->to_send == 0);
    return code;
}

/* --- receiving -------------------------------------------------------------------------------- */

/* `make_room` is called when there is something to receive: who waits holds no buffer. */
static enum wend_code receive_when_there(struct wend_task *task, struct wend_h1_client *client,
                                         enum wend_code (*make_room)(struct wend_h1_client *),
                                         size_t *got)
{
    int timeout_ms = client->receive_timeout_ms;
    enum wend_code code = WEND_OK;

    if (client->conn->filter == NULL)
        code = wend_io_wait_readable(task, &client->conn->io, timeout_ms);
    if (code == WEND_OK)
        code = make_room(client);
    if (code == WEND_OK)
        code = wend_conn_recv(task, client->conn, client->bytes + client->to,
                              client->room - client->to, timeout_ms, got);
    return code;
}

/* Receives at least one byte behind `to`; sets peer_closed at the end of the stream. */
static enum wend_code receive(struct wend_task *task, struct wend_h1_client *client,
                              enum wend_code (*make_room)(struct wend_h1_client *))
{
    size_t got = 0;
    enum wend_code code;

    if (client->beneficiary != NULL && !wend_io_watch(task, client->beneficiary))
        return WEND_E_CANCELLED;
    code = receive_when_there(task, client, make_room, &got);
    if (client->beneficiary != NULL)
        wend_io_unwatch(client->beneficiary);
    if (code != WEND_OK)
        return code;
    client->peer_closed = got == 0;
    client->to += got;
    client->received += got;
    return WEND_OK;
}

/* Room behind `to` for more of a head; the unconsumed bytes may move. */
static enum wend_code room_for_head(struct wend_h1_client *client)
{
    size_t held = client->to - client->from;
    size_t room = WEND_H1_CLIENT_BUFFER;
    char *bytes;

    if (client->to < client->room)
        return WEND_OK;
    if (held >= client->limits.head_bytes) {
        client->error =
            (struct wend_h1_error){.status = 502, .text = "the answer's head is too big"};
        return WEND_E_LIMIT;
    }
    while (room < held * 2)
        room *= 2;
    bytes = wend_arena_alloc(client->arena, room);
    if (bytes == NULL)
        return WEND_E_MEMORY;
    if (held > 0)
        memcpy(bytes, client->bytes + client->from, held);
    client->bytes = bytes;
    client->room = room;
    client->from = 0;
    client->to = held;
    return WEND_OK;
}

/* One head, interim or final. */
static enum wend_code read_one_head(struct wend_task *task, struct wend_h1_client *client,
                                    struct wend_h1_response_head *head)
{
    enum wend_code code = WEND_MORE;
    size_t used = 0;

    client->seen = 0;
    for (;;) {
        size_t held = client->to - client->from;

        if (held > 0)
            code = client->parse(client->arena, client->bytes + client->from, held, &client->limits,
                                 &client->seen, head, &used, &client->error);
        if (code != WEND_MORE)
            break;
        if (client->peer_closed)
            return WEND_E_CLOSED;
        code = receive(task, client, room_for_head);
        if (code != WEND_OK)
            return code;
        code = WEND_MORE;
    }
    if (code == WEND_OK)
        client->from += used;
    return code;
}

static void decide_framing(struct wend_h1_client *client, const struct wend_h1_response_head *head)
{
    client->keep_alive = client->keep_alive && head->keep_alive;
    if (head->status == 101 || (client->is_connect && head->status / 100 == 2)) {
        client->framing = WEND_H1_TUNNEL;
    } else if (client->is_head || head->status == 204 || head->status == 304) {
        client->framing = WEND_H1_NO_BODY;
        client->body_done = true;
        /* A server that announces a body where none may be might send one: what it says next could
         * be taken for the answer to another request. */
        if (!client->is_head && (head->chunked || head->content_length > 0))
            client->keep_alive = false;
    } else if (head->chunked) {
        client->framing = WEND_H1_CHUNKED;
    } else if (head->content_length >= 0) {
        client->framing = WEND_H1_LENGTH;
        client->left = (uint64_t)head->content_length;
        client->body_done = client->left == 0;
    } else {
        client->framing = WEND_H1_UNTIL_CLOSE;
    }
}

static void finish_body(struct wend_h1_client *client)
{
    client->body_done = true;
    client->reusable = client->keep_alive && client->sending_done && !client->peer_closed &&
                       client->framing != WEND_H1_UNTIL_CLOSE &&
                       client->framing != WEND_H1_TUNNEL && client->from == client->to;
}

/* Interim heads are reported and skipped; with `stop_at_100` the first 100 ends the call (*head is
 * it). */
static enum wend_code read_heads(struct wend_task *task, struct wend_h1_client *client,
                                 bool stop_at_100, struct wend_h1_response_head *head)
{
    for (;;) {
        enum wend_code code = read_one_head(task, client, head);

        if (code != WEND_OK)
            return code;
        if (head->status == 101 && !client->asked_upgrade)
            return WEND_E_PROTOCOL;
        if (head->status >= 200 || head->status == 101)
            break;
        client->interims++;
        if (client->interims > WEND_H1_CLIENT_INTERIM_MAX)
            return WEND_E_PROTOCOL;
        if (client->inform != NULL)
            client->inform(client->owner, head);
        if (stop_at_100 && head->status == 100)
            return WEND_OK;
    }
    decide_framing(client, head);
    client->body_start = client->from;
    if (client->body_done)
        finish_body(client);
    return WEND_OK;
}

enum wend_code wend_h1_client_read_head(struct wend_task *task, struct wend_h1_client *client,
                                        struct wend_h1_response_head *head)
{
    if (client->have_early) {
        client->have_early = false;
        *head = client->early;
        return WEND_OK;
    }
    return read_heads(task, client, false, head);
}

enum wend_code wend_h1_client_await_continue(struct wend_task *task, struct wend_h1_client *client,
                                             int wait_ms, bool *go)
{
    enum wend_code code = WEND_OK;

    *go = true;
    if (!wend_h1_client_pending(client))
        code = wend_io_wait_readable(task, &client->conn->io, wait_ms);
    if (code == WEND_E_DEADLINE && wend_clock_monotonic_ns() < task->deadline_ns)
        return WEND_OK; /* silence: RFC 9110 10.1.1 lets us send */
    if (code != WEND_OK)
        return code;
    code = read_heads(task, client, true, &client->early);
    if (code != WEND_OK)
        return code;
    *go = client->early.status == 100;
    client->have_early = !*go;
    return WEND_OK;
}

bool wend_h1_client_pending(const struct wend_h1_client *client)
{
    return client->from < client->to;
}

bool wend_h1_client_answered(struct wend_h1_client *client)
{
    ssize_t got;

    if (wend_h1_client_pending(client) || client->peer_closed)
        return true;
    if (room_for_head(client) != WEND_OK)
        return true;
    got = wend_conn_try_recv(client->conn, client->bytes + client->to, client->room - client->to);
    if (got < 0)
        return errno != EAGAIN;
    client->peer_closed = got == 0;
    client->to += (size_t)got;
    client->received += (size_t)got;
    return true;
}

/* Room for body bytes; only called when everything received is consumed. */
static enum wend_code room_for_body(struct wend_h1_client *client)
{
    if (client->room - client->body_start < BODY_ROOM_MIN) {
        client->bytes = wend_arena_alloc(client->arena, WEND_H1_CLIENT_BUFFER);
        if (client->bytes == NULL)
            return WEND_E_MEMORY;
        client->room = WEND_H1_CLIENT_BUFFER;
        client->body_start = 0;
    }
    client->from = client->to = client->body_start;
    return WEND_OK;
}

static enum wend_code fill_body(struct wend_task *task, struct wend_h1_client *client)
{
    if (wend_h1_client_pending(client) || client->peer_closed)
        return WEND_OK;
    return receive(task, client, room_for_body);
}

/* What is at hand, at most `most` bytes of it. */
static struct wend_str take(struct wend_h1_client *client, uint64_t most)
{
    size_t held = client->to - client->from;
    struct wend_str data = {client->bytes + client->from, held < most ? held : (size_t)most};

    client->from += data.len;
    client->body_received += data.len;
    return data;
}

static enum wend_code end_of_stream(struct wend_h1_client *client, struct wend_str *data)
{
    *data = WEND_STR_NULL;
    if (client->framing == WEND_H1_LENGTH || client->framing == WEND_H1_CHUNKED)
        return WEND_E_CLOSED;
    finish_body(client);
    return WEND_OK;
}

static enum wend_code parse_trailers(struct wend_h1_client *client)
{
    size_t seen = 0, used = 0;
    struct wend_h1_error error;

    if (client->trailer_bytes.len == 0)
        return WEND_OK;
    wend_buffer_add(&client->trailer_bytes, WEND_STR("\r\n"));
    return wend_h1_parse_fields(client->arena, client->trailer_bytes.ptr, client->trailer_bytes.len,
                                &client->limits, &seen, &client->trailers, &used, &error);
}

/* Decodes what is at hand; *data stays empty while only framing was there. */
static enum wend_code take_chunked(struct wend_h1_client *client, struct wend_str *data)
{
    size_t used = 0;
    enum wend_code code;

    code = wend_h1_chunks_decode(&client->chunks, client->bytes + client->from,
                                 client->to - client->from, &used, data, &client->trailer_bytes);
    client->from += used;
    client->body_received += data->len;
    if (code != WEND_OK)
        return code;
    code = parse_trailers(client);
    finish_body(client);
    return code == WEND_MORE ? WEND_E_SYNTAX : code;
}

enum wend_code wend_h1_client_read(struct wend_task *task, struct wend_h1_client *client,
                                   struct wend_str *data)
{
    enum wend_code code;

    *data = WEND_STR_NULL;
    while (!client->body_done) {
        code = fill_body(task, client);
        if (code != WEND_OK)
            return code;
        if (!wend_h1_client_pending(client))
            return end_of_stream(client, data);
        if (client->framing == WEND_H1_CHUNKED) {
            code = take_chunked(client, data);
            if (code != WEND_MORE && code != WEND_OK)
                return code;
        } else if (client->framing == WEND_H1_LENGTH) {
            *data = take(client, client->left);
            client->left -= data->len;
            if (client->left == 0)
                finish_body(client);
        } else {
            *data = take(client, UINT64_MAX);
        }
        if (data->len > 0)
            break;
    }
    return WEND_OK;
}
