/* tests/fuzz/pool_fuzz.c - any bytes as what the other side of a pool's connection says.
 *
 * The input is frames one after another. What is accepted must be consistent: written again, a head
 * reads back as the same head, and nothing in it could break a line of HTTP.
 */
#include "base/assert.h"
#include "gateway/pool.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_fields(const struct wend_fields *fields)
{
    for (unsigned i = 0; i < fields->count; i++) {
        WEND_ASSERT(wend_field_name_valid(fields->at[i].name));
        WEND_ASSERT(wend_field_value_valid(fields->at[i].value));
    }
}

static void check_spans(struct wend_str payload, struct wend_arena *arena)
{
    struct wend_pool_spans known = {0};
    struct wend_trace *trace = calloc(1, sizeof(*trace));
    uint16_t span;

    wend_trace_start(trace, 0, 0);
    span = known.inside = wend_span_begin(trace, WEND_EV_REQUEST);
    for (int i = 0; i < 2; i++) /* told again, it is the same spans */
        if (wend_pool_spans_read(payload, arena, trace, &known) == WEND_OK)
            WEND_ASSERT(trace->count == known.count + 1 || trace->dropped != 0);
    WEND_ASSERT(trace->count <= WEND_SPANS_MAX);
    for (uint16_t i = 0; i < trace->count; i++)
        WEND_ASSERT(wend_trace_span(trace, i)->event < WEND_EVENTS_COUNT &&
                    (wend_trace_span(trace, i)->parent == WEND_SPAN_NONE ||
                     wend_trace_span(trace, i)->parent < i));
    wend_span_end(trace, span, 0);
    wend_trace_release(trace);
    free(trace);
}

static void check_request(struct wend_str payload, struct wend_arena *arena)
{
    struct wend_request request = {0}, again = {0};
    struct wend_pool_place place, place_again;
    struct wend_buffer written;

    if (wend_pool_request_read(payload, arena, &request, &place) != WEND_OK)
        return;
    check_fields(&request.fields);
    WEND_ASSERT(wend_field_name_valid(request.method_text));
    WEND_ASSERT(place.body_bytes >= 0 && request.content_length >= -1 && request.port >= -1);
    wend_buffer_init(&written, 4 * WEND_POOL_FRAME_MAX);
    wend_pool_request_write(&written, &request, &place);
    WEND_ASSERT(wend_pool_request_read(wend_buffer_str(&written), arena, &again, &place_again) ==
                WEND_OK);
    WEND_ASSERT(again.fields.count == request.fields.count && again.method == request.method &&
                wend_str_eq(again.target, request.target) &&
                place_again.body_bytes == place.body_bytes);
    wend_buffer_release(&written);
}

static void check_response(struct wend_str payload, struct wend_arena *arena)
{
    struct wend_response response = {0};
    struct wend_str spans;

    wend_fields_init(&response.fields, NULL, 0, WEND_FIELDS_MAX);
    if (wend_pool_response_read(payload, arena, &response, &spans) != WEND_OK)
        return;
    check_fields(&response.fields);
    WEND_ASSERT(response.status >= 200 && response.status <= 999);
    WEND_ASSERT(response.content_length >= -1 && wend_field_value_valid(response.reason));
    check_spans(spans, arena);
}

static void check_payload(const struct wend_pool_frame *frame, struct wend_str payload,
                          struct wend_arena *arena)
{
    enum wend_pool_state state;
    struct wend_str spans;
    uint64_t number;

    switch (frame->type) {
    case WEND_POOL_REQUEST:
        check_request(payload, arena);
        break;
    case WEND_POOL_HEAD:
        check_response(payload, arena);
        break;
    case WEND_POOL_END:
        if (wend_pool_outcome_read(payload, &state, &spans) == WEND_OK)
            check_spans(spans, arena);
        break;
    default:
        (void)!wend_pool_number_read(payload, &number);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wend_str rest = wend_str_make((const char *)data, size);
    struct wend_pool_frame frame;
    struct wend_arena arena;
    char head[WEND_POOL_HEAD_BYTES];

    wend_arena_init(&arena, 8u << 20);
    while (rest.len >= WEND_POOL_HEAD_BYTES && wend_pool_frame_parse(rest.ptr, &frame) == WEND_OK) {
        wend_pool_frame_write(&frame, head);
        WEND_ASSERT(memcmp(head, rest.ptr, sizeof(head)) == 0);
        rest = wend_str_from(rest, WEND_POOL_HEAD_BYTES);
        check_payload(&frame, wend_str_slice(rest, 0, frame.length), &arena);
        rest = wend_str_from(rest, frame.length);
    }
    wend_arena_release(&arena);
    return 0;
}
