/* client/fetch.c - a fetch, top to bottom: every function here may suspend. */
#include "client/fetch.h"

#include "base/assert.h"
#include "dns/resolve.h"
#include "net/connect.h"

#include <stdlib.h>

#define SEND_STEP (256u << 10) /* body bytes between two looks whether the server answered */

void wend_fetch_init(struct wend_fetch *fetch, const struct wend_fetch_hooks *hooks, void *owner)
{
    *fetch = (struct wend_fetch){
        .method = WEND_STR("GET"),
        .version = WEND_HTTP_11,
        .connect_timeout_ms = WEND_FETCH_CONNECT_MS,
        .idle_timeout_ms = WEND_FETCH_IDLE_MS,
        .hooks = hooks,
        .owner = owner,
        .wait_span = WEND_SPAN_NONE,
    };
    wend_fields_init(&fetch->fields, NULL, 0, WEND_FIELDS_MAX);
}

/* --- the connection --------------------------------------------------------------------------- */

struct hop_conn {
    struct wend_conn conn;
    struct wend_loop *loop;
};

static void close_conn(void *arg)
{
    struct hop_conn *hop = arg;

    wend_conn_close(&hop->conn);
    wend_loop_free_later(hop->loop, hop);
}

static enum wend_code resolve(struct wend_task *task, struct wend_fetch *fetch,
                              struct wend_address **addresses, size_t *count)
{
    struct wend_dns_answer answer;
    enum wend_code code;

    fetch->phase = WEND_FETCH_RESOLVE;
    code = wend_dns_resolve(task, fetch->url.host, (uint16_t)wend_url_port(&fetch->url), &answer);
    if (code != WEND_OK)
        return code;
    *addresses = wend_arena_array(&task->arena, answer.count, sizeof(**addresses));
    if (*addresses == NULL)
        return WEND_E_MEMORY;
    for (size_t i = 0; i < answer.count; i++)
        wend_address_from_sockaddr(&(*addresses)[i], &answer.at[i].any);
    *count = answer.count;
    return WEND_OK;
}

static enum wend_code connect_to(struct wend_task *task, struct wend_fetch *fetch,
                                 struct wend_conn **conn)
{
    struct wend_address *addresses;
    struct hop_conn *hop;
    size_t count;
    enum wend_code code = resolve(task, fetch, &addresses, &count);

    if (code != WEND_OK)
        return code;
    fetch->phase = WEND_FETCH_CONNECT;
    hop = calloc(1, sizeof(*hop));
    if (hop == NULL)
        wend_die("a connection");
    hop->loop = task->loop;
    code = wend_net_connect(task, addresses, count, fetch->connect_timeout_ms, &hop->conn);
    fetch->peer = hop->conn.peer;
    if (code != WEND_OK) {
        wend_loop_free_later(task->loop, hop);
        return code;
    }
    wend_defer(task, close_conn, hop);
    *conn = &hop->conn;
    if (fetch->hooks->connected != NULL)
        fetch->hooks->connected(fetch, &hop->conn);
    return WEND_OK;
}

/* --- the request ------------------------------------------------------------------------------ */

/* Host first (RFC 9110 7.2), then what the caller gave; an empty value given for Host stays. */
static enum wend_code build_fields(struct wend_task *task, const struct wend_fetch *fetch,
                                   struct wend_fields *fields)
{
    char parent[WEND_TRACEPARENT_LEN + 1];
    enum wend_code code = WEND_OK;

    wend_fields_init(fields, NULL, 0, WEND_FIELDS_MAX);
    if (wend_fields_get(&fetch->fields, WEND_FIELD_HOST) == NULL)
        code = wend_fields_add(fields, &task->arena, WEND_FIELD_HOST,
                               wend_url_write_authority(&task->arena, &fetch->url));
    for (unsigned i = 0; code == WEND_OK && i < fetch->fields.count; i++)
        code = wend_fields_add_name(fields, &task->arena, fetch->fields.at[i].name,
                                    fetch->fields.at[i].value);
    if (code == WEND_OK && fetch->traceparent &&
        wend_fields_get(fields, WEND_FIELD_TRACEPARENT) == NULL) {
        wend_trace_write_parent(task->trace, parent);
        code = wend_fields_add(fields, &task->arena, WEND_FIELD_TRACEPARENT,
                               wend_arena_keep(&task->arena, wend_str_of(parent)));
    }
    return code;
}

static enum wend_code send_long_body(struct wend_task *task, struct wend_h1_client *client,
                                     struct wend_str body)
{
    enum wend_code code = WEND_OK;

    for (size_t at = 0; code == WEND_OK && at < body.len; at += SEND_STEP) {
        struct wend_piece piece = wend_piece_of(wend_str_slice(body, at, at + SEND_STEP));

        if (wend_h1_client_answered(client))
            break; /* an answer before the end of the question: a refusal, most likely */
        code = wend_h1_client_send_body(task, client, &piece, 1, at + piece.len == body.len);
    }
    return code;
}

static void show_request(struct wend_task *task, struct wend_fetch *fetch,
                         const struct wend_h1_client_request *request)
{
    struct wend_buffer head;

    if (fetch->hooks->sending == NULL)
        return;
    wend_buffer_init_arena(&head, &task->arena, WEND_H1_CLIENT_HEAD_SENT_MAX);
    if (wend_h1_client_write_head(request, &head) == WEND_OK)
        fetch->hooks->sending(fetch, wend_buffer_str(&head));
}

static enum wend_code send_request(struct wend_task *task, struct wend_fetch *fetch,
                                   struct wend_h1_client *client)
{
    struct wend_fields fields;
    struct wend_h1_client_request request = {.method = fetch->method,
                                             .version = fetch->version,
                                             .fields = &fields,
                                             .content_length = -1};
    bool go = true, body_now, waits;
    enum wend_code code = build_fields(task, fetch, &fields);

    if (code != WEND_OK)
        return code;
    request.target = wend_url_write_target(&task->arena, &fetch->url);
    if (fetch->body.ptr != NULL)
        request.content_length = (int64_t)fetch->body.len;
    waits =
        fetch->body.len > 0 && wend_field_list_has(wend_fields_value(&fields, WEND_FIELD_EXPECT),
                                                   WEND_STR("100-continue"));
    body_now = !waits && fetch->body.len <= SEND_STEP;
    show_request(task, fetch, &request);
    code = wend_h1_client_send_head(task, client, &request, body_now ? fetch->body : WEND_STR_NULL,
                                    body_now);
    if (code == WEND_OK && waits)
        code = wend_h1_client_await_continue(task, client, WEND_FETCH_CONTINUE_MS, &go);
    if (code == WEND_OK && go && !body_now)
        code = send_long_body(task, client, fetch->body);
    return code;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void show_interim(void *owner, const struct wend_h1_response_head *interim)
{
    struct wend_fetch *fetch = owner;

    if (fetch->hooks->head != NULL)
        (void)fetch->hooks->head(fetch, interim);
}

static enum wend_code receive_body(struct wend_task *task, struct wend_fetch *fetch,
                                   struct wend_h1_client *client, bool wanted)
{
    struct wend_str data;

    for (;;) {
        enum wend_code code = wend_h1_client_read(task, client, &data);

        if (code != WEND_OK || data.len == 0)
            return code;
        if (!wanted && client->body_received > WEND_FETCH_DRAIN_MAX)
            return WEND_OK;
        if (!wanted || fetch->hooks->body == NULL)
            continue;
        code = fetch->hooks->body(fetch, data);
        if (code != WEND_OK) {
            fetch->phase = WEND_FETCH_WRITE;
            return code;
        }
    }
}

static bool is_redirect(const struct wend_fetch *fetch)
{
    int status = fetch->head.status;

    return fetch->redirects_max > 0 &&
           (status == 301 || status == 302 || status == 303 || status == 307 || status == 308) &&
           wend_fields_find(&fetch->head.fields, WEND_FIELD_LOCATION) != NULL;
}

/* Sends, and reads the head of what comes back. A server that answers early and closes makes the
 * sending fail: its answer counts then, if one is there. */
static enum wend_code ask(struct wend_task *task, struct wend_fetch *fetch,
                          struct wend_h1_client *client)
{
    uint16_t span = wend_span_begin(task->trace, WEND_EV_SEND);
    enum wend_code sent, code;

    fetch->phase = WEND_FETCH_SEND;
    sent = send_request(task, fetch, client);
    wend_span_end(task->trace, span, (int64_t)client->sent);
    if (sent != WEND_OK && sent != WEND_E_RESET)
        return sent;
    fetch->phase = WEND_FETCH_WAIT;
    fetch->wait_span = wend_span_begin(task->trace, WEND_EV_WAIT);
    code = wend_h1_client_read_head(task, client, &fetch->head);
    wend_span_end(task->trace, fetch->wait_span, code == WEND_OK ? fetch->head.status : 0);
    fetch->why = client->error.text;
    fetch->received = client->received;
    return code;
}

static enum wend_code hear(struct wend_task *task, struct wend_fetch *fetch,
                           struct wend_h1_client *client)
{
    uint16_t span = wend_span_begin(task->trace, WEND_EV_RECEIVE);
    enum wend_code code = WEND_OK;

    fetch->phase = WEND_FETCH_RECEIVE;
    if (fetch->hooks->head != NULL)
        code = fetch->hooks->head(fetch, &fetch->head);
    if (code != WEND_OK)
        fetch->phase = WEND_FETCH_WRITE;
    else
        code = receive_body(task, fetch, client, !is_redirect(fetch));
    fetch->received = client->received;
    fetch->body_bytes = client->body_received;
    fetch->trailers = client->trailers;
    wend_span_end(task->trace, span, (int64_t)client->body_received);
    return code;
}

static enum wend_code fetch_hop(struct wend_task *task, struct wend_fetch *fetch)
{
    struct wend_h1_client client;
    struct wend_conn *conn;
    enum wend_code code;

    fetch->phase = WEND_FETCH_TLS;
    if (fetch->url.secure)
        return wend_fail(task, WEND_E_UNSUPPORTED, fetch->url.host,
                         "https needs TLS, which this build does not have yet");
    code = connect_to(task, fetch, &conn);
    if (code != WEND_OK)
        return code;
    wend_h1_client_start(&client, conn, &task->arena);
    client.limits.head_bytes = 256u << 10;
    client.limits.field_bytes = 256u << 10;
    client.send_timeout_ms = fetch->idle_timeout_ms;
    client.receive_timeout_ms = fetch->idle_timeout_ms;
    client.inform = show_interim;
    client.owner = fetch;
    fetch->hops++;
    code = ask(task, fetch, &client);
    return code == WEND_OK ? hear(task, fetch, &client) : code;
}

/* --- redirects -------------------------------------------------------------------------------- */

/* What was asked on the way, to find loops. */
struct asked {
    struct wend_str url, method;
};

static void drop_body(struct wend_fetch *fetch)
{
    fetch->body = WEND_STR_NULL;
    for (unsigned i = 0; i < fetch->fields.count; i++)
        if (wend_str_starts_nocase(fetch->fields.at[i].name, WEND_STR("Content-")))
            wend_fields_remove_name(&fetch->fields, fetch->fields.at[i--].name);
    wend_fields_remove(&fetch->fields, WEND_FIELD_EXPECT);
}

static void change_method(struct wend_fetch *fetch)
{
    int status = fetch->head.status;
    bool get = wend_str_eq(fetch->method, WEND_STR("GET"));
    bool head = wend_str_eq(fetch->method, WEND_STR("HEAD"));
    bool post = wend_str_eq(fetch->method, WEND_STR("POST"));

    if (((status == 301 || status == 302) && post) || (status == 303 && !get && !head)) {
        fetch->method = WEND_STR("GET");
        drop_body(fetch);
    }
}

static enum wend_code follow(struct wend_task *task, struct wend_fetch *fetch)
{
    struct wend_str location = wend_fields_value(&fetch->head.fields, WEND_FIELD_LOCATION);
    struct wend_url next;
    size_t offset;
    enum wend_code code;

    fetch->phase = WEND_FETCH_REDIRECT;
    code = wend_url_parse(&task->arena, location, &fetch->url, &next, &offset, &fetch->why);
    if (code != WEND_OK)
        return wend_fail(task, code, location, "the redirect leads to no URL this client fetches");
    if (next.fragment.ptr == NULL)
        next.fragment = fetch->url.fragment;
    change_method(fetch);
    if (!wend_url_same_origin(&fetch->url, &next)) {
        wend_fields_remove(&fetch->fields, WEND_FIELD_AUTHORIZATION);
        wend_fields_remove(&fetch->fields, WEND_FIELD_COOKIE);
        wend_fields_remove(&fetch->fields, WEND_FIELD_HOST);
    }
    fetch->url = next;
    return WEND_OK;
}

static bool asked_before(const struct asked *asked, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (wend_str_eq(asked[i].url, asked[count].url) &&
            wend_str_eq(asked[i].method, asked[count].method))
            return true;
    return false;
}

enum wend_code wend_fetch_run(struct wend_task *task, struct wend_fetch *fetch)
{
    struct asked *asked = wend_arena_array(&task->arena, fetch->redirects_max + 1, sizeof(*asked));

    if (asked == NULL)
        return WEND_E_MEMORY;
    for (size_t hop = 0;; hop++) {
        struct wend_defer *mark = wend_defer_mark(task);
        uint16_t span = wend_span_begin(task->trace, WEND_EV_FETCH);
        enum wend_code code;

        asked[hop].url = wend_url_write_public(&task->arena, &fetch->url);
        asked[hop].method = fetch->method;
        wend_span_note(task->trace, span, asked[hop].url);
        fetch->phase = WEND_FETCH_REDIRECT;
        if (asked_before(asked, hop))
            return wend_fail(task, WEND_E_LIMIT, asked[hop].url, "the redirects go in a circle");
        code = fetch_hop(task, fetch);
        wend_defer_unwind(task, mark);
        wend_span_end(task->trace, span, code == WEND_OK ? fetch->head.status : 0);
        if (code != WEND_OK)
            return code;
        if (!is_redirect(fetch))
            break;
        fetch->phase = WEND_FETCH_REDIRECT;
        if (hop == fetch->redirects_max)
            return wend_fail(task, WEND_E_LIMIT, asked[hop].url, "too many redirects");
        code = follow(task, fetch);
        if (code != WEND_OK)
            return code;
    }
    fetch->phase = WEND_FETCH_DONE;
    return WEND_OK;
}
