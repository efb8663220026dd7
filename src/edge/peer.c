/* edge/peer.c - smooth weighted round robin.
 *
 * Each choice adds every peer's effective weight to its current one, takes the highest and
 * subtracts the sum from it: heavy peers come often but never in a row longer than needed. A
 * failure lowers the effective weight, each choice lets it recover by one.
 */
#include "edge/peer.h"

#include "base/clock.h"

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
    for (size_t i = 0; i < count; i++)
        at[i].effective_weight = at[i].weight;
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

struct wend_peer *wend_peers_choose(struct wend_peers *peers, struct wend_peers_tried *tried,
                                    int64_t now_ns)
{
    struct wend_peer *best = choose_of(peers, tried, false, now_ns);
    size_t i;

    if (best == NULL)
        best = choose_of(peers, tried, true, now_ns);
    if (best == NULL)
        return NULL;
    i = (size_t)(best - peers->at);
    tried->bits[i / 64] |= UINT64_C(1) << i % 64;
    if (now_ns - best->checked_ns > best->fail_timeout_ns)
        best->checked_ns = now_ns; /* one try; others keep away until it ends */
    return best;
}

void wend_peer_failed(struct wend_peers *peers, struct wend_peer *peer, int64_t now_ns)
{
    if (peers->count == 1 || peer->max_fails == 0)
        return;
    if (now_ns - peer->failed_ns > peer->fail_timeout_ns && peer->fails < peer->max_fails)
        peer->fails = 0;
    peer->fails++;
    peer->failed_ns = peer->checked_ns = now_ns;
    peer->effective_weight -= peer->weight / peer->max_fails;
    if (peer->effective_weight < 0)
        peer->effective_weight = 0;
}

void wend_peer_worked(struct wend_peers *peers, struct wend_peer *peer)
{
    (void)peers;
    peer->fails = 0;
}
