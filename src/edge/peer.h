/* edge/peer.h - the servers behind one name, and which of them is asked next. Pure.
 *
 * What it is for. An `upstream NAME { server ...; }` block, or the one server that proxy_pass
 * names: both are a group of peers.
 *
 * Who owns what. Groups and peers live as long as the configuration. Their counters belong to the
 * worker process that uses them, as nginx's do without a shared zone.
 *
 * What it promises. Smooth weighted round robin: with weights 5, 1, 1 the order is a a b a c a a. A
 * peer that failed max_fails times within fail_timeout rests for fail_timeout, then gets one try;
 * a success clears it. Backups are asked only when no other can be. A group of one never rests.
 *
 * What it does not do. It opens no connection and reads no clock.
 */
#ifndef WEND_EDGE_PEER_H
#define WEND_EDGE_PEER_H

#include "net/address.h"

#define WEND_PEERS_MAX 512 /* of one group: a request remembers in a bit each whom it tried */

struct wend_peer {
    struct wend_str name; /* $upstream_addr: "127.0.0.1:8080", "unix:/run/app.sock" */
    struct wend_str path; /* unix; null: `address` counts */
    struct wend_address address;
    unsigned weight;    /* from 1 */
    unsigned max_fails; /* 0: never rests */
    int64_t fail_timeout_ns;
    unsigned max_conns; /* 0: no limit */
    bool backup, down;
    /* the worker's */
    int64_t current_weight, effective_weight;
    unsigned fails, connections;
    int64_t failed_ns, checked_ns;
};

struct wend_peers {
    struct wend_str name; /* of the upstream block, or the host as written */
    struct wend_peer *at;
    size_t count;
    unsigned idle_max;     /* kept connections of one worker; 0: none */
    unsigned requests_max; /* per connection */
    int64_t idle_timeout_ns, lifetime_ns;
};

/* nginx's defaults: 32 idle connections, 1000 requests, 60 s idle, 1 h in all. */
void wend_peers_init(struct wend_peers *peers, struct wend_str name, struct wend_peer *at,
                     size_t count);

/* Whom this request asked already. Zero it. */
struct wend_peers_tried {
    uint64_t bits[WEND_PEERS_MAX / 64];
};

/* The next peer for a request, marked as tried; NULL: none is left ("no live upstreams"). */
struct wend_peer *wend_peers_choose(struct wend_peers *peers, struct wend_peers_tried *tried,
                                    int64_t now_ns);
void wend_peer_failed(struct wend_peers *peers, struct wend_peer *peer, int64_t now_ns);
void wend_peer_worked(struct wend_peers *peers, struct wend_peer *peer);

#endif
