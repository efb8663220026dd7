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
 * The other methods map as nginx's do, peer for peer: least_conn, ip_hash, hash (as
 * Cache::Memcached has it), hash consistent (ketama, as Cache::Memcached::Fast has it), random
 * [two]. Whom they cannot have after WEND_PEERS_REHASH_MAX steps, round robin chooses.
 *
 * What it does not do. It opens no connection and reads no clock (but to seed what random draws).
 */
#ifndef WEND_EDGE_PEER_H
#define WEND_EDGE_PEER_H

#include "base/arena.h"
#include "net/address.h"

#define WEND_PEERS_MAX 512 /* of one group: a request remembers in a bit each whom it tried */

#define WEND_PEERS_REHASH_MAX 20
#define WEND_PEERS_POINTS_EACH                                                                     \
    160 /* on the circle of `hash ... consistent`, per unit of weight                              \
         */

enum wend_peers_method {
    WEND_PEERS_ROUND_ROBIN,
    WEND_PEERS_LEAST_CONN,
    WEND_PEERS_IP_HASH,
    WEND_PEERS_HASH,
    WEND_PEERS_KETAMA,
    WEND_PEERS_RANDOM,
    WEND_PEERS_RANDOM_TWO
};

struct wend_peer {
    struct wend_str name;   /* $upstream_addr: "127.0.0.1:8080", "unix:/run/app.sock" */
    struct wend_str path;   /* unix; null: `address` counts */
    struct wend_str server; /* as written: all addresses of one name share it */
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

struct wend_peers_point {
    uint32_t hash;
    const struct wend_peer *peer; /* one of its server's */
};

struct wend_peers {
    struct wend_str name; /* of the upstream block, or the host as written */
    struct wend_peer *at;
    size_t count;
    unsigned idle_max;     /* kept connections of one worker; 0: none */
    unsigned requests_max; /* per connection */
    int64_t idle_timeout_ns, lifetime_ns;
    enum wend_peers_method method;
    const void *key;       /* of hash: the owner's */
    uint64_t total_weight; /* of those that are no backups */
    struct wend_peers_point *points;
    size_t point_count;
};

/* nginx's defaults: 32 idle connections, 1000 requests, 60 s idle, 1 h in all. */
void wend_peers_init(struct wend_peers *peers, struct wend_str name, struct wend_peer *at,
                     size_t count);

/* Another method than round robin. WEND_E_LIMIT: too heavy for points on a circle. */
#define WEND_PEERS_POINTS_MAX 4000000u
enum wend_code wend_peers_balance(struct wend_peers *peers, struct wend_arena *arena,
                                  enum wend_peers_method method) WEND_MUST_CHECK;

/* Whom this request asked already, and what it is asked for by. Zero it. */
struct wend_peers_tried {
    uint64_t bits[WEND_PEERS_MAX / 64];
    struct wend_str key;               /* of hash; empty: round robin */
    const struct wend_address *client; /* of ip_hash; NULL: none known */
    /* the method's */
    uint64_t hash;
    unsigned steps, rehash;
    bool begun;
};

/* The next peer for a request, marked as tried; NULL: none is left ("no live upstreams"). */
struct wend_peer *wend_peers_choose(struct wend_peers *peers, struct wend_peers_tried *tried,
                                    int64_t now_ns);
/* True: it rests from now on. */
bool wend_peer_failed(struct wend_peers *peers, struct wend_peer *peer, int64_t now_ns);
void wend_peer_worked(struct wend_peers *peers, struct wend_peer *peer);

#endif
