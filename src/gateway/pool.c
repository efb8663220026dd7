/* gateway/pool.c - see gateway/pool.h.
 *
 * Inside a payload: numbers are LEB128, a text is its length plus one (0: absent) and its bytes.
 * Fields that have an id go without their name. */
#include "gateway/pool.h"

#include "gateway/uwsgi.h"

#include <stdio.h>

#define PROTOCOL 1
#define SPAN_NOTE_MAX 96

/* --- frames ----------------------------------------------------------------------------------- */

/* What each type may be. */
static const struct {
    uint32_t length_max;
    uint8_t flags;
    bool of_stream;
} types[] = {
    [WEND_POOL_REQUEST] = {WEND_POOL_FRAME_MAX, WEND_POOL_LAST, true},
    [WEND_POOL_BODY] = {WEND_POOL_WINDOW, WEND_POOL_LAST, true},
    [WEND_POOL_CANCEL] = {0, 0, true},
    [WEND_POOL_WINDOW_MORE] = {10, 0, true},
    [WEND_POOL_HELLO] = {10, 0, false},
    [WEND_POOL_HEAD] = {WEND_POOL_FRAME_MAX, WEND_POOL_PAGE, true},
    [WEND_POOL_DATA] = {WEND_POOL_WINDOW, 0, true},
    [WEND_POOL_END] = {WEND_POOL_FRAME_MAX, 0, true},
    [WEND_POOL_LEAVE] = {0, 0, false},
};

static uint32_t get32(const char *at)
{
    const unsigned char *b = (const unsigned char *)at;

    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void put32(char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (char)(value >> (8 * i) & 0xff);
}

enum wend_code wend_pool_frame_parse(const char bytes[WEND_POOL_HEAD_BYTES],
                                     struct wend_pool_frame *out)
{
    *out = (struct wend_pool_frame){.length = get32(bytes),
                                    .type = (uint8_t)bytes[4],
                                    .flags = (uint8_t)bytes[5],
                                    .stream = get32(bytes + 8)};
    if (out->type == 0 || out->type >= WEND_COUNT(types) || bytes[6] != 0 || bytes[7] != 0)
        return WEND_E_PROTOCOL;
    if (out->length > types[out->type].length_max || (out->flags & ~types[out->type].flags) != 0 ||
        (out->stream != 0) != types[out->type].of_stream)
        return WEND_E_PROTOCOL;
    return WEND_OK;
}

void wend_pool_frame_write(const struct wend_pool_frame *frame, char out[WEND_POOL_HEAD_BYTES])
{
    put32(out, frame->length);
    out[4] = (char)frame->type;
    out[5] = (char)frame->flags;
    out[6] = out[7] = 0;
    put32(out + 8, frame->stream);
}

size_t wend_pool_begin(struct wend_buffer *out, enum wend_pool_type type, unsigned flags,
                       uint32_t stream)
{
    struct wend_pool_frame frame = {0, (uint8_t)type, (uint8_t)flags, stream};
    char head[WEND_POOL_HEAD_BYTES];
    size_t began = out->len;

    wend_pool_frame_write(&frame, head);
    wend_buffer_add(out, wend_str_make(head, sizeof(head)));
    return began;
}

enum wend_code wend_pool_end(struct wend_buffer *out, size_t began)
{
    size_t length;

    if (!out->overflow) {
        length = out->len - began - WEND_POOL_HEAD_BYTES;
        if (length <= types[(uint8_t)out->ptr[began + 4]].length_max) {
            put32(out->ptr + began, (uint32_t)length);
            return WEND_OK;
        }
    }
    out->len = began;
    out->overflow = false;
    return WEND_E_LIMIT;
}

/* --- numbers and texts ------------------------------------------------------------------------ */

void wend_pool_number_write(struct wend_buffer *out, uint64_t number)
{
    char bytes[10];
    size_t len = 0;

    do {
        bytes[len] = (char)((number & 0x7f) | (number > 0x7f ? 0x80 : 0));
        number >>= 7;
        len++;
    } while (number != 0);
    wend_buffer_add(out, wend_str_make(bytes, len));
}

static void write_text(struct wend_buffer *out, struct wend_str text)
{
    wend_pool_number_write(out, text.ptr == NULL ? 0 : (uint64_t)text.len + 1);
    wend_buffer_add(out, text);
}

/* What is left of a payload; `bad` stays set, so that a reader may read on and ask once. */
struct reader {
    struct wend_str rest;
    bool bad;
};

static uint64_t read_number(struct reader *reader)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 10 && i < reader->rest.len; i++) {
        unsigned char byte = (unsigned char)reader->rest.ptr[i];

        if (i == 9 && byte > 1)
            break;
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if ((byte & 0x80) == 0) {
            reader->rest = wend_str_from(reader->rest, i + 1);
            return value;
        }
    }
    reader->bad = true;
    return 0;
}

static uint64_t read_up_to(struct reader *reader, uint64_t most)
{
    uint64_t value = read_number(reader);

    reader->bad |= value > most;
    return reader->bad ? 0 : value;
}

static struct wend_str read_text(struct reader *reader)
{
    uint64_t len = read_number(reader);
    struct wend_str text = WEND_STR_NULL;

    if (reader->bad || len == 0)
        return text;
    if (len - 1 > reader->rest.len) {
        reader->bad = true;
        return text;
    }
    text = wend_str_slice(reader->rest, 0, (size_t)len - 1);
    reader->rest = wend_str_from(reader->rest, (size_t)len - 1);
    return text;
}

enum wend_code wend_pool_number_read(struct wend_str payload, uint64_t *number)
{
    struct reader reader = {payload, false};

    *number = read_number(&reader);
    return reader.bad || reader.rest.len != 0 ? WEND_E_PROTOCOL : WEND_OK;
}

/* --- fields ----------------------------------------------------------------------------------- */

static void write_fields(struct wend_buffer *out, const struct wend_fields *fields)
{
    unsigned count = 0;

    for (unsigned i = 0; i < fields->count; i++)
        count += !fields->at[i].hidden;
    wend_pool_number_write(out, count);
    for (unsigned i = 0; i < fields->count; i++) {
        const struct wend_field *field = &fields->at[i];

        if (field->hidden)
            continue;
        wend_pool_number_write(out, field->id);
        if (field->id == WEND_FIELD_UNKNOWN)
            write_text(out, field->name);
        write_text(out, field->value);
    }
}

static enum wend_code read_fields(struct reader *reader, struct wend_arena *arena,
                                  struct wend_fields *fields)
{
    uint64_t count = read_up_to(reader, WEND_FIELDS_MAX);
    enum wend_code code = WEND_OK;

    for (uint64_t i = 0; i < count && code == WEND_OK && !reader->bad; i++) {
        uint16_t id = (uint16_t)read_up_to(reader, WEND_FIELDS_KNOWN - 1);
        struct wend_str name = id == WEND_FIELD_UNKNOWN ? read_text(reader) : wend_field_name(id);
        struct wend_str value = read_text(reader);

        if (reader->bad || !wend_field_name_valid(name) || !wend_field_value_valid(value))
            return WEND_E_PROTOCOL;
        code = wend_fields_add_row(fields, arena, id, name, value);
    }
    return reader->bad ? WEND_E_PROTOCOL : code;
}

/* --- addresses -------------------------------------------------------------------------------- */

static void write_address(struct wend_buffer *out, const struct wend_address *address)
{
    socklen_t len = wend_address_len(address);
    bool named = address->family == AF_INET || address->family == AF_INET6;

    wend_pool_number_write(out, address->family);
    if (named)
        write_text(out, wend_str_make((const char *)address, len));
}

static void read_address(struct reader *reader, struct wend_address *address)
{
    sa_family_t family = (sa_family_t)read_up_to(reader, UINT16_MAX);
    struct wend_str bytes;

    memset(address, 0, sizeof(*address));
    address->family = family;
    if (family != AF_INET && family != AF_INET6) {
        reader->bad |= family != AF_UNIX && family != AF_UNSPEC;
        return;
    }
    bytes = read_text(reader);
    if (bytes.len == 0 || bytes.len != wend_address_len(address)) {
        reader->bad = true;
        return;
    }
    memcpy(address, bytes.ptr, bytes.len);
    reader->bad |= address->family != family;
}

/* --- a request -------------------------------------------------------------------------------- */

enum { REQUEST_CHUNKED = 1, REQUEST_KEEP_ALIVE = 2, REQUEST_SECURE = 4, REQUEST_BITS = 7 };

static unsigned request_bits(const struct wend_request *request)
{
    unsigned bits = request->chunked ? REQUEST_CHUNKED : 0;

    bits |= request->keep_alive ? REQUEST_KEEP_ALIVE : 0;
    return bits | (wend_str_eq(request->scheme, WEND_STR("https")) ? REQUEST_SECURE : 0);
}

void wend_pool_request_write(struct wend_buffer *out, const struct wend_request *request,
                             const struct wend_pool_place *place)
{
    wend_pool_number_write(out, request->version);
    wend_pool_number_write(out, request_bits(request));
    write_text(out, request->method_text);
    write_text(out, request->line);
    write_text(out, request->target);
    write_text(out, request->path_raw);
    write_text(out, request->query);
    write_text(out, request->authority);
    write_text(out, request->host);
    wend_pool_number_write(out, (uint64_t)request->port + 1);
    wend_pool_number_write(out, (uint64_t)request->content_length + 1);
    write_text(out, place->script_name);
    write_text(out, place->path_info);
    write_text(out, place->server_name);
    write_text(out, place->remote_user);
    write_text(out, place->variables);
    write_address(out, &place->peer);
    write_address(out, &place->local);
    wend_pool_number_write(out, place->connection);
    wend_pool_number_write(out, (uint64_t)place->body_bytes);
    wend_pool_number_write(out, (uint64_t)place->send_timeout_ms);
    write_fields(out, &request->fields);
}

static bool known_version(uint64_t version)
{
    return version == WEND_HTTP_09 || version == WEND_HTTP_10 || version == WEND_HTTP_11 ||
           version == WEND_HTTP_20;
}

static void read_request_line(struct reader *reader, struct wend_request *request)
{
    uint64_t version = read_number(reader), bits = read_up_to(reader, REQUEST_BITS);

    reader->bad |= !known_version(version);
    request->version = (enum wend_version)(reader->bad ? WEND_HTTP_11 : version);
    request->chunked = (bits & REQUEST_CHUNKED) != 0;
    request->keep_alive = (bits & REQUEST_KEEP_ALIVE) != 0;
    request->scheme = (bits & REQUEST_SECURE) != 0 ? WEND_STR("https") : WEND_STR("http");
    request->method_text = read_text(reader);
    request->line = read_text(reader);
    request->target = read_text(reader);
    request->path_raw = read_text(reader);
    request->query = read_text(reader);
    request->authority = read_text(reader);
    request->host = read_text(reader);
    request->port = (int)read_up_to(reader, UINT16_MAX + 1) - 1;
    request->content_length = (int64_t)read_up_to(reader, INT64_MAX) - 1;
    reader->bad |= !wend_field_name_valid(request->method_text);
    request->method = wend_method_of(request->method_text);
}

static void read_place(struct reader *reader, struct wend_pool_place *place)
{
    size_t offset;

    place->script_name = read_text(reader);
    place->path_info = read_text(reader);
    place->server_name = read_text(reader);
    place->remote_user = read_text(reader);
    place->variables = read_text(reader);
    read_address(reader, &place->peer);
    read_address(reader, &place->local);
    place->connection = read_number(reader);
    place->body_bytes = (int64_t)read_up_to(reader, INT64_MAX);
    place->send_timeout_ms = (int)read_up_to(reader, INT32_MAX);
    reader->bad |= wend_uwsgi_vars_check(place->variables, &offset) != WEND_OK;
}

enum wend_code wend_pool_request_read(struct wend_str payload, struct wend_arena *arena,
                                      struct wend_request *request, struct wend_pool_place *place)
{
    struct reader reader = {payload, false};
    enum wend_code code;

    wend_fields_init(&request->fields, NULL, 0, WEND_FIELDS_MAX);
    wend_fields_init(&request->trailers, NULL, 0, 0);
    read_request_line(&reader, request);
    read_place(&reader, place);
    if (reader.bad)
        return WEND_E_PROTOCOL;
    code = read_fields(&reader, arena, &request->fields);
    if (code == WEND_OK && reader.rest.len != 0)
        return WEND_E_PROTOCOL;
    return code;
}

/* --- spans ------------------------------------------------------------------------------------ */

static void write_spans(struct wend_buffer *out, const struct wend_trace *trace)
{
    uint16_t count = trace->enabled ? trace->count : 0;

    wend_pool_number_write(out, count);
    for (uint16_t i = 0; i < count; i++) {
        const struct wend_span *span = wend_trace_span(trace, i);
        bool has_parent = span->parent < i;

        wend_pool_number_write(out, span->event);
        wend_pool_number_write(out, has_parent ? (uint64_t)span->parent + 1 : 0);
        wend_pool_number_write(out, span->start_ticks);
        wend_pool_number_write(
            out, span->end_ticks < span->start_ticks ? 0 : span->end_ticks - span->start_ticks + 1);
        wend_pool_number_write(out, (uint64_t)span->number);
        write_text(out, wend_str_slice(span->note, 0, SPAN_NOTE_MAX));
    }
}

/* Where the other side's span `index` stands in `trace`; WEND_SPAN_NONE when it has no place. */
static uint16_t place_of(struct wend_trace *trace, struct wend_pool_spans *known, uint16_t index)
{
    if (index < known->count)
        return known->local[index];
    known->count = (uint16_t)(index + 1);
    known->local[index] = WEND_SPAN_NONE;
    if (!trace->enabled)
        return WEND_SPAN_NONE;
    if (!wend_trace_has_room(trace)) {
        trace->dropped++;
        return WEND_SPAN_NONE;
    }
    known->local[index] = trace->count;
    *wend_trace_span(trace, trace->count) = (struct wend_span){0};
    return trace->count++;
}

enum wend_code wend_pool_spans_read(struct wend_str payload, struct wend_arena *arena,
                                    struct wend_trace *trace, struct wend_pool_spans *known)
{
    struct reader reader = {payload, false};
    uint64_t count = read_up_to(&reader, WEND_POOL_SPANS_MAX);

    for (uint16_t i = 0; i < count && !reader.bad; i++) {
        struct wend_span span = {.event = (uint16_t)read_up_to(&reader, WEND_EVENTS_COUNT - 1)};
        uint64_t parent = read_up_to(&reader, i), length;
        struct wend_span *mine;
        uint16_t place;

        span.start_ticks = read_number(&reader);
        length = read_number(&reader);
        span.number = (int64_t)read_number(&reader);
        span.note = read_text(&reader);
        if (reader.bad)
            break;
        place = place_of(trace, known, i);
        if (place == WEND_SPAN_NONE)
            continue;
        mine = wend_trace_span(trace, place);
        span.parent = parent == 0 ? known->inside : known->local[parent - 1];
        if (span.parent != WEND_SPAN_NONE &&
            span.start_ticks < wend_trace_span(trace, span.parent)->start_ticks)
            span.start_ticks = wend_trace_span(trace, span.parent)->start_ticks;
        span.end_ticks = length == 0 ? 0 : span.start_ticks + length - 1;
        if (mine->note.len == span.note.len)
            span.note = mine->note;
        else
            span.note = wend_arena_keep(arena, span.note);
        *mine = span;
    }
    return reader.bad || reader.rest.len != 0 ? WEND_E_PROTOCOL : WEND_OK;
}

/* --- a response ------------------------------------------------------------------------------- */

enum { RESPONSE_RANGES = 1, RESPONSE_CLOSE = 2, RESPONSE_BITS = 3 };

void wend_pool_response_write(struct wend_buffer *out, const struct wend_response *response,
                              const struct wend_trace *trace)
{
    wend_pool_number_write(out, (uint64_t)response->status);
    wend_pool_number_write(out, (response->allow_ranges ? RESPONSE_RANGES : 0) |
                                    (response->close ? RESPONSE_CLOSE : 0));
    write_text(out, response->reason);
    wend_pool_number_write(out, (uint64_t)(response->content_length + 1));
    write_text(out, response->etag);
    wend_pool_number_write(out, (uint64_t)(response->last_modified + 1));
    write_text(out, response->content_type);
    write_fields(out, &response->fields);
    write_spans(out, trace);
}

enum wend_code wend_pool_response_read(struct wend_str payload, struct wend_arena *arena,
                                       struct wend_response *response, struct wend_str *spans)
{
    struct reader reader = {payload, false};
    uint64_t bits;
    enum wend_code code;

    response->status = (int)read_up_to(&reader, 999);
    bits = read_up_to(&reader, RESPONSE_BITS);
    response->allow_ranges = (bits & RESPONSE_RANGES) != 0;
    response->close = (bits & RESPONSE_CLOSE) != 0;
    response->reason = read_text(&reader);
    response->content_length = (int64_t)read_up_to(&reader, INT64_MAX) - 1;
    response->etag = read_text(&reader);
    response->last_modified = (int64_t)read_up_to(&reader, INT64_MAX) - 1;
    response->content_type = read_text(&reader);
    if (reader.bad || response->status < 200 || !wend_field_value_valid(response->reason) ||
        !wend_field_value_valid(response->etag) || !wend_field_value_valid(response->content_type))
        return WEND_E_PROTOCOL;
    code = read_fields(&reader, arena, &response->fields);
    *spans = reader.rest;
    return code;
}

void wend_pool_outcome_write(struct wend_buffer *out, enum wend_pool_state state,
                             const struct wend_trace *trace)
{
    wend_pool_number_write(out, state);
    write_spans(out, trace);
}

enum wend_code wend_pool_outcome_read(struct wend_str payload, enum wend_pool_state *state,
                                      struct wend_str *spans)
{
    struct reader reader = {payload, false};

    *state = (enum wend_pool_state)read_up_to(&reader, WEND_POOL_FAILED);
    *spans = reader.rest;
    return reader.bad ? WEND_E_PROTOCOL : WEND_OK;
}

size_t wend_pool_dialect(char out[WEND_POOL_DIALECT_MAX])
{
    int len = snprintf(out, WEND_POOL_DIALECT_MAX, "%d/%d/%d/%s", PROTOCOL, WEND_FIELDS_KNOWN,
                       WEND_EVENTS_COUNT, WEND_VERSION);

    return len < WEND_POOL_DIALECT_MAX ? (size_t)len : WEND_POOL_DIALECT_MAX - 1;
}
