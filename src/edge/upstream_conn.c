/* edge/upstream_conn.c - one list of idle connections per worker, newest first: the newest is the
 * likeliest to live, and the oldest go first when a group has too many. */
#include "edge/upstream_conn.h"

#include "base/assert.h"
#include "net/connect.h"

#include <errno.h>
#include <stdlib.h>

static _Thread_local struct wend_list idle_list;

static struct wend_list *idle(void)
{
    if (idle_list.next == NULL)
        wend_list_init(&idle_list);
    return &idle_list;
}

static void destroy(struct wend_upstream_conn *upstream)
{
    wend_timer_stop(upstream->loop, &upstream->timer);
    wend_list_remove(&upstream->idle);
    wend_conn_close(&upstream->conn);
    wend_loop_free_later(upstream->loop, upstream);
}

/* The task's defer. The cell is empty when the connection was given back. */
static void close_held(void *arg)
{
    struct wend_upstream_conn **held = arg;

    if (*held == NULL)
        return;
    (*held)->peer->connections--;
    destroy(*held);
}

static void on_idle_event(struct wend_io *io)
{
    destroy(WEND_OF(io, struct wend_upstream_conn, conn.io));
}

static void on_idle_timeout(struct wend_timer *timer)
{
    destroy(WEND_OF(timer, struct wend_upstream_conn, timer));
}

/* The server may have closed it in this very turn of the loop: the kernel knows. */
static bool is_quiet(const struct wend_upstream_conn *upstream)
{
    char byte;

    return !upstream->conn.io.hangup &&
           recv(upstream->conn.io.fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

static struct wend_upstream_conn *take_idle(struct wend_peer *peer, const void *place)
{
    WEND_LIST_EACH(idle(), node, after) {
        struct wend_upstream_conn *upstream = WEND_OF(node, struct wend_upstream_conn, idle);

        if (upstream->peer != peer || upstream->place != place)
            continue;
        upstream->conn.io.on_ready = NULL;
        if (!is_quiet(upstream)) {
            destroy(upstream);
            continue;
        }
        wend_list_remove(&upstream->idle);
        wend_timer_stop(upstream->loop, &upstream->timer);
        upstream->reused = true;
        return upstream;
    }
    return NULL;
}

static enum wend_code open_new(struct wend_task *task, struct wend_peer *peer, int timeout_ms,
                               struct wend_upstream_conn **out)
{
    struct wend_upstream_conn *upstream = calloc(1, sizeof(*upstream));
    enum wend_code code;

    if (upstream == NULL)
        wend_die("an upstream connection");
    upstream->loop = task->loop;
    upstream->opened_ns = wend_clock_monotonic_ns();
    if (peer->path.ptr != NULL)
        code = wend_net_connect_unix(task, peer->path, timeout_ms, &upstream->conn);
    else
        code = wend_net_connect(task, &peer->address, 1, timeout_ms, &upstream->conn);
    if (code != WEND_OK) {
        wend_loop_free_later(task->loop, upstream);
        return code;
    }
    *out = upstream;
    return WEND_OK;
}

enum wend_code wend_upstream_conn_take(struct wend_task *task, struct wend_peers *peers,
                                       struct wend_peer *peer, const void *place, bool fresh,
                                       int timeout_ms, struct wend_upstream_conn **out)
{
    struct wend_upstream_conn **held = WEND_NEW(&task->arena, struct wend_upstream_conn *);
    enum wend_code code = WEND_OK;

    if (held == NULL)
        return WEND_E_MEMORY;
    *held = fresh ? NULL : take_idle(peer, place);
    if (*held == NULL)
        code = open_new(task, peer, timeout_ms, held);
    if (code != WEND_OK)
        return code;
    (*held)->peers = peers;
    (*held)->peer = peer;
    (*held)->place = place;
    (*held)->held = held;
    peer->connections++;
    wend_defer(task, close_held, held);
    *out = *held;
    return WEND_OK;
}

/* Makes room for one more idle connection of the group. */
static void trim(const struct wend_peers *peers)
{
    struct wend_upstream_conn *oldest = NULL;
    unsigned count = 0;

    WEND_LIST_EACH(idle(), node, after) {
        struct wend_upstream_conn *upstream = WEND_OF(node, struct wend_upstream_conn, idle);

        if (upstream->peers == peers) {
            oldest = upstream;
            count++;
        }
    }
    if (oldest != NULL && count >= peers->idle_max)
        destroy(oldest);
}

void wend_upstream_conn_give(struct wend_upstream_conn *upstream, bool reusable)
{
    const struct wend_peers *peers = upstream->peers;
    int64_t now_ns = wend_clock_monotonic_ns();

    *upstream->held = NULL;
    upstream->held = NULL;
    upstream->peer->connections--;
    upstream->requests++;
    if (!reusable || peers->idle_max == 0 || upstream->requests >= peers->requests_max ||
        now_ns - upstream->opened_ns >= peers->lifetime_ns || upstream->conn.io.hangup) {
        destroy(upstream);
        return;
    }
    trim(peers);
    wend_list_prepend(idle(), &upstream->idle);
    upstream->conn.io.on_ready = on_idle_event;
    upstream->timer.fire = on_idle_timeout;
    wend_timer_start(upstream->loop, &upstream->timer, now_ns + peers->idle_timeout_ns);
}

void wend_upstream_conn_close_idle(void)
{
    WEND_LIST_EACH(idle(), node, after)
        destroy(WEND_OF(node, struct wend_upstream_conn, idle));
}
