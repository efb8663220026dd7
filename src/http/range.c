/* http/range.c - parts of a response; see http/range.h.
 *
 * The state of a response that is cut is a list of windows into the handler's stream and, for
 * several, the text before each window. Pieces are sliced, never copied, so a file stays a file.
 */
#include "http/range.h"

#include "base/clock.h"
#include "http/etag.h"

#include <stdatomic.h>

#define BOUNDARY_LEN 20
#define OUT_PIECES 16

struct cut {
    struct wend_ranges ranges;
    struct wend_str *heads; /* one per range; NULL: a single range has none */
    struct wend_str tail;
    int64_t at;       /* how much of the handler's body went by */
    unsigned current; /* the window being filled */
    bool opened;      /* its head went out */
    bool done;
};

/* --- the field ------------------------------------------------------------------------------- */

static void skip_space(struct wend_str *rest)
{
    while (rest->len > 0 && rest->ptr[0] == ' ')
        *rest = wend_str_from(*rest, 1);
}

/* 1*DIGIT off the front. */
static bool take_number(struct wend_str *rest, int64_t *out)
{
    int64_t value = 0;
    size_t len = 0;

    for (; len < rest->len && rest->ptr[len] >= '0' && rest->ptr[len] <= '9'; len++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, rest->ptr[len] - '0', &value))
            return false;
    }
    *rest = wend_str_from(*rest, len);
    *out = value;
    return len > 0;
}

static bool take_byte(struct wend_str *rest, char byte)
{
    if (rest->len == 0 || rest->ptr[0] != byte)
        return false;
    *rest = wend_str_from(*rest, 1);
    return true;
}

/* One "first-last", "first-" or "-suffix", with spaces anywhere between the tokens. The window may
 * come out empty. */
static bool take_spec(struct wend_str *rest, int64_t length, struct wend_range *out)
{
    bool suffix;

    skip_space(rest);
    suffix = take_byte(rest, '-');
    if (!suffix) {
        if (!take_number(rest, &out->from))
            return false;
        skip_space(rest);
        if (!take_byte(rest, '-'))
            return false;
        skip_space(rest);
        if (rest->len == 0 || rest->ptr[0] == ',') {
            out->to = length;
            return true;
        }
    }
    if (!take_number(rest, &out->to))
        return false;
    skip_space(rest);
    if (rest->len > 0 && rest->ptr[0] != ',')
        return false;
    if (suffix) {
        out->from = out->to < length ? length - out->to : 0;
        out->to = length;
    } else {
        out->to = out->to < length ? out->to + 1 : length;
    }
    return true;
}

static bool has_unit(struct wend_str value)
{
    return value.len >= 7 && wend_str_starts_nocase(value, WEND_STR("bytes="));
}

/* How many commas: how many windows there can be. */
static size_t spec_count(struct wend_str value)
{
    size_t count = 1;

    for (size_t i = 0; i < value.len; i++)
        count += value.ptr[i] == ',';
    return count;
}

int wend_range_parse(struct wend_arena *arena, struct wend_str value, int64_t length, unsigned max,
                     struct wend_ranges *out)
{
    struct wend_range one;
    int64_t total = 0;

    *out = (struct wend_ranges){.ascending = true};
    if (!has_unit(value) || max == 0)
        return 200;
    value = wend_str_from(value, 6);
    out->at = wend_arena_array(arena, spec_count(value), sizeof(*out->at));
    if (out->at == NULL)
        return 200;
    do {
        if (!take_spec(&value, length, &one))
            return 416;
        if (one.from >= one.to) {
            /* Nothing can be selected from an empty body, and saying 416 to "from the start on"
             * would be unkind. */
            if (one.from == 0)
                return 200;
            continue;
        }
        if (__builtin_add_overflow(total, one.to - one.from, &total))
            return 416;
        if (out->count == max)
            return 200;
        if (out->count > 0 && one.from < out->at[out->count - 1].to)
            out->ascending = false;
        out->at[out->count++] = one;
    } while (take_byte(&value, ','));
    if (out->count == 0)
        return 416;
    return total > length ? 200 : 206;
}

/* --- the head -------------------------------------------------------------------------------- */

static bool eligible(const struct wend_exchange *x)
{
    return x->response.allow_ranges && x->response.status == 200 &&
           x->response.content_length >= 0 && x->request.version >= WEND_HTTP_10;
}

static bool if_range_holds(const struct wend_exchange *x)
{
    struct wend_str value = wend_fields_value(&x->request.fields, WEND_FIELD_IF_RANGE);
    int64_t unix_s;

    if (value.len >= 2 && value.ptr[value.len - 1] == '"')
        return !wend_etag_weak(value) && wend_str_eq(value, x->response.etag);
    return x->response.last_modified != -1 && wend_clock_parse_http(value, &unix_s) &&
           unix_s == x->response.last_modified;
}

/* 200, 206 or 416, as wend_range_parse(). */
static int decide(const struct wend_exchange *x, unsigned max, struct wend_ranges *out)
{
    const struct wend_field *range = wend_fields_get(&x->request.fields, WEND_FIELD_RANGE);

    if (range == NULL)
        return 200;
    if (wend_fields_get(&x->request.fields, WEND_FIELD_IF_RANGE) != NULL && !if_range_holds(x))
        return 200;
    return wend_range_parse(&x->task->arena, range->value, x->response.content_length, max, out);
}

static enum wend_code add_unsatisfied(struct wend_exchange *x)
{
    struct wend_arena *arena = &x->task->arena;
    struct wend_str value =
        wend_arena_printf(arena, "bytes */%lld", (long long)x->response.content_length);

    return wend_fields_set(&x->response.fields, arena, WEND_FIELD_CONTENT_RANGE, value);
}

bool wend_range_refused(struct wend_exchange *x, unsigned max)
{
    struct wend_ranges ranges;

    if (WEND_LIKELY(wend_fields_get(&x->request.fields, WEND_FIELD_RANGE) == NULL) || max == 0 ||
        !eligible(x) || decide(x, max, &ranges) != 416)
        return false;
    return add_unsatisfied(x) == WEND_OK;
}

static void become_refused(struct wend_exchange *x)
{
    struct wend_response *response = &x->response;

    if (add_unsatisfied(x) != WEND_OK)
        return;
    response->status = 416;
    response->reason = WEND_STR_NULL;
    response->content_type = WEND_STR_NULL;
    response->content_length = 0;
    response->etag = WEND_STR_NULL;
    response->last_modified = -1;
    response->allow_ranges = false;
}

static struct wend_str content_range(struct wend_arena *arena, const struct wend_range *range,
                                     int64_t length)
{
    return wend_arena_printf(arena, "bytes %lld-%lld/%lld", (long long)range->from,
                             (long long)range->to - 1, (long long)length);
}

static bool single_head(struct wend_exchange *x, struct cut *cut)
{
    const struct wend_range *range = &cut->ranges.at[0];
    struct wend_arena *arena = &x->task->arena;
    struct wend_str value = content_range(arena, range, x->response.content_length);

    if (value.ptr == NULL ||
        wend_fields_set(&x->response.fields, arena, WEND_FIELD_CONTENT_RANGE, value) != WEND_OK)
        return false;
    x->response.content_length = range->to - range->from;
    return true;
}

/* Boundaries are a running number, twenty digits: not to be guessed from the body, because the
 * length of every part is known, but never the same twice in a process. */
static struct wend_str next_boundary(struct wend_arena *arena)
{
    static _Atomic uint64_t counter;
    uint64_t number = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed) + 1;

    return wend_arena_printf(arena, "%0*llu", BOUNDARY_LEN, (unsigned long long)number);
}

static struct wend_str part_head(struct wend_arena *arena, struct wend_str boundary,
                                 struct wend_str type, const struct wend_range *range,
                                 int64_t length)
{
    struct wend_str where = content_range(arena, range, length);

    if (type.len == 0)
        return wend_arena_printf(arena, "\r\n--%.*s\r\nContent-Range: %.*s\r\n\r\n",
                                 WEND_STR_ARG(boundary), WEND_STR_ARG(where));
    return wend_arena_printf(arena,
                             "\r\n--%.*s\r\nContent-Type: %.*s\r\nContent-Range: %.*s\r\n\r\n",
                             WEND_STR_ARG(boundary), WEND_STR_ARG(type), WEND_STR_ARG(where));
}

static bool multi_head(struct wend_exchange *x, struct cut *cut)
{
    struct wend_arena *arena = &x->task->arena;
    struct wend_response *response = &x->response;
    struct wend_str boundary = next_boundary(arena);
    struct wend_str type;
    int64_t bytes = 0;

    cut->heads = wend_arena_array(arena, cut->ranges.count, sizeof(*cut->heads));
    cut->tail = wend_arena_printf(arena, "\r\n--%.*s--\r\n", WEND_STR_ARG(boundary));
    type = wend_arena_printf(arena, "multipart/byteranges; boundary=%.*s", WEND_STR_ARG(boundary));
    if (cut->heads == NULL || cut->tail.ptr == NULL || type.ptr == NULL)
        return false;
    for (unsigned i = 0; i < cut->ranges.count; i++) {
        const struct wend_range *range = &cut->ranges.at[i];

        cut->heads[i] =
            part_head(arena, boundary, response->content_type, range, response->content_length);
        if (cut->heads[i].ptr == NULL)
            return false;
        bytes += (int64_t)cut->heads[i].len + range->to - range->from;
    }
    response->content_type = type;
    response->content_length = bytes + (int64_t)cut->tail.len;
    return true;
}

static bool become_partial(struct wend_exchange *x, const struct wend_ranges *ranges, void **state)
{
    struct cut *cut = WEND_NEW(&x->task->arena, struct cut);

    if (cut == NULL)
        return false;
    cut->ranges = *ranges;
    if (!(ranges->count == 1 ? single_head(x, cut) : multi_head(x, cut)))
        return false;
    x->response.status = 206;
    x->response.reason = WEND_STR_NULL;
    *state = cut;
    return true;
}

/* The response cannot be cut or need not be: it says that it could have been. */
static void announce(struct wend_exchange *x)
{
    if (wend_fields_set(&x->response.fields, &x->task->arena, WEND_FIELD_ACCEPT_RANGES,
                        WEND_STR("bytes")) != WEND_OK)
        x->response.allow_ranges = false;
}

bool wend_range_head(struct wend_exchange *x, void **state, unsigned max, bool one_piece)
{
    struct wend_ranges ranges;
    int status;

    *state = NULL;
    if (!eligible(x))
        return false;
    if (max == 0) {
        x->response.allow_ranges = false;
        return false;
    }
    status = decide(x, max, &ranges);
    if (status == 416) {
        become_refused(x);
        return x->response.status == 416;
    }
    if (status == 206 && (ranges.ascending || one_piece) && become_partial(x, &ranges, state))
        return true;
    announce(x);
    return false;
}

/* --- the body -------------------------------------------------------------------------------- */

/* Cut pieces on their way to the next filter, handed over when they are many. */
struct outlet {
    struct wend_exchange *x;
    struct wend_filter_link *link;
    size_t count;
    struct wend_piece pieces[OUT_PIECES];
};

static enum wend_code flush(struct outlet *out, bool last)
{
    size_t count = out->count;

    out->count = 0;
    if (count == 0 && !last)
        return WEND_OK;
    return wend_filter_next(out->x, out->link, out->pieces, count, last);
}

static enum wend_code push(struct outlet *out, struct wend_piece piece)
{
    enum wend_code code = WEND_OK;

    if (out->count == OUT_PIECES)
        code = flush(out, false);
    if (piece.len > 0)
        out->pieces[out->count++] = piece;
    return code;
}

static struct wend_piece slice_piece(struct wend_piece piece, int64_t from, int64_t to)
{
    if (piece.kind == WEND_PIECE_MEMORY)
        piece.memory += from;
    else
        piece.offset += from;
    piece.len = (size_t)(to - from);
    return piece;
}

static enum wend_code open_window(struct cut *cut, struct outlet *out)
{
    cut->opened = true;
    return cut->heads == NULL ? WEND_OK : push(out, wend_piece_of(cut->heads[cut->current]));
}

static enum wend_code close_window(struct cut *cut, struct outlet *out)
{
    cut->opened = false;
    cut->current++;
    cut->done = cut->current == cut->ranges.count;
    return cut->done && cut->heads != NULL ? push(out, wend_piece_of(cut->tail)) : WEND_OK;
}

/* What the windows, from the current one on, want of `piece`, which begins at cut->at. */
static enum wend_code cut_piece(struct cut *cut, struct outlet *out, const struct wend_piece *piece)
{
    int64_t from = cut->at, to = from + (int64_t)piece->len;
    enum wend_code code = WEND_OK;

    while (code == WEND_OK && !cut->done) {
        const struct wend_range *window = &cut->ranges.at[cut->current];
        int64_t a = window->from > from ? window->from : from;
        int64_t b = window->to < to ? window->to : to;

        if (a >= b)
            break;
        if (!cut->opened)
            code = open_window(cut, out);
        if (code == WEND_OK)
            code = push(out, slice_piece(*piece, a - from, b - from));
        if (code != WEND_OK || window->to > to)
            break;
        code = close_window(cut, out);
    }
    /* Windows out of order look at the same bytes again: then this piece is all there is. */
    cut->at = to;
    return code;
}

static enum wend_code body(struct wend_exchange *x, struct wend_filter_link *link, void *state,
                           const struct wend_piece *pieces, size_t count, bool last)
{
    struct cut *cut = state;
    struct outlet out = {.x = x, .link = link};
    enum wend_code code = WEND_OK;

    if (cut == NULL) /* 416: what is pushed belongs to the response that was refused */
        return last ? wend_filter_next(x, link, NULL, 0, true) : WEND_OK;
    if (cut->done)
        return WEND_OK;
    for (size_t i = 0; i < count && code == WEND_OK && !cut->done; i++)
        code = cut_piece(cut, &out, &pieces[i]);
    if (code != WEND_OK)
        return code;
    return flush(&out, last || cut->done);
}

static bool head(struct wend_exchange *x, void **state)
{
    return wend_range_head(x, state, WEND_RANGES_UNLIMITED, false);
}

const struct wend_filter wend_filter_range = {
    .name = "range",
    .head = head,
    .body = body,
};
