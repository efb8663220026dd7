/* edge/upstream_variables.c - what the attempts of a request left behind, as $upstream_ variables:
 * one value per attempt, as nginx writes them. */
#include "edge/upstream_variables.h"

#include "edge/upstream_settings.h"

enum fact {
    ADDR,
    STATUS,
    CONNECT_TIME,
    HEADER_TIME,
    RESPONSE_TIME,
    LENGTH,
    RECEIVED,
    SENT,
    LAST_ADDR
};

static void add_seconds(struct wend_buffer *out, int64_t ns)
{
    if (ns < 0)
        wend_buffer_add_byte(out, '-');
    else
        wend_buffer_printf(out, "%lld.%03d", (long long)(ns / WEND_NS_PER_S),
                           (int)(ns / WEND_NS_PER_MS % 1000));
}

static void add_fact(struct wend_buffer *out, const struct wend_upstream_try *record,
                     enum fact fact)
{
    switch (fact) {
    case ADDR:
    case LAST_ADDR:
        wend_buffer_add(out, record->address);
        break;
    case STATUS:
        if (record->status > 0)
            wend_buffer_add_u64(out, (uint64_t)record->status);
        else
            wend_buffer_add_byte(out, '-');
        break;
    case CONNECT_TIME:
        add_seconds(out, record->connect_ns);
        break;
    case HEADER_TIME:
        add_seconds(out, record->header_ns);
        break;
    case RESPONSE_TIME:
        add_seconds(out, record->response_ns);
        break;
    case LENGTH:
        wend_buffer_add_u64(out, record->body_bytes);
        break;
    case RECEIVED:
        wend_buffer_add_u64(out, record->received);
        break;
    case SENT:
        wend_buffer_add_u64(out, record->sent);
        break;
    }
}

static struct wend_upstream *upstream_of(struct wend_exchange *x)
{
    return x->edge == NULL ? NULL : wend_edge_of(x)->upstream;
}

/* Those before an internal redirect come first, set off by " : ". */
static void add_facts(struct wend_buffer *out, const struct wend_upstream *upstream, enum fact fact)
{
    if (upstream->previous != NULL && fact != LAST_ADDR) {
        add_facts(out, upstream->previous, fact);
        wend_buffer_add(out, WEND_STR(" : "));
    }
    for (unsigned i = fact == LAST_ADDR && upstream->try_count > 0 ? upstream->try_count - 1 : 0;
         i < upstream->try_count; i++) {
        if (i > 0 && fact != LAST_ADDR)
            wend_buffer_add(out, WEND_STR(", "));
        add_fact(out, &upstream->tries[i], fact);
    }
}

static struct wend_value get_fact(struct wend_exchange *x, const struct wend_variable *variable)
{
    const struct wend_upstream *upstream = upstream_of(x);
    struct wend_buffer out;

    if (upstream == NULL || upstream->try_count == 0)
        return (struct wend_value){WEND_STR_NULL, false};
    wend_buffer_init_arena(&out, &x->task->arena, 4096);
    add_facts(&out, upstream, (enum fact)variable->data);
    return (struct wend_value){wend_buffer_str(&out), true};
}

/* "x_powered_by" names the field X-Powered-By. */
static bool names_field(struct wend_str name, struct wend_str variable)
{
    if (name.len != variable.len)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (wend_lower(name.ptr[i] == '-' ? '_' : name.ptr[i]) != wend_lower(variable.ptr[i]))
            return false;
    return true;
}

static struct wend_value get_field(struct wend_exchange *x, const struct wend_variable *variable)
{
    const struct wend_upstream *upstream = upstream_of(x);
    bool trailer = variable->data != 0;
    struct wend_str wanted = wend_str_from(variable->name, trailer ? sizeof("upstream_trailer_") - 1
                                                                   : sizeof("upstream_http_") - 1);
    const struct wend_fields *fields;
    struct wend_buffer out;

    if (upstream == NULL)
        return (struct wend_value){WEND_STR_NULL, false};
    fields = trailer ? &upstream->trailers : &upstream->head.fields;
    wend_buffer_init_arena(&out, &x->task->arena, 65536);
    for (unsigned i = 0; i < fields->count; i++) {
        if (!names_field(fields->at[i].name, wanted))
            continue;
        if (out.len > 0)
            wend_buffer_add(&out, WEND_STR(", "));
        wend_buffer_add(&out, fields->at[i].value);
    }
    return (struct wend_value){wend_buffer_str(&out), out.ptr != NULL};
}

/* The value of the last Set-Cookie with that name. */
static struct wend_value get_cookie(struct wend_exchange *x, const struct wend_variable *variable)
{
    const struct wend_upstream *upstream = upstream_of(x);
    struct wend_str wanted = wend_str_from(variable->name, sizeof("upstream_cookie_") - 1);
    struct wend_value found = {WEND_STR_NULL, false};

    for (unsigned i = 0; upstream != NULL && i < upstream->head.fields.count; i++) {
        const struct wend_field *field = &upstream->head.fields.at[i];
        struct wend_str rest = field->value, pair;

        if (field->id != WEND_FIELD_SET_COOKIE || !wend_str_split(&rest, ';', &pair))
            continue;
        if (wend_str_starts_nocase(pair, wanted) && pair.len > wanted.len &&
            pair.ptr[wanted.len] == '=')
            found = (struct wend_value){wend_str_from(pair, wanted.len + 1), true};
    }
    return found;
}

/* $request_body and $request_body_file: what was read before an upstream was asked. */
static struct wend_value get_body(struct wend_exchange *x, const struct wend_variable *variable)
{
    const struct wend_upstream *upstream = upstream_of(x);
    bool file = variable->data != 0;
    bool said = x->request.chunked || x->request.content_length >= 0;
    struct wend_str text;

    if (upstream == NULL || !upstream->body_collected || !said)
        return (struct wend_value){WEND_STR_NULL, false};
    if (upstream->body_bytes == 0)
        return (struct wend_value){WEND_STR(""), !file};
    text = file ? upstream->body.file_path : wend_body_memory(&upstream->body);
    return (struct wend_value){text, text.ptr != NULL};
}

#define FACT(word, fact, text)                                                                     \
    {                                                                                              \
        .name = word, .get = get_fact, .data = fact, .flags = WEND_VAR_CHANGES, .help = text       \
    }
const struct wend_variable_row wend_upstream_variables[] = {
    FACT("upstream_addr", ADDR, "the upstream servers asked"),
    FACT("upstream_last_addr", LAST_ADDR, "the upstream server asked last"),
    FACT("upstream_status", STATUS, "what they answered"),
    FACT("upstream_connect_time", CONNECT_TIME, "seconds to connect to them"),
    FACT("upstream_header_time", HEADER_TIME, "seconds to their heads"),
    FACT("upstream_response_time", RESPONSE_TIME, "seconds to the ends of their answers"),
    FACT("upstream_response_length", LENGTH, "bytes of their bodies"),
    FACT("upstream_bytes_received", RECEIVED, "bytes received from them"),
    FACT("upstream_bytes_sent", SENT, "bytes sent to them"),
    {.name = "upstream_http_",
     .get = get_field,
     .flags = WEND_VAR_PREFIX | WEND_VAR_CHANGES,
     .help = "a field of the upstream's answer"},
    {.name = "upstream_trailer_",
     .get = get_field,
     .data = 1,
     .flags = WEND_VAR_PREFIX | WEND_VAR_CHANGES,
     .help = "a trailer of the upstream's answer"},
    {.name = "upstream_cookie_",
     .get = get_cookie,
     .flags = WEND_VAR_PREFIX | WEND_VAR_CHANGES,
     .help = "a cookie the upstream sets"},
    {.name = "request_body",
     .get = get_body,
     .flags = WEND_VAR_CHANGES,
     .help = "the request's body for an upstream, if it is in memory"},
    {.name = "request_body_file",
     .get = get_body,
     .data = 1,
     .flags = WEND_VAR_CHANGES,
     .help = "the file with the request's body, under client_body_in_file_only"},
    {.name = NULL},
};
