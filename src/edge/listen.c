/* edge/listen.c - listen: which servers a connection may mean. Whose name its Host is, is
 * edge/server_name.c's. */
#include "dns/resolve.h"
#include "edge/location.h"
#include "edge/request.h"
#include "edge/server_name.h"

#include <stdlib.h>
#include <unistd.h>

#define NAMES_MAX 1000000

/* --- listen ----------------------------------------------------------------------------------- */

static struct wend_edge_listen *listen_for(struct wend_conf *conf,
                                           const struct wend_listener *listener, bool *fresh)
{
    struct wend_edge *edge = conf->data;
    struct wend_edge_listen *listen = edge->listens;

    *fresh = false;
    for (; listen != NULL; listen = listen->next)
        if (wend_listen_same(&listen->listener, listener))
            return listen;
    *fresh = true;
    listen = WEND_NEW(conf->arena, struct wend_edge_listen);
    listen->listener = *listener;
    listen->listener.fd = -1;
    listen->edge = edge;
    wend_map_init(&listen->exact, conf->arena, NAMES_MAX);
    wend_map_init(&listen->head, conf->arena, NAMES_MAX);
    wend_map_init(&listen->tail, conf->arena, NAMES_MAX);
    *edge->last_listen = listen;
    edge->last_listen = &listen->next;
    return listen;
}

/* Where a `listen` listens: each address with each port. */
struct place {
    struct wend_str host; /* null: a unix socket */
    uint64_t first_port, last_port;
};

static enum wend_code bad_place(struct wend_conf *conf, const char *what)
{
    return wend_conf_bad(conf, "%s in \"%.*s\" of the \"listen\" directive", what,
                         WEND_STR_ARG(conf->statement->args[1]));
}

/* "8080", "8080-8090" */
static bool parse_ports(struct wend_str text, struct place *place, const char **wrong)
{
    ptrdiff_t dash = wend_str_find_byte(text, '-');
    struct wend_str first = dash < 0 ? text : wend_str_slice(text, 0, (size_t)dash);
    struct wend_str last = dash < 0 ? text : wend_str_from(text, (size_t)dash + 1);

    *wrong = "invalid port";
    if (!wend_str_to_u64(first, &place->first_port) || !wend_str_to_u64(last, &place->last_port) ||
        place->first_port == 0 || place->first_port > 65535 || place->last_port > 65535)
        return false;
    *wrong = "invalid port range";
    return place->last_port >= place->first_port;
}

static bool only_ports(struct wend_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((text.ptr[i] < '0' || text.ptr[i] > '9') && text.ptr[i] != '-')
            return false;
    return text.len != 0;
}

static enum wend_code parse_place(struct wend_conf *conf, struct wend_str text, struct place *place)
{
    ptrdiff_t colon = wend_str_rfind_byte(text, ':'), close = wend_str_find_byte(text, ']');
    bool bracketed = text.len != 0 && text.ptr[0] == '[';
    struct wend_str ports = WEND_STR("80");
    const char *wrong;

    place->host = text;
    if (bracketed && close < 0)
        return bad_place(conf, "invalid host");
    if (colon > (bracketed ? close : -1)) {
        place->host = wend_str_slice(text, 0, (size_t)colon);
        ports = wend_str_from(text, (size_t)colon + 1);
    } else if (only_ports(text)) {
        place->host = WEND_STR("*");
        ports = text;
    }
    if (place->host.len == 0)
        return bad_place(conf, "no host");
    return parse_ports(ports, place, &wrong) ? WEND_OK : bad_place(conf, wrong);
}

/* All that a host name stands for, as nginx does: names are looked up once, while reading. */
static enum wend_code find_addresses(struct wend_conf *conf, struct wend_str host,
                                     struct wend_dns_answer *answer)
{
    if (wend_str_eq(host, WEND_STR("*")))
        host = WEND_STR("0.0.0.0");
    if (wend_dns_resolve_now(conf->arena, host, 0, answer) == WEND_OK)
        return WEND_OK;
    return bad_place(conf, wend_str_starts(host, WEND_STR("[")) ? "invalid IPv6 address"
                                                                : "host not found");
}

static void set_address(struct wend_listener *listener, const union wend_ip *from, uint64_t port)
{
    wend_address_from_sockaddr(&listener->address, &from->any);
    if (listener->address.family == AF_INET6)
        listener->address.in6.sin6_port = htons((uint16_t)port);
    else
        listener->address.in.sin_port = htons((uint16_t)port);
}

static bool value_of(struct wend_str word, const char *name, struct wend_str *value)
{
    struct wend_str key = wend_str_of(name);

    if (!wend_str_starts(word, key))
        return false;
    *value = wend_str_from(word, key.len);
    return true;
}

static bool number_of(struct wend_str text, int *out)
{
    uint64_t value;

    if (!wend_str_to_u64(text, &value) || value > INT32_MAX)
        return false;
    *out = (int)value;
    return true;
}

/* "on", "off" or "IDLE:INTERVAL:COUNT", each of which may be left out. */
static bool parse_keepalive(struct wend_str value, struct wend_listen_options *o)
{
    struct wend_str part[3] = {WEND_STR_NULL, WEND_STR_NULL, WEND_STR_NULL}, rest = value;
    int64_t idle = 0, interval = 0;
    unsigned count = 0;

    if (wend_str_eq(value, WEND_STR("on")) || wend_str_eq(value, WEND_STR("off"))) {
        o->so_keepalive = wend_str_eq(value, WEND_STR("on")) ? WEND_SWITCH_ON : WEND_SWITCH_OFF;
        return true;
    }
    while (count < 3 && wend_str_split(&rest, ':', &part[count]))
        count++;
    if (count < 2 || rest.ptr != NULL || part[0].len + part[1].len + part[2].len == 0)
        return false;
    idle = part[0].len == 0 ? 0 : wend_conf_sec(part[0]);
    interval = part[1].len == 0 ? 0 : wend_conf_sec(part[1]);
    if (idle < 0 || interval < 0 || idle > INT32_MAX || interval > INT32_MAX ||
        (part[2].len != 0 && !number_of(part[2], &o->keepcnt)))
        return false;
    o->keepidle = (int)idle;
    o->keepintvl = (int)interval;
    o->so_keepalive = WEND_SWITCH_ON;
    return true;
}

static bool parse_bytes(struct wend_str value, int *out)
{
    int64_t bytes = wend_conf_size(value);

    *out = bytes > INT32_MAX ? INT32_MAX : (int)bytes;
    return bytes > 0;
}

static enum wend_code refuse_option(struct wend_conf *conf, struct wend_str word)
{
    static const struct wend_str later[] = {WEND_STR_INIT("ssl"), WEND_STR_INIT("quic"),
                                            WEND_STR_INIT("http2"),
                                            WEND_STR_INIT("proxy_protocol")};

    for (size_t i = 0; i < WEND_COUNT(later); i++)
        if (wend_str_eq(word, later[i]))
            return wend_conf_bad(
                conf, "the \"%.*s\" parameter of \"listen\" is nginx's; wend does not do it yet",
                WEND_STR_ARG(word));
    return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(word));
}

/* The permissions of a unix socket, in octal digits (wend's own parameter). */
static bool parse_mode(struct wend_str value, unsigned *mode)
{
    *mode = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '7' || *mode > 077)
            return false;
        *mode = *mode * 8 + (unsigned)(value.ptr[i] - '0');
    }
    return *mode != 0;
}

/* "NAME=VALUE" parameters. */
static enum wend_code parse_valued(struct wend_conf *conf, struct wend_str word,
                                   struct wend_listen_options *o)
{
    struct wend_str value;
    const char *what = NULL;

    if (value_of(word, "backlog=", &value))
        what = number_of(value, &o->backlog) && o->backlog > 0 ? NULL : "backlog";
    else if (value_of(word, "fastopen=", &value))
        what = number_of(value, &o->fastopen) ? NULL : "fastopen";
    else if (value_of(word, "rcvbuf=", &value))
        what = parse_bytes(value, &o->rcvbuf) ? NULL : "rcvbuf";
    else if (value_of(word, "sndbuf=", &value))
        what = parse_bytes(value, &o->sndbuf) ? NULL : "sndbuf";
    else if (value_of(word, "mode=", &value))
        what = parse_mode(value, &o->mode) ? NULL : "mode";
    else if (value_of(word, "ipv6only=", &value)) {
        if (!wend_str_eq(value, WEND_STR("on")) && !wend_str_eq(value, WEND_STR("off")))
            return wend_conf_bad(conf, "invalid ipv6only flags \"%.*s\"", WEND_STR_ARG(value));
        o->ipv6only = wend_str_eq(value, WEND_STR("on")) ? WEND_SWITCH_ON : WEND_SWITCH_OFF;
    } else if (value_of(word, "so_keepalive=", &value)) {
        if (!parse_keepalive(value, o))
            return wend_conf_bad(conf, "invalid so_keepalive value: \"%.*s\"", WEND_STR_ARG(value));
    } else if (!value_of(word, "accept_filter=", &value)) {
        return refuse_option(conf, word);
    }
    return what == NULL ? WEND_OK
                        : wend_conf_bad(conf, "invalid %s \"%.*s\"", what, WEND_STR_ARG(word));
}

static enum wend_code parse_option(struct wend_conf *conf, struct wend_str word,
                                   struct wend_listener *listener, bool *is_default, bool *uwsgi)
{
    struct wend_listen_options *o = &listener->options;

    if (wend_str_eq(word, WEND_STR("default_server")) || wend_str_eq(word, WEND_STR("default")))
        *is_default = true;
    else if (wend_str_eq(word, WEND_STR("uwsgi")))
        *uwsgi = true;
    else if (wend_str_eq(word, WEND_STR("reuseport")))
        o->reuseport = true;
    else if (wend_str_eq(word, WEND_STR("deferred")))
        o->deferred = true;
    else if (!wend_str_eq(word, WEND_STR("bind")))
        return parse_valued(conf, word, o);
    return WEND_OK;
}

static enum wend_code join(struct wend_conf *conf, struct wend_edge_listen *listen,
                           struct wend_edge_server *server, bool is_default)
{
    char where[WEND_LISTEN_TEXT_MAX];

    if (is_default && listen->default_named)
        return wend_conf_bad(conf, "a duplicate default server for %.*s",
                             (int)wend_listen_write(&listen->listener, where), where);
    if (listen->default_server == NULL || is_default)
        listen->default_server = server;
    listen->default_named |= is_default;
    server->listens++;
    return WEND_OK;
}

/* The servers of a listener, as a list beside it: server -> listens is read only while finishing.
 */
struct pair {
    struct pair *next;
    struct wend_edge_listen *listen;
    struct wend_edge_server *server;
};

struct listening {
    struct pair *pairs, **last;
};

static void init_main(void *settings)
{
    struct listening *listening = settings;

    listening->last = &listening->pairs;
}

static enum wend_code add_listen(struct wend_conf *conf, const struct wend_listener *listener,
                                 bool is_default, bool uwsgi)
{
    struct listening *all = wend_edge_conf_at(conf, &wend_edge_listening, WEND_LEVEL_MAIN);
    struct wend_edge_server *server = wend_server_name_owner(conf);
    struct pair *pair;
    char where[WEND_LISTEN_TEXT_MAX];
    bool fresh;
    struct wend_edge_listen *listen = listen_for(conf, listener, &fresh);

    for (pair = all->pairs; pair != NULL; pair = pair->next)
        if (pair->listen == listen && pair->server == server)
            return wend_conf_bad(conf, "a duplicate listen %.*s",
                                 (int)wend_listen_write(listener, where), where);
    pair = WEND_NEW(conf->arena, struct pair);
    pair->listen = listen;
    pair->server = server;
    *all->last = pair;
    all->last = &pair->next;
    listen->uwsgi |= uwsgi;
    if (!fresh && listener->options.backlog != 0)
        listen->listener.options = listener->options;
    return join(conf, listen, server, is_default);
}

static enum wend_code listen_unix(struct wend_conf *conf, struct wend_str path,
                                  struct wend_listener *listener)
{
    listener->address.family = AF_UNIX;
    if (wend_listen_unix(listener, path))
        return WEND_OK;
    return bad_place(conf, path.len == 0 ? "no path in the unix domain socket"
                                         : "too long path in the unix domain socket");
}

static enum wend_code set_listen(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    const struct wend_statement *s = conf->statement;
    struct wend_listener listener = {.fd = -1};
    bool is_default = false, uwsgi = false, local = wend_str_starts(s->args[1], WEND_STR("unix:"));
    struct wend_dns_answer answer = {0};
    struct place place = {0};
    enum wend_code code;

    (void)row;
    (void)slot;
    code = local ? listen_unix(conf, wend_str_from(s->args[1], 5), &listener)
                 : parse_place(conf, s->args[1], &place);
    if (code == WEND_OK && !local)
        code = find_addresses(conf, place.host, &answer);
    if (code == WEND_OK && !local)
        set_address(&listener, &answer.at[0], place.first_port); /* options ask for the family */
    listener.options.nodelay = true;
    for (unsigned i = 2; i < s->count && code == WEND_OK; i++)
        code = parse_option(conf, s->args[i], &listener, &is_default, &uwsgi);
    if (local)
        return code == WEND_OK ? add_listen(conf, &listener, is_default, uwsgi) : code;
    for (size_t i = 0; i < answer.count && code == WEND_OK; i++) {
        for (uint64_t port = place.first_port; port <= place.last_port && code == WEND_OK; port++) {
            set_address(&listener, &answer.at[i], port);
            code = add_listen(conf, &listener, is_default, uwsgi);
        }
    }
    return code;
}

/* --- finishing -------------------------------------------------------------------------------- */

static void fill_h1(struct wend_edge_listen *listen)
{
    const struct wend_edge_server *server = listen->default_server;
    size_t core = wend_edge_module_index(&wend_edge_core);
    const struct wend_edge_core_server *s = server->levels.at[WEND_LEVEL_SERVER][core];

    listen->h1 = (struct wend_h1_server){
        .handler = &wend_edge_handler,
        .reject = wend_edge_reject,
        .finished = wend_edge_finished,
        .policy = s->strict ? WEND_H1_STRICT : WEND_H1_NGINX,
        .limits = {.line_bytes = (size_t)s->large_buffer_bytes,
                   .field_bytes = (size_t)s->large_buffer_bytes,
                   .head_bytes = (size_t)(s->large_buffer_bytes * s->large_buffer_count +
                                          s->client_header_buffer_size),
                   .fields = (unsigned)s->max_headers,
                   .underscores = s->underscores_in_headers != 0,
                   .ignore_invalid = s->ignore_invalid_headers != 0},
        .policy_default = &server->root->policy,
        .head_timeout_ms = (int)s->client_header_timeout_ms,
        .requests_max = (int)server->root->keepalive_requests,
        .lifetime_ms = server->root->keepalive_time_ms,
        .data = listen,
    };
}

/* A wildcard takes the port's connections; the others of that port are found by the local address.
 */
static void cover(struct wend_edge *edge)
{
    for (struct wend_edge_listen *any = edge->listens; any != NULL; any = any->next) {
        any->any = wend_address_is_any(&any->listener.address);
        for (struct wend_edge_listen *one = edge->listens; one != NULL && any->any; one = one->next)
            if (one != any && one->listener.address.family == any->listener.address.family &&
                wend_address_port(&one->listener.address) ==
                    wend_address_port(&any->listener.address))
                one->covered_by = any;
    }
}

/* No listen: port 80, or 8000 for somebody who may not have 80, as nginx does. */
static enum wend_code listen_by_default(struct wend_conf *conf, struct wend_edge_server *server)
{
    struct wend_listener listener = {.fd = -1, .options.nodelay = true};

    conf->scope = &server->levels;
    conf->statement = server->statement;
    (void)!wend_address_parse_host(WEND_STR("0.0.0.0"), geteuid() == 0 ? 80 : 8000,
                                   &listener.address);
    return add_listen(conf, &listener, false, false);
}

/* `sole`: whoever comes is the default server's, and no name needs to be looked at. */
static enum wend_code index_names(struct wend_conf *conf, struct wend_edge *edge)
{
    const struct listening *all = edge->main[wend_edge_module_index(&wend_edge_listening)];

    for (struct wend_edge_listen *listen = edge->listens; listen != NULL; listen = listen->next)
        listen->sole = true;
    for (const struct pair *pair = all->pairs; pair != NULL; pair = pair->next)
        pair->listen->sole &= pair->server == pair->listen->default_server;
    for (const struct pair *pair = all->pairs; pair != NULL; pair = pair->next)
        if (wend_server_name_index(conf, pair->server, pair->listen) != WEND_OK)
            return WEND_E_CONFIG;
    for (struct wend_edge_listen *listen = edge->listens; listen != NULL; listen = listen->next)
        listen->sole &= listen->regexes == NULL;
    return WEND_OK;
}

enum wend_code wend_edge_listens_finish(struct wend_conf *conf, struct wend_edge *edge)
{
    for (struct wend_edge_server *server = edge->servers; server != NULL; server = server->next) {
        if (wend_server_name_finish(conf, server) != WEND_OK)
            return WEND_E_CONFIG;
        if (server->listens == 0 && listen_by_default(conf, server) != WEND_OK)
            return WEND_E_CONFIG;
    }
    if (index_names(conf, edge) != WEND_OK)
        return WEND_E_CONFIG;
    for (struct wend_edge_listen *listen = edge->listens; listen != NULL; listen = listen->next)
        fill_h1(listen);
    cover(edge);
    return WEND_OK;
}

/* --- rows ------------------------------------------------------------------------------------- */

static const struct wend_directive rows[] = {
    {"listen", WEND_CTX_SERVER, 1, -1, .set = set_listen, .fallback = "*:80 | *:8000",
     .help = "an address and port, or unix:PATH, that the server answers on"},
    {"server_name", WEND_CTX_SERVER, 1, -1, .set = wend_server_name_set, .fallback = "\"\"",
     .help = "host names: exact, *.wildcard, wildcard.*, .both, or ~expression"},
};

const struct wend_edge_module wend_edge_listening = {
    .name = "http_core",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {sizeof(struct listening), 0, 0},
    .init = {init_main, NULL, NULL},
};
