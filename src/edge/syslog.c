/* edge/syslog.c - log lines to a syslog server; see edge/syslog.h. */
#include "edge/syslog.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define COMPLAIN_EVERY_NS (60 * WEND_NS_PER_S)
#define LOCAL7 23
#define INFO 6

struct wend_syslog {
    struct sockaddr_storage address;
    socklen_t address_len; /* 0: not given yet */
    int facility, severity;
    struct wend_str tag, host, server;
    bool no_host;
    int descriptor;
    int64_t complained_ns;
};

static const char *const facilities[] = {
    "kern",   "user",   "mail",     "daemon", "auth",   "intern", "lpr",    "news",
    "uucp",   "clock",  "authpriv", "ftp",    "ntp",    "audit",  "alert",  "cron",
    "local0", "local1", "local2",   "local3", "local4", "local5", "local6", "local7",
};
static const char *const severities[] = {
    "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug",
};

static int index_of(const char *const *names, size_t count, struct wend_str name)
{
    for (size_t i = 0; i < count; i++)
        if (wend_str_eq(wend_str_of(names[i]), name))
            return (int)i;
    return -1;
}

static enum wend_code refuse(struct wend_arena *arena, struct wend_str *problem, const char *what,
                             struct wend_str value)
{
    *problem = wend_arena_printf(arena, "%s \"%.*s\"", what, WEND_STR_ARG(value));
    return WEND_E_CONFIG;
}

/* --- parameters ------------------------------------------------------------------------------ */

static bool set_unix(struct wend_syslog *to, struct wend_str path)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&to->address;

    if (path.len == 0 || path.len >= sizeof(un->sun_path))
        return false;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.ptr, path.len);
    to->address_len = sizeof(*un);
    return true;
}

static bool set_host(struct wend_arena *arena, struct wend_syslog *to, struct wend_str server)
{
    static const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    struct wend_str host = server, port = WEND_STR("514");
    ptrdiff_t colon = wend_str_rfind_byte(server, ':');
    bool bracketed = server.len > 0 && server.ptr[0] == '[';
    struct addrinfo *found;
    char *host_text, *port_text;
    uint64_t number;

    if (colon >= 0 && (!bracketed || (colon > 0 && server.ptr[colon - 1] == ']'))) {
        host = wend_str_slice(server, 0, (size_t)colon);
        port = wend_str_from(server, (size_t)colon + 1);
    }
    if (bracketed && host.len > 2)
        host = wend_str_slice(host, 1, host.len - 1);
    host_text = wend_arena_cstr(arena, host);
    port_text = wend_arena_cstr(arena, port);
    if (!wend_str_to_u64(port, &number) || number == 0 || number > 65535)
        return false;
    if (host_text == NULL || port_text == NULL || host.len == 0 ||
        getaddrinfo(host_text, port_text, &hints, &found) != 0)
        return false;
    memcpy(&to->address, found->ai_addr, found->ai_addrlen);
    to->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool valid_tag(struct wend_str tag)
{
    for (size_t i = 0; i < tag.len; i++) {
        char c = wend_lower(tag.ptr[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return tag.len <= WEND_SYSLOG_TAG_MAX;
}

static enum wend_code set_parameter(struct wend_arena *arena, struct wend_syslog *to,
                                    struct wend_str name, struct wend_str value,
                                    struct wend_str *problem)
{
    if (wend_str_eq(name, WEND_STR("server"))) {
        bool is_unix = wend_str_starts(value, WEND_STR("unix:"));

        to->server = value;
        if (to->address_len != 0)
            return refuse(arena, problem, "duplicate syslog \"server\"", value);
        if (is_unix ? set_unix(to, wend_str_from(value, 5)) : set_host(arena, to, value))
            return WEND_OK;
        return refuse(arena, problem, "invalid syslog server", value);
    }
    if (wend_str_eq(name, WEND_STR("facility"))) {
        to->facility = index_of(facilities, WEND_COUNT(facilities), value);
        return to->facility >= 0 ? WEND_OK
                                 : refuse(arena, problem, "unknown syslog facility", value);
    }
    if (wend_str_eq(name, WEND_STR("severity"))) {
        to->severity = index_of(severities, WEND_COUNT(severities), value);
        return to->severity >= 0 ? WEND_OK
                                 : refuse(arena, problem, "unknown syslog severity", value);
    }
    if (wend_str_eq(name, WEND_STR("tag"))) {
        to->tag = value;
        return valid_tag(value)
                   ? WEND_OK
                   : refuse(arena, problem,
                            "syslog \"tag\" only allows alphanumeric characters and underscore, "
                            "at most 32 of them:",
                            value);
    }
    if (wend_str_eq(name, WEND_STR("nohostname")) && value.ptr == NULL) {
        to->no_host = true;
        return WEND_OK;
    }
    return refuse(arena, problem, "unknown syslog parameter", name);
}

enum wend_code wend_syslog_parse(struct wend_arena *arena, struct wend_str parameters,
                                 struct wend_syslog **out, struct wend_str *problem)
{
    struct wend_syslog *to = WEND_NEW(arena, struct wend_syslog);
    struct wend_str part;
    char host[256] = "localhost";

    if (to == NULL)
        return WEND_E_MEMORY;
    to->descriptor = -1;
    to->facility = LOCAL7;
    to->severity = INFO;
    to->tag = WEND_STR("nginx");
    while (wend_str_split(&parameters, ',', &part)) {
        ptrdiff_t equals = wend_str_find_byte(part, '=');
        struct wend_str name = equals < 0 ? part : wend_str_slice(part, 0, (size_t)equals);
        struct wend_str value =
            equals < 0 ? WEND_STR_NULL : wend_str_from(part, (size_t)equals + 1);
        enum wend_code code = set_parameter(arena, to, name, value, problem);

        if (code != WEND_OK)
            return code;
    }
    if (to->address_len == 0) {
        *problem = WEND_STR("no syslog server specified");
        return WEND_E_CONFIG;
    }
    (void)gethostname(host, sizeof(host) - 1);
    to->host = wend_arena_keep(arena, wend_str_of(host));
    *out = to;
    return WEND_OK;
}

/* --- sending --------------------------------------------------------------------------------- */

static void complain(struct wend_syslog *to, int error)
{
    int64_t now = wend_clock_monotonic_ns();

    if (to->complained_ns != 0 && now - to->complained_ns < COMPLAIN_EVERY_NS)
        return;
    to->complained_ns = now;
    wend_log(wend_log_process, WEND_LOG_ALERT, 0, error, "send() to syslog server \"%.*s\" failed",
             WEND_STR_ARG(to->server));
}

static bool ensure_open(struct wend_syslog *to)
{
    if (to->descriptor >= 0)
        return true;
    to->descriptor = socket(to->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (to->descriptor >= 0 &&
        connect(to->descriptor, (struct sockaddr *)&to->address, to->address_len) == 0)
        return true;
    complain(to, errno);
    wend_syslog_close(to);
    return false;
}

static size_t write_head(const struct wend_syslog *to, int severity, char *out, size_t room)
{
    static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t now = (time_t)(wend_clock_wall_ns() / WEND_NS_PER_S);
    struct tm tm;

    localtime_r(&now, &tm);
    return (size_t)snprintf(out, room,
                            "<%d>%s %2d %02d:%02d:%02d %.*s%s%.*s: ", to->facility * 8 + severity,
                            months[tm.tm_mon], tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
                            to->no_host ? 0 : (int)to->host.len, to->host.ptr,
                            to->no_host ? "" : " ", WEND_STR_ARG(to->tag));
}

void wend_syslog_send(struct wend_syslog *to, int severity, struct wend_str line)
{
    char head[400];
    struct iovec parts[2];
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};

    if (!ensure_open(to))
        return;
    parts[0].iov_base = head;
    parts[0].iov_len = write_head(to, severity < 0 ? to->severity : severity, head, sizeof(head));
    parts[1].iov_base = (void *)line.ptr;
    parts[1].iov_len = line.len < WEND_SYSLOG_MAX - parts[0].iov_len
                           ? line.len
                           : WEND_SYSLOG_MAX - parts[0].iov_len;
    if (sendmsg(to->descriptor, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0)
        return;
    complain(to, errno);
    /* A unix server that was restarted has another socket. */
    if (errno != EAGAIN && errno != ENOBUFS)
        wend_syslog_close(to);
}

void wend_syslog_close(struct wend_syslog *to)
{
    if (to->descriptor >= 0)
        close(to->descriptor);
    to->descriptor = -1;
}
