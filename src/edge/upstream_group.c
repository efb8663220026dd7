/* edge/upstream_group.c - `upstream` blocks, and hosts as groups. */
#include "edge/upstream_settings.h"
#include "edge/upstream_variables.h"

#include "dns/resolve.h"
#include "edge/temp_folder.h"

#include <unistd.h>

#define GROUPS_MAX 65536

struct group {
    struct wend_peers peers;
    enum wend_peers_method method;
    bool method_given;
    struct wend_template key; /* of hash */
    struct wend_str name;
    const struct wend_statement *statement;
    struct wend_peer *room; /* grows while the block is read */
    size_t count;
    int64_t keepalive, requests, idle_ms, lifetime_ms;
    struct group *next;
};

struct upstream_main {
    struct wend_map by_name;
    bool ready;
    struct group *groups;
    struct wend_upstream_target *targets; /* to be resolved at the end */
};

static void init_main(void *settings)
{
    ((struct upstream_main *)settings)->ready = false;
}

static struct upstream_main *main_of(struct wend_conf *conf)
{
    struct upstream_main *settings = wend_edge_conf_at(conf, &wend_edge_upstream, WEND_LEVEL_MAIN);

    if (!settings->ready) {
        wend_map_init_nocase(&settings->by_name, conf->arena, GROUPS_MAX);
        settings->ready = true;
    }
    return settings;
}

/* --- peers ------------------------------------------------------------------------------------ */

static struct wend_str address_name(struct wend_arena *arena, const struct wend_address *address)
{
    char text[WEND_ADDRESS_TEXT_MAX];
    size_t len = wend_address_write(address, text);

    return wend_arena_keep(arena, wend_str_make(text, len));
}

/* One peer per address of a host. */
static struct wend_peer *peers_of_answer(struct wend_arena *arena,
                                         const struct wend_dns_answer *answer)
{
    struct wend_peer *peers = wend_arena_zalloc(arena, answer->count * sizeof(*peers));

    for (size_t i = 0; peers != NULL && i < answer->count; i++) {
        wend_address_from_sockaddr(&peers[i].address, &answer->at[i].any);
        peers[i].name = address_name(arena, &peers[i].address);
    }
    return peers;
}

static struct wend_peer *peer_of_path(struct wend_arena *arena, struct wend_str path)
{
    struct wend_peer *peer = WEND_NEW(arena, struct wend_peer);

    if (peer == NULL)
        return NULL;
    peer->path = path;
    peer->name = wend_arena_printf(arena, "unix:%.*s", WEND_STR_ARG(path));
    return peer;
}

static void set_defaults(struct wend_peer *peers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        peers[i].weight = 1;
        peers[i].max_fails = 1;
        peers[i].fail_timeout_ns = 10 * WEND_NS_PER_S;
    }
}

/* --- the upstream block ----------------------------------------------------------------------- */

static enum wend_code parse_number(struct wend_conf *conf, struct wend_str word, size_t prefix,
                                   unsigned *out)
{
    uint64_t value;

    if (!wend_str_to_u64(wend_str_from(word, prefix), &value) || value > INT32_MAX)
        return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(word));
    *out = (unsigned)value;
    return WEND_OK;
}

static enum wend_code parse_server_word(struct wend_conf *conf, struct wend_str word,
                                        enum wend_peers_method method, struct wend_peer *peer)
{
    int64_t ms;

    if (wend_str_starts(word, WEND_STR("weight=")))
        return parse_number(conf, word, 7, &peer->weight);
    if (wend_str_starts(word, WEND_STR("max_fails=")))
        return parse_number(conf, word, 10, &peer->max_fails);
    if (wend_str_starts(word, WEND_STR("max_conns=")))
        return parse_number(conf, word, 10, &peer->max_conns);
    if (wend_str_starts(word, WEND_STR("fail_timeout="))) {
        ms = wend_conf_msec(wend_str_from(word, 13));
        if (ms < 0)
            return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(word));
        peer->fail_timeout_ns = ms * WEND_NS_PER_MS;
        return WEND_OK;
    }
    if (wend_str_eq(word, WEND_STR("backup"))) {
        if (method != WEND_PEERS_ROUND_ROBIN && method != WEND_PEERS_LEAST_CONN)
            return wend_conf_bad(conf, "balancing method does not support parameter \"%.*s\"",
                                 WEND_STR_ARG(word));
        peer->backup = true;
        return WEND_OK;
    }
    if (wend_str_eq(word, WEND_STR("down"))) {
        peer->down = true;
        return WEND_OK;
    }
    return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(word));
}

static enum wend_code add_peers(struct wend_conf *conf, struct group *group,
                                const struct wend_peer *peers, size_t count)
{
    if (group->count + count > WEND_PEERS_MAX)
        return wend_conf_bad(conf, "more than %d servers in one upstream", WEND_PEERS_MAX);
    if (group->room == NULL)
        group->room = wend_arena_array(conf->arena, WEND_PEERS_MAX, sizeof(*peers));
    if (group->room == NULL)
        return WEND_E_MEMORY;
    memcpy(group->room + group->count, peers, count * sizeof(*peers));
    group->count += count;
    return WEND_OK;
}

static enum wend_code find_peers(struct wend_conf *conf, const struct wend_upstream_target *target,
                                 struct wend_peer **peers, size_t *count)
{
    struct wend_dns_answer answer;

    if (target->path.ptr != NULL) {
        *peers = peer_of_path(conf->arena, target->path);
        *count = 1;
        return *peers == NULL ? WEND_E_MEMORY : WEND_OK;
    }
    if (target->port == 0)
        return wend_conf_fail(conf->error, target->statement, "no port in upstream \"%.*s\"",
                              WEND_STR_ARG(target->host));
    if (wend_dns_resolve_now(conf->arena, target->host, target->port, &answer) != WEND_OK)
        return wend_conf_fail(conf->error, target->statement, "host not found in upstream \"%.*s\"",
                              WEND_STR_ARG(target->host));
    *peers = peers_of_answer(conf->arena, &answer);
    *count = answer.count;
    return *peers == NULL ? WEND_E_MEMORY : WEND_OK;
}

static enum wend_code set_server(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    const struct wend_statement *statement = conf->statement;
    struct group *group = slot;
    struct wend_upstream_target target;
    struct wend_peer like, *peers;
    size_t count;
    const char *why;
    enum wend_code code = WEND_OK;

    (void)row;
    if (!wend_upstream_target_parse(statement->args[1], 80, &target, &why))
        return wend_conf_bad(conf, "%s in upstream \"%.*s\"", why,
                             WEND_STR_ARG(statement->args[1]));
    memset(&like, 0, sizeof(like));
    set_defaults(&like, 1);
    for (unsigned i = 2; code == WEND_OK && i < statement->count; i++)
        code = parse_server_word(conf, statement->args[i], group->method, &like);
    if (code != WEND_OK)
        return code;
    if (like.weight == 0)
        return wend_conf_bad(conf, "invalid parameter \"weight=0\"");
    target.statement = statement;
    like.server = statement->args[1];
    code = find_peers(conf, &target, &peers, &count);
    for (size_t i = 0; code == WEND_OK && i < count; i++) {
        like.name = peers[i].name;
        like.path = peers[i].path;
        like.address = peers[i].address;
        peers[i] = like;
    }
    return code == WEND_OK ? add_peers(conf, group, peers, count) : code;
}

static void *group_slot(struct wend_conf *conf, const struct wend_directive *row)
{
    return row->offset == 0 ? conf->scope : (char *)conf->scope + row->offset;
}

static enum wend_code finish_group(struct wend_conf *conf, struct group *group)
{
    enum wend_code code;

    wend_peers_init(&group->peers, group->name, group->room, group->count);
    if (group->keepalive != WEND_UNSET)
        group->peers.idle_max = (unsigned)group->keepalive;
    if (group->requests != WEND_UNSET)
        group->peers.requests_max = (unsigned)group->requests;
    if (group->idle_ms != WEND_UNSET)
        group->peers.idle_timeout_ns = group->idle_ms * WEND_NS_PER_MS;
    if (group->lifetime_ms != WEND_UNSET)
        group->peers.lifetime_ns = group->lifetime_ms * WEND_NS_PER_MS;
    group->peers.key = wend_template_set(&group->key) ? &group->key : NULL;
    code = wend_peers_balance(&group->peers, conf->arena, group->method);
    return code != WEND_E_LIMIT
               ? code
               : wend_conf_fail(conf->error, group->statement,
                                "the weights in upstream \"%.*s\" are too large for \"hash\" "
                                "with \"consistent\"",
                                WEND_STR_ARG(group->name));
}

static enum wend_code set_upstream(struct wend_conf *conf, const struct wend_directive *row,
                                   void *slot)
{
    const struct wend_statement *statement = conf->statement;
    struct upstream_main *settings = main_of(conf);
    void *(*outer_slot)(struct wend_conf *, const struct wend_directive *) = conf->slot;
    struct group *group = WEND_NEW(conf->arena, struct group);
    size_t others = 0;
    enum wend_code code;

    (void)row, (void)slot;
    if (group == NULL)
        return WEND_E_MEMORY;
    group->name = statement->args[1];
    group->statement = statement;
    group->keepalive = group->requests = group->idle_ms = group->lifetime_ms = WEND_UNSET;
    if (wend_map_add(&settings->by_name, group->name, group) != WEND_OK)
        return wend_conf_bad(conf, "duplicate upstream \"%.*s\"", WEND_STR_ARG(group->name));
    group->next = settings->groups;
    settings->groups = group;
    conf->slot = group_slot;
    code = wend_conf_apply(conf, statement->children, WEND_CTX_UPSTREAM, group);
    conf->slot = outer_slot;
    if (code != WEND_OK)
        return code;
    if (group->count == 0)
        return wend_conf_fail(conf->error, statement, "no servers are inside upstream");
    for (size_t i = 0; i < group->count; i++)
        others += !group->room[i].backup;
    if (others == 0)
        return wend_conf_fail(conf->error, statement, "no servers in upstream \"%.*s\"",
                              WEND_STR_ARG(group->name));
    return finish_group(conf, group);
}

static enum wend_code set_keepalive(struct wend_conf *conf, const struct wend_directive *row,
                                    void *slot)
{
    uint64_t value;

    (void)row;
    if (*(int64_t *)slot != WEND_UNSET)
        return wend_conf_bad(conf, "\"keepalive\" directive is duplicate");
    if (!wend_str_to_u64(conf->statement->args[1], &value) || value > 65536)
        return wend_conf_bad(conf, "invalid value \"%.*s\" in \"keepalive\" directive",
                             WEND_STR_ARG(conf->statement->args[1]));
    if (conf->statement->count > 2 && !wend_str_eq(conf->statement->args[2], WEND_STR("local")))
        return wend_conf_bad(conf, "invalid parameter \"%.*s\"",
                             WEND_STR_ARG(conf->statement->args[2]));
    *(int64_t *)slot = (int64_t)value;
    return WEND_OK;
}

/* --- how one is chosen ------------------------------------------------------------------------ */

static enum wend_code take_method(struct wend_conf *conf, struct group *group,
                                  enum wend_peers_method method)
{
    if (group->method_given || group->keepalive != WEND_UNSET)
        wend_conf_warn(conf, "load balancing method redefined");
    group->method_given = true;
    group->method = method;
    return WEND_OK;
}

/* least_conn; ip_hash; */
static enum wend_code set_method(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    return take_method(conf, slot, (enum wend_peers_method)(uintptr_t)row->extra);
}

static enum wend_code bad_word(struct wend_conf *conf, unsigned index)
{
    return wend_conf_bad(conf, "invalid parameter \"%.*s\"",
                         WEND_STR_ARG(conf->statement->args[index]));
}

/* hash KEY [consistent] */
static enum wend_code set_hash(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    const struct wend_statement *s = conf->statement;
    struct group *group = slot;
    enum wend_code code = wend_template_compile(conf, s->args[1], &group->key);

    (void)row;
    if (code != WEND_OK)
        return code;
    if (s->count == 3 && !wend_str_eq(s->args[2], WEND_STR("consistent")))
        return bad_word(conf, 2);
    return take_method(conf, group, s->count == 3 ? WEND_PEERS_KETAMA : WEND_PEERS_HASH);
}

/* random [two [least_conn]] */
static enum wend_code set_random(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    const struct wend_statement *s = conf->statement;

    (void)row;
    if (s->count > 1 && !wend_str_eq(s->args[1], WEND_STR("two")))
        return bad_word(conf, 1);
    if (s->count > 2 && !wend_str_eq(s->args[2], WEND_STR("least_conn")))
        return bad_word(conf, 2);
    return take_method(conf, slot, s->count > 1 ? WEND_PEERS_RANDOM_TWO : WEND_PEERS_RANDOM);
}

/* zone NAME [SIZE] */
static enum wend_code set_zone(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    const struct wend_statement *statement = conf->statement;
    int64_t size;

    (void)row, (void)slot;
    if (statement->args[1].len == 0)
        return wend_conf_bad(conf, "invalid zone name \"\"");
    if (statement->count == 2)
        return WEND_OK;
    size = wend_conf_size(statement->args[2]);
    if (size < 0)
        return wend_conf_bad(conf, "invalid zone size \"%.*s\"", WEND_STR_ARG(statement->args[2]));
    if (size < 8 * (int64_t)sysconf(_SC_PAGESIZE))
        return wend_conf_bad(conf, "zone \"%.*s\" is too small", WEND_STR_ARG(statement->args[1]));
    return WEND_OK;
}

/* --- where a _pass leads ---------------------------------------------------------------------- */

void wend_upstream_target_register(struct wend_conf *conf, struct wend_upstream_target *target)
{
    struct upstream_main *settings = main_of(conf);

    target->statement = conf->statement;
    target->next = settings->targets;
    settings->targets = target;
}

static struct group *group_of(struct upstream_main *settings, struct wend_str host)
{
    return settings->ready && host.len > 0 ? wend_map_get(&settings->by_name, host) : NULL;
}

static enum wend_code resolve_target(struct wend_conf *conf, struct upstream_main *settings,
                                     struct wend_upstream_target *target)
{
    struct group *group = group_of(settings, target->host);
    struct wend_peer *peers = NULL;
    size_t count = 0;
    enum wend_code code;

    if (group != NULL && target->port_given)
        return wend_conf_fail(conf->error, target->statement,
                              "upstream \"%.*s\" may not have port %u", WEND_STR_ARG(target->host),
                              (unsigned)target->port);
    if (group != NULL) {
        target->peers = &group->peers;
        return WEND_OK;
    }
    code = find_peers(conf, target, &peers, &count);
    if (code != WEND_OK)
        return code;
    set_defaults(peers, count);
    target->peers = WEND_NEW(conf->arena, struct wend_peers);
    if (target->peers == NULL)
        return WEND_E_MEMORY;
    wend_peers_init(target->peers, target->path.ptr != NULL ? peers->name : target->host, peers,
                    count);
    return WEND_OK;
}

static enum wend_code finish(struct wend_conf *conf, struct wend_edge *edge)
{
    struct upstream_main *settings =
        edge->http.at[WEND_LEVEL_MAIN] == NULL
            ? NULL
            : edge->http.at[WEND_LEVEL_MAIN][wend_edge_module_index(&wend_edge_upstream)];
    enum wend_code code = wend_edge_temp_folders(conf, edge);

    if (settings == NULL || !settings->ready)
        return code;
    for (struct wend_upstream_target *target = settings->targets; target != NULL && code == WEND_OK;
         target = target->next)
        code = resolve_target(conf, settings, target);
    return code;
}

enum wend_code wend_upstream_target_find(struct wend_exchange *x,
                                         struct wend_upstream_target *target)
{
    struct upstream_main *settings = wend_edge_settings(x, &wend_edge_upstream, WEND_LEVEL_MAIN);
    struct group *group = group_of(settings, target->host);
    struct wend_arena *arena = &x->task->arena;
    struct wend_dns_answer answer = {.count = 1};
    struct wend_peer *peers;
    enum wend_code code = WEND_OK;

    if (group != NULL && !target->port_given) {
        target->peers = &group->peers;
        return WEND_OK;
    }
    if (target->path.ptr == NULL)
        code = wend_dns_resolve(x->task, target->host, target->port, &answer);
    if (code != WEND_OK)
        return code;
    peers = target->path.ptr != NULL ? peer_of_path(arena, target->path)
                                     : peers_of_answer(arena, &answer);
    target->peers = WEND_NEW(arena, struct wend_peers);
    if (peers == NULL || target->peers == NULL)
        return WEND_E_MEMORY;
    set_defaults(peers, answer.count);
    wend_peers_init(target->peers, target->host, peers, answer.count);
    target->peers->idle_max = 0; /* it dies with the request */
    return WEND_OK;
}

/* --- the module ------------------------------------------------------------------------------- */

static void stop_worker(struct wend_edge *edge)
{
    (void)edge;
    wend_upstream_conn_close_idle();
}

#define GROUP_ROW(word, min, max, setter, field, def, text)                                        \
    {                                                                                              \
        .name = word, .contexts = WEND_CTX_UPSTREAM, .args_min = min, .args_max = max,             \
        .set = setter, .level = WEND_LEVEL_MAIN, .offset = offsetof(struct group, field),          \
        .fallback = def, .help = text                                                              \
    }

static const struct wend_directive rows[] = {
    {.name = "upstream",
     .contexts = WEND_CTX_HTTP,
     .args_min = 1,
     .args_max = 1,
     .block = true,
     .set = set_upstream,
     .level = WEND_LEVEL_MAIN,
     .help = "a group of servers by one name"},
    GROUP_ROW("server", 1, -1, set_server, peers, NULL, "a server of the group"),
    GROUP_ROW("hash", 1, 2, set_hash, peers, NULL,
              "by a key; consistent: few keys move when servers come and go"),
    GROUP_ROW("random", 0, 2, set_random, peers, NULL,
              "any; two: of two, the one with fewer connections for its weight"),
    {.name = "least_conn",
     .contexts = WEND_CTX_UPSTREAM,
     .set = set_method,
     .level = WEND_LEVEL_MAIN,
     .extra = (const void *)(uintptr_t)WEND_PEERS_LEAST_CONN,
     .help = "the one with the fewest connections for its weight"},
    {.name = "ip_hash",
     .contexts = WEND_CTX_UPSTREAM,
     .set = set_method,
     .level = WEND_LEVEL_MAIN,
     .extra = (const void *)(uintptr_t)WEND_PEERS_IP_HASH,
     .help = "by the client's address: of IPv4 its first three bytes"},
    GROUP_ROW("keepalive", 1, 2, set_keepalive, keepalive, "32 local",
              "idle connections each worker keeps"),
    GROUP_ROW("keepalive_requests", 1, 1, wend_set_number, requests, "1000",
              "requests on one connection"),
    GROUP_ROW("keepalive_timeout", 1, 1, wend_set_msec, idle_ms, "60s",
              "how long an idle connection is kept"),
    GROUP_ROW("keepalive_time", 1, 1, wend_set_msec, lifetime_ms, "1h",
              "how old a connection may become"),
    GROUP_ROW("zone", 1, 2, set_zone, peers, NULL, "accepted; each worker counts for itself"),
};

const struct wend_edge_module wend_edge_upstream = {
    .name = "http_upstream",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {[WEND_LEVEL_MAIN] = sizeof(struct upstream_main)},
    .init = {[WEND_LEVEL_MAIN] = init_main},
    .finish = finish,
    .stop_worker = stop_worker,
    .variables = wend_upstream_variables,
};
