/* http/exchange.c - the neutral half of every exchange: limits on the way in, filters on the way
 * out. What the bytes look like is the codec's affair. */
#include "http/exchange.h"

#include "base/assert.h"
#include "http/filter.h"
#include "http/handler.h"
#include "net/disk.h"

#define FILE_STEP_BYTES (64u << 10) /* read at once for a filter that needs bytes */

struct wend_filter_link {
    const struct wend_filter *filter;
    void *state;
    struct wend_filter_link *next;
};

const struct wend_exchange_policy wend_exchange_policy_default = {
    .server = {"wend/" WEND_VERSION, sizeof("wend/" WEND_VERSION) - 1},
    .body_timeout_ms = 60000,
    .send_timeout_ms = 60000,
    .keepalive_timeout_ms = 75000,
    .lingering = WEND_LINGERING_ON,
    .lingering_time_ms = 30000,
    .lingering_timeout_ms = 5000,
    .keepalive = true,
    .chunked = true,
    .sendfile = true,
    .tcp_nodelay = true,
};

enum wend_code wend_body_read(struct wend_exchange *x, void *into, size_t room, size_t *got)
{
    enum wend_code code;

    *got = 0;
    if (x->body_read)
        return WEND_OK;
    if (x->body_max >= 0 && x->request.content_length > x->body_max)
        return wend_fail(x->task, WEND_E_LIMIT, x->request.path_raw,
                         "the request body is too large");
    code = x->codec->read_body(x, into, room, got);
    if (code != WEND_OK)
        return code;
    x->body_received += (int64_t)*got;
    if (*got == 0)
        x->body_read = true;
    if (x->body_max >= 0 && x->body_received > x->body_max)
        return wend_fail(x->task, WEND_E_LIMIT, x->request.path_raw,
                         "the request body is too large");
    return WEND_OK;
}

static bool has_no_body(const struct wend_exchange *x)
{
    int status = x->response.status;

    return x->request.method == WEND_HEAD || status < 200 || status == 204 || status == 304;
}

/* Every filter looks at the head, in the table's order; the ones that care join the chain. */
static enum wend_code run_heads(struct wend_exchange *x)
{
    struct wend_filter_link **last = &x->links;

    for (const struct wend_filter *const *row = x->filters; row != NULL && *row != NULL; row++) {
        struct wend_filter_link *link;
        void *state = NULL;

        if (!(*row)->head(x, &state) || (*row)->body == NULL)
            continue;
        link = wend_arena_alloc(&x->task->arena, sizeof(*link));
        if (link == NULL)
            return wend_fail(x->task, WEND_E_MEMORY, WEND_STR_NULL,
                             "no room for a response filter");
        *link = (struct wend_filter_link){*row, state, NULL};
        *last = link;
        last = &link->next;
    }
    x->header_only = x->header_only || has_no_body(x);
    x->state = WEND_X_HEAD;
    return WEND_OK;
}

/* A filter that needs bytes gets a file in steps, read into memory. */
static enum wend_code feed_file(struct wend_exchange *x, struct wend_filter_link *link,
                                const struct wend_piece *piece, bool last)
{
    char *bytes = wend_arena_alloc(&x->task->arena, FILE_STEP_BYTES);
    off_t offset = piece->offset;
    size_t left = piece->len;
    enum wend_code code = WEND_OK;

    if (bytes == NULL)
        return wend_fail(x->task, WEND_E_MEMORY, WEND_STR_NULL, "no room to read a file");
    while (left != 0 && code == WEND_OK) {
        struct wend_piece step;
        size_t got = 0;

        code = wend_disk_read(x->task, piece->file, bytes,
                              left < FILE_STEP_BYTES ? left : FILE_STEP_BYTES, offset, &got);
        if (code != WEND_OK || got == 0)
            return wend_fail(x->task, code == WEND_OK ? WEND_E_CLOSED : code, WEND_STR_NULL,
                             "a file became shorter while it was sent");
        offset += (off_t)got;
        left -= got;
        step = wend_piece_of(wend_str_make(bytes, got));
        code = link->filter->body(x, link, link->state, &step, 1, last && left == 0);
    }
    return code;
}

static enum wend_code feed(struct wend_exchange *x, struct wend_filter_link *link,
                           const struct wend_piece *pieces, size_t count, bool last)
{
    if (!link->filter->needs_bytes)
        return link->filter->body(x, link, link->state, pieces, count, last);
    for (size_t i = 0; i < count; i++) {
        bool end = last && i + 1 == count;
        enum wend_code code;

        if (pieces[i].kind == WEND_PIECE_FILE && pieces[i].len != 0)
            code = feed_file(x, link, &pieces[i], end);
        else
            code = link->filter->body(x, link, link->state, &pieces[i], 1, end);
        if (code != WEND_OK)
            return code;
    }
    return count == 0 ? link->filter->body(x, link, link->state, NULL, 0, last) : WEND_OK;
}

enum wend_code wend_filter_next(struct wend_exchange *x, struct wend_filter_link *link,
                                const struct wend_piece *pieces, size_t count, bool last)
{
    if (link->next != NULL)
        return feed(x, link->next, pieces, count, last);
    return x->codec->send(x, pieces, count, last);
}

enum wend_code wend_respond(struct wend_exchange *x, const struct wend_piece *pieces, size_t count,
                            bool last)
{
    enum wend_code code = WEND_OK;

    WEND_ASSERT(x->response.status != 0);
    if (x->state == WEND_X_DONE || x->state == WEND_X_TORN)
        return WEND_E_STATE;
    if (x->state == WEND_X_REQUEST)
        code = run_heads(x);
    if (code != WEND_OK)
        return code;
    if (x->header_only)
        code = x->codec->send(x, NULL, 0, last);
    else if (x->links != NULL)
        code = feed(x, x->links, pieces, count, last);
    else
        code = x->codec->send(x, pieces, count, last);
    if (code == WEND_OK && last && x->state == WEND_X_HEAD)
        x->state = WEND_X_DONE;
    return code;
}

enum wend_code wend_respond_text(struct wend_exchange *x, int status, struct wend_str content_type,
                                 struct wend_str body)
{
    struct wend_piece piece = wend_piece_of(body);

    x->response.status = status;
    x->response.content_type = content_type;
    x->response.content_length = (int64_t)body.len;
    return wend_respond(x, &piece, 1, true);
}

void wend_respond_torn(struct wend_exchange *x)
{
    x->state = WEND_X_TORN;
}
