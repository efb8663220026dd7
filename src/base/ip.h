/* base/ip.h - a numeric host as a socket address.
 *
 * What it is for. Names that are no names: both who resolves hosts (dns/) and who listens and
 * connects (net/) take "127.0.0.1" and "[::1]" as they stand.
 *
 * What it promises. Exactly what inet_pton(3) takes: four decimal parts without leading zeros, or
 * IPv6 without a zone, the latter also in brackets. Nothing may follow.
 */
#ifndef WEND_BASE_IP_H
#define WEND_BASE_IP_H

#include "base/str.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* Large enough for both families. */
union wend_ip {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* False, and *out undefined, when `host` is no numeric address. */
bool wend_ip_parse(struct wend_str host, uint16_t port, union wend_ip *out);

#endif
