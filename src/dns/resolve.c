/* dns/resolve.c - names through the system's name service, on a thread.
 *
 * getaddrinfo(3) blocks for seconds and loads modules that expect a big stack: it never runs on a
 * fiber. What the thread needs is copied into one job in the task's arena before it starts.
 */
#include "dns/resolve.h"

#include "fiber/offload.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>

struct lookup {
    char host[WEND_DNS_NAME_MAX + 1];
    char service[6];
    union wend_ip found[WEND_DNS_ADDRESSES_MAX];
    size_t count;
};

static bool names_loopback(struct wend_str host)
{
    if (host.len > 0 && host.ptr[host.len - 1] == '.')
        host.len--;
    return wend_str_eq_nocase(host, WEND_STR("localhost")) ||
           wend_str_ends_nocase(host, WEND_STR(".localhost"));
}

static void add_found(struct lookup *lookup, const struct addrinfo *info)
{
    union wend_ip *at;

    if (lookup->count == WEND_DNS_ADDRESSES_MAX || info->ai_addrlen > sizeof(*at))
        return;
    at = &lookup->found[lookup->count++];
    memset(at, 0, sizeof(*at));
    memcpy(at, info->ai_addr, info->ai_addrlen);
}

static enum wend_code code_of(int result)
{
    switch (result) {
    case 0:
        return WEND_OK;
    case EAI_NONAME:
        return WEND_E_DNS_NAME;
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
        return WEND_E_DNS_NONE;
    default:
        return WEND_E_DNS_REFUSED;
    }
}

static enum wend_code ask_system(void *arg)
{
    struct lookup *lookup = arg;
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    enum wend_code code;

    code = code_of(getaddrinfo(lookup->host, lookup->service, &hints, &list));
    if (code != WEND_OK)
        return code;
    for (const struct addrinfo *info = list; info != NULL; info = info->ai_next)
        add_found(lookup, info);
    freeaddrinfo(list);
    return lookup->count > 0 ? WEND_OK : WEND_E_DNS_NONE;
}

/* Answers what needs no asking; WEND_MORE when *lookup shall be asked. */
static enum wend_code prepare(struct wend_arena *arena, struct wend_str host, uint16_t port,
                              struct lookup **out)
{
    struct lookup *lookup = wend_arena_zalloc(arena, sizeof(*lookup));

    if (lookup == NULL)
        return WEND_E_MEMORY;
    *out = lookup;
    if (wend_ip_parse(host, port, &lookup->found[0])) {
        lookup->count = 1;
        return WEND_OK;
    }
    if (names_loopback(host)) {
        (void)wend_ip_parse(WEND_STR("127.0.0.1"), port, &lookup->found[0]);
        (void)wend_ip_parse(WEND_STR("::1"), port, &lookup->found[1]);
        lookup->count = 2;
        return WEND_OK;
    }
    if (host.len == 0 || host.len > WEND_DNS_NAME_MAX || wend_str_find_byte(host, '\0') >= 0)
        return WEND_E_DNS_NAME;
    memcpy(lookup->host, host.ptr, host.len);
    snprintf(lookup->service, sizeof(lookup->service), "%u", (unsigned)port);
    return WEND_MORE;
}

static void fill_answer(struct lookup *lookup, struct wend_dns_answer *out)
{
    *out = (struct wend_dns_answer){lookup->found, lookup->count};
}

enum wend_code wend_dns_resolve(struct wend_task *task, struct wend_str host, uint16_t port,
                                struct wend_dns_answer *out)
{
    uint16_t span = wend_span_begin(task->trace, WEND_EV_DNS);
    struct lookup *lookup = NULL;
    enum wend_code code = prepare(&task->arena, host, port, &lookup);
    char text[INET6_ADDRSTRLEN] = "";

    if (code == WEND_MORE)
        code = wend_offload(task, ask_system, lookup);
    if (code == WEND_OK) {
        fill_answer(lookup, out);
        if (out->at[0].any.sa_family == AF_INET)
            inet_ntop(AF_INET, &out->at[0].in.sin_addr, text, sizeof(text));
        else
            inet_ntop(AF_INET6, &out->at[0].in6.sin6_addr, text, sizeof(text));
        wend_span_note(task->trace, span, wend_arena_keep(&task->arena, wend_str_of(text)));
    }
    wend_span_end(task->trace, span, code == WEND_OK ? (int64_t)out->count : 0);
    return code == WEND_OK ? code
                           : wend_fail(task, code, host, "the host name could not be resolved");
}

enum wend_code wend_dns_resolve_now(struct wend_arena *arena, struct wend_str host, uint16_t port,
                                    struct wend_dns_answer *out)
{
    struct lookup *lookup = NULL;
    enum wend_code code = prepare(arena, host, port, &lookup);

    if (code == WEND_MORE)
        code = ask_system(lookup);
    if (code == WEND_OK)
        fill_answer(lookup, out);
    return code;
}
