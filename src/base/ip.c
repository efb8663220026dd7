/* base/ip.c - see base/ip.h. */
#include "base/ip.h"

#include <arpa/inet.h>

bool wend_ip_parse(struct wend_str host, uint16_t port, union wend_ip *out)
{
    bool bracketed = host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    char text[INET6_ADDRSTRLEN];

    if (bracketed)
        host = wend_str_slice(host, 1, host.len - 1);
    if (host.len == 0 || host.len >= sizeof(text) || wend_str_find_byte(host, '\0') >= 0)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    memset(out, 0, sizeof(*out));
    if (!bracketed && inet_pton(AF_INET, text, &out->in.sin_addr) == 1) {
        out->in.sin_family = AF_INET;
        out->in.sin_port = htons(port);
        return true;
    }
    if (inet_pton(AF_INET6, text, &out->in6.sin6_addr) == 1) {
        out->in6.sin6_family = AF_INET6;
        out->in6.sin6_port = htons(port);
        return true;
    }
    return false;
}
