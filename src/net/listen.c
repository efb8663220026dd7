/* net/listen.c - opening sockets that listen, and finding out who has the port instead. */
#include "net/listen.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- addresses --------------------------------------------------------------------------- */

bool wend_listen_unix(struct wend_listener *listener, struct wend_str path)
{
    if (path.len == 0 || path.len >= sizeof(listener->path) || wend_str_find_byte(path, '\0') >= 0)
        return false;
    if (path.len == 1 && path.ptr[0] == '@')
        return false;
    memset(&listener->address, 0, sizeof(listener->address));
    listener->address.family = AF_UNIX;
    memcpy(listener->path, path.ptr, path.len);
    listener->path[path.len] = '\0';
    return true;
}

size_t wend_listen_write(const struct wend_listener *listener, char out[WEND_LISTEN_TEXT_MAX])
{
    if (listener->address.family == AF_UNIX)
        return (size_t)snprintf(out, WEND_LISTEN_TEXT_MAX, "unix:%s", listener->path);
    return wend_address_write(&listener->address, out);
}

bool wend_listen_same(const struct wend_listener *a, const struct wend_listener *b)
{
    if (!wend_address_same(&a->address, &b->address))
        return false;
    return a->address.family != AF_UNIX || strcmp(a->path, b->path) == 0;
}

/* What bind() wants. An abstract name is written with a NUL where the @ stands. */
static socklen_t unix_sockaddr(const struct wend_listener *listener, struct sockaddr_un *out)
{
    size_t len = strlen(listener->path);

    memset(out, 0, sizeof(*out));
    out->sun_family = AF_UNIX;
    memcpy(out->sun_path, listener->path, len);
    if (listener->path[0] != '@')
        return sizeof(*out);
    out->sun_path[0] = '\0';
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* --- opening ----------------------------------------------------------------------------- */

static enum wend_code failed(const struct wend_listener *listener, const char *call,
                             char message[WEND_LISTEN_MESSAGE_MAX])
{
    char where[WEND_LISTEN_TEXT_MAX];
    int error = errno;

    wend_listen_write(listener, where);
    snprintf(message, WEND_LISTEN_MESSAGE_MAX, "%s to %s failed (%d: %s)", call, where, error,
             strerrordesc_np(error));
    errno = error;
    return error == EADDRINUSE ? WEND_E_EXISTS : wend_code_of_errno(error);
}

static void set(int fd, int level, int name, int value)
{
    /* Wishes, not needs: a kernel that lacks one still serves. */
    (void)setsockopt(fd, level, name, &value, sizeof(value));
}

static void set_keepalive(int fd, const struct wend_listen_options *options)
{
    if (options->so_keepalive == WEND_SWITCH_UNSET)
        return;
    set(fd, SOL_SOCKET, SO_KEEPALIVE, options->so_keepalive == WEND_SWITCH_ON);
    if (options->keepidle > 0)
        set(fd, IPPROTO_TCP, TCP_KEEPIDLE, options->keepidle);
    if (options->keepintvl > 0)
        set(fd, IPPROTO_TCP, TCP_KEEPINTVL, options->keepintvl);
    if (options->keepcnt > 0)
        set(fd, IPPROTO_TCP, TCP_KEEPCNT, options->keepcnt);
}

static int backlog(const struct wend_listener *listener)
{
    return listener->options.backlog > 0 ? listener->options.backlog : WEND_LISTEN_BACKLOG;
}

/* What may change while the socket is open. */
static void set_options(const struct wend_listener *listener)
{
    const struct wend_listen_options *options = &listener->options;
    int fd = listener->fd;

    if (options->rcvbuf > 0)
        set(fd, SOL_SOCKET, SO_RCVBUF, options->rcvbuf);
    if (options->sndbuf > 0)
        set(fd, SOL_SOCKET, SO_SNDBUF, options->sndbuf);
    if (listener->address.family == AF_UNIX)
        return;
    set_keepalive(fd, options);
    if (options->nodelay)
        set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (options->fastopen > 0)
        set(fd, IPPROTO_TCP, TCP_FASTOPEN, options->fastopen);
    /* One second: the kernel rounds it to its first retransmission of SYN-ACK. */
    set(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, options->deferred ? 1 : 0);
}

static enum wend_code bind_inet(struct wend_listener *listener,
                                char message[WEND_LISTEN_MESSAGE_MAX])
{
    const struct wend_listen_options *options = &listener->options;
    int one = 1;

    if (setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) != 0)
        return failed(listener, "setsockopt(SO_REUSEADDR)", message);
    if (options->reuseport &&
        setsockopt(listener->fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) != 0)
        return failed(listener, "setsockopt(SO_REUSEPORT)", message);
    if (listener->address.family == AF_INET6)
        set(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, options->ipv6only != WEND_SWITCH_OFF);
    if (bind(listener->fd, &listener->address.any, wend_address_len(&listener->address)) != 0)
        return failed(listener, "bind()", message);
    return WEND_OK;
}

/* Whether `path` is a socket nobody listens on any more. */
static bool is_stale(const struct sockaddr_un *where, socklen_t len)
{
    struct stat info;
    int fd, result, error;

    if (lstat(where->sun_path, &info) != 0 || !S_ISSOCK(info.st_mode))
        return false;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    result = connect(fd, (const struct sockaddr *)where, len);
    error = errno;
    close(fd);
    return result != 0 && error == ECONNREFUSED;
}

static enum wend_code bind_unix(struct wend_listener *listener,
                                char message[WEND_LISTEN_MESSAGE_MAX])
{
    struct sockaddr_un where;
    socklen_t len = unix_sockaddr(listener, &where);
    bool abstract = listener->path[0] == '@';
    unsigned mode = listener->options.mode != 0 ? listener->options.mode : 0666;
    int result = bind(listener->fd, (const struct sockaddr *)&where, len);

    if (result != 0 && errno == EADDRINUSE && !abstract && is_stale(&where, len)) {
        (void)unlink(where.sun_path);
        result = bind(listener->fd, (const struct sockaddr *)&where, len);
    } else if (result != 0 && !abstract && errno != EADDRINUSE) {
        return failed(listener, "bind()", message);
    }
    if (result != 0) {
        errno = EADDRINUSE;
        return failed(listener, "bind()", message);
    }
    if (!abstract && chmod(where.sun_path, mode) != 0)
        return failed(listener, "chmod()", message);
    return WEND_OK;
}

enum wend_code wend_listen_open(struct wend_listener *listener,
                                char message[WEND_LISTEN_MESSAGE_MAX])
{
    bool local = listener->address.family == AF_UNIX;
    enum wend_code code;
    int error;

    listener->fd = socket(listener->address.family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener->fd < 0)
        return failed(listener, "socket()", message);
    code = local ? bind_unix(listener, message) : bind_inet(listener, message);
    if (code == WEND_OK) {
        set_options(listener);
        if (listen(listener->fd, backlog(listener)) != 0)
            code = failed(listener, "listen()", message);
    }
    if (code != WEND_OK) {
        error = errno;
        close(listener->fd);
        listener->fd = -1;
        errno = error;
        return code;
    }
    if (!local && wend_address_port(&listener->address) == 0)
        wend_address_of_local(listener->fd, &listener->address);
    return WEND_OK;
}

static bool is_bound_there(const struct wend_listener *listener, int fd)
{
    struct wend_address bound;
    struct sockaddr_un have, want;
    socklen_t len = sizeof(have);

    wend_address_of_local(fd, &bound);
    if (!wend_address_same(&bound, &listener->address))
        return false;
    if (bound.family != AF_UNIX)
        return true;
    memset(&have, 0, sizeof(have));
    if (getsockname(fd, (struct sockaddr *)&have, &len) != 0)
        return false;
    unix_sockaddr(listener, &want);
    return memcmp(have.sun_path, want.sun_path, sizeof(want.sun_path)) == 0;
}

enum wend_code wend_listen_adopt(struct wend_listener *listener, int fd,
                                 char message[WEND_LISTEN_MESSAGE_MAX])
{
    int listening = 0, type = 0, flags;
    socklen_t len = sizeof(int);
    char where[WEND_LISTEN_TEXT_MAX];

    wend_listen_write(listener, where);
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || !listening ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) != 0 || type != SOCK_STREAM) {
        snprintf(message, WEND_LISTEN_MESSAGE_MAX,
                 "descriptor %d given for %s is no listening stream socket", fd, where);
        return WEND_E_PROTOCOL;
    }
    if (!is_bound_there(listener, fd)) {
        snprintf(message, WEND_LISTEN_MESSAGE_MAX, "descriptor %d does not listen on %s", fd,
                 where);
        return WEND_E_PROTOCOL;
    }
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
        return failed(listener, "fcntl()", message);
    listener->fd = fd;
    return WEND_OK;
}

void wend_listen_apply(struct wend_listener *listener)
{
    set_options(listener);
    /* Linux takes a new backlog from a second listen(). */
    (void)listen(listener->fd, backlog(listener));
}

void wend_listen_close(struct wend_listener *listener, bool remove_path)
{
    if (listener->fd < 0)
        return;
    close(listener->fd);
    listener->fd = -1;
    if (remove_path && listener->address.family == AF_UNIX && listener->path[0] != '@')
        (void)unlink(listener->path);
}

/* --- who has the port -------------------------------------------------------------------- */

#define OWNER_INODES_MAX 16
#define TCP_STATE_LISTEN 0x0a

struct inodes {
    unsigned long list[OWNER_INODES_MAX];
    size_t count;
    struct wend_address first;
};

/* Whether sockets bound to the two cannot both listen. */
static bool collides(const struct wend_address *a, const struct wend_address *b)
{
    return wend_address_port(a) == wend_address_port(b) &&
           (wend_address_is_any(a) || wend_address_is_any(b) || wend_address_same(a, b));
}

/* /proc/net/tcp writes addresses as 32-bit words of the machine's byte order. */
static bool parse_proc_address(const char *hex, bool six, unsigned port, struct wend_address *out)
{
    uint32_t words[4] = {0};
    int count = six ? 4 : 1;

    for (int i = 0; i < count; i++) {
        unsigned word;

        if (sscanf(hex + 8 * i, "%8x", &word) != 1)
            return false;
        words[i] = word;
    }
    memset(out, 0, sizeof(*out));
    out->family = six ? AF_INET6 : AF_INET;
    if (six) {
        memcpy(&out->in6.sin6_addr, words, 16);
        out->in6.sin6_port = htons((uint16_t)port);
    } else {
        memcpy(&out->in.sin_addr, words, 4);
        out->in.sin_port = htons((uint16_t)port);
    }
    return true;
}

static void collect_inodes(const char *table, bool six, const struct wend_address *address,
                           struct inodes *found)
{
    FILE *file = fopen(table, "re");
    char line[512];

    if (file == NULL)
        return;
    while (fgets(line, sizeof(line), file) != NULL && found->count < OWNER_INODES_MAX) {
        char local[64];
        unsigned port, state;
        unsigned long inode;
        struct wend_address bound;

        if (sscanf(line, " %*u: %63[0-9A-Fa-f]:%x %*[^ ] %x %*s %*s %*s %*u %*u %lu", local, &port,
                   &state, &inode) != 4 ||
            state != TCP_STATE_LISTEN || strlen(local) != (six ? 32 : 8))
            continue;
        if (!parse_proc_address(local, six, port, &bound) || !collides(&bound, address))
            continue;
        if (found->count == 0)
            found->first = bound;
        found->list[found->count++] = inode;
    }
    fclose(file);
}

static bool has_inode(const struct inodes *found, unsigned long inode)
{
    for (size_t i = 0; i < found->count; i++)
        if (found->list[i] == inode)
            return true;
    return false;
}

/* Whether the process behind /proc/PID has one of the sockets open. */
static bool holds_socket(const char *pid, const struct inodes *found)
{
    char path[300];
    struct dirent *entry;
    bool holds = false;
    DIR *dir;

    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    dir = opendir(path);
    if (dir == NULL)
        return false;
    while (!holds) {
        char target[64];
        unsigned long inode;
        ssize_t len;

        entry = readdir(dir);
        if (entry == NULL)
            break;
        len = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        if (len <= 0)
            continue;
        target[len] = '\0';
        holds = sscanf(target, "socket:[%lu]", &inode) == 1 && has_inode(found, inode);
    }
    closedir(dir);
    return holds;
}

static void read_name(const char *pid, char out[64])
{
    char path[300];
    FILE *file;

    out[0] = '\0';
    snprintf(path, sizeof(path), "/proc/%s/comm", pid);
    file = fopen(path, "re");
    if (file == NULL)
        return;
    if (fgets(out, 64, file) == NULL)
        out[0] = '\0';
    fclose(file);
    out[strcspn(out, "\n")] = '\0';
    for (char *at = out; *at != '\0'; at++)
        if (!isprint((unsigned char)*at))
            *at = '?';
}

bool wend_listen_find_owner(const struct wend_address *address, struct wend_listen_owner *out)
{
    struct inodes found = {.count = 0};
    struct dirent *entry;
    DIR *proc;

    memset(out, 0, sizeof(*out));
    if (address->family == AF_INET || address->family == AF_INET6) {
        collect_inodes("/proc/net/tcp", false, address, &found);
        collect_inodes("/proc/net/tcp6", true, address, &found);
    }
    if (found.count == 0)
        return false;
    wend_address_write(&found.first, out->address);
    proc = opendir("/proc");
    if (proc == NULL)
        return true;
    /* The first one found has the smallest pid: the master, where there is one. */
    for (entry = readdir(proc); entry != NULL; entry = readdir(proc)) {
        if (!isdigit((unsigned char)entry->d_name[0]) || !holds_socket(entry->d_name, &found))
            continue;
        out->pid = (pid_t)strtol(entry->d_name, NULL, 10);
        read_name(entry->d_name, out->name);
        break;
    }
    closedir(proc);
    return true;
}
