/* net/connect.c - one address after the other until one answers. */
#include "net/connect.h"

#include <netinet/tcp.h>
#include <sys/un.h>

#define SHARE_MS_MIN 250 /* an attempt gets at least this long, however many follow */

static void settle(struct wend_conn *conn)
{
    struct sockaddr_storage local;
    socklen_t len = sizeof(local);
    int on = 1;

    if (getsockname(conn->io.fd, (struct sockaddr *)&local, &len) == 0)
        wend_address_from_sockaddr(&conn->local, (struct sockaddr *)&local);
    if (conn->peer.family != AF_UNIX)
        (void)setsockopt(conn->io.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static enum wend_code attempt(struct wend_task *task, const struct sockaddr *address, socklen_t len,
                              int timeout_ms, struct wend_str name, int64_t port,
                              struct wend_conn *conn)
{
    uint16_t span = wend_span_begin(task->trace, WEND_EV_CONNECT);
    enum wend_code code;

    wend_span_note(task->trace, span, name);
    code = wend_io_connect(task, &conn->io, address, len, timeout_ms);
    wend_span_end(task->trace, span, port);
    if (code == WEND_OK)
        settle(conn);
    else
        (void)wend_fail(task, code, name, "the connection could not be made");
    return code;
}

static enum wend_code attempt_address(struct wend_task *task, const struct wend_address *address,
                                      int timeout_ms, struct wend_conn *conn)
{
    char text[WEND_ADDRESS_TEXT_MAX];
    size_t len = wend_address_write(address, text);
    struct wend_str name = wend_arena_keep(&task->arena, (struct wend_str){text, len});

    memset(conn, 0, sizeof(*conn));
    conn->peer = *address;
    return attempt(task, &address->any, wend_address_len(address), timeout_ms, name,
                   wend_address_port(address), conn);
}

enum wend_code wend_net_connect(struct wend_task *task, const struct wend_address *addresses,
                                size_t count, int timeout_ms, struct wend_conn *conn)
{
    int64_t end_ns = wend_clock_monotonic_ns() + timeout_ms * WEND_NS_PER_MS;
    enum wend_code code = WEND_E_NOT_FOUND;

    for (size_t i = 0; i < count; i++) {
        int64_t left_ms = (end_ns - wend_clock_monotonic_ns()) / WEND_NS_PER_MS + 1;
        int64_t share_ms = left_ms / (int64_t)(count - i);

        if (left_ms <= 0)
            return WEND_E_DEADLINE;
        if (share_ms < SHARE_MS_MIN)
            share_ms = left_ms < SHARE_MS_MIN ? left_ms : SHARE_MS_MIN;
        code = attempt_address(task, &addresses[i], (int)share_ms, conn);
        if (code == WEND_OK || code == WEND_E_CANCELLED || code == WEND_E_MEMORY)
            return code;
    }
    return code;
}

enum wend_code wend_net_connect_unix(struct wend_task *task, struct wend_str path, int timeout_ms,
                                     struct wend_conn *conn)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memset(conn, 0, sizeof(*conn));
    conn->peer.family = AF_UNIX;
    if (path.len == 0 || path.len >= sizeof(address.sun_path))
        return wend_fail(task, WEND_E_LIMIT, path, "the path of a unix socket has 1 to 107 bytes");
    memcpy(address.sun_path, path.ptr, path.len);
    return attempt(task, (struct sockaddr *)&address, sizeof(address), timeout_ms, path, 0, conn);
}
