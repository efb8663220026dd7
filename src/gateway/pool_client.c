/* gateway/pool_client.c - see gateway/pool_client.h. Here are the slots, who gets a connection and
 * which of them a request is sent to; what happens on it then is gateway/pool_stream.c's. */
#include "gateway/pool_client.h"

#include "base/assert.h"
#include "base/log.h"
#include "gateway/pool_stream.h"
#include "gateway/rendezvous.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* A connection to the process of a slot. */
struct member {
    struct wend_pool_conn conn;
    struct wend_pool *pool;
    struct slot *slot;
    struct wend_list node;      /* in pool->members, until it is closed */
    struct wend_timer patience; /* runs until the process has said HELLO */
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

/* --- a connection ----------------------------------------------------------------------------- */

/* No new streams come here any more; another connection may take the slot. */
static void detach(struct member *member)
{
    if (member->slot->member == member)
        member->slot->member = NULL;
}

static void leave(struct member *member)
{
    detach(member);
    wend_pool_conn_leave(&member->conn);
}

static struct member *member_of(struct wend_pool_link *link)
{
    return WEND_OF(link, struct member, conn.link);
}

static enum wend_code take_frame(struct wend_pool_link *link, const struct wend_pool_frame *frame,
                                 struct wend_str payload)
{
    struct member *member = member_of(link);

    if (frame->stream != 0)
        return wend_pool_stream_frame(&member->conn, frame, payload);
    if (frame->type == WEND_POOL_HELLO) {
        wend_timer_stop(member->pool->loop, &member->patience);
        member->slot->broken = false;
        return wend_pool_number_read(payload, &member->conn.pid);
    }
    leave(member);
    return WEND_OK;
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
    struct member *member = member_of(link);
    bool unexpected =
        member->conn.streams.count != 0 || (!member->conn.leaving && code != WEND_E_CLOSED);

    if (unexpected)
        wend_log(wend_log_process, WEND_LOG_ERROR, 0, 0,
                 "app %.*s: the connection to its process %llu ended with %zu requests under way: "
                 "%s",
                 WEND_STR_ARG(member->pool->options.name), (unsigned long long)member->conn.pid,
                 member->conn.streams.count, wend_code_text(code));
    if (member->slot->member == member) {
        member->slot->broken = true;
        wend_loop_later(link->loop, join_again, member->slot);
    }
    detach(member);
    wend_timer_stop(member->pool->loop, &member->patience);
    wend_list_remove(&member->node);
    /* Reset, refused, closed: for the request it is all the same, the process is gone. */
    wend_pool_streams_fail(&member->conn,
                           code == WEND_E_DEADLINE ? WEND_E_DEADLINE : WEND_E_REFUSED);
}

static void link_released(struct wend_pool_link *link)
{
    wend_loop_free_later(link->loop, member_of(link));
}

static void patience_over(struct wend_timer *timer)
{
    struct member *member = WEND_OF(timer, struct member, patience);

    wend_pool_link_close(&member->conn.link, WEND_E_DEADLINE);
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
    member->conn.options = &pool->options;
    member->conn.link = (struct wend_pool_link){
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
        code = wend_pool_link_open(&member->conn.link, pair[0]);
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
    size_t count = slot->member == NULL ? 0 : slot->member->conn.streams.count;

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
    if (slot->member != NULL && slot->member->conn.last_stream == UINT32_MAX)
        leave(slot->member);
    if (slot->member == NULL)
        code = join(pool, slot);
    if (code == WEND_E_LIMIT)
        return refuse(pool, x);
    if (code != WEND_OK) {
        x->response.status = 502;
        return WEND_OK;
    }
    return wend_pool_stream_serve(&slot->member->conn, x, &body, span);
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
        wend_pool_link_close(&WEND_OF(node, struct member, node)->conn.link, WEND_E_CLOSED);
    wend_loop_free_later(pool->loop, pool);
}

const struct wend_handler *wend_pool_handler(const struct wend_pool *pool)
{
    return &pool->handler;
}
