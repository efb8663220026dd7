/* net/listen.h - sockets that listen.
 *
 * What it is for. The master opens them once, keeps them over reloads, and workers inherit them.
 *
 * Who owns what. wend_listen_open() fills `fd`; wend_listen_close() closes it and, when asked,
 * removes the path of a unix socket. Texts in options belong to the caller's configuration.
 *
 * What it promises. Non-blocking, close-on-exec. A failure says which call failed on which address:
 *     bind() to 0.0.0.0:80 failed (98: Address already in use)
 * A unix socket that nobody listens on any more (its owner was killed) is replaced; one that
 * somebody does listen on, and a file that is no socket, are not touched.
 */
#ifndef WEND_NET_LISTEN_H
#define WEND_NET_LISTEN_H

#include "net/address.h"

#define WEND_LISTEN_BACKLOG 511
#define WEND_LISTEN_TEXT_MAX 128 /* "unix:" and a path of at most 107 bytes */
#define WEND_LISTEN_MESSAGE_MAX 320

enum wend_switch { WEND_SWITCH_UNSET, WEND_SWITCH_OFF, WEND_SWITCH_ON };

struct wend_listen_options {
    int backlog;                      /* 0: WEND_LISTEN_BACKLOG */
    int rcvbuf, sndbuf;               /* bytes; 0: the kernel's */
    int fastopen;                     /* queue length; 0: off */
    int keepidle, keepintvl, keepcnt; /* seconds, seconds, probes; 0: the kernel's */
    enum wend_switch so_keepalive;
    enum wend_switch ipv6only; /* unset: on, as in nginx */
    bool reuseport, deferred;
    bool nodelay;  /* TCP_NODELAY, which accepted sockets inherit */
    unsigned mode; /* of a unix path; 0: 0666 */
};

struct wend_listener {
    int fd;                      /* -1: not open */
    struct wend_address address; /* family AF_UNIX: see `path` */
    char path[108];              /* NUL-terminated; "@name" is an abstract name */
    struct wend_listen_options options;
};

/* "unix:/path" and "unix:@name"; the path goes into `listener`. False: too long or empty. */
bool wend_listen_unix(struct wend_listener *listener, struct wend_str path);

/* "0.0.0.0:80", "[::]:80", "unix:/run/x.sock". Returns the length. */
size_t wend_listen_write(const struct wend_listener *listener, char out[WEND_LISTEN_TEXT_MAX]);
/* The same address, options aside: a reload keeps such a listener. */
bool wend_listen_same(const struct wend_listener *a, const struct wend_listener *b);

/* Opens, binds and listens. On failure `message` says what happened, without a final stop; errno
 * is kept. WEND_E_EXISTS when the address is in use. Port 0 is replaced by the one the kernel
 * chose. */
enum wend_code wend_listen_open(struct wend_listener *listener,
                                char message[WEND_LISTEN_MESSAGE_MAX]) WEND_MUST_CHECK;
/* A socket that came from another process (hand-over, systemd): checks that it listens there. */
enum wend_code wend_listen_adopt(struct wend_listener *listener, int fd,
                                 char message[WEND_LISTEN_MESSAGE_MAX]) WEND_MUST_CHECK;
/* New options of a reload that can change on an open socket (backlog, buffers, deferred ...). */
void wend_listen_apply(struct wend_listener *listener);
void wend_listen_close(struct wend_listener *listener, bool remove_path);

/* Who listens on the TCP port of `address` on this machine, as far as /proc lets us see. */
struct wend_listen_owner {
    pid_t pid;     /* 0: somebody we may not see */
    char name[64]; /* of the process, printable */
    char address[WEND_ADDRESS_TEXT_MAX];
};
bool wend_listen_find_owner(const struct wend_address *address, struct wend_listen_owner *out);

#endif
