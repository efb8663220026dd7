/* edge/peer.c - smooth weighted round robin, and the other methods.
 *
 * Each choice adds every peer's effective weight to its current one, takes the highest and
 * subtracts the sum from it: heavy peers come often but never in a row longer than needed. A
 * failure lowers the effective weight, each choice lets it recover by one.
 */
#include "edge/peer.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

void wend_peers_init(struct wend_peers *peers, struct wend_str name, struct wend_peer *at,
                     size_t count)
{
    *peers = (struct wend_peers){
        .name = name,
        .at = at,
        .count = count,
        .idle_max = 32,
        .requests_max = 1000,
        .idle_timeout_ns = 60 * WEND_NS_PER_S,
        .lifetime_ns = 3600 * WEND_NS_PER_S,
    };
    for (size_t i = 0; i < count; i++) {
        at[i].effective_weight = at[i].weight;
        if (!at[i].backup)
            peers->total_weight += at[i].weight;
    }
}

static bool was_tried(const struct wend_peers_tried *tried, size_t i)
{
    return (tried->bits[i / 64] >> i % 64 & 1) != 0;
}

static bool rests(const struct wend_peer *peer, int64_t now_ns)
{
    return peer->max_fails > 0 && peer->fails >= peer->max_fails &&
           now_ns - peer->checked_ns <= peer->fail_timeout_ns;
}

static bool can_serve(const struct wend_peer *peer, bool alone, int64_t now_ns)
{
    if (peer->down || (peer->max_conns > 0 && peer->connections >= peer->max_conns))
        return false;
    return alone || !rests(peer, now_ns);
}

static struct wend_peer *choose_of(struct wend_peers *peers, const struct wend_peers_tried *tried,
                                   bool backup, int64_t now_ns)
{
    struct wend_peer *best = NULL;
    int64_t total = 0;

    for (size_t i = 0; i < peers->count; i++) {
        struct wend_peer *peer = &peers->at[i];

        if (peer->backup != backup || was_tried(tried, i) ||
            !can_serve(peer, peers->count == 1, now_ns))
            continue;
        peer->current_weight += peer->effective_weight;
        total += peer->effective_weight;
        if (peer->effective_weight < peer->weight)
            peer->effective_weight++;
        if (best == NULL || peer->current_weight > best->current_weight)
            best = peer;
    }
    if (best != NULL)
        best->current_weight -= total;
    return best;
}

static struct wend_peer *round_robin(struct wend_peers *peers, const struct wend_peers_tried *tried,
                                     int64_t now_ns)
{
    struct wend_peer *best = choose_of(peers, tried, false, now_ns);

    return best != NULL ? best : choose_of(peers, tried, true, now_ns);
}

static bool is_free(const struct wend_peers *peers, const struct wend_peers_tried *tried,
                    const struct wend_peer *peer, int64_t now_ns)
{
    return !peer->backup && !was_tried(tried, (size_t)(peer - peers->at)) &&
           can_serve(peer, false, now_ns);
}

/* --- least_conn ------------------------------------------------------------------------------- */

/* Below 0: `a` has less to do for its weight than `b`. */
static int compare_load(const struct wend_peer *a, const struct wend_peer *b)
{
    uint64_t left = (uint64_t)a->connections * b->weight;
    uint64_t right = (uint64_t)b->connections * a->weight;

    return (left > right) - (left < right);
}

/* Round robin among those that have the least to do. */
static struct wend_peer *least_conn_of(struct wend_peers *peers,
                                       const struct wend_peers_tried *tried, bool backup,
                                       int64_t now_ns)
{
    struct wend_peer *least = NULL, *best;
    int64_t total = 0;
    size_t equals = 0;

    for (size_t i = 0; i < peers->count; i++) {
        struct wend_peer *peer = &peers->at[i];
        int order;

        if (peer->backup != backup || was_tried(tried, i) || !can_serve(peer, false, now_ns))
            continue;
        order = least == NULL ? -1 : compare_load(peer, least);
        equals = order < 0 ? 1 : equals + (order == 0);
        if (order < 0)
            least = peer;
    }
    best = least;
    for (struct wend_peer *peer = least; equals > 1 && peer < peers->at + peers->count; peer++) {
        if (peer->backup != backup || was_tried(tried, (size_t)(peer - peers->at)) ||
            !can_serve(peer, false, now_ns) || compare_load(peer, least) != 0)
            continue;
        peer->current_weight += peer->effective_weight;
        total += peer->effective_weight;
        if (peer->effective_weight < peer->weight)
            peer->effective_weight++;
        if (peer->current_weight > best->current_weight)
            best = peer;
    }
    if (best != NULL)
        best->current_weight -= total;
    return best;
}

static struct wend_peer *least_conn(struct wend_peers *peers, const struct wend_peers_tried *tried,
                                    int64_t now_ns)
{
    struct wend_peer *best = least_conn_of(peers, tried, false, now_ns);

    return best != NULL ? best : least_conn_of(peers, tried, true, now_ns);
}

/* --- by weight on a line ---------------------------------------------------------------------- */

static struct wend_peer *at_weight(struct wend_peers *peers, uint64_t place)
{
    struct wend_peer *peer = peers->at;

    for (;; peer++) {
        if (peer->backup)
            continue;
        if (place < peer->weight)
            return peer;
        place -= peer->weight;
    }
}

/* The first three bytes of an IPv4 address: a network's clients stay together. */
static uint64_t step_ip(const struct wend_peers_tried *tried)
{
    static const unsigned char none[3];
    const struct wend_address *client = tried->client;
    const unsigned char *bytes = none;
    uint64_t hash = tried->begun ? tried->hash : 89;
    size_t len = 3;

    if (client != NULL && client->family == AF_INET)
        bytes = (const unsigned char *)&client->in.sin_addr;
    if (client != NULL && client->family == AF_INET6) {
        bytes = (const unsigned char *)&client->in6.sin6_addr;
        len = 16;
    }
    for (size_t i = 0; i < len; i++)
        hash = (hash * 113 + bytes[i]) % 6271;
    return hash;
}

static uint32_t crc_of(uint32_t crc, const void *bytes, size_t len)
{
    return (uint32_t)crc32(crc, bytes, (uInt)len);
}

/* Each further step puts its number before the key. */
static uint64_t step_key(struct wend_peers_tried *tried)
{
    char number[16];
    uint32_t crc = 0;

    if (tried->rehash > 0)
        crc = crc_of(0, number, (size_t)snprintf(number, sizeof(number), "%u", tried->rehash));
    tried->rehash++;
    crc = crc_of(crc, tried->key.ptr, tried->key.len);
    return tried->hash + (crc >> 16 & 0x7fff);
}

static struct wend_peer *hashed(struct wend_peers *peers, struct wend_peers_tried *tried,
                                int64_t now_ns)
{
    while (tried->steps <= WEND_PEERS_REHASH_MAX) {
        struct wend_peer *peer;

        tried->hash = peers->method == WEND_PEERS_IP_HASH ? step_ip(tried) : step_key(tried);
        tried->begun = true;
        peer = at_weight(peers, tried->hash % peers->total_weight);
        if (is_free(peers, tried, peer, now_ns))
            return peer;
        tried->steps++;
    }
    return round_robin(peers, tried, now_ns);
}

/* --- on a circle ------------------------------------------------------------------------------ */

static size_t find_point(const struct wend_peers *peers, uint32_t hash)
{
    size_t low = 0, high = peers->point_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (peers->points[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Round robin among the addresses of one server. */
static struct wend_peer *of_server(struct wend_peers *peers, const struct wend_peers_tried *tried,
                                   struct wend_str server, int64_t now_ns)
{
    struct wend_peer *best = NULL;
    int64_t total = 0;

    for (size_t i = 0; i < peers->count; i++) {
        struct wend_peer *peer = &peers->at[i];

        if (!is_free(peers, tried, peer, now_ns) || !wend_str_eq(peer->server, server))
            continue;
        peer->current_weight += peer->effective_weight;
        total += peer->effective_weight;
        if (peer->effective_weight < peer->weight)
            peer->effective_weight++;
        if (best == NULL || peer->current_weight > best->current_weight)
            best = peer;
    }
    if (best != NULL)
        best->current_weight -= total;
    return best;
}

static struct wend_peer *ketama(struct wend_peers *peers, struct wend_peers_tried *tried,
                                int64_t now_ns)
{
    if (!tried->begun)
        tried->hash = find_point(peers, crc_of(0, tried->key.ptr, tried->key.len));
    tried->begun = true;
    while (tried->steps <= WEND_PEERS_REHASH_MAX) {
        const struct wend_peers_point *point = &peers->points[tried->hash % peers->point_count];
        struct wend_peer *peer = of_server(peers, tried, point->peer->server, now_ns);

        if (peer != NULL)
            return peer;
        tried->hash++;
        tried->steps++;
    }
    return round_robin(peers, tried, now_ns);
}

static int compare_points(const void *a, const void *b)
{
    const struct wend_peers_point *left = a, *right = b;

    return (left->hash > right->hash) - (left->hash < right->hash);
}

/* What all points of a server begin with: its host, a NUL, its port. */
static uint32_t server_crc(struct wend_str server)
{
    ptrdiff_t colon = wend_str_rfind_byte(server, ':');
    struct wend_str host = server, port = WEND_STR_NULL;
    uint64_t number;
    uint32_t crc;

    if (wend_str_starts_nocase(server, WEND_STR("unix:"))) {
        host = wend_str_from(server, 5);
    } else if (colon >= 0 && (wend_str_from(server, (size_t)colon + 1).len == 0 ||
                              wend_str_to_u64(wend_str_from(server, (size_t)colon + 1), &number))) {
        host = wend_str_slice(server, 0, (size_t)colon);
        port = wend_str_from(server, (size_t)colon + 1);
    }
    crc = crc_of(0, host.ptr, host.len);
    crc = crc_of(crc, "", 1);
    return port.len == 0 ? crc : crc_of(crc, port.ptr, port.len);
}

static void add_points(struct wend_peers *peers, const struct wend_peer *peer)
{
    uint32_t base = server_crc(peer->server), before = 0;

    for (size_t i = 0; i < (size_t)peer->weight * WEND_PEERS_POINTS_EACH; i++) {
        unsigned char bytes[4] = {(unsigned char)before, (unsigned char)(before >> 8),
                                  (unsigned char)(before >> 16), (unsigned char)(before >> 24)};

        before = crc_of(base, bytes, sizeof(bytes));
        peers->points[peers->point_count++] = (struct wend_peers_point){before, peer};
    }
}

static enum wend_code make_circle(struct wend_peers *peers, struct wend_arena *arena)
{
    size_t kept = 0;

    if (peers->total_weight * WEND_PEERS_POINTS_EACH > WEND_PEERS_POINTS_MAX)
        return WEND_E_LIMIT;
    peers->points = wend_arena_array(arena, peers->total_weight * WEND_PEERS_POINTS_EACH,
                                     sizeof(*peers->points));
    if (peers->points == NULL)
        return WEND_E_MEMORY;
    for (size_t i = 0; i < peers->count; i++)
        if (!peers->at[i].backup)
            add_points(peers, &peers->at[i]);
    qsort(peers->points, peers->point_count, sizeof(*peers->points), compare_points);
    for (size_t i = 0; i < peers->point_count; i++)
        if (kept == 0 || peers->points[i].hash != peers->points[kept - 1].hash)
            peers->points[kept++] = peers->points[i];
    peers->point_count = kept;
    return WEND_OK;
}

/* --- random ----------------------------------------------------------------------------------- */

/* Each worker draws its own numbers. */
static uint64_t draw(void)
{
    static pid_t seeded;

    if (seeded != getpid()) {
        seeded = getpid();
        srandom((unsigned)seeded ^ (unsigned)wend_clock_monotonic_ns());
    }
    return (uint64_t)random();
}

static struct wend_peer *any(struct wend_peers *peers, struct wend_peers_tried *tried,
                             int64_t now_ns)
{
    bool two = peers->method == WEND_PEERS_RANDOM_TWO;
    struct wend_peer *before = NULL;

    for (; tried->steps <= WEND_PEERS_REHASH_MAX; tried->steps++) {
        struct wend_peer *peer = at_weight(peers, draw() % peers->total_weight);

        if (peer == before || !is_free(peers, tried, peer, now_ns))
            continue;
        if (!two)
            return peer;
        if (before != NULL)
            return compare_load(peer, before) > 0 ? before : peer;
        before = peer;
    }
    return round_robin(peers, tried, now_ns);
}

/* --- all of them ------------------------------------------------------------------------------ */

enum wend_code wend_peers_balance(struct wend_peers *peers, struct wend_arena *arena,
                                  enum wend_peers_method method)
{
    peers->method = method;
    return method == WEND_PEERS_KETAMA ? make_circle(peers, arena) : WEND_OK;
}

static struct wend_peer *by_method(struct wend_peers *peers, struct wend_peers_tried *tried,
                                   int64_t now_ns)
{
    bool keyed = peers->method == WEND_PEERS_HASH || peers->method == WEND_PEERS_KETAMA;

    if (peers->count == 1 || (keyed && tried->key.len == 0))
        return round_robin(peers, tried, now_ns);
    switch (peers->method) {
    case WEND_PEERS_LEAST_CONN:
        return least_conn(peers, tried, now_ns);
    case WEND_PEERS_IP_HASH:
    case WEND_PEERS_HASH:
        return hashed(peers, tried, now_ns);
    case WEND_PEERS_KETAMA:
        return ketama(peers, tried, now_ns);
    case WEND_PEERS_RANDOM:
    case WEND_PEERS_RANDOM_TWO:
        return any(peers, tried, now_ns);
    case WEND_PEERS_ROUND_ROBIN:
        break;
    }
    return round_robin(peers, tried, now_ns);
}

struct wend_peer *wend_peers_choose(struct wend_peers *peers, struct wend_peers_tried *tried,
                                    int64_t now_ns)
{
    struct wend_peer *best = by_method(peers, tried, now_ns);
    size_t i;

    if (best == NULL)
        return NULL;
    i = (size_t)(best - peers->at);
    tried->bits[i / 64] |= UINT64_C(1) << i % 64;
    if (now_ns - best->checked_ns > best->fail_timeout_ns)
        best->checked_ns = now_ns; /* one try; others keep away until it ends */
    return best;
}

bool wend_peer_failed(struct wend_peers *peers, struct wend_peer *peer, int64_t now_ns)
{
    if (peers->count == 1 || peer->max_fails == 0)
        return false;
    peer->fails++;
    peer->failed_ns = peer->checked_ns = now_ns;
    peer->effective_weight -= peer->weight / peer->max_fails;
    if (peer->effective_weight < 0)
        peer->effective_weight = 0;
    return peer->fails >= peer->max_fails;
}

/* Failures are forgotten by a success that came fail_timeout after the last of them. */
void wend_peer_worked(struct wend_peers *peers, struct wend_peer *peer)
{
    (void)peers;
    if (peer->failed_ns < peer->checked_ns)
        peer->fails = 0;
}
