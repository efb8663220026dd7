/* tests/fuzz/h1_client_fuzz.c - what an upstream server answers, on a connection: in one piece or
 * in parts that end anywhere, it is the same answer.
 *
 * The first byte chooses the request and the lengths of the parts; the rest is what the server says
 * before it closes.
 */
#include "base/assert.h"
#include "http/h1_client.h"
#include "turns.h"

#define BODY_ROOM (256u << 10)
#define TURNS_AT_THE_END 50

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct outcome {
    enum wend_code code;
    int status;
    enum wend_h1_framing framing;
    unsigned fields, trailers;
    size_t body_len;
    char body[BODY_ROOM];
    bool ended;
};

struct call {
    struct wend_conn conn;
    bool is_head, upgrades;
    int fd;
    struct outcome *outcome;
};

static struct outcome whole, in_parts;

static enum wend_code ask(struct wend_task *task, struct wend_h1_client *client,
                          const struct call *call)
{
    struct wend_fields fields;
    struct wend_h1_client_request request = {.method =
                                                 call->is_head ? WEND_STR("HEAD") : WEND_STR("GET"),
                                             .target = WEND_STR("/x"),
                                             .version = WEND_HTTP_11,
                                             .fields = &fields,
                                             .content_length = -1};

    wend_fields_init(&fields, NULL, 0, 10);
    (void)!wend_fields_add(&fields, &task->arena, WEND_FIELD_HOST, WEND_STR("h"));
    if (call->upgrades)
        (void)!wend_fields_add(&fields, &task->arena, WEND_FIELD_UPGRADE, WEND_STR("any"));
    return wend_h1_client_send_head(task, client, &request, WEND_STR_NULL, true);
}

static void read_body(struct wend_task *task, struct wend_h1_client *client, struct outcome *o)
{
    struct wend_str data = WEND_STR("more");

    while (o->code == WEND_OK && data.len != 0) {
        size_t len;

        o->code = wend_h1_client_read(task, client, &data);
        if (o->code != WEND_OK)
            break;
        len = data.len < BODY_ROOM - o->body_len ? data.len : BODY_ROOM - o->body_len;
        memcpy(o->body + o->body_len, data.ptr == NULL ? "" : data.ptr, len);
        o->body_len += len;
    }
    o->trailers = client->trailers.count;
}

static void run(struct wend_task *task, void *arg)
{
    struct call *call = arg;
    struct outcome *o = call->outcome;
    struct wend_h1_response_head head = {0};
    struct wend_h1_client client;

    if (wend_io_open(&call->conn.io, task->loop, call->fd, false) != WEND_OK)
        abort();
    wend_h1_client_start(&client, &call->conn, &task->arena);
    o->code = ask(task, &client, call);
    if (o->code == WEND_OK)
        o->code = wend_h1_client_read_head(task, &client, &head);
    if (o->code == WEND_OK) {
        o->status = head.status;
        o->fields = head.fields.count;
        o->framing = client.framing;
        read_body(task, &client, o);
    }
    wend_conn_close(&call->conn);
    o->ended = true;
}

static void answer(const uint8_t *bytes, size_t len, uint8_t choice, unsigned step,
                   struct outcome *outcome)
{
    struct call call = {
        .is_head = (choice & 1) != 0, .upgrades = (choice & 2) != 0, .outcome = outcome};
    int ends[2];

    outcome->code = WEND_OK;
    outcome->status = 0;
    outcome->framing = WEND_H1_NO_BODY;
    outcome->fields = outcome->trailers = 0;
    outcome->body_len = 0;
    outcome->ended = false;
    make_pair(ends);
    call.fd = ends[0];
    wend_task_start(loop, run, &call);
    for (size_t at = 0; at < len && !outcome->ended;) {
        ssize_t sent =
            send(ends[1], bytes + at, part_at(at, len - at, step), MSG_NOSIGNAL | MSG_DONTWAIT);

        turn();
        at += sent > 0 ? (size_t)sent : 0;
    }
    close(ends[1]);
    for (int i = 0; !outcome->ended && i < TURNS_AT_THE_END; i++)
        turn();
    WEND_ASSERT(outcome->ended);
    turn(); /* what was to be freed later */
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    if (len < 2)
        return 0;
    if (loop == NULL)
        loop = wend_loop_new(16);
    answer(bytes + 1, len - 1, bytes[0], 0, &whole);
    answer(bytes + 1, len - 1, bytes[0], 1 + (bytes[0] >> 4), &in_parts);
    /* What is broken and torn is refused for the one or the other. */
    WEND_ASSERT((whole.code == WEND_OK) == (in_parts.code == WEND_OK));
    WEND_ASSERT(whole.status == in_parts.status);
    WEND_ASSERT(whole.framing == in_parts.framing && whole.fields == in_parts.fields);
    WEND_ASSERT(whole.body_len == in_parts.body_len && whole.trailers == in_parts.trailers);
    WEND_ASSERT(memcmp(whole.body, in_parts.body, whole.body_len) == 0);
    return 0;
}
