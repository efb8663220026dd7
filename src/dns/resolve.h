/* dns/resolve.h - from a host name to addresses worth trying, in order.
 *
 * What it is for. Answers the second question of a request's life: "where is this host?" For now it
 * asks the system's name service (hosts file, DNS, whatever nsswitch.conf says) on a thread; our
 * own resolver will stand behind the same call.
 *
 * Who owns what. The answer lives in the task's arena.
 *
 * What it promises. At least one address on WEND_OK, at most WEND_DNS_ADDRESSES_MAX, in the order
 * of RFC 6724, to be tried as given. A numeric host is answered at once, without a thread.
 * "localhost" and names below it are the loopback addresses, whatever the system says (RFC 6761).
 *
 * What it does not do. No cache and no timeout of its own beyond the name service's: the call may
 * last as long as that does (fiber/offload.h).
 *
 * Trace. dns.
 */
#ifndef WEND_DNS_RESOLVE_H
#define WEND_DNS_RESOLVE_H

#include "base/ip.h"
#include "fiber/task.h"

#define WEND_DNS_ADDRESSES_MAX 16
#define WEND_DNS_NAME_MAX 253

struct wend_dns_answer {
    union wend_ip *at;
    size_t count;
};

/* Resolve `host` (ASCII; brackets allowed around IPv6). Suspends.
 *   WEND_OK             *out is filled in
 *   WEND_E_DNS_NAME     the name does not exist, or cannot be one
 *   WEND_E_DNS_NONE     the name exists but has no address
 *   WEND_E_DNS_REFUSED  the name service failed; worth a retry later
 *   WEND_E_DEADLINE, WEND_E_CANCELLED, WEND_E_MEMORY */
enum wend_code wend_dns_resolve(struct wend_task *task, struct wend_str host, uint16_t port,
                                struct wend_dns_answer *out) WEND_MUST_CHECK;

/* The same without a task, for configurations read before any loop runs: blocks. */
enum wend_code wend_dns_resolve_now(struct wend_arena *arena, struct wend_str host, uint16_t port,
                                    struct wend_dns_answer *out) WEND_MUST_CHECK;

#endif
