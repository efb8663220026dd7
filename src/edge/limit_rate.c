/* edge/limit_rate.c - responses no faster than asked: limit_rate, limit_rate_after, $limit_rate.
 *
 * The last filter before the codec. What may have been sent by now follows from the time since the
 * response began; a piece is cut where that ends, and the task sleeps until another step of it may
 * go. So a client that was slow at first may catch up, as in nginx, and the long-time mean is
 * exact. A sleeping response keeps its stack: it is in the middle of its handler. The alternative,
 * handing the rest of a file to the parked connection, would need a second way for everything that
 * comes after a response.
 */
#include "edge/content.h"
#include "edge/request.h"
#include "edge/upstream.h"
#include "http/h1_server.h"

#include <time.h>

#define RATE_MAX (INT64_C(1) << 40) /* bytes a second; more is no limit */
#define STEPS_PER_S 4
#define STEP_BYTES_MAX (256 << 10)

struct pacing {
    int64_t rate; /* bytes a second */
    int64_t free; /* sent before the limit applies */
    int64_t step; /* the least worth waking for */
    int64_t started_ns;
    int64_t sent;
};

static int64_t size_of(struct wend_exchange *x, const struct wend_template *template)
{
    int64_t size =
        wend_template_set(template) ? wend_conf_size(wend_template_value(x, template)) : 0;

    return size < 0 ? 0 : size < RATE_MAX ? size : RATE_MAX;
}

static bool head(struct wend_exchange *x, void **state)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct pacing *pacing;
    int64_t rate;

    if (r->upstream != NULL && r->upstream->limit_rate >= 0)
        r->limit_rate = r->upstream->limit_rate;
    if (WEND_LIKELY(r->limit_rate <= 0 && !wend_template_set(&r->location->limit_rate)))
        return false;
    rate = r->limit_rate >= 0 ? r->limit_rate : size_of(x, &r->location->limit_rate);
    if (rate == 0 || rate >= RATE_MAX)
        return false;
    r->limit_rate = rate; /* $limit_rate in the log */
    pacing = WEND_NEW(&x->task->arena, struct pacing);
    if (pacing == NULL)
        return false;
    *pacing = (struct pacing){.rate = rate,
                              .free = size_of(x, &r->location->limit_rate_after),
                              .step = rate / STEPS_PER_S,
                              .started_ns = wend_clock_monotonic_ns()};
    if (pacing->step == 0)
        pacing->step = 1;
    if (pacing->step > STEP_BYTES_MAX)
        pacing->step = STEP_BYTES_MAX;
    *state = pacing;
    return true;
}

/* What may go now; the first step may at once. */
static int64_t allowance(const struct pacing *pacing)
{
    int64_t elapsed_ns = wend_clock_monotonic_ns() - pacing->started_ns;
    __int128 earned = (__int128)pacing->rate * elapsed_ns / WEND_NS_PER_S;

    return (int64_t)earned + pacing->free + pacing->step - pacing->sent;
}

/* A response written by a foreign thread blocks that thread, as its sends do. */
static enum wend_code pause_for(struct wend_exchange *x, int64_t ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * WEND_NS_PER_MS};

    if (wend_task_current() == x->task)
        return wend_task_sleep(x->task, ms);
    nanosleep(&time, NULL);
    return WEND_OK;
}

static enum wend_code wait_for(struct wend_exchange *x, const struct pacing *pacing, int64_t wanted,
                               int64_t *allowed)
{
    int64_t least = wanted < pacing->step ? wanted : pacing->step;
    enum wend_code code = WEND_OK;

    for (*allowed = allowance(pacing); *allowed < least && code == WEND_OK;
         *allowed = allowance(pacing)) {
        if (wend_exchange_client_gone(x))
            return WEND_E_RESET;
        code = pause_for(x, (least - *allowed) * 1000 / pacing->rate + 1);
    }
    return code;
}

static enum wend_code send_piece(struct wend_exchange *x, struct wend_filter_link *link,
                                 struct pacing *pacing, struct wend_piece piece, bool last)
{
    while (piece.len != 0) {
        struct wend_piece part = piece;
        int64_t allowed;
        enum wend_code code = wait_for(x, pacing, (int64_t)piece.len, &allowed);

        if (code != WEND_OK)
            return code;
        if ((int64_t)part.len > allowed)
            part.len = (size_t)allowed;
        code = wend_filter_next(x, link, &part, 1, last && part.len == piece.len);
        if (code != WEND_OK)
            return code;
        pacing->sent += (int64_t)part.len;
        piece.len -= part.len;
        if (piece.kind == WEND_PIECE_FILE)
            piece.offset += (off_t)part.len;
        else
            piece.memory += part.len;
    }
    return WEND_OK;
}

static enum wend_code body(struct wend_exchange *x, struct wend_filter_link *link, void *state,
                           const struct wend_piece *pieces, size_t count, bool last)
{
    enum wend_code code = WEND_OK;

    while (count != 0 && pieces[count - 1].len == 0)
        count--;
    for (size_t i = 0; i < count && code == WEND_OK; i++)
        code = send_piece(x, link, state, pieces[i], last && i + 1 == count);
    return code == WEND_OK && count == 0 ? wend_filter_next(x, link, NULL, 0, last) : code;
}

const struct wend_filter wend_edge_filter_rate = {
    .name = "limit_rate",
    .head = head,
    .body = body,
};
