/* edge/upstream_settings.c - shared rows, what they become, and where a _pass leads. */
#include "edge/upstream_settings.h"

#include "dns/resolve.h"
#include "http/path.h"

/* --- setters ---------------------------------------------------------------------------------- */

/* The slot is a pointer to the names of this place; the first one makes the list. */
enum wend_code wend_set_upstream_hide(struct wend_conf *conf, const struct wend_directive *row,
                                      void *slot)
{
    struct wend_upstream_names **names = slot;

    (void)row;
    if (*names == NULL)
        *names = WEND_NEW(conf->arena, struct wend_upstream_names);
    if ((*names)->count == WEND_UPSTREAM_NAMES_MAX)
        return wend_conf_bad(conf, "too many \"%.*s\"", WEND_STR_ARG(conf->statement->args[0]));
    (*names)->at[(*names)->count++] = conf->statement->args[1];
    return WEND_OK;
}

/* A number and a size: their product is what is read ahead in memory. */
enum wend_code wend_set_upstream_buffers(struct wend_conf *conf, const struct wend_directive *row,
                                         void *slot)
{
    const struct wend_statement *statement = conf->statement;
    struct wend_upstream_buffers *buffers = slot;
    int64_t size = wend_conf_size(statement->args[2]);
    uint64_t count;

    (void)row;
    if (buffers->count != WEND_UNSET)
        return wend_conf_bad(conf, "\"%.*s\" directive is duplicate",
                             WEND_STR_ARG(statement->args[0]));
    if (!wend_str_to_u64(statement->args[1], &count) || count == 0 || size <= 0)
        return wend_conf_invalid(conf);
    if (count > (uint64_t)(WEND_UPSTREAM_BUFFERS_MAX / size)) {
        wend_conf_invalid(conf);
        return wend_conf_advise(conf->error, "at most %u MiB in all",
                                WEND_UPSTREAM_BUFFERS_MAX >> 20);
    }
    *buffers = (struct wend_upstream_buffers){(int64_t)count, size};
    return WEND_OK;
}

static bool was_given(const struct wend_statement *statement, unsigned index)
{
    for (unsigned i = 1; i < index; i++)
        if (wend_str_eq(statement->args[i], statement->args[index]))
            return true;
    return false;
}

static enum wend_code set_bits(struct wend_conf *conf, const struct wend_conf_word *words,
                               int64_t *bits)
{
    const struct wend_statement *statement = conf->statement;

    if (*bits != WEND_UNSET)
        return wend_conf_bad(conf, "\"%.*s\" directive is duplicate",
                             WEND_STR_ARG(statement->args[0]));
    *bits = 0;
    for (unsigned i = 1; i < statement->count; i++) {
        const struct wend_conf_word *word = words;

        while (word->name != NULL && !wend_str_eq(statement->args[i], wend_str_of(word->name)))
            word++;
        if (word->name == NULL)
            return wend_conf_bad(conf, "invalid value \"%.*s\"", WEND_STR_ARG(statement->args[i]));
        if (was_given(statement, i))
            wend_conf_warn(conf, "duplicate value \"%.*s\"", WEND_STR_ARG(statement->args[i]));
        *bits |= word->value;
    }
    return WEND_OK;
}

enum wend_code wend_set_upstream_next(struct wend_conf *conf, const struct wend_directive *row,
                                      void *slot)
{
    static const struct wend_conf_word words[] = {
        {"error", WEND_NEXT_ERROR},
        {"timeout", WEND_NEXT_TIMEOUT},
        {"invalid_header", WEND_NEXT_INVALID_HEADER},
        {"http_500", WEND_NEXT_HTTP_500},
        {"http_502", WEND_NEXT_HTTP_502},
        {"http_503", WEND_NEXT_HTTP_503},
        {"http_504", WEND_NEXT_HTTP_504},
        {"http_403", WEND_NEXT_HTTP_403},
        {"http_404", WEND_NEXT_HTTP_404},
        {"http_429", WEND_NEXT_HTTP_429},
        {"non_idempotent", WEND_NEXT_NON_IDEMPOTENT},
        {"off", WEND_NEXT_OFF},
        {NULL, 0},
    };

    (void)row;
    return set_bits(conf, words, slot);
}

enum wend_code wend_set_upstream_ignore(struct wend_conf *conf, const struct wend_directive *row,
                                        void *slot)
{
    static const struct wend_conf_word words[] = {
        {"X-Accel-Redirect", WEND_IGNORE_X_ACCEL_REDIRECT},
        {"X-Accel-Limit-Rate", WEND_IGNORE_X_ACCEL_LIMIT_RATE},
        {"X-Accel-Expires", WEND_IGNORE_X_ACCEL_OTHERS},
        {"X-Accel-Buffering", WEND_IGNORE_X_ACCEL_BUFFERING},
        {"X-Accel-Charset", WEND_IGNORE_X_ACCEL_OTHERS},
        {"Expires", WEND_IGNORE_X_ACCEL_OTHERS},
        {"Cache-Control", WEND_IGNORE_X_ACCEL_OTHERS},
        {"Set-Cookie", WEND_IGNORE_X_ACCEL_OTHERS},
        {"Vary", WEND_IGNORE_X_ACCEL_OTHERS},
        {NULL, 0},
    };

    (void)row;
    return set_bits(conf, words, slot);
}

/* --- levels ----------------------------------------------------------------------------------- */

void wend_upstream_location_init(struct wend_upstream_location *s)
{
    s->connect_timeout_ms = s->send_timeout_ms = s->read_timeout_ms = s->next_timeout_ms =
        WEND_UNSET;
    s->buffer_size = s->next_tries = s->max_temp_file_size = WEND_UNSET;
    s->buffers.count = s->busy_size = s->write_size = WEND_UNSET;
    s->buffering = s->request_buffering = s->intercept_errors = s->ignore_client_abort = WEND_UNSET;
    s->pass_request_headers = s->pass_request_body = s->pass_trailers = WEND_UNSET;
    s->socket_keepalive = s->force_ranges = WEND_UNSET;
    s->next = s->ignore = WEND_UNSET;
}

static void log_line(struct wend_exchange *x, enum wend_log_level level, int error,
                     const char *text)
{
    struct wend_edge_request *r = wend_edge_of(x);
    const struct wend_upstream *upstream = r->upstream;
    struct wend_str address = upstream->try_count == 0
                                  ? upstream->peers->name
                                  : upstream->tries[upstream->try_count - 1].address;

    r->upstream_url = wend_arena_printf(&x->task->arena, "%s%.*s%.*s", upstream->scheme,
                                        WEND_STR_ARG(address), WEND_STR_ARG(upstream->uri));
    wend_edge_log(x, level, error, "%s", text);
    r->upstream_url = WEND_STR_NULL;
}

static bool intercept(struct wend_exchange *x, int status)
{
    const struct wend_edge_core_location *location = wend_edge_of(x)->location;

    for (size_t i = 0; i < location->error_page_count; i++)
        if (location->error_pages[i].status == status)
            return true;
    return false;
}

static void make_ready(struct wend_upstream_location *s)
{
    s->ready = (struct wend_upstream_settings){
        .connect_timeout_ms = (int)s->connect_timeout_ms,
        .send_timeout_ms = (int)s->send_timeout_ms,
        .read_timeout_ms = (int)s->read_timeout_ms,
        .head_bytes_max = (size_t)s->buffer_size,
        .next = (unsigned)s->next,
        .next_tries = (unsigned)s->next_tries,
        .next_timeout_ms = (int)s->next_timeout_ms,
        .ignore = (unsigned)s->ignore,
        .request_buffering = s->request_buffering,
        .buffering = s->buffering,
        .spool = {.memory_bytes = (size_t)(s->buffers.count * s->buffers.size),
                  .file_bytes_max = s->max_temp_file_size},
        .pass_request_body = s->pass_request_body,
        .ignore_client_abort = s->ignore_client_abort,
        .pass_trailers = s->pass_trailers,
        .hide = s->hide == NULL ? NULL : s->hide->at,
        .hide_count = s->hide == NULL ? 0 : s->hide->count,
        .pass = s->pass == NULL ? NULL : s->pass->at,
        .pass_count = s->pass == NULL ? 0 : s->pass->count,
        .log = log_line,
        .intercept = s->intercept_errors ? intercept : NULL,
    };
}

/* nginx's rules, word for word: a configuration that it refuses shall not start here. */
static enum wend_code check_buffers(struct wend_conf *conf, const char *prefix,
                                    const struct wend_upstream_location *c)
{
    static const char at_least[] = "equal to or greater than the maximum of the value of";
    int64_t one = c->buffers.size, most = c->buffer_size > one ? c->buffer_size : one;
    int64_t busy = c->busy_size == WEND_UNSET ? 2 * most : c->busy_size;

    if (c->buffers.count < 2)
        return wend_conf_bad_at_end(conf, "there must be at least 2 \"%s_buffers\"", prefix);
    if (busy < most)
        return wend_conf_bad_at_end(conf,
                                    "\"%s_busy_buffers_size\" must be %s \"%s_buffer_size\" and "
                                    "one of the \"%s_buffers\"",
                                    prefix, at_least, prefix, prefix);
    if (busy > (c->buffers.count - 1) * one)
        return wend_conf_bad_at_end(conf,
                                    "\"%s_busy_buffers_size\" must be less than the size of all "
                                    "\"%s_buffers\" minus one buffer",
                                    prefix, prefix);
    if (c->write_size != WEND_UNSET && c->write_size < most)
        return wend_conf_bad_at_end(conf,
                                    "\"%s_temp_file_write_size\" must be %s \"%s_buffer_size\" "
                                    "and one of the \"%s_buffers\"",
                                    prefix, at_least, prefix, prefix);
    if (c->max_temp_file_size != 0 && c->max_temp_file_size < most)
        return wend_conf_bad_at_end(conf,
                                    "\"%s_max_temp_file_size\" must be equal to zero to disable "
                                    "temporary files usage or must be %s \"%s_buffer_size\" and "
                                    "one of the \"%s_buffers\"",
                                    prefix, at_least, prefix, prefix);
    return WEND_OK;
}

enum wend_code wend_upstream_location_merge(struct wend_conf *conf, const char *prefix,
                                            struct wend_upstream_location *p,
                                            struct wend_upstream_location *c)
{
    WEND_MERGE(c->connect_timeout_ms, p->connect_timeout_ms, 60000);
    WEND_MERGE(c->send_timeout_ms, p->send_timeout_ms, 60000);
    WEND_MERGE(c->read_timeout_ms, p->read_timeout_ms, 60000);
    WEND_MERGE(c->next_timeout_ms, p->next_timeout_ms, 0);
    WEND_MERGE(c->buffer_size, p->buffer_size, 4096);
    if (c->buffers.count == WEND_UNSET)
        c->buffers =
            p->buffers.count == WEND_UNSET ? (struct wend_upstream_buffers){8, 4096} : p->buffers;
    WEND_MERGE(c->busy_size, p->busy_size, WEND_UNSET);
    WEND_MERGE(c->write_size, p->write_size, WEND_UNSET);
    WEND_MERGE(c->max_temp_file_size, p->max_temp_file_size, INT64_C(1) << 30);
    WEND_MERGE(c->next_tries, p->next_tries, 0);
    WEND_MERGE(c->buffering, p->buffering, 1);
    WEND_MERGE(c->request_buffering, p->request_buffering, 1);
    WEND_MERGE(c->intercept_errors, p->intercept_errors, 0);
    WEND_MERGE(c->ignore_client_abort, p->ignore_client_abort, 0);
    WEND_MERGE(c->pass_request_headers, p->pass_request_headers, 1);
    WEND_MERGE(c->pass_request_body, p->pass_request_body, 1);
    WEND_MERGE(c->pass_trailers, p->pass_trailers, 0);
    WEND_MERGE(c->socket_keepalive, p->socket_keepalive, 0);
    WEND_MERGE(c->force_ranges, p->force_ranges, 0);
    WEND_MERGE(c->next, p->next, WEND_NEXT_ERROR | WEND_NEXT_TIMEOUT);
    WEND_MERGE(c->ignore, p->ignore, 0);
    if (c->hide == NULL)
        c->hide = p->hide;
    if (c->pass == NULL)
        c->pass = p->pass;
    make_ready(c);
    return check_buffers(conf, prefix, c);
}

void wend_upstream_settings_fill(struct wend_exchange *x,
                                 const struct wend_upstream_location *settings,
                                 struct wend_upstream_settings *out,
                                 struct wend_body_settings *body)
{
    const struct wend_edge_core_location *location = wend_edge_of(x)->location;

    *out = settings->ready;
    *body = wend_body_settings_default;
    if (location->client_body_buffer_size > 0)
        body->memory_bytes = (size_t)location->client_body_buffer_size;
    if (location->client_body_temp_path.ptr != NULL)
        body->directory = location->client_body_temp_path.ptr;
    out->body = body;
    out->spool.directory = body->directory;
}

/* --- targets ---------------------------------------------------------------------------------- */

static bool parse_port(struct wend_str text, uint16_t *port)
{
    uint64_t value;

    if (!wend_str_to_u64(text, &value) || value == 0 || value > 65535)
        return false;
    *port = (uint16_t)value;
    return true;
}

static bool refuse(const char **why, const char *text)
{
    *why = text;
    return false;
}

bool wend_upstream_target_parse(struct wend_str text, uint16_t default_port,
                                struct wend_upstream_target *out, const char **why)
{
    ptrdiff_t colon = wend_str_rfind_byte(text, ':');
    ptrdiff_t bracket = wend_str_rfind_byte(text, ']');

    *out = (struct wend_upstream_target){.port = default_port};
    if (wend_str_starts(text, WEND_STR("unix:"))) {
        out->path = wend_str_from(text, 5);
        return out->path.len > 0 || refuse(why, "no path in the unix domain socket");
    }
    if (text.len > 0 && text.ptr[0] == '[' && bracket < 0)
        return refuse(why, "invalid host");
    if (colon >= 0 && colon > bracket) {
        if (!parse_port(wend_str_from(text, (size_t)colon + 1), &out->port))
            return refuse(why, "invalid port");
        out->port_given = true;
        text = wend_str_slice(text, 0, (size_t)colon);
    }
    out->host = text;
    return text.len > 0 || refuse(why, "no host");
}

/* --- the end of a request --------------------------------------------------------------------- */

/* Fields that go with an internal redirect (nginx's list). */
static enum wend_code keep_fields(struct wend_upstream *upstream)
{
    static const enum wend_field_id kept[] = {WEND_FIELD_SET_COOKIE, WEND_FIELD_CONTENT_DISPOSITION,
                                              WEND_FIELD_CACHE_CONTROL, WEND_FIELD_EXPIRES,
                                              WEND_FIELD_ACCEPT_RANGES};
    struct wend_exchange *x = upstream->x;

    for (unsigned i = 0; i < upstream->head.fields.count; i++) {
        const struct wend_field *field = &upstream->head.fields.at[i];
        enum wend_code code = WEND_OK;

        for (size_t j = 0; j < WEND_COUNT(kept) && code == WEND_OK; j++)
            if (field->id == kept[j])
                code = wend_fields_add(&x->response.fields, &x->task->arena, kept[j], field->value);
        if (code != WEND_OK)
            return code;
    }
    x->response.content_type = wend_fields_value(&upstream->head.fields, WEND_FIELD_CONTENT_TYPE);
    return WEND_OK;
}

static enum wend_code go_to(struct wend_upstream *upstream)
{
    struct wend_exchange *x = upstream->x;
    struct wend_str to = upstream->redirect, path, args = WEND_STR_NULL;
    ptrdiff_t mark = wend_str_find_byte(to, '?');
    enum wend_code code = keep_fields(upstream);

    if (code != WEND_OK)
        return code;
    if (to.ptr[0] == '@')
        return wend_edge_redirect_named(x, to);
    if (mark >= 0) {
        args = wend_str_from(to, (size_t)mark + 1);
        to = wend_str_slice(to, 0, (size_t)mark);
    }
    code = wend_path_normalise(&x->task->arena, to, false, &path);
    if (code == WEND_E_SYNTAX || path.len == 0 || path.ptr[0] != '/')
        return wend_edge_finish(x, 404);
    if (x->request.method != WEND_HEAD) {
        x->request.method = WEND_GET;
        x->request.method_text = WEND_STR("GET");
    }
    return wend_edge_redirect_internal(x, path, args);
}

/* A body can be collected once: an error page that is proxied too gets the one there is. After a
 * redirect that made it a GET there is none to pass on. */
static void take_body(struct wend_upstream *upstream, const struct wend_upstream *previous)
{
    enum wend_method method = upstream->x->request.method;

    if (!previous->body_collected)
        return;
    upstream->body_given = true;
    if (method != WEND_GET && method != WEND_HEAD)
        upstream->body = previous->body;
}

enum wend_code wend_upstream_run(struct wend_upstream *upstream)
{
    struct wend_exchange *x = upstream->x;
    enum wend_code code;

    upstream->previous = wend_edge_of(x)->upstream;
    if (upstream->previous != NULL && !upstream->body_given &&
        upstream->settings->pass_request_body)
        take_body(upstream, upstream->previous);
    wend_edge_of(x)->upstream = upstream;
    code = wend_upstream_serve(upstream);
    if (upstream->limit_rate >= 0)
        wend_edge_of(x)->limit_rate = upstream->limit_rate;
    if (code != WEND_OK || x->state != WEND_X_REQUEST)
        return code;
    if (upstream->redirect.ptr != NULL)
        return go_to(upstream);
    return wend_edge_finish(x, x->response.status);
}
