/* cmd/fetch_request.c - see cmd/fetch_request.h. */
#include "cmd/fetch_request.h"

#include "http/path.h"

static struct wend_str base64(struct wend_arena *arena, struct wend_str in)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = wend_arena_alloc(arena, (in.len + 2) / 3 * 4);
    size_t len = 0;

    if (out == NULL)
        return WEND_STR_NULL;
    for (size_t i = 0; i < in.len; i += 3) {
        uint32_t bits = (uint32_t)(unsigned char)in.ptr[i] << 16;

        if (i + 1 < in.len)
            bits |= (uint32_t)(unsigned char)in.ptr[i + 1] << 8;
        if (i + 2 < in.len)
            bits |= (unsigned char)in.ptr[i + 2];
        out[len++] = digits[bits >> 18];
        out[len++] = digits[bits >> 12 & 63];
        out[len++] = i + 1 < in.len ? digits[bits >> 6 & 63] : '=';
        out[len++] = i + 2 < in.len ? digits[bits & 63] : '=';
    }
    return (struct wend_str){out, len};
}

static enum wend_code add(struct wend_task *task, struct wend_fetch *fetch, enum wend_field_id id,
                          const char *value)
{
    if (value == NULL)
        return WEND_OK;
    if (!wend_field_value_valid(wend_str_of(value)))
        return WEND_E_SYNTAX;
    return wend_fields_add(&fetch->fields, &task->arena, id, wend_str_of(value));
}

/* -u, or else the URL's own name and password. */
static enum wend_code add_authorization(const struct wend_fetch_options *options,
                                        struct wend_task *task, struct wend_fetch *fetch)
{
    struct wend_str user = wend_str_of(options->user), encoded;
    struct wend_url *url = &fetch->url;

    if (options->user == NULL && url->username.len == 0 && url->password.len == 0)
        return WEND_OK;
    if (options->user == NULL) {
        struct wend_str name = wend_percent_decode(&task->arena, url->username);
        struct wend_str password = wend_percent_decode(&task->arena, url->password);

        user = wend_arena_printf(&task->arena, "%.*s:%.*s", WEND_STR_ARG(name),
                                 WEND_STR_ARG(password));
    }
    encoded = base64(&task->arena, user);
    return wend_fields_add(&fetch->fields, &task->arena, WEND_FIELD_AUTHORIZATION,
                           wend_arena_printf(&task->arena, "Basic %.*s", WEND_STR_ARG(encoded)));
}

/* "Name: value" replaces a default, "Name:" takes it away, "Name;" sends it empty. */
static enum wend_code add_header(struct wend_task *task, struct wend_fetch *fetch,
                                 struct wend_str line, bool first_of_its_name)
{
    size_t end = 0;
    struct wend_str name, value;

    while (line.ptr[end] != ':' && line.ptr[end] != ';')
        end++;
    name = wend_str_slice(line, 0, end);
    value = wend_str_trim(wend_str_from(line, end + 1));
    if (first_of_its_name)
        wend_fields_remove_name(&fetch->fields, name);
    if (value.len == 0 && line.ptr[end] == ':')
        return WEND_OK;
    return wend_fields_add_name(&fetch->fields, &task->arena, name, value);
}

static bool same_name(struct wend_str a, struct wend_str b)
{
    size_t end = 0;

    while (a.ptr[end] != ':' && a.ptr[end] != ';')
        end++;
    return wend_str_starts_nocase(b, wend_str_slice(a, 0, end)) && b.len > end &&
           (b.ptr[end] == ':' || b.ptr[end] == ';');
}

static enum wend_code add_headers(const struct wend_fetch_options *options, struct wend_task *task,
                                  struct wend_fetch *fetch)
{
    enum wend_code code = WEND_OK;

    for (size_t i = 0; code == WEND_OK && i < options->header_count; i++) {
        bool first = true;

        for (size_t j = 0; j < i; j++)
            first = first && !same_name(options->headers[j], options->headers[i]);
        code = add_header(task, fetch, options->headers[i], first);
    }
    return code;
}

static void apply_body(const struct wend_fetch_options *options, struct wend_task *task,
                       struct wend_fetch *fetch)
{
    struct wend_str data = wend_buffer_str(&options->data);

    if (options->have_data && options->data_in_query) {
        struct wend_str query = fetch->url.query;

        fetch->url.query = wend_arena_printf(&task->arena, "%.*s%s%.*s", WEND_STR_ARG(query),
                                             query.len > 0 ? "&" : "", WEND_STR_ARG(data));
    } else if (options->have_data) {
        fetch->body = data.ptr != NULL ? data : WEND_STR("");
        fetch->method = WEND_STR("POST");
    }
    if (options->head_only)
        fetch->method = WEND_STR("HEAD");
    if (options->method != NULL)
        fetch->method = wend_str_of(options->method);
}

enum wend_code wend_fetch_request_fill(const struct wend_fetch_options *options,
                                       struct wend_task *task, struct wend_fetch *fetch)
{
    uint16_t span = wend_span_begin(task->trace, WEND_EV_URL);
    enum wend_code code;

    fetch->phase = WEND_FETCH_URL;
    code = wend_url_complete(&task->arena, wend_str_of(options->url), &fetch->url, NULL, NULL,
                             &fetch->why);
    if (code != WEND_OK)
        return wend_fail(task, code, wend_str_of(options->url),
                         fetch->why != NULL ? fetch->why : "not a URL");
    wend_span_note(task->trace, span, wend_url_write_public(&task->arena, &fetch->url));
    wend_span_end(task->trace, span, 0);
    apply_body(options, task, fetch);
    fetch->version = options->http10 ? WEND_HTTP_10 : WEND_HTTP_11;
    fetch->redirects_max = options->location ? options->redirects_max : 0;
    if (options->connect_timeout_ms > 0)
        fetch->connect_timeout_ms = (int)options->connect_timeout_ms;
    if (options->max_time_ms > 0)
        task->deadline_ns = wend_clock_monotonic_ns() + options->max_time_ms * WEND_NS_PER_MS;
    code = add(task, fetch, WEND_FIELD_USER_AGENT,
               options->agent != NULL ? options->agent : "wend/" WEND_VERSION);
    if (code == WEND_OK)
        code = add(task, fetch, WEND_FIELD_ACCEPT, "*/*");
    if (code == WEND_OK)
        code = add(task, fetch, WEND_FIELD_REFERER, options->referer);
    if (code == WEND_OK)
        code = add(task, fetch, WEND_FIELD_COOKIE, options->cookie);
    if (code == WEND_OK && fetch->body.ptr != NULL)
        code = add(task, fetch, WEND_FIELD_CONTENT_TYPE, "application/x-www-form-urlencoded");
    if (code == WEND_OK)
        code = add_authorization(options, task, fetch);
    return code == WEND_OK ? add_headers(options, task, fetch) : code;
}
