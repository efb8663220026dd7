/* edge/upstream.c - one attempt after the other until one has an answer.
 *
 * An attempt is straight-line code on the request's task; upstream_body.h tells where a child
 * helps.
 */
#include "edge/upstream.h"

#include "edge/template.h"
#include "edge/upstream_body.h"
#include "edge/upstream_head.h"
#include "edge/upstream_relay.h"
#include "http/handler.h"

#include <errno.h>

#define HEAD_FIELDS_MAX 1000

/* What to do after an attempt. */
enum verdict {
    ANSWERED, /* ours was sent, or decided */
    TRY_NEXT,
    GIVE_UP
};

struct attempt {
    struct wend_upstream *upstream;
    struct wend_upstream_conn *conn;
    struct wend_peer *peer;
    struct wend_h1_client client;
    struct wend_upstream_try *record;
    int64_t started_ns;
    enum wend_code result; /* of the handler, when ANSWERED */
    int status;            /* when it failed: 502, 504, ... */
    bool fresh;            /* no idle connection */
    unsigned tries_left;   /* with this one */
    bool spooled;          /* the body is read ahead of the client */
};

void wend_upstream_init(struct wend_upstream *upstream, struct wend_exchange *x,
                        const struct wend_upstream_settings *settings, struct wend_peers *peers)
{
    *upstream =
        (struct wend_upstream){.x = x, .settings = settings, .peers = peers, .limit_rate = -1};
}

static void complain(const struct wend_upstream *upstream, enum wend_log_level level, int error,
                     const char *text)
{
    if (upstream->settings->log != NULL)
        upstream->settings->log(upstream->x, level, error, text);
}

/* --- verdicts --------------------------------------------------------------------------------- */

static bool is_idempotent(const struct wend_request *request)
{
    return request->method != WEND_POST && request->method != WEND_LOCK &&
           request->method != WEND_PATCH;
}

/* Whether another peer may be asked after a failure of kind `why`. */
static bool may_ask_next(const struct attempt *attempt, unsigned why)
{
    const struct wend_upstream *upstream = attempt->upstream;
    const struct wend_upstream_settings *settings = upstream->settings;

    if ((settings->next & WEND_NEXT_OFF) != 0 || (settings->next & why) == 0)
        return false;
    if (upstream->request_sent && !is_idempotent(&upstream->x->request) &&
        (settings->next & WEND_NEXT_NON_IDEMPOTENT) == 0)
        return false;
    if (upstream->request_sent && !upstream->body_collected)
        return false; /* part of the body is gone */
    if (attempt->tries_left <= 1)
        return false; /* what this one said is the answer */
    return upstream->try_count < WEND_UPSTREAM_TRIES_MAX;
}

static const char *const doing[] = {"connecting to upstream", "sending request to upstream",
                                    "reading response header from upstream", "reading upstream",
                                    "sending to client"};
enum doing { CONNECTING, SENDING, READING_HEAD, READING, ANSWERING };

static void log_abandoned(const struct attempt *attempt, enum doing what)
{
    struct wend_str text = wend_arena_printf(
        &attempt->upstream->x->task->arena,
        "epoll_wait() reported that client prematurely closed connection, so upstream connection "
        "is closed too while %s",
        doing[what]);

    complain(attempt->upstream, WEND_LOG_INFO, 0, text.ptr);
}

static void log_failure(const struct attempt *attempt, enum doing what, enum wend_code code)
{
    const struct wend_upstream *upstream = attempt->upstream;
    int error =
        attempt->conn != NULL ? attempt->conn->conn.io.error : upstream->x->task->failure.error;
    struct wend_str text;

    if (code == WEND_E_DEADLINE)
        text = wend_arena_printf(&upstream->x->task->arena, "upstream timed out (%d: %s) while %s",
                                 ETIMEDOUT, "Connection timed out", doing[what]);
    else if (code == WEND_E_CLOSED)
        text = wend_arena_printf(&upstream->x->task->arena,
                                 "upstream prematurely closed connection while %s", doing[what]);
    else if (code == WEND_E_LIMIT)
        text = wend_arena_printf(&upstream->x->task->arena, "upstream sent too big header while %s",
                                 doing[what]);
    else if (code == WEND_E_SYNTAX || code == WEND_E_PROTOCOL)
        text =
            wend_arena_printf(&upstream->x->task->arena, "upstream sent invalid %s while %s%s%s",
                              what == READING ? "chunked response" : "header", doing[what],
                              attempt->client.error.text != NULL ? ": " : "",
                              attempt->client.error.text != NULL ? attempt->client.error.text : "");
    else if (what == CONNECTING)
        text = wend_arena_printf(&upstream->x->task->arena, "connect() failed (%d: %s) while %s",
                                 error, strerror(error), doing[what]);
    else
        text = wend_arena_printf(&upstream->x->task->arena, "%s() failed (%d: %s) while %s",
                                 what == SENDING    ? "send"
                                 : attempt->spooled ? "readv"
                                                    : "recv",
                                 error, strerror(error), doing[what]);
    complain(upstream, WEND_LOG_ERROR, 0, text.ptr);
}

static void note_failure(const struct attempt *attempt, enum doing what)
{
    struct wend_upstream *upstream = attempt->upstream;
    struct wend_str text;

    if (!wend_peer_failed(upstream->peers, attempt->peer, wend_clock_monotonic_ns()))
        return;
    text = wend_arena_printf(&upstream->x->task->arena,
                             "upstream server temporarily disabled while %s", doing[what]);
    complain(upstream, WEND_LOG_WARN, 0, text.ptr);
}

/* A failure before anything was passed on. */
static enum verdict fail(struct attempt *attempt, enum doing what, enum wend_code code)
{
    struct wend_upstream *upstream = attempt->upstream;
    bool timeout = code == WEND_E_DEADLINE;
    bool invalid = what == READING_HEAD &&
                   (code == WEND_E_SYNTAX || code == WEND_E_PROTOCOL || code == WEND_E_LIMIT);
    unsigned why = timeout   ? WEND_NEXT_TIMEOUT
                   : invalid ? WEND_NEXT_INVALID_HEADER
                             : WEND_NEXT_ERROR;

    if (code == WEND_E_CANCELLED) {
        log_abandoned(attempt,
                      what == READING_HEAD && attempt->client.received == 0 ? SENDING : what);
        attempt->status = 499;
        return GIVE_UP;
    }
    if (code == WEND_E_MEMORY ||
        (what == SENDING && (code == WEND_E_SYNTAX || code == WEND_E_LIMIT))) {
        complain(upstream, WEND_LOG_ERROR, 0, "the request for the upstream cannot be built");
        attempt->status = 500;
        return GIVE_UP;
    }
    log_failure(attempt, what, code);
    attempt->status = timeout ? 504 : 502;
    attempt->record->status = attempt->status;
    note_failure(attempt, what);
    return may_ask_next(attempt, why) ? TRY_NEXT : GIVE_UP;
}

static unsigned next_bit_of(int status)
{
    static const struct {
        int status;
        unsigned bit;
    } rows[] = {
        {500, WEND_NEXT_HTTP_500}, {502, WEND_NEXT_HTTP_502}, {503, WEND_NEXT_HTTP_503},
        {504, WEND_NEXT_HTTP_504}, {403, WEND_NEXT_HTTP_403}, {404, WEND_NEXT_HTTP_404},
        {429, WEND_NEXT_HTTP_429},
    };

    for (size_t i = 0; i < WEND_COUNT(rows); i++)
        if (rows[i].status == status)
            return rows[i].bit;
    return 0;
}

/* --- an attempt ------------------------------------------------------------------------------- */

/* Whose leaving ends the attempt; NULL: the answer is waited for in any case. */
static struct wend_io *beneficiary(const struct wend_upstream *upstream)
{
    return upstream->settings->ignore_client_abort ? NULL : &upstream->x->conn->io;
}

static enum wend_code connect_to_peer(struct attempt *attempt)
{
    const struct wend_upstream *upstream = attempt->upstream;
    const struct wend_upstream_settings *settings = upstream->settings;
    struct wend_task *task = upstream->x->task;
    struct wend_io *client = beneficiary(upstream);
    enum wend_code code;

    if (client != NULL && !wend_io_watch(task, client))
        return WEND_E_CANCELLED;
    code = wend_upstream_conn_take(task, upstream->peers, attempt->peer, settings->place,
                                   attempt->fresh || !settings->keep, settings->connect_timeout_ms,
                                   &attempt->conn);
    if (client != NULL)
        wend_io_unwatch(client);
    return code;
}

static void pass_interim(void *owner, const struct wend_h1_response_head *interim)
{
    struct wend_exchange *x = ((struct attempt *)owner)->upstream->x;

    if (interim->status == 103 && x->request.version >= WEND_HTTP_11)
        (void)x->codec->inform(x, interim->status, &interim->fields);
}

static void prepare_client(struct attempt *attempt)
{
    const struct wend_upstream *upstream = attempt->upstream;
    struct wend_h1_client *client = &attempt->client;

    wend_h1_client_start(client, &attempt->conn->conn, &upstream->x->task->arena);
    client->limits.head_bytes = upstream->settings->head_bytes_max;
    client->limits.field_bytes = upstream->settings->head_bytes_max;
    client->limits.line_bytes = upstream->settings->head_bytes_max;
    client->limits.fields = HEAD_FIELDS_MAX;
    client->send_timeout_ms = upstream->settings->send_timeout_ms;
    client->receive_timeout_ms = upstream->settings->read_timeout_ms;
    client->beneficiary = beneficiary(upstream);
    client->inform = pass_interim;
    client->owner = attempt;
    if (upstream->parse != NULL)
        client->parse = upstream->parse;
}

/* Whatever is read is passed on, at the client's pace. */
static enum wend_code relay_directly(struct attempt *attempt, enum wend_code *reading)
{
    struct wend_upstream *upstream = attempt->upstream;
    struct wend_exchange *x = upstream->x;
    struct wend_h1_client *client = &attempt->client;
    enum wend_code code = WEND_OK;

    while (code == WEND_OK && x->state != WEND_X_DONE) {
        struct wend_str data;
        struct wend_piece piece;
        bool last;

        *reading = wend_h1_client_read(x->task, client, &data);
        if (*reading != WEND_OK)
            break;
        last = client->body_done || data.len == 0;
        if (last && upstream->settings->pass_trailers)
            x->response.trailers = client->trailers;
        piece = wend_piece_of(data);
        code = wend_respond(x, &piece, data.len > 0 ? 1 : 0, last);
    }
    return code;
}

/* Whether the rest of the answer is at hand: nothing is gained by reading ahead then. */
static bool is_all_here(const struct wend_h1_client *client)
{
    return client->framing == WEND_H1_LENGTH && client->to - client->from >= client->left;
}

/* X-Accel-Buffering: no is how an application asks for its events to go out at once. */
static bool is_buffered(const struct wend_upstream *upstream)
{
    struct wend_str said = wend_fields_value(&upstream->head.fields, WEND_FIELD_X_ACCEL_BUFFERING);

    if ((upstream->settings->ignore & WEND_IGNORE_X_ACCEL_BUFFERING) != 0)
        return upstream->settings->buffering;
    if (wend_str_eq_nocase(said, WEND_STR("no")))
        return false;
    return upstream->settings->buffering || wend_str_eq_nocase(said, WEND_STR("yes"));
}

static enum wend_code relay_body(struct attempt *attempt)
{
    struct wend_upstream *upstream = attempt->upstream;
    struct wend_exchange *x = upstream->x;
    struct wend_h1_client *client = &attempt->client;
    enum wend_code reading = WEND_OK, code;

    if (client->body_done || x->request.method == WEND_HEAD)
        return wend_respond(x, NULL, 0, true);
    attempt->spooled = is_buffered(upstream) && !is_all_here(client);
    if (attempt->spooled)
        code = wend_upstream_spool(x, client, &upstream->settings->spool, &reading);
    else
        code = relay_directly(attempt, &reading);
    upstream->trailers = client->trailers;
    if (code != WEND_OK || reading == WEND_OK)
        return code;
    if (reading == WEND_E_CANCELLED)
        log_abandoned(attempt, attempt->spooled ? READING : ANSWERING);
    else
        log_failure(attempt, READING, reading);
    /* A head that came alone is passed on: the client shall see that something was promised. */
    if (x->state == WEND_X_REQUEST && (reading == WEND_E_CLOSED || reading == WEND_E_RESET) &&
        wend_respond(x, NULL, 0, false) != WEND_OK)
        reading = WEND_E_CLOSED; /* the client has left, too */
    wend_respond_torn(x);
    return reading == WEND_E_CANCELLED ? WEND_E_CLOSED : reading;
}

static bool wants_redirect(struct wend_upstream *upstream)
{
    struct wend_str to = wend_fields_value(&upstream->head.fields, WEND_FIELD_X_ACCEL_REDIRECT);

    if ((upstream->settings->ignore & WEND_IGNORE_X_ACCEL_REDIRECT) != 0 || to.len == 0)
        return false;
    upstream->redirect = to;
    return true;
}

static void take_limit_rate(struct wend_upstream *upstream)
{
    struct wend_str rate = wend_fields_value(&upstream->head.fields, WEND_FIELD_X_ACCEL_LIMIT_RATE);
    uint64_t value;

    if ((upstream->settings->ignore & WEND_IGNORE_X_ACCEL_LIMIT_RATE) == 0 &&
        wend_str_to_u64(rate, &value) && value <= INT64_MAX)
        upstream->limit_rate = (int64_t)value;
}

/* The server's own page takes the place of the answer; the challenge of a 401 stays. */
static enum wend_code intercept(struct wend_upstream *upstream)
{
    struct wend_response *response = &upstream->x->response;
    struct wend_str challenge =
        wend_fields_value(&upstream->head.fields, WEND_FIELD_WWW_AUTHENTICATE);

    response->status = upstream->head.status;
    if (response->status == 401 && challenge.len > 0)
        return wend_fields_add(&response->fields, &upstream->x->task->arena,
                               WEND_FIELD_WWW_AUTHENTICATE, challenge);
    return WEND_OK;
}

/* The head is here: from now on it is this peer's answer. */
static enum wend_code answer(struct attempt *attempt)
{
    struct wend_upstream *upstream = attempt->upstream;
    struct wend_exchange *x = upstream->x;
    int status = upstream->head.status;
    enum wend_code code;

    take_limit_rate(upstream);
    if (wants_redirect(upstream))
        return WEND_OK;
    if (status >= 300 && upstream->settings->intercept != NULL &&
        upstream->settings->intercept(x, status))
        return intercept(upstream);
    code = wend_upstream_make_head(upstream, attempt->client.framing == WEND_H1_TUNNEL);
    if (code != WEND_OK)
        return code;
    if (attempt->client.framing == WEND_H1_TUNNEL)
        return wend_upstream_relay(x, &attempt->client, upstream->settings->read_timeout_ms);
    return relay_body(attempt);
}

static void note_times(struct attempt *attempt)
{
    struct wend_upstream_try *record = attempt->record;

    record->response_ns = wend_clock_monotonic_ns() - attempt->started_ns;
    record->received = attempt->client.received;
    record->sent = attempt->client.sent;
    record->body_bytes = attempt->client.body_received;
}

/* Sends, hears, relays. */
static enum verdict converse(struct attempt *attempt, struct wend_upstream_sender *sender)
{
    struct wend_upstream *upstream = attempt->upstream;
    struct wend_task *task = upstream->x->task;
    struct wend_h1_client *client = &attempt->client;
    enum wend_code sent, code;

    sent = upstream->send(task, upstream, client);
    if (sent == WEND_OK) {
        upstream->request_sent = true;
        sent = wend_upstream_body_send(upstream, client, sender);
    }
    /* Their answer counts even when they did not want all of the question. */
    if (sent != WEND_OK && sent != WEND_E_RESET) {
        if (upstream->x->response.status == 0 && !upstream->body_collected &&
            upstream->request_sent && sent != WEND_E_DEADLINE) {
            attempt->status = wend_status_of(sent); /* the client's body failed, not the server */
            return GIVE_UP;
        }
        return fail(attempt, SENDING, sent);
    }
    code = wend_h1_client_read_head(task, client, &upstream->head);
    if (code != WEND_OK) {
        /* A kept connection may have been closed as we wrote: it says nothing about the server. */
        if (attempt->conn->reused && client->received == 0 && code != WEND_E_DEADLINE &&
            code != WEND_E_CANCELLED && upstream->body_collected) {
            attempt->fresh = true;
            return TRY_NEXT;
        }
        return fail(attempt, READING_HEAD,
                    sent != WEND_OK && code != WEND_E_CANCELLED ? sent : code);
    }
    attempt->record->header_ns = wend_clock_monotonic_ns() - attempt->started_ns;
    attempt->record->status = upstream->head.status;
    if (client->framing == WEND_H1_TUNNEL && !upstream->settings->tunnel)
        return fail(attempt, READING_HEAD, WEND_E_PROTOCOL);
    if (may_ask_next(attempt, next_bit_of(upstream->head.status))) {
        if (upstream->head.status == 403 || upstream->head.status == 404)
            wend_peer_worked(upstream->peers, attempt->peer);
        else
            note_failure(attempt, READING_HEAD);
        attempt->status = upstream->head.status;
        return TRY_NEXT;
    }
    wend_peer_worked(upstream->peers, attempt->peer);
    attempt->result = answer(attempt);
    return ANSWERED;
}

static enum verdict try_peer(struct attempt *attempt)
{
    struct wend_upstream *upstream = attempt->upstream;
    const struct wend_upstream_settings *settings = upstream->settings;
    struct wend_task *task = upstream->x->task;
    struct wend_upstream_sender sender = {0};
    enum verdict verdict;
    enum wend_code code;

    attempt->conn = NULL;
    attempt->client = (struct wend_h1_client){0};
    attempt->started_ns = wend_clock_monotonic_ns();
    code = connect_to_peer(attempt);
    if (code != WEND_OK) {
        verdict = fail(attempt, CONNECTING, code);
        note_times(attempt);
        return verdict;
    }
    attempt->record->connect_ns = wend_clock_monotonic_ns() - attempt->started_ns;
    attempt->fresh = false;
    prepare_client(attempt);
    verdict = converse(attempt, &sender);
    wend_upstream_body_stop(task, &sender);
    note_times(attempt);
    wend_upstream_conn_give(attempt->conn,
                            verdict == ANSWERED && settings->keep && attempt->client.reusable);
    attempt->conn = NULL;
    return verdict;
}

static struct wend_upstream_try *new_record(struct wend_upstream *upstream, struct wend_str address)
{
    struct wend_upstream_try *record = &upstream->tries[upstream->try_count++];

    *record = (struct wend_upstream_try){
        .address = address, .connect_ns = -1, .header_ns = -1, .response_ns = -1};
    return record;
}

static bool out_of_time(const struct wend_upstream *upstream, int64_t started_ns)
{
    int timeout_ms = upstream->settings->next_timeout_ms;

    return timeout_ms > 0 && wend_clock_monotonic_ns() - started_ns >= timeout_ms * WEND_NS_PER_MS;
}

/* Nobody is left: the last failure is the answer, or 502 when not even one could be asked. */
static enum wend_code refuse(struct wend_upstream *upstream, int status)
{
    struct wend_exchange *x = upstream->x;

    if (status == 0) {
        complain(upstream, WEND_LOG_ERROR, 0, "no live upstreams while connecting to upstream");
        if (upstream->try_count < WEND_UPSTREAM_TRIES_MAX)
            new_record(upstream, upstream->peers->name)->status = 502;
        status = 502;
    }
    if (status == 499)
        return WEND_E_CLOSED;
    x->response.status = status;
    return WEND_OK;
}

enum wend_code wend_upstream_serve(struct wend_upstream *upstream)
{
    struct wend_task *task = upstream->x->task;
    struct attempt *attempt = WEND_NEW(&task->arena, struct attempt);
    int64_t started_ns = wend_clock_monotonic_ns();
    struct wend_peers_tried tried = {{0}};
    enum verdict verdict = TRY_NEXT;
    enum wend_code code;

    if (attempt == NULL)
        return WEND_E_MEMORY;
    code = wend_upstream_body_prepare(upstream);
    if (code != WEND_OK)
        return code;
    attempt->upstream = upstream;
    attempt->tries_left = (unsigned)upstream->peers->count + 1;
    if (upstream->settings->next_tries > 0 &&
        upstream->settings->next_tries < upstream->peers->count)
        attempt->tries_left = upstream->settings->next_tries + 1;
    if (upstream->peers->key != NULL)
        tried.key = wend_template_value(upstream->x, upstream->peers->key);
    tried.client = &upstream->x->conn->peer;
    while (verdict == TRY_NEXT && upstream->try_count < WEND_UPSTREAM_TRIES_MAX &&
           !out_of_time(upstream, started_ns)) {
        uint16_t span;

        if (!attempt->fresh) {
            attempt->peer = wend_peers_choose(upstream->peers, &tried, wend_clock_monotonic_ns());
            attempt->tries_left--;
            if (attempt->peer == NULL) {
                attempt->status = 0; /* not the last one's failure: nobody is there */
                break;
            }
            attempt->record = new_record(upstream, attempt->peer->name);
        }
        span = wend_span_begin(task->trace, WEND_EV_PROXY);
        wend_span_note(task->trace, span, attempt->peer->name);
        verdict = try_peer(attempt);
        wend_span_end(task->trace, span, attempt->record->status);
    }
    return verdict == ANSWERED ? attempt->result : refuse(upstream, attempt->status);
}
