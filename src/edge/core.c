/* edge/core.c - the settings every place has: what is written. What holds where nothing is written
 * is edge/core_levels.c's. */
#include "edge/location.h"

#include "dns/resolve.h"
#include "edge/browser.h"
#include "edge/core_levels.h"
#include "edge/request.h"

/* What http_policy says, in the order of enum wend_h1_policy. */
static const struct wend_conf_word policies[] = {{"nginx", 0}, {"strict", 1}, {NULL, 0}};
static const struct wend_conf_word lingering_words[] = {{"off", WEND_LINGERING_OFF},
                                                        {"on", WEND_LINGERING_ON},
                                                        {"always", WEND_LINGERING_ALWAYS},
                                                        {NULL, 0}};
static const struct wend_conf_word satisfy_words[] = {{"all", 0}, {"any", 1}, {NULL, 0}};
static const struct wend_conf_word since_words[] = {
    {"off", 0}, {"exact", 1}, {"before", 2}, {NULL, 0}};
static const struct wend_conf_word tokens_words[] = {
    {"off", 0}, {"on", 1}, {"build", 2}, {NULL, 0}};
#define POOL_BYTES_MIN 112 /* what nginx needs on this machine */
#define POOL_ALIGNMENT 16

static const struct wend_conf_word in_file_words[] = {
    {"off", 0}, {"on", 2}, {"clean", 1}, {NULL, 0}};

/* --- setters ---------------------------------------------------------------------------------- */

struct wend_edge_core_location *wend_edge_core_at(struct wend_conf *conf)
{
    return wend_edge_conf_at(conf, &wend_edge_core, WEND_LEVEL_LOCATION);
}

/* These two are made of the very value. */
static bool names_root(struct wend_str path)
{
    static const struct wend_str names[] = {
        WEND_STR_INIT("$document_root"), WEND_STR_INIT("${document_root}"),
        WEND_STR_INIT("$realpath_root"), WEND_STR_INIT("${realpath_root}")};

    for (size_t i = 0; i < WEND_COUNT(names); i++)
        if (wend_str_find(path, names[i]) >= 0)
            return true;
    return false;
}

static enum wend_code set_root(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_edge_core_location *here = wend_edge_core_at(conf);
    bool alias = row->extra != NULL;
    struct wend_str path = conf->statement->args[1];

    (void)slot;
    if (here->root_is_set)
        return here->alias == alias
                   ? wend_conf_bad(conf, "\"%s\" directive is duplicate", row->name)
                   : wend_conf_bad(
                         conf,
                         "\"%s\" directive is duplicate, \"%s\" directive was specified earlier",
                         row->name, here->alias ? "alias" : "root");
    if (alias && here->kind == WEND_LOCATION_NAMED)
        return wend_conf_bad(conf,
                             "the \"alias\" directive cannot be used inside the named location");
    if (names_root(path))
        return wend_conf_bad(conf, "the $%s variable cannot be used in the \"%s\" directive",
                             wend_str_find(path, WEND_STR("realpath")) >= 0 ? "realpath_root"
                                                                            : "document_root",
                             row->name);
    here->root_is_set = true;
    here->alias = alias;
    if (!alias && path.len > 1 && path.ptr[path.len - 1] == '/')
        path.len--;
    if (path.len == 0 || path.ptr[0] != '$')
        path = wend_edge_full_path(conf->data, path, false);
    return wend_template_compile(conf, path, &here->root);
}

/* The sizes of nginx's own pools: ours are arenas, which need none. */
static enum wend_code check_pool_bytes(struct wend_conf *conf, const struct wend_directive *row,
                                       void *slot)
{
    int64_t bytes = WEND_UNSET;
    enum wend_code code = wend_set_size(conf, row, &bytes);

    (void)slot;
    if (code != WEND_OK)
        return code;
    if (bytes < POOL_BYTES_MIN)
        return wend_conf_bad(conf, "the pool size must be no less than %d", POOL_BYTES_MIN);
    if (bytes % POOL_ALIGNMENT != 0)
        return wend_conf_bad(conf, "the pool size must be a multiple of %d", POOL_ALIGNMENT);
    return WEND_OK;
}

static enum wend_code set_types(struct wend_conf *conf, const struct wend_directive *row,
                                void *slot)
{
    struct wend_map **types = slot;

    (void)row;
    if (*types == NULL) {
        *types = WEND_NEW(conf->arena, struct wend_map);
        wend_map_init_nocase(*types, conf->arena, 65536);
    }
    for (const struct wend_statement *line = conf->statement->children; line != NULL;
         line = line->next) {
        struct wend_str *type = WEND_NEW(conf->arena, struct wend_str);

        if (line->has_block)
            return wend_conf_fail(conf->error, line, "unexpected \"{\"");
        *type = line->args[0];
        for (unsigned i = 1; i < line->count; i++) {
            const struct wend_str *before = wend_map_get(*types, line->args[i]);

            conf->statement = line;
            if (before != NULL)
                wend_conf_warn(conf,
                               "duplicate extension \"%.*s\", content type: \"%.*s\", previous "
                               "content type: \"%.*s\"",
                               WEND_STR_ARG(line->args[i]), WEND_STR_ARG(*type),
                               WEND_STR_ARG(*before));
            if (wend_map_put(*types, line->args[i], type) != WEND_OK)
                return wend_conf_fail(conf->error, line, "too many types");
        }
    }
    return WEND_OK;
}

static enum wend_code set_keepalive_timeout(struct wend_conf *conf,
                                            const struct wend_directive *row, void *slot)
{
    struct wend_edge_core_location *here = slot;
    const struct wend_statement *s = conf->statement;

    (void)row;
    if (here->keepalive_timeout_ms != WEND_UNSET)
        return wend_conf_bad(conf, "\"keepalive_timeout\" directive is duplicate");
    here->keepalive_timeout_ms = wend_conf_msec(s->args[1]);
    if (here->keepalive_timeout_ms < 0)
        return wend_conf_invalid(conf);
    here->keepalive_header_s = s->count > 2 ? wend_conf_sec(s->args[2]) : 0;
    return here->keepalive_header_s < 0 ? wend_conf_invalid(conf) : WEND_OK;
}

static enum wend_code set_keepalive_disable(struct wend_conf *conf,
                                            const struct wend_directive *row, void *slot)
{
    static const char *const browsers[] = {"none", "msie6", "safari"};
    int *bits = slot;

    (void)row;
    if (*bits == WEND_UNSET)
        *bits = 0;
    for (unsigned i = 1; i < conf->statement->count; i++) {
        size_t known = 0;

        while (known < WEND_COUNT(browsers) &&
               !wend_str_eq(conf->statement->args[i], wend_str_of(browsers[known])))
            known++;
        if (known == WEND_COUNT(browsers))
            return wend_conf_bad(conf, "invalid value \"%.*s\"",
                                 WEND_STR_ARG(conf->statement->args[i]));
        *bits |= known == 0 ? 0 : 1 << known; /* enum of edge/browser.h */
    }
    return WEND_OK;
}

static enum wend_code set_large_buffers(struct wend_conf *conf, const struct wend_directive *row,
                                        void *slot)
{
    struct wend_edge_core_server *server = slot;
    uint64_t count;
    int64_t bytes = wend_conf_size(conf->statement->args[2]);

    (void)row;
    if (server->large_buffer_count != WEND_UNSET)
        return wend_conf_bad(conf, "\"large_client_header_buffers\" directive is duplicate");
    if (!wend_str_to_u64(conf->statement->args[1], &count) || count == 0 || count > 1024 ||
        bytes <= 0)
        return wend_conf_invalid(conf);
    server->large_buffer_count = (int64_t)count;
    server->large_buffer_bytes = bytes;
    return WEND_OK;
}

/* HOST[:PORT]. Its names are looked up, so that a mistake is found when nginx would find it. */
static enum wend_code check_name_server(struct wend_conf *conf, struct wend_str text)
{
    ptrdiff_t colon = wend_str_rfind_byte(text, ':');
    struct wend_str host = text;
    struct wend_dns_answer answer;
    uint64_t port = 53;

    if (colon > wend_str_rfind_byte(text, ']')) {
        if (!wend_str_to_u64(wend_str_from(text, (size_t)colon + 1), &port) || port == 0 ||
            port > 65535)
            return wend_conf_bad(conf, "invalid port in resolver \"%.*s\"", WEND_STR_ARG(text));
        host = wend_str_slice(text, 0, (size_t)colon);
    }
    if (host.len == 0)
        return wend_conf_bad(conf, "no host in resolver \"%.*s\"", WEND_STR_ARG(text));
    if (wend_dns_resolve_now(conf->arena, host, (uint16_t)port, &answer) != WEND_OK)
        return wend_conf_bad(conf, "host not found in resolver \"%.*s\"", WEND_STR_ARG(text));
    return WEND_OK;
}

static enum wend_code set_resolver(struct wend_conf *conf, const struct wend_directive *row,
                                   void *slot)
{
    const struct wend_statement *s = conf->statement;
    unsigned servers = 0;
    int *given = slot;

    (void)row;
    if (*given != WEND_UNSET)
        return wend_conf_bad(conf, "\"resolver\" directive is duplicate");
    *given = 1;
    for (unsigned i = 1; i < s->count; i++) {
        struct wend_str word = s->args[i];
        bool valid = wend_str_starts(word, WEND_STR("valid="));
        bool family =
            wend_str_starts(word, WEND_STR("ipv4=")) || wend_str_starts(word, WEND_STR("ipv6="));

        if (valid && wend_conf_sec(wend_str_from(word, 6)) < 0)
            return wend_conf_bad(conf, "invalid parameter: %.*s", WEND_STR_ARG(word));
        if (family && !wend_str_eq(wend_str_from(word, 5), WEND_STR("on")) &&
            !wend_str_eq(wend_str_from(word, 5), WEND_STR("off")))
            return wend_conf_bad(conf, "invalid parameter: %.*s", WEND_STR_ARG(word));
        if (valid || family || wend_str_starts(word, WEND_STR("status_zone=")))
            continue;
        if (check_name_server(conf, word) != WEND_OK)
            return WEND_E_CONFIG;
        servers++;
    }
    return servers != 0 ? WEND_OK : wend_conf_bad(conf, "no name servers defined");
}

/* output_buffers COUNT SIZE */
static enum wend_code set_output_buffers(struct wend_conf *conf, const struct wend_directive *row,
                                         void *slot)
{
    uint64_t count;

    (void)row;
    (void)slot;
    if (!wend_str_to_u64(conf->statement->args[1], &count) || count == 0 ||
        wend_conf_size(conf->statement->args[2]) <= 0)
        return wend_conf_invalid(conf);
    return WEND_OK;
}

/* directio SIZE | off */
static enum wend_code set_directio(struct wend_conf *conf, const struct wend_directive *row,
                                   void *slot)
{
    if (wend_str_eq(conf->statement->args[1], WEND_STR("off")))
        return WEND_OK;
    return wend_check_size(conf, row, slot);
}

/* aio on | off | threads[=POOL] */
static enum wend_code set_aio(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_str word = conf->statement->args[1];

    (void)row;
    (void)slot;
    if (wend_str_eq(word, WEND_STR("on")) || wend_str_eq(word, WEND_STR("off")) ||
        wend_str_eq(word, WEND_STR("threads")) || wend_str_starts(word, WEND_STR("threads=")))
        return WEND_OK;
    return wend_conf_invalid(conf);
}

static bool parse_status(struct wend_str text, uint64_t least, uint64_t most, int *status)
{
    uint64_t value;

    if (!wend_str_to_u64(text, &value) || value < least || value > most)
        return false;
    *status = (int)value;
    return true;
}

/* error_page code ... [=[answer]] uri */
static enum wend_code set_error_page(struct wend_conf *conf, const struct wend_directive *row,
                                     void *slot)
{
    struct wend_edge_core_location *here = slot;
    const struct wend_statement *s = conf->statement;
    struct wend_str target = s->args[s->count - 1], answer = s->args[s->count - 2];
    unsigned codes = s->count - 2;
    struct wend_error_page page = {.answer = -1};
    struct wend_error_page *pages;
    uint64_t number;

    (void)row;
    if (answer.len != 0 && answer.ptr[0] == '=') {
        if (s->count == 3)
            return wend_conf_bad(conf, "invalid value \"%.*s\"", WEND_STR_ARG(answer));
        codes--;
        page.answer = 0;
        if (answer.len > 1 && !parse_status(wend_str_from(answer, 1), 0, 999, &page.answer))
            return wend_conf_bad(conf, "invalid value \"%.*s\"", WEND_STR_ARG(answer));
    }
    if (!wend_template_has_variables(target) && target.len != 0 && target.ptr[0] == '/') {
        ptrdiff_t question = wend_str_find_byte(target, '?');

        if (question >= 0) {
            page.args = wend_arena_keep(conf->arena, wend_str_from(target, (size_t)question + 1));
            target.len = (size_t)question;
        }
    }
    if (wend_template_compile(conf, target, &page.target) != WEND_OK)
        return WEND_E_CONFIG;
    pages = wend_arena_array(conf->arena, here->error_page_count + codes, sizeof(*pages));
    if (here->error_page_count != 0)
        memcpy(pages, here->error_pages, here->error_page_count * sizeof(*pages));
    here->error_pages = pages;
    here->error_pages_set = true;
    for (unsigned i = 1; i <= codes; i++) {
        if (!wend_str_to_u64(s->args[i], &number))
            return wend_conf_bad(conf, "invalid value \"%.*s\"", WEND_STR_ARG(s->args[i]));
        if (!parse_status(s->args[i], 300, 599, &page.status))
            return wend_conf_bad(conf, "value \"%.*s\" must be between 300 and 599",
                                 WEND_STR_ARG(s->args[i]));
        if (page.status == 499)
            return wend_conf_bad(conf, "invalid value \"499\"");
        here->error_pages[here->error_page_count++] = page;
    }
    return WEND_OK;
}

/* try_files file ... uri | =code | @named */
static enum wend_code set_try_files(struct wend_conf *conf, const struct wend_directive *row,
                                    void *slot)
{
    struct wend_edge_core_location *here = slot;
    const struct wend_statement *s = conf->statement;
    struct wend_str last = s->args[s->count - 1];

    (void)row;
    if (here->try_files != NULL)
        return wend_conf_bad(conf, "\"try_files\" directive is duplicate");
    here->try_file_count = s->count - 1;
    here->try_files = wend_arena_array(conf->arena, here->try_file_count, sizeof(*here->try_files));
    for (unsigned i = 1; i < s->count; i++)
        if (wend_template_compile(conf, s->args[i], &here->try_files[i - 1]) != WEND_OK)
            return WEND_E_CONFIG;
    if (last.len != 0 && last.ptr[0] == '=' &&
        !parse_status(wend_str_from(last, 1), 0, 999, &here->try_files_status))
        return wend_conf_bad(conf, "invalid code \"%.*s\"", WEND_STR_ARG(last));
    return WEND_OK;
}

static enum wend_code set_internal(struct wend_conf *conf, const struct wend_directive *row,
                                   void *slot)
{
    int *internal = slot;

    (void)row;
    if (*internal != WEND_UNSET)
        return wend_conf_bad(conf, "\"internal\" directive is duplicate");
    *internal = 1;
    return WEND_OK;
}

static enum wend_code set_limit_rate(struct wend_conf *conf, const struct wend_directive *row,
                                     void *slot)
{
    if (wend_set_template(conf, row, slot) != WEND_OK)
        return WEND_E_CONFIG;
    if (!wend_template_has_variables(conf->statement->args[1]) &&
        wend_conf_size(conf->statement->args[1]) < 0)
        return wend_conf_invalid(conf);
    return WEND_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

#define HTTP_ALL WEND_CTX_HTTP_ALL
#define HTTP_IF (WEND_CTX_HTTP_ALL | WEND_CTX_IF_LOCATION)
#define HTTP_SERVER (WEND_CTX_HTTP | WEND_CTX_SERVER)
#define AT_LOCATION(field)                                                                         \
    .level = WEND_LEVEL_LOCATION, .offset = offsetof(struct wend_edge_core_location, field)
#define AT_SERVER(field)                                                                           \
    .level = WEND_LEVEL_SERVER, .offset = offsetof(struct wend_edge_core_server, field)
#define CHECKED_NUMBER .set = wend_check_number, .level = WEND_LEVEL_LOCATION

static const struct wend_directive rows[] = {
    {"root", HTTP_IF, 1, 1, .set = set_root, AT_LOCATION(root), .fallback = "html",
     .help = "the folder that the path is looked for in"},
    {"alias", WEND_CTX_LOCATION, 1, 1, .set = set_root, AT_LOCATION(root), .extra = "alias",
     .help = "the folder that takes the place of the location's own prefix"},
    {"types", HTTP_ALL, 0, 0, true, .set = set_types, AT_LOCATION(types),
     .help = "media types by file extension"},
    {"default_type", HTTP_ALL, 1, 1, .set = wend_set_str, AT_LOCATION(default_type),
     .fallback = "text/plain", .help = "the media type of files whose extension is unknown"},
    {"internal", WEND_CTX_LOCATION, 0, 0, .set = set_internal, AT_LOCATION(internal),
     .help = "only internal redirects reach this location"},
    {"try_files", WEND_CTX_SERVER | WEND_CTX_LOCATION, 2, -1, .set = set_try_files,
     .level = WEND_LEVEL_LOCATION,
     .help = "the first of these files that exists, else the last argument"},
    {"error_page", HTTP_IF, 2, -1, .set = set_error_page, .level = WEND_LEVEL_LOCATION,
     .help = "what answers in place of an error"},
    {"recursive_error_pages", HTTP_ALL, 1, 1, .set = wend_set_flag,
     AT_LOCATION(recursive_error_pages), .fallback = "off",
     .help = "an error page may have an error page"},
    {"satisfy", HTTP_ALL, 1, 1, .set = wend_set_enum, AT_LOCATION(satisfy_any),
     .extra = satisfy_words, .fallback = "all",
     .help = "whether all access rules must allow, or any"},
    {"log_not_found", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(log_not_found),
     .fallback = "on", .help = "files that are not found go to the error log"},
    {"log_subrequest", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(log_subrequest),
     .fallback = "off", .help = "subrequests go to the access log"},
    {"sendfile", HTTP_IF, 1, 1, .set = wend_set_flag, AT_LOCATION(sendfile), .fallback = "off",
     .help = "files go to the socket inside the kernel"},
    {"tcp_nopush", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(tcp_nopush), .fallback = "off",
     .help = "head and file in full packets"},
    {"tcp_nodelay", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(tcp_nodelay),
     .fallback = "on", .help = "small packets do not wait"},
    {"etag", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(etag), .fallback = "on",
     .help = "static files get an ETag"},
    {"if_modified_since", HTTP_ALL, 1, 1, .set = wend_set_enum, AT_LOCATION(if_modified_since),
     .extra = since_words, .fallback = "exact", .help = "how If-Modified-Since is compared"},
    {"max_ranges", HTTP_ALL, 1, 1, .set = wend_set_number, AT_LOCATION(max_ranges),
     .help = "ranges of one request; 0 refuses them"},
    {"server_tokens", HTTP_ALL, 1, 1, .set = wend_set_enum, AT_LOCATION(server_tokens),
     .extra = tokens_words, .fallback = "on",
     .help = "the version in the Server field and on error pages"},
    {"chunked_transfer_encoding", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(chunked),
     .fallback = "on", .help = "chunks for responses of unknown length"},
    {"keepalive_timeout", HTTP_ALL, 1, 2, .set = set_keepalive_timeout,
     .level = WEND_LEVEL_LOCATION, .fallback = "75s",
     .help = "how long an idle connection is kept; 0 closes it"},
    {"keepalive_requests", HTTP_ALL, 1, 1, .set = wend_set_number, AT_LOCATION(keepalive_requests),
     .fallback = "1000", .help = "requests of one connection"},
    {"keepalive_time", HTTP_ALL, 1, 1, .set = wend_set_msec, AT_LOCATION(keepalive_time_ms),
     .fallback = "1h", .help = "how long one connection may live"},
    {"keepalive_min_timeout", HTTP_ALL, 1, 1, .set = wend_set_msec, AT_LOCATION(keepalive_min_ms),
     .fallback = "0", .help = "idle connections are kept at least so long when many are open"},
    {"keepalive_disable", HTTP_ALL, 1, -1, .set = set_keepalive_disable,
     AT_LOCATION(keepalive_disable), .fallback = "msie6",
     .help = "browsers that do not get persistent connections"},
    {"send_timeout", HTTP_ALL, 1, 1, .set = wend_set_msec, AT_LOCATION(send_timeout_ms),
     .fallback = "60s", .help = "the longest time between two writes to the client"},
    {"client_max_body_size", HTTP_ALL, 1, 1, .set = wend_set_size,
     AT_LOCATION(client_max_body_size), .fallback = "1m",
     .help = "larger request bodies get 413; 0: no limit"},
    {"client_body_buffer_size", HTTP_ALL, 1, 1, .set = wend_set_size,
     AT_LOCATION(client_body_buffer_size), .fallback = "16k",
     .help = "request bodies up to this size stay in memory"},
    {"client_body_timeout", HTTP_ALL, 1, 1, .set = wend_set_msec,
     AT_LOCATION(client_body_timeout_ms), .fallback = "60s",
     .help = "the longest time between two reads of a request body"},
    {"client_body_temp_path", HTTP_ALL, 1, 4, .set = wend_set_temp_path,
     AT_LOCATION(client_body_temp_path), .fallback = "client_body_temp",
     .help = "the folder of request bodies too large for memory"},
    {"client_body_in_file_only", HTTP_ALL, 1, 1, .set = wend_set_enum,
     AT_LOCATION(client_body_in_file_only), .extra = in_file_words, .fallback = "off",
     .help = "request bodies always go to a file"},
    {"client_body_in_single_buffer", HTTP_ALL, 1, 1, .set = wend_set_flag,
     AT_LOCATION(client_body_in_single_buffer), .fallback = "off", .help = "always so here"},
    {"lingering_close", HTTP_ALL, 1, 1, .set = wend_set_enum, AT_LOCATION(lingering),
     .extra = lingering_words, .fallback = "on",
     .help = "read on before closing, so that the client gets our answer"},
    {"lingering_time", HTTP_ALL, 1, 1, .set = wend_set_msec, AT_LOCATION(lingering_time_ms),
     .fallback = "30s", .help = "lingering at most so long"},
    {"lingering_timeout", HTTP_ALL, 1, 1, .set = wend_set_msec, AT_LOCATION(lingering_timeout_ms),
     .fallback = "5s", .help = "the longest silence while lingering"},
    {"reset_timedout_connection", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(reset_timedout),
     .fallback = "off", .help = "connections that timed out are reset"},
    {"absolute_redirect", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(absolute_redirect),
     .fallback = "on", .help = "redirects made here are absolute URLs"},
    {"server_name_in_redirect", HTTP_ALL, 1, 1, .set = wend_set_flag,
     AT_LOCATION(server_name_in_redirect), .fallback = "off",
     .help = "redirects name the server, not the Host the client sent"},
    {"port_in_redirect", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(port_in_redirect),
     .fallback = "on", .help = "redirects name the port"},
    {"msie_padding", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(msie_padding),
     .fallback = "on",
     .help = "error pages are made longer for MSIE and Chrome, which show their own else"},
    {"msie_refresh", HTTP_ALL, 1, 1, .set = wend_set_flag, AT_LOCATION(msie_refresh),
     .fallback = "off", .help = "MSIE gets a page that leads on in the place of a 301 or 302"},
    {"limit_rate", HTTP_IF, 1, 1, .set = set_limit_rate, AT_LOCATION(limit_rate), .fallback = "0",
     .help = "a response goes no faster than so many bytes a second; 0: as fast as it can"},
    {"limit_rate_after", HTTP_IF, 1, 1, .set = set_limit_rate, AT_LOCATION(limit_rate_after),
     .fallback = "0", .help = "bytes of a response that limit_rate does not slow down"},
    {"sendfile_max_chunk", HTTP_ALL, 1, 1, .set = wend_set_size, AT_LOCATION(sendfile_max_chunk),
     .fallback = "2m", .help = "checked; always 2m here"},
    {"postpone_output", HTTP_ALL, 1, 1, .set = wend_set_size, AT_LOCATION(postpone_output),
     .fallback = "1460",
     .help = "checked, without effect: a head waits for its body's first piece"},
    {"send_lowat", HTTP_ALL, 1, 1, .set = wend_set_size, AT_LOCATION(send_lowat), .fallback = "0",
     .help = "checked, without effect on Linux"},
    {"read_ahead", HTTP_ALL, 1, 1, .set = wend_set_size, AT_LOCATION(read_ahead), .fallback = "0",
     .help = "checked, without effect on Linux"},
    {"directio", HTTP_ALL, 1, 1, .set = set_directio, .level = WEND_LEVEL_LOCATION,
     .fallback = "off", .help = "checked, without effect"},
    {"directio_alignment", HTTP_ALL, 1, 1, .set = wend_set_size, AT_LOCATION(directio_alignment),
     .fallback = "512", .help = "checked, without effect"},
    {"aio", HTTP_ALL, 1, 1, .set = set_aio, .level = WEND_LEVEL_LOCATION, .fallback = "off",
     .help = "checked: cold files are read on threads anyway"},
    {"aio_write", HTTP_ALL, 1, 1, .set = wend_check_flag, .level = WEND_LEVEL_LOCATION,
     .fallback = "off", .help = "checked, without effect"},
    {"output_buffers", HTTP_ALL, 2, 2, .set = set_output_buffers, .level = WEND_LEVEL_LOCATION,
     .fallback = "2 32k", .help = "checked, without effect"},
    {"types_hash_max_size", HTTP_ALL, 1, 1, .set = wend_set_number,
     AT_LOCATION(types_hash_max_size), .fallback = "1024",
     .help = "checked: hashes size themselves"},
    {"types_hash_bucket_size", HTTP_ALL, 1, 1, .set = wend_set_number,
     AT_LOCATION(types_hash_bucket_size), .fallback = "64",
     .help = "checked: hashes size themselves"},
    {"resolver", HTTP_ALL, 1, -1, .set = set_resolver, AT_LOCATION(resolver_given),
     .help = "accepted; names are asked of the system"},
    {"resolver_timeout", HTTP_ALL, 1, 1, .set = wend_set_msec, AT_LOCATION(resolver_timeout_ms),
     .fallback = "30s", .help = "how long a name may take"},
    {"fastcgi_temp_path", HTTP_ALL, 1, 4, .set = wend_set_ignored, .level = WEND_LEVEL_LOCATION,
     .help = "checked: nothing is written there yet"},
    {"scgi_temp_path", HTTP_ALL, 1, 4, .set = wend_set_ignored, .level = WEND_LEVEL_LOCATION,
     .help = "checked: nothing is written there yet"},
    {"subrequest_output_buffer_size", HTTP_ALL, 1, 1, .set = wend_set_size,
     AT_LOCATION(output_buffer_size), .fallback = "4k",
     .help = "checked: there are no subrequests yet"},
    {"variables_hash_max_size", WEND_CTX_HTTP, 1, 1, CHECKED_NUMBER,
     .help = "checked: hashes size themselves"},
    {"variables_hash_bucket_size", WEND_CTX_HTTP, 1, 1, CHECKED_NUMBER,
     .help = "checked: hashes size themselves"},
    {"server_names_hash_max_size", WEND_CTX_HTTP, 1, 1, CHECKED_NUMBER,
     .help = "checked: hashes size themselves"},
    {"server_names_hash_bucket_size", WEND_CTX_HTTP, 1, 1, CHECKED_NUMBER,
     .help = "checked: hashes size themselves"},
    {"map_hash_max_size", WEND_CTX_HTTP, 1, 1, CHECKED_NUMBER,
     .help = "checked: hashes size themselves"},
    {"map_hash_bucket_size", WEND_CTX_HTTP, 1, 1, CHECKED_NUMBER,
     .help = "checked: hashes size themselves"},
    {"client_header_timeout", HTTP_SERVER, 1, 1, .set = wend_set_msec,
     AT_SERVER(client_header_timeout_ms), .fallback = "60s",
     .help = "how long a whole request head may take"},
    {"client_header_buffer_size", HTTP_SERVER, 1, 1, .set = wend_set_size,
     AT_SERVER(client_header_buffer_size), .fallback = "1k",
     .help = "part of the room for a request head"},
    {"large_client_header_buffers", HTTP_SERVER, 2, 2, .set = set_large_buffers,
     .level = WEND_LEVEL_SERVER, .fallback = "4 8k",
     .help = "how many, and how long a request line or field may be"},
    {"ignore_invalid_headers", HTTP_SERVER, 1, 1, .set = wend_set_flag,
     AT_SERVER(ignore_invalid_headers), .fallback = "on",
     .help = "fields with odd names are dropped, not refused"},
    {"underscores_in_headers", HTTP_SERVER, 1, 1, .set = wend_set_flag,
     AT_SERVER(underscores_in_headers), .fallback = "off",
     .help = "field names may hold an underscore"},
    {"merge_slashes", HTTP_SERVER, 1, 1, .set = wend_set_flag, AT_SERVER(merge_slashes),
     .fallback = "on", .help = "several slashes in a path count as one"},
    {"max_headers", HTTP_SERVER, 1, 1, .set = wend_set_number, AT_SERVER(max_headers),
     .fallback = "1000", .help = "fields of one request"},
    {"connection_pool_size", HTTP_SERVER, 1, 1, .set = check_pool_bytes, .level = WEND_LEVEL_SERVER,
     .fallback = "512", .help = "checked, without effect"},
    {"request_pool_size", HTTP_SERVER, 1, 1, .set = check_pool_bytes, .level = WEND_LEVEL_LOCATION,
     .fallback = "4k", .help = "checked, without effect"},
    {"http_policy", HTTP_SERVER, 1, 1, .set = wend_set_enum, AT_SERVER(strict), .extra = policies,
     .fallback = "nginx",
     .help = "how doubtful requests are treated: as nginx does, or strictly by the RFCs"},
};

/* --- the module ------------------------------------------------------------------------------- */

extern const struct wend_variable_row wend_core_variables[];

const struct wend_edge_module wend_edge_core = {
    .name = "http_core",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {0, sizeof(struct wend_edge_core_server), sizeof(struct wend_edge_core_location)},
    .init = {NULL, wend_core_init_server, wend_core_init_location},
    .merge_server = wend_core_merge_server,
    .merge_location = wend_core_merge_location,
    .variables = wend_core_variables,
};
