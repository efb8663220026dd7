/* edge/access.c - allow and deny. The first rule that names the client's address decides. */
#include "edge/access.h"

#include "edge/request.h"

#include <arpa/inet.h>

struct rule {
    struct rule *next;
    bool deny, all, unix_peer;
    sa_family_t family;
    unsigned char address[16];
    unsigned bits;
};

struct settings {
    struct rule *rules;
};

static const unsigned char *bytes_of(const struct wend_address *address)
{
    return address->family == AF_INET ? (const unsigned char *)&address->in.sin_addr
                                      : (const unsigned char *)&address->in6.sin6_addr;
}

static bool parse_network(struct wend_str text, struct rule *rule)
{
    ptrdiff_t slash = wend_str_find_byte(text, '/');
    struct wend_address address;
    uint64_t bits;
    unsigned most;

    if (!wend_address_parse_host(slash < 0 ? text : wend_str_slice(text, 0, (size_t)slash), 0,
                                 &address))
        return false;
    rule->family = address.family;
    most = address.family == AF_INET ? 32 : 128;
    memcpy(rule->address, bytes_of(&address), most / 8);
    bits = most;
    if (slash >= 0 &&
        (!wend_str_to_u64(wend_str_from(text, (size_t)slash + 1), &bits) || bits > most))
        return false;
    rule->bits = (unsigned)bits;
    return true;
}

static bool in_network(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;

    if (memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

/* Whether bits are set beyond those that count; they are cleared. */
static bool clear_low_bits(struct rule *rule)
{
    unsigned most = rule->family == AF_INET ? 32 : 128;
    bool any = false;

    for (unsigned i = rule->bits; i < most; i++) {
        unsigned char bit = (unsigned char)(0x80 >> i % 8);

        any |= (rule->address[i / 8] & bit) != 0;
        rule->address[i / 8] &= (unsigned char)~bit;
    }
    return any;
}

static enum wend_code set_rule(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct settings *settings = slot;
    struct rule *rule = WEND_NEW(conf->arena, struct rule), **last = &settings->rules;
    struct wend_str text = conf->statement->args[1];

    rule->deny = row->extra != NULL;
    if (wend_str_eq(text, WEND_STR("all")))
        rule->all = true;
    else if (wend_str_eq(text, WEND_STR("unix:")))
        rule->unix_peer = true;
    else if (!parse_network(text, rule))
        return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(text));
    else if (clear_low_bits(rule))
        wend_conf_warn(conf, "low address bits of %.*s are meaningless", WEND_STR_ARG(text));
    while (*last != NULL)
        last = &(*last)->next;
    *last = rule;
    return WEND_OK;
}

static enum wend_code merge(struct wend_conf *conf, void *parent, void *child)
{
    const struct settings *p = parent;
    struct settings *c = child;

    (void)conf;
    if (c->rules == NULL)
        c->rules = p->rules;
    return WEND_OK;
}

static bool names(const struct rule *rule, const struct wend_address *peer)
{
    if (rule->all)
        return true;
    if (rule->unix_peer || peer->family == AF_UNIX)
        return rule->unix_peer && peer->family == AF_UNIX;
    /* An IPv4 client of an IPv6 socket is still an IPv4 client. */
    if (rule->family == AF_INET && peer->family == AF_INET6 &&
        IN6_IS_ADDR_V4MAPPED(&peer->in6.sin6_addr))
        return in_network(rule->address, (const unsigned char *)&peer->in6.sin6_addr + 12,
                          rule->bits);
    return rule->family == peer->family && in_network(rule->address, bytes_of(peer), rule->bits);
}

static enum wend_code check(struct wend_exchange *x)
{
    const struct settings *settings = wend_edge_settings(x, &wend_edge_access, WEND_LEVEL_LOCATION);

    for (const struct rule *rule = settings->rules; rule != NULL; rule = rule->next)
        if (names(rule, &x->conn->peer))
            return rule->deny ? WEND_E_DENIED : WEND_OK;
    return WEND_DECLINED;
}

#define PLACES (WEND_CTX_HTTP_ALL | WEND_CTX_LIMIT_EXCEPT)

static const struct wend_directive rows[] = {
    {"allow", PLACES, 1, 1, .set = set_rule, .level = WEND_LEVEL_LOCATION,
     .help = "clients of this address or network, unix: or all, may come in"},
    {"deny", PLACES, 1, 1, .set = set_rule, .level = WEND_LEVEL_LOCATION, .extra = "deny",
     .help = "clients of this address or network, unix: or all, may not"},
};

const struct wend_edge_module wend_edge_access = {
    .name = "http_access",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
    .sizes = {0, 0, sizeof(struct settings)},
    .merge_location = merge,
    .access = check,
};
