/* edge/core_levels.c - see edge/core_levels.h. */
#include "edge/core_levels.h"

#include "edge/browser.h"
#include "edge/request.h"
#include "http/media_type.h"

void wend_core_init_location(void *settings)
{
    struct wend_edge_core_location *l = settings;
    int *flags[] = {&l->resolver_given,
                    &l->internal,
                    &l->satisfy_any,
                    &l->recursive_error_pages,
                    &l->log_not_found,
                    &l->log_subrequest,
                    &l->absolute_redirect,
                    &l->server_name_in_redirect,
                    &l->port_in_redirect,
                    &l->msie_padding,
                    &l->msie_refresh,
                    &l->sendfile,
                    &l->tcp_nopush,
                    &l->tcp_nodelay,
                    &l->chunked,
                    &l->etag,
                    &l->if_modified_since,
                    &l->server_tokens,
                    &l->lingering,
                    &l->reset_timedout,
                    &l->client_body_in_file_only,
                    &l->client_body_in_single_buffer,
                    &l->keepalive_disable};
    int64_t *numbers[] = {&l->keepalive_timeout_ms,
                          &l->keepalive_header_s,
                          &l->keepalive_time_ms,
                          &l->keepalive_requests,
                          &l->keepalive_min_ms,
                          &l->client_max_body_size,
                          &l->client_body_buffer_size,
                          &l->client_body_timeout_ms,
                          &l->send_timeout_ms,
                          &l->lingering_time_ms,
                          &l->lingering_timeout_ms,
                          &l->max_ranges,
                          &l->sendfile_max_chunk,
                          &l->postpone_output,
                          &l->send_lowat,
                          &l->read_ahead,
                          &l->directio_alignment,
                          &l->types_hash_max_size,
                          &l->types_hash_bucket_size,
                          &l->output_buffer_size,
                          &l->resolver_timeout_ms};

    for (size_t i = 0; i < WEND_COUNT(flags); i++)
        *flags[i] = WEND_UNSET;
    for (size_t i = 0; i < WEND_COUNT(numbers); i++)
        *numbers[i] = WEND_UNSET;
}

void wend_core_init_server(void *settings)
{
    struct wend_edge_core_server *s = settings;
    int64_t *numbers[] = {&s->client_header_timeout_ms, &s->client_header_buffer_size,
                          &s->large_buffer_count, &s->large_buffer_bytes, &s->max_headers};
    int *flags[] = {&s->ignore_invalid_headers, &s->underscores_in_headers, &s->merge_slashes,
                    &s->strict};

    for (size_t i = 0; i < WEND_COUNT(numbers); i++)
        *numbers[i] = WEND_UNSET;
    for (size_t i = 0; i < WEND_COUNT(flags); i++)
        *flags[i] = WEND_UNSET;
}

enum wend_code wend_core_merge_server(struct wend_conf *conf, void *parent, void *child)
{
    const struct wend_edge_core_server *p = parent;
    struct wend_edge_core_server *c = child;

    (void)conf;
    WEND_MERGE(c->client_header_timeout_ms, p->client_header_timeout_ms, 60000);
    WEND_MERGE(c->client_header_buffer_size, p->client_header_buffer_size, 1024);
    WEND_MERGE(c->large_buffer_count, p->large_buffer_count, 4);
    WEND_MERGE(c->large_buffer_bytes, p->large_buffer_bytes, 8192);
    WEND_MERGE(c->max_headers, p->max_headers, 1000);
    WEND_MERGE(c->ignore_invalid_headers, p->ignore_invalid_headers, 1);
    WEND_MERGE(c->underscores_in_headers, p->underscores_in_headers, 0);
    WEND_MERGE(c->merge_slashes, p->merge_slashes, 1);
    WEND_MERGE(c->strict, p->strict, 0);
    return WEND_OK;
}

/* nginx's three types when the configuration has none. */
static struct wend_map *few_types(struct wend_conf *conf)
{
    struct wend_map *types = WEND_NEW(conf->arena, struct wend_map);

    wend_map_init_nocase(types, conf->arena, 16);
    for (size_t i = 0; i < WEND_MEDIA_TYPES_NGINX; i++)
        (void)!wend_map_put(types, wend_media_types_nginx[i].extension,
                            (void *)(uintptr_t)&wend_media_types_nginx[i].type);
    return types;
}

static struct wend_str server_field(const struct wend_edge *edge, int tokens)
{
    if (edge->as_nginx)
        return tokens == 0 ? WEND_STR("nginx") : WEND_STR("nginx/1.31.4");
    return tokens == 0 ? WEND_STR("wend") : WEND_STR("wend/" WEND_VERSION);
}

static void make_policy(const struct wend_edge *edge, struct wend_edge_core_location *l)
{
    l->policy = (struct wend_exchange_policy){
        .server = server_field(edge, l->server_tokens),
        .body_timeout_ms = (int)l->client_body_timeout_ms,
        .send_timeout_ms = (int)l->send_timeout_ms,
        .keepalive_timeout_ms = (int)l->keepalive_timeout_ms,
        .keepalive_header_s = (int)l->keepalive_header_s,
        .lingering = (enum wend_lingering)l->lingering,
        .lingering_time_ms = (int)l->lingering_time_ms,
        .lingering_timeout_ms = (int)l->lingering_timeout_ms,
        .keepalive = true,
        .chunked = l->chunked != 0,
        .sendfile = l->sendfile != 0,
        .tcp_nopush = l->tcp_nopush != 0,
        .tcp_nodelay = l->tcp_nodelay != 0,
    };
}

static void merge_flags(const struct wend_edge_core_location *p, struct wend_edge_core_location *c)
{
    WEND_MERGE(c->satisfy_any, p->satisfy_any, 0);
    WEND_MERGE(c->recursive_error_pages, p->recursive_error_pages, 0);
    WEND_MERGE(c->log_not_found, p->log_not_found, 1);
    WEND_MERGE(c->log_subrequest, p->log_subrequest, 0);
    WEND_MERGE(c->absolute_redirect, p->absolute_redirect, 1);
    WEND_MERGE(c->server_name_in_redirect, p->server_name_in_redirect, 0);
    WEND_MERGE(c->port_in_redirect, p->port_in_redirect, 1);
    WEND_MERGE(c->sendfile, p->sendfile, 0);
    WEND_MERGE(c->tcp_nopush, p->tcp_nopush, 0);
    WEND_MERGE(c->tcp_nodelay, p->tcp_nodelay, 1);
    WEND_MERGE(c->chunked, p->chunked, 1);
    WEND_MERGE(c->etag, p->etag, 1);
    WEND_MERGE(c->if_modified_since, p->if_modified_since, 1);
    WEND_MERGE(c->server_tokens, p->server_tokens, 1);
    WEND_MERGE(c->lingering, p->lingering, WEND_LINGERING_ON);
    WEND_MERGE(c->reset_timedout, p->reset_timedout, 0);
    WEND_MERGE(c->client_body_in_file_only, p->client_body_in_file_only, 0);
    WEND_MERGE(c->client_body_in_single_buffer, p->client_body_in_single_buffer, 0);
    WEND_MERGE(c->keepalive_disable, p->keepalive_disable, WEND_BROWSER_MSIE6);
    WEND_MERGE(c->msie_padding, p->msie_padding, 1);
    WEND_MERGE(c->msie_refresh, p->msie_refresh, 0);
}

static void merge_numbers(const struct wend_edge_core_location *p,
                          struct wend_edge_core_location *c)
{
    WEND_MERGE(c->keepalive_timeout_ms, p->keepalive_timeout_ms, 75000);
    WEND_MERGE(c->keepalive_header_s, p->keepalive_header_s, 0);
    WEND_MERGE(c->keepalive_time_ms, p->keepalive_time_ms, 3600000);
    WEND_MERGE(c->keepalive_requests, p->keepalive_requests, 1000);
    WEND_MERGE(c->client_max_body_size, p->client_max_body_size, 1 << 20);
    WEND_MERGE(c->client_body_buffer_size, p->client_body_buffer_size, 16384);
    WEND_MERGE(c->client_body_timeout_ms, p->client_body_timeout_ms, 60000);
    WEND_MERGE(c->send_timeout_ms, p->send_timeout_ms, 60000);
    WEND_MERGE(c->lingering_time_ms, p->lingering_time_ms, 30000);
    WEND_MERGE(c->lingering_timeout_ms, p->lingering_timeout_ms, 5000);
    WEND_MERGE(c->max_ranges, p->max_ranges, INT32_MAX);
    WEND_MERGE(c->resolver_timeout_ms, p->resolver_timeout_ms, 30000);
}

/* A place below an alias is still below it: as much of the path is taken off as where it is said.
 */
static void merge_root(const struct wend_edge_core_location *p, struct wend_edge_core_location *c)
{
    if (!c->root_is_set) {
        c->root = p->root;
        c->alias = p->alias;
        c->alias_name = p->alias_name;
    } else if (c->alias) {
        c->alias_name = c->regex != NULL ? WEND_STR_NULL : c->name;
    }
}

enum wend_code wend_core_merge_location(struct wend_conf *conf, void *parent, void *child)
{
    struct wend_edge_core_location *p = parent, *c = child;
    enum wend_code code = WEND_OK;

    merge_flags(p, c);
    merge_numbers(p, c);
    merge_root(p, c);
    if (!wend_template_set(&c->root))
        code = wend_template_compile(conf, wend_edge_full_path(conf->data, WEND_STR("html"), false),
                                     &c->root);
    if (c->types == NULL)
        c->types = p->types != NULL ? p->types : few_types(conf);
    if (c->default_type.ptr == NULL)
        c->default_type = p->default_type.ptr != NULL ? p->default_type : WEND_STR("text/plain");
    if (!c->error_pages_set) {
        c->error_pages = p->error_pages;
        c->error_page_count = p->error_page_count;
    }
    if (!wend_template_set(&c->limit_rate))
        c->limit_rate = p->limit_rate;
    if (!wend_template_set(&c->limit_rate_after))
        c->limit_rate_after = p->limit_rate_after;
    if (c->client_body_temp_path.ptr == NULL)
        c->client_body_temp_path = p->client_body_temp_path;
    if (c->error_log == NULL)
        c->error_log = p->error_log;
    if (c->internal == WEND_UNSET)
        c->internal = c->in_if ? p->internal : 0;
    if (c->in_if && c->handler == NULL) {
        c->handler = p->handler;
        c->handler_data = p->handler_data;
    }
    make_policy(conf->data, c);
    return code;
}
