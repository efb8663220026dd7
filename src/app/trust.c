/* app/trust.c - whose word about the client counts. A network is an address and a prefix length;
 * "*" is the prefix of no bits of an address of no family. */
#include "app/app.h"

static const uint8_t *address_bytes(const struct wend_address *address, unsigned *bits)
{
    if (address->family == AF_INET) {
        *bits = 32;
        return (const uint8_t *)&address->in.sin_addr;
    }
    if (address->family == AF_INET6) {
        *bits = 128;
        return (const uint8_t *)&address->in6.sin6_addr;
    }
    *bits = 0;
    return NULL;
}

bool wend_app_network_parse(struct wend_str text, struct wend_app_network *out)
{
    ptrdiff_t slash = wend_str_find_byte(text, '/');
    unsigned bits_max;
    uint64_t bits;

    memset(out, 0, sizeof(*out));
    if (wend_str_eq(text, WEND_STR("*")))
        return true;
    if (!wend_address_parse_host(slash < 0 ? text : wend_str_slice(text, 0, (size_t)slash), 0,
                                 &out->address))
        return false;
    (void)address_bytes(&out->address, &bits_max);
    out->bits = bits_max;
    if (slash < 0)
        return true;
    if (!wend_str_to_u64(wend_str_from(text, (size_t)slash + 1), &bits) || bits > bits_max)
        return false;
    out->bits = (unsigned)bits;
    return true;
}

/* ::ffff:10.0.0.1 is 10.0.0.1: a socket that takes both families says it that way. */
static const uint8_t *unmapped(const struct wend_address *address, unsigned *bits)
{
    const uint8_t *bytes = address_bytes(address, bits);

    if (*bits == 128 && IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr)) {
        *bits = 32;
        return bytes + 12;
    }
    return bytes;
}

static bool inside(const struct wend_app_network *network, const struct wend_address *peer)
{
    unsigned network_bits, peer_bits, whole = network->bits / 8, rest = network->bits % 8;
    const uint8_t *a = address_bytes(&network->address, &network_bits);
    const uint8_t *b = unmapped(peer, &peer_bits);

    if (a == NULL)
        return true;
    if (b == NULL || network_bits != peer_bits || memcmp(a, b, whole) != 0)
        return false;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

bool wend_app_trusts(const struct wend_app_settings *settings, const struct wend_address *peer)
{
    if (peer->family == AF_UNIX)
        return true;
    for (size_t i = 0; i < settings->trusted_count; i++)
        if (inside(&settings->trusted[i], peer))
            return true;
    return false;
}

struct wend_str wend_app_forwarded_last(struct wend_str list)
{
    ptrdiff_t comma = wend_str_rfind_byte(list, ',');

    return wend_str_trim(comma < 0 ? list : wend_str_from(list, (size_t)comma + 1));
}

struct wend_str wend_app_forwarded_client(const struct wend_app_settings *settings,
                                          struct wend_str list)
{
    struct wend_str client = WEND_STR_NULL;

    while (list.len != 0) {
        struct wend_str element = wend_app_forwarded_last(list);
        struct wend_address address;
        ptrdiff_t comma = wend_str_rfind_byte(list, ',');

        if (!wend_address_parse_host(element, 0, &address))
            break;
        client = element;
        if (comma < 0 || !wend_app_trusts(settings, &address))
            break;
        list = wend_str_slice(list, 0, (size_t)comma);
    }
    return client;
}
