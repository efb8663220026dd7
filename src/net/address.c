/* net/address.c - addresses and their texts. */
#include "net/address.h"

#include "base/ip.h"

#include <arpa/inet.h>
#include <string.h>

void wend_address_from_sockaddr(struct wend_address *out, const struct sockaddr *from)
{
    memset(out, 0, sizeof(*out));
    if (from->sa_family == AF_INET)
        memcpy(&out->in, from, sizeof(out->in));
    else if (from->sa_family == AF_INET6)
        memcpy(&out->in6, from, sizeof(out->in6));
    else
        out->family = from->sa_family;
}

static size_t write_text(char *out, const char *text)
{
    size_t len = strlen(text);

    memcpy(out, text, len + 1);
    return len;
}

/* By hand: inet_ntop goes through sprintf, and every access log line comes here. */
static size_t write_ipv4(const struct in_addr *host, char *out)
{
    const unsigned char *byte = (const unsigned char *)host;
    size_t len = 0;

    for (int i = 0; i < 4; i++) {
        len += wend_str_from_u64(byte[i], out + len);
        out[len++] = '.';
    }
    out[--len] = '\0';
    return len;
}

size_t wend_address_write_host(const struct wend_address *address, char out[WEND_ADDRESS_TEXT_MAX])
{
    switch (address->family) {
    case AF_INET:
        return write_ipv4(&address->in.sin_addr, out);
    case AF_INET6:
        if (inet_ntop(AF_INET6, &address->in6.sin6_addr, out, WEND_ADDRESS_TEXT_MAX) == NULL)
            out[0] = '\0';
        return strlen(out);
    case AF_UNIX:
        return write_text(out, "unix:");
    default:
        return write_text(out, "unknown");
    }
}

uint16_t wend_address_port(const struct wend_address *address)
{
    switch (address->family) {
    case AF_INET:
        return ntohs(address->in.sin_port);
    case AF_INET6:
        return ntohs(address->in6.sin6_port);
    default:
        return 0;
    }
}

size_t wend_address_write(const struct wend_address *address, char out[WEND_ADDRESS_TEXT_MAX])
{
    size_t len = 0;

    if (address->family == AF_INET6)
        out[len++] = '[';
    len += wend_address_write_host(address, out + len);
    if (address->family == AF_INET6)
        out[len++] = ']';
    if (address->family == AF_INET || address->family == AF_INET6) {
        out[len++] = ':';
        len += wend_str_from_u64(wend_address_port(address), out + len);
    }
    out[len] = '\0';
    return len;
}

socklen_t wend_address_len(const struct wend_address *address)
{
    switch (address->family) {
    case AF_INET:
        return sizeof(address->in);
    case AF_INET6:
        return sizeof(address->in6);
    default:
        return sizeof(address->family);
    }
}

bool wend_address_parse_host(struct wend_str host, uint16_t port, struct wend_address *out)
{
    union wend_ip ip;

    if (!wend_ip_parse(host, port, &ip))
        return false;
    wend_address_from_sockaddr(out, &ip.any);
    return true;
}

static bool is_loopback4(uint32_t host)
{
    return ntohl(host) >> 24 == 127;
}

bool wend_address_loopback(const struct wend_address *address)
{
    const struct in6_addr *six = &address->in6.sin6_addr;
    uint32_t mapped;

    switch (address->family) {
    case AF_INET:
        return is_loopback4(address->in.sin_addr.s_addr);
    case AF_INET6:
        memcpy(&mapped, six->s6_addr + 12, sizeof(mapped));
        return IN6_IS_ADDR_LOOPBACK(six) || (IN6_IS_ADDR_V4MAPPED(six) && is_loopback4(mapped));
    case AF_UNIX:
        return true;
    default:
        return false;
    }
}

bool wend_address_is_any(const struct wend_address *address)
{
    if (address->family == AF_INET)
        return address->in.sin_addr.s_addr == htonl(INADDR_ANY);
    return address->family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&address->in6.sin6_addr);
}

bool wend_address_same(const struct wend_address *a, const struct wend_address *b)
{
    if (a->family != b->family || wend_address_port(a) != wend_address_port(b))
        return false;
    if (a->family == AF_INET)
        return a->in.sin_addr.s_addr == b->in.sin_addr.s_addr;
    if (a->family == AF_INET6)
        return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof(a->in6.sin6_addr)) == 0 &&
               a->in6.sin6_scope_id == b->in6.sin6_scope_id;
    return true;
}

void wend_address_of_local(int fd, struct wend_address *out)
{
    struct sockaddr_storage local;
    socklen_t len = sizeof(local);

    local.ss_family = AF_UNSPEC;
    if (getsockname(fd, (struct sockaddr *)&local, &len) != 0)
        local.ss_family = AF_UNSPEC;
    wend_address_from_sockaddr(out, (const struct sockaddr *)&local);
}
