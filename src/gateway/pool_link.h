/* gateway/pool_link.h - one connection between the edge and a process of a pool: frames in and out.
 *
 * What it is for. Both ends are alike here: what is received is cut into frames on the loop's own
 * stack, what many streams want to send within one turn of the loop leaves in one call.
 *
 * Who owns what. A link is part of its owner's memory. It counts who still needs it; `release` is
 * called when the last one is gone, and frees the owner at the end of the turn.
 *
 * What it promises. Nothing here suspends but the link's own writer, a task that exists only while
 * there is something to send. An idle link holds no buffer and no stack. A frame that cannot be
 * parsed, a peer that does not read for WEND_POOL_SEND_MS or lets more than WEND_POOL_OUT_MAX pile
 * up, closes the link; `closed` is then called once.
 */
#ifndef WEND_GATEWAY_POOL_LINK_H
#define WEND_GATEWAY_POOL_LINK_H

#include "fiber/io.h"
#include "gateway/pool.h"

#define WEND_POOL_SEND_MS 60000
#define WEND_POOL_OUT_MAX (256u << 20) /* all streams' windows, mostly */

struct wend_pool_link {
    /* set before open */
    struct wend_loop *loop;
    /* Not WEND_OK closes the link with that code. */
    enum wend_code (*frame)(struct wend_pool_link *link, const struct wend_pool_frame *frame,
                            struct wend_str payload);
    void (*closed)(struct wend_pool_link *link, enum wend_code code);
    void (*release)(struct wend_pool_link *link);
    /* its own */
    struct wend_io io;
    struct wend_buffer in, out, spare;
    unsigned uses;
    bool flushing, writing, is_closed, ending;
};

/* Takes the descriptor (non-blocking); closed again when it fails. The owner is the first user. */
enum wend_code wend_pool_link_open(struct wend_pool_link *link, int fd) WEND_MUST_CHECK;
/* `code`: why; E_CLOSED when it was time. Does nothing the second time. */
void wend_pool_link_close(struct wend_pool_link *link, enum wend_code code);
/* Closes once everything that was queued has left. */
void wend_pool_link_end(struct wend_pool_link *link);
void wend_pool_link_unuse(struct wend_pool_link *link);

/* A frame: begin, write the payload into the buffer, end. False: the frame is too long. On a closed
 * link frames are dropped. */
struct wend_buffer *wend_pool_link_begin(struct wend_pool_link *link, enum wend_pool_type type,
                                         unsigned flags, uint32_t stream, size_t *began);
bool wend_pool_link_finish(struct wend_pool_link *link, size_t began) WEND_MUST_CHECK;

void wend_pool_link_send(struct wend_pool_link *link, enum wend_pool_type type, unsigned flags,
                         uint32_t stream, struct wend_str payload);
void wend_pool_link_send_number(struct wend_pool_link *link, enum wend_pool_type type,
                                uint32_t stream, uint64_t number);

/* --- streams of a link, by number ------------------------------------------------------------- */

#define WEND_POOL_BUCKETS 64

struct wend_pool_key {
    struct wend_pool_key *next;
    uint32_t stream;
};
struct wend_pool_table {
    struct wend_pool_key *buckets[WEND_POOL_BUCKETS];
    size_t count;
};
void wend_pool_table_add(struct wend_pool_table *table, struct wend_pool_key *key);
void wend_pool_table_remove(struct wend_pool_table *table, struct wend_pool_key *key);
struct wend_pool_key *wend_pool_table_find(const struct wend_pool_table *table, uint32_t stream);
/* Each once; `fn` may remove the key it is given. */
void wend_pool_table_each(struct wend_pool_table *table, void (*fn)(struct wend_pool_key *key));

#endif
