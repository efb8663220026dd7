/* gateway/pool_link.c - see gateway/pool_link.h.
 *
 * Bytes are received on the loop's stack; only the beginning of a frame whose rest is not there yet
 * is kept. */
#include "gateway/pool_link.h"

#include "base/assert.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define RECEIVE_BYTES (64u << 10)
#define KEEP_BYTES (64u << 10) /* a buffer that grew larger is given back when it is empty */

/* --- the end ---------------------------------------------------------------------------------- */

void wend_pool_link_unuse(struct wend_pool_link *link)
{
    WEND_ASSERT(link->uses > 0);
    link->uses--;
    if (link->uses > 0)
        return;
    wend_buffer_release(&link->in);
    wend_buffer_release(&link->out);
    wend_buffer_release(&link->spare);
    link->release(link);
}

void wend_pool_link_close(struct wend_pool_link *link, enum wend_code code)
{
    if (link->is_closed)
        return;
    link->is_closed = true;
    wend_io_close(&link->io);
    link->closed(link, code);
    wend_pool_link_unuse(link);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void empty(struct wend_buffer *buffer)
{
    if (buffer->room > KEEP_BYTES)
        wend_buffer_release(buffer);
    else
        wend_buffer_clear(buffer);
}

/* While one buffer is being sent, the other one fills. */
static struct wend_buffer take_out(struct wend_pool_link *link)
{
    struct wend_buffer full = link->out;

    link->out = link->spare;
    wend_buffer_init(&link->spare, WEND_POOL_OUT_MAX);
    return full;
}

static void write_out(struct wend_task *task, void *arg)
{
    struct wend_pool_link *link = arg;
    enum wend_code code = WEND_OK;

    while (link->out.len > 0 && !link->is_closed && code == WEND_OK) {
        struct wend_buffer full = take_out(link);

        code = wend_io_send(task, &link->io, full.ptr, full.len, WEND_POOL_SEND_MS);
        empty(&full);
        link->spare = full;
    }
    wend_buffer_release(&link->spare);
    if (link->out.len == 0)
        wend_buffer_release(&link->out);
    link->writing = false;
    if (code != WEND_OK || link->ending)
        wend_pool_link_close(link, code != WEND_OK ? code : WEND_E_CLOSED);
    wend_pool_link_unuse(link);
}

static void flush(void *arg)
{
    struct wend_pool_link *link = arg;

    link->flushing = false;
    if (link->writing || link->is_closed) {
        wend_pool_link_unuse(link);
        return;
    }
    link->writing = true; /* the use goes over to the writer */
    wend_task_start(link->loop, write_out, link);
}

/* At the end of the turn: what other streams say until then leaves in the same call. */
static void flush_later(struct wend_pool_link *link)
{
    if (link->flushing || link->writing || link->is_closed)
        return;
    link->flushing = true;
    link->uses++;
    wend_loop_later(link->loop, flush, link);
}

void wend_pool_link_end(struct wend_pool_link *link)
{
    link->ending = true;
    flush_later(link);
}

struct wend_buffer *wend_pool_link_begin(struct wend_pool_link *link, enum wend_pool_type type,
                                         unsigned flags, uint32_t stream, size_t *began)
{
    *began = wend_pool_begin(&link->out, type, flags, stream);
    return &link->out;
}

bool wend_pool_link_finish(struct wend_pool_link *link, size_t began)
{
    bool full = link->out.len > WEND_POOL_OUT_MAX - WEND_POOL_FRAME_MAX;
    enum wend_code code = wend_pool_end(&link->out, began);

    if (link->is_closed) {
        wend_buffer_release(&link->out);
        return true;
    }
    if (code == WEND_OK)
        flush_later(link);
    else if (full)
        wend_pool_link_close(link, WEND_E_LIMIT);
    return code == WEND_OK || full;
}

void wend_pool_link_send(struct wend_pool_link *link, enum wend_pool_type type, unsigned flags,
                         uint32_t stream, struct wend_str payload)
{
    struct wend_buffer *out;
    size_t began;

    out = wend_pool_link_begin(link, type, flags, stream, &began);
    wend_buffer_add(out, payload);
    if (!wend_pool_link_finish(link, began))
        wend_die("a pool's frame of a size we chose");
}

void wend_pool_link_send_number(struct wend_pool_link *link, enum wend_pool_type type,
                                uint32_t stream, uint64_t number)
{
    struct wend_buffer *out;
    size_t began;

    out = wend_pool_link_begin(link, type, 0, stream, &began);
    wend_pool_number_write(out, number);
    if (!wend_pool_link_finish(link, began))
        wend_die("a pool's frame of a size we chose");
}

/* --- receiving -------------------------------------------------------------------------------- */

/* Gives whole frames to the owner; *taken: their bytes. */
static enum wend_code cut(struct wend_pool_link *link, struct wend_str bytes, size_t *taken)
{
    enum wend_code code = WEND_OK;

    *taken = 0;
    while (code == WEND_OK && !link->is_closed && bytes.len - *taken >= WEND_POOL_HEAD_BYTES) {
        struct wend_str rest = wend_str_from(bytes, *taken);
        struct wend_pool_frame frame;

        code = wend_pool_frame_parse(rest.ptr, &frame);
        if (code != WEND_OK || rest.len - WEND_POOL_HEAD_BYTES < frame.length)
            break;
        *taken += WEND_POOL_HEAD_BYTES + frame.length;
        code = link->frame(
            link, &frame,
            wend_str_slice(rest, WEND_POOL_HEAD_BYTES, WEND_POOL_HEAD_BYTES + frame.length));
    }
    return code;
}

static enum wend_code feed(struct wend_pool_link *link, struct wend_str bytes)
{
    enum wend_code code;
    size_t taken;

    if (link->in.len != 0) {
        wend_buffer_add(&link->in, bytes);
        bytes = wend_buffer_str(&link->in);
        code = link->in.overflow ? WEND_E_PROTOCOL : cut(link, bytes, &taken);
        if (code == WEND_OK)
            wend_buffer_consume(&link->in, taken);
    } else {
        code = cut(link, bytes, &taken);
        if (code == WEND_OK)
            wend_buffer_add(&link->in, wend_str_from(bytes, taken));
    }
    if (link->in.len == 0)
        wend_buffer_release(&link->in);
    return code;
}

static void on_ready(struct wend_io *io)
{
    struct wend_pool_link *link = WEND_OF(io, struct wend_pool_link, io);
    char scratch[RECEIVE_BYTES]; /* the loop's own stack is a whole one */
    enum wend_code code = WEND_OK;

    link->uses++;
    while (code == WEND_OK && io->readable && !link->is_closed) {
        ssize_t got = wend_io_try_recv(io, scratch, sizeof(scratch));

        if (got > 0)
            code = feed(link, wend_str_make(scratch, (size_t)got));
        else if (got == 0)
            code = WEND_E_CLOSED;
        else if (errno != EAGAIN)
            code = wend_code_of_errno(errno);
    }
    if (code != WEND_OK)
        wend_pool_link_close(link, code);
    wend_pool_link_unuse(link);
}

enum wend_code wend_pool_link_open(struct wend_pool_link *link, int fd)
{
    enum wend_code code = wend_io_open(&link->io, link->loop, fd, false);

    if (code != WEND_OK) {
        close(fd);
        return code;
    }
    wend_buffer_init(&link->in, WEND_POOL_FRAME_MAX + WEND_POOL_HEAD_BYTES + RECEIVE_BYTES);
    wend_buffer_init(&link->out, WEND_POOL_OUT_MAX);
    wend_buffer_init(&link->spare, WEND_POOL_OUT_MAX);
    link->io.on_ready = on_ready;
    link->uses = 1;
    return WEND_OK;
}

/* --- streams ---------------------------------------------------------------------------------- */

void wend_pool_table_add(struct wend_pool_table *table, struct wend_pool_key *key)
{
    struct wend_pool_key **bucket = &table->buckets[key->stream % WEND_POOL_BUCKETS];

    key->next = *bucket;
    *bucket = key;
    table->count++;
}

void wend_pool_table_remove(struct wend_pool_table *table, struct wend_pool_key *key)
{
    struct wend_pool_key **at = &table->buckets[key->stream % WEND_POOL_BUCKETS];

    while (*at != NULL && *at != key)
        at = &(*at)->next;
    if (*at == NULL)
        return;
    *at = key->next;
    table->count--;
}

struct wend_pool_key *wend_pool_table_find(const struct wend_pool_table *table, uint32_t stream)
{
    struct wend_pool_key *key = table->buckets[stream % WEND_POOL_BUCKETS];

    while (key != NULL && key->stream != stream)
        key = key->next;
    return key;
}

void wend_pool_table_each(struct wend_pool_table *table, void (*fn)(struct wend_pool_key *key))
{
    for (size_t i = 0; i < WEND_POOL_BUCKETS; i++) {
        struct wend_pool_key *key = table->buckets[i], *next;

        for (; key != NULL; key = next) {
            next = key->next;
            fn(key);
        }
    }
}
