/* net/address.h - a socket address in as many bytes as it needs.
 *
 * IPv4, IPv6 and unix. A unix address keeps only its family here when it is a peer (peers have no
 * name); a path to listen on or connect to is a wend_str beside it.
 */
#ifndef WEND_NET_ADDRESS_H
#define WEND_NET_ADDRESS_H

#include "base/arena.h"
#include "base/code.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

struct wend_address {
    union {
        sa_family_t family;
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    };
};

#define WEND_ADDRESS_TEXT_MAX 64 /* "[ffff:...]:65535" and NUL */

void wend_address_from_sockaddr(struct wend_address *out, const struct sockaddr *from);
/* "127.0.0.1", "::1", "unix:"; returns the length. */
size_t wend_address_write_host(const struct wend_address *address, char out[WEND_ADDRESS_TEXT_MAX]);
/* With the port: "127.0.0.1:80", "[::1]:80", "unix:". */
size_t wend_address_write(const struct wend_address *address, char out[WEND_ADDRESS_TEXT_MAX]);
uint16_t wend_address_port(const struct wend_address *address); /* 0 for unix */
socklen_t wend_address_len(const struct wend_address *address);
/* A numeric IPv4 or IPv6 host, brackets allowed around the latter. */
bool wend_address_parse_host(struct wend_str host, uint16_t port, struct wend_address *out);
bool wend_address_loopback(const struct wend_address *address); /* and unix */
bool wend_address_is_any(const struct wend_address *address);   /* 0.0.0.0, [::] */
bool wend_address_same(const struct wend_address *a, const struct wend_address *b); /* with port */
/* Where a socket is bound: the address a client connected to. Family AF_UNSPEC when unknown. */
void wend_address_of_local(int fd, struct wend_address *out);

#endif
