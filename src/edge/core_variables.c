/* edge/core_variables.c - what nginx's core module calls $...: the request, the connection, time.
 */
#include "base/buffer.h"
#include "edge/request.h"
#include "http/path.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#define NOT_FOUND ((struct wend_value){WEND_STR_NULL, false})

static struct wend_value found(struct wend_str text)
{
    return (struct wend_value){text.ptr != NULL ? text : WEND_STR(""), true};
}

static struct wend_value found_if(struct wend_str text)
{
    return (struct wend_value){text, text.ptr != NULL};
}

static struct wend_value number(struct wend_exchange *x, int64_t value)
{
    return found(wend_arena_printf(&x->task->arena, "%lld", (long long)value));
}

/* --- the request ------------------------------------------------------------------------------ */

/* Slices of the request, by where they lie in it. */
static struct wend_value request_slice(struct wend_exchange *x, const struct wend_variable *v)
{
    struct wend_str text;

    memcpy(&text, (const char *)&x->request + v->data, sizeof(text));
    return found_if(text);
}
#define REQUEST(field) request_slice, offsetof(struct wend_request, field)

static struct wend_value uri(struct wend_exchange *x, const struct wend_variable *v)
{
    struct wend_str path = wend_edge_of(x)->uri;

    (void)v;
    return found_if(path.len == 0 ? WEND_STR_NULL : path); /* a malformed head has none */
}

static struct wend_value args(struct wend_exchange *x, const struct wend_variable *v)
{
    const struct wend_edge_request *r = wend_edge_of(x);

    (void)v;
    return found_if(r->args.len == 0 ? WEND_STR_NULL : r->args); /* "/x?" has none either */
}

static void assign_args(struct wend_exchange *x, struct wend_str value)
{
    wend_edge_of(x)->args = value;
}

static struct wend_value is_args(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return found(wend_edge_of(x)->args.len != 0 ? WEND_STR("?") : WEND_STR(""));
}

/* The first argument of that name, in any case. */
static struct wend_value arg(struct wend_exchange *x, const struct wend_variable *v)
{
    struct wend_str rest = wend_edge_of(x)->args, name = wend_str_from(v->name, 4), part;

    while (wend_str_split(&rest, '&', &part)) {
        ptrdiff_t equals = wend_str_find_byte(part, '=');

        if (equals >= 0 && wend_str_eq_nocase(wend_str_slice(part, 0, (size_t)equals), name))
            return found(wend_str_from(part, (size_t)equals + 1));
    }
    return NOT_FOUND;
}

static struct wend_str skip_spaces(struct wend_str text)
{
    while (text.len > 0 && text.ptr[0] == ' ')
        text = wend_str_from(text, 1);
    return text;
}

/* "name = value" at the start of `list`; the value goes up to the next semicolon. */
static bool cookie_here(struct wend_str list, struct wend_str name, struct wend_str *value)
{
    struct wend_str rest;
    ptrdiff_t end;

    if (!wend_str_starts_nocase(list, name))
        return false;
    rest = skip_spaces(wend_str_from(list, name.len));
    if (rest.len == 0 || rest.ptr[0] != '=')
        return false;
    rest = skip_spaces(wend_str_from(rest, 1));
    end = wend_str_find_byte(rest, ';');
    *value = end < 0 ? rest : wend_str_slice(rest, 0, (size_t)end);
    return true;
}

/* As nginx: names in any case (a variable's name has none), and a pair that is another one's ends
 * at a comma, too. */
static struct wend_value cookie(struct wend_exchange *x, const struct wend_variable *v)
{
    struct wend_str list =
        wend_fields_joined(&x->request.fields, &x->task->arena, WEND_STR("Cookie"), WEND_STR("; "));
    struct wend_str name = wend_str_from(v->name, 7), value;

    while (list.len > 0) {
        size_t skip = 0;

        list = skip_spaces(list);
        if (cookie_here(list, name, &value))
            return found(value);
        while (skip < list.len && list.ptr[skip] != ';' && list.ptr[skip] != ',')
            skip++;
        list = wend_str_from(list, skip + 1);
    }
    return NOT_FOUND;
}

/* "sent_http_x_y" names the field X-Y. */
static struct wend_str field_name(struct wend_exchange *x, struct wend_str name)
{
    struct wend_str copy = wend_arena_keep(&x->task->arena, name);

    for (size_t i = 0; i < copy.len; i++)
        if (copy.ptr[i] == '_')
            ((char *)(uintptr_t)copy.ptr)[i] = '-';
    return copy;
}

static struct wend_value joined(struct wend_exchange *x, const struct wend_fields *fields,
                                struct wend_str name)
{
    bool cookies = wend_str_eq_nocase(name, WEND_STR("cookie"));

    return found_if(wend_fields_joined(fields, &x->task->arena, name,
                                       cookies ? WEND_STR("; ") : WEND_STR(", ")));
}

static struct wend_value request_field(struct wend_exchange *x, const struct wend_variable *v)
{
    return joined(x, &x->request.fields, field_name(x, wend_str_from(v->name, 5)));
}

static struct wend_value content_length(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    if (x->request.content_length >= 0)
        return number(x, x->request.content_length);
    /* Of a body in chunks it is known when the last one is here. */
    return x->request.chunked && x->body_read ? number(x, x->body_received) : NOT_FOUND;
}

static struct wend_value content_type(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return found_if(wend_fields_value(&x->request.fields, WEND_FIELD_CONTENT_TYPE));
}

static struct wend_value host(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return found(x->request.host.len != 0 ? x->request.host
                                          : wend_edge_of(x)->server->primary_name);
}

static struct wend_value request_method(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return found_if(x->request.method_text);
}

static struct wend_value protocol(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    switch (x->request.version) {
    case WEND_HTTP_09:
        return found(WEND_STR("HTTP/0.9"));
    case WEND_HTTP_10:
        return found(WEND_STR("HTTP/1.0"));
    case WEND_HTTP_20:
        return found(WEND_STR("HTTP/2.0"));
    default:
        return found(WEND_STR("HTTP/1.1"));
    }
}

static struct wend_value request_length(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return number(x, (int64_t)x->request.head_bytes + x->body_received);
}

static struct wend_value request_completion(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return found(x->state == WEND_X_DONE ? WEND_STR("OK") : WEND_STR(""));
}

static struct wend_value request_id(struct wend_exchange *x, const struct wend_variable *v)
{
    uint64_t id[2];

    (void)v;
    if (getrandom(id, sizeof(id), 0) != sizeof(id))
        return NOT_FOUND;
    return found(wend_arena_printf(&x->task->arena, "%016llx%016llx", (unsigned long long)id[0],
                                   (unsigned long long)id[1]));
}

static struct wend_value request_port(struct wend_exchange *x, const struct wend_variable *v)
{
    bool is = v->data != 0;

    if (x->request.port < 0)
        return found(WEND_STR(""));
    return is ? found(WEND_STR(":")) : number(x, x->request.port);
}

/* --- files ------------------------------------------------------------------------------------ */

static struct wend_value request_filename(struct wend_exchange *x, const struct wend_variable *v)
{
    size_t root_len;

    (void)v;
    return found_if(wend_edge_map_path(x, wend_edge_of(x)->uri, &root_len));
}

static struct wend_value document_root(struct wend_exchange *x, const struct wend_variable *v)
{
    struct wend_str root = wend_template_value(x, &wend_edge_of(x)->location->root);

    (void)v;
    if (root.len != 0 && root.ptr[0] != '/')
        root = wend_edge_full_path(wend_edge_of(x)->edge, root, false);
    return found_if(root);
}

static struct wend_value realpath_root(struct wend_exchange *x, const struct wend_variable *v)
{
    const char *path = wend_arena_cstr(&x->task->arena, document_root(x, v).text);
    char *real = path == NULL ? NULL : realpath(path, NULL);
    struct wend_value value = NOT_FOUND;

    if (real != NULL)
        value = found(wend_arena_keep(&x->task->arena, wend_str_of(real)));
    free(real);
    return value;
}

/* --- the response ----------------------------------------------------------------------------- */

static struct wend_value status(struct wend_exchange *x, const struct wend_variable *v)
{
    int answer = x->response.status;

    (void)v;
    if (wend_edge_of(x)->error_status > 0 && answer < 300)
        answer = wend_edge_of(x)->error_status; /* an error page has the status of its error */
    return found(wend_arena_printf(&x->task->arena, "%03d", answer));
}

static struct wend_value bytes_sent(struct wend_exchange *x, const struct wend_variable *v)
{
    return number(x, v->data != 0 ? x->body_sent : x->bytes_sent);
}

static struct wend_value sent_content_length(struct wend_exchange *x)
{
    return x->response.content_length < 0 ? NOT_FOUND : number(x, x->response.content_length);
}

static struct wend_value sent_date(struct wend_exchange *x)
{
    char date[WEND_CLOCK_HTTP_LEN + 1];

    wend_clock_write_http(x->response.last_modified, date);
    return found(wend_arena_keep(&x->task->arena, wend_str_make(date, WEND_CLOCK_HTTP_LEN)));
}

/* Fields the codec writes by itself are told from the response's settings. */
static bool is_kept(const struct wend_exchange *x)
{
    return !x->response.close && x->request.keep_alive;
}

static struct wend_value sent_connection(const struct wend_exchange *x)
{
    if (x->response.status == 101)
        return found(WEND_STR("upgrade"));
    return found(is_kept(x) ? WEND_STR("keep-alive") : WEND_STR("close"));
}

static struct wend_value sent_keep_alive(const struct wend_exchange *x)
{
    if (!is_kept(x) || x->policy->keepalive_header_s <= 0)
        return NOT_FOUND;
    return found(wend_arena_printf(&x->task->arena, "timeout=%d", x->policy->keepalive_header_s));
}

/* Known once the head was made. */
static struct wend_value sent_transfer_encoding(const struct wend_exchange *x)
{
    int status = x->response.status;
    bool bodiless = x->header_only || x->response.no_body_framing || status < 200 ||
                    status == 204 || status == 304;

    if (x->state == WEND_X_REQUEST || bodiless || x->response.content_length >= 0 ||
        x->request.version != WEND_HTTP_11 || !x->policy->chunked)
        return NOT_FOUND;
    return found(WEND_STR("chunked"));
}

static struct wend_value sent_field(struct wend_exchange *x, const struct wend_variable *v)
{
    struct wend_str name = field_name(x, wend_str_from(v->name, 10));

    switch (wend_field_lookup(name)) {
    case WEND_FIELD_CONTENT_TYPE:
        return found_if(x->response.content_type);
    case WEND_FIELD_CONTENT_LENGTH:
        return sent_content_length(x);
    case WEND_FIELD_LAST_MODIFIED:
        if (x->response.last_modified >= 0)
            return sent_date(x);
        break;
    case WEND_FIELD_CONNECTION:
        return sent_connection(x);
    case WEND_FIELD_KEEP_ALIVE:
        return sent_keep_alive(x);
    case WEND_FIELD_TRANSFER_ENCODING:
        return sent_transfer_encoding(x);
    case WEND_FIELD_ETAG:
        if (x->response.etag.ptr != NULL)
            return found(x->response.etag);
        break;
    default:
        break;
    }
    return joined(x, &x->response.fields, name);
}

static struct wend_value sent_trailer(struct wend_exchange *x, const struct wend_variable *v)
{
    return joined(x, &x->response.trailers, field_name(x, wend_str_from(v->name, 13)));
}

/* --- the connection --------------------------------------------------------------------------- */

static struct wend_value address_text(struct wend_exchange *x, const struct wend_address *address)
{
    char text[WEND_ADDRESS_TEXT_MAX];
    size_t len = wend_address_write_host(address, text);

    return found(wend_arena_keep(&x->task->arena, wend_str_make(text, len)));
}

static struct wend_value remote_addr(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return address_text(x, &x->conn->peer);
}

static struct wend_value binary_remote_addr(struct wend_exchange *x, const struct wend_variable *v)
{
    const struct wend_address *peer = &x->conn->peer;

    (void)v;
    if (peer->family == AF_INET)
        return found(wend_str_make((const char *)&peer->in.sin_addr, 4));
    if (peer->family == AF_INET6)
        return found(wend_str_make((const char *)&peer->in6.sin6_addr, 16));
    return found(WEND_STR("unix:"));
}

static struct wend_value server_addr(struct wend_exchange *x, const struct wend_variable *v)
{
    struct wend_address local = x->conn->local;

    (void)v;
    if (wend_address_is_any(&local))
        wend_address_of_local(x->conn->io.fd, &local);
    return address_text(x, &local);
}

static struct wend_value port(struct wend_exchange *x, const struct wend_variable *v)
{
    const struct wend_address *address = v->data != 0 ? &x->conn->local : &x->conn->peer;

    return address->family == AF_UNIX ? found(WEND_STR("")) : number(x, wend_address_port(address));
}

static struct wend_value connection(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return number(x, (int64_t)x->conn->number);
}

static struct wend_value connection_requests(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return number(x, (int64_t)x->conn->requests);
}

static struct wend_value connection_time(struct wend_exchange *x, const struct wend_variable *v)
{
    int64_t ms = (wend_clock_monotonic_ns() - x->conn->opened_ns) / WEND_NS_PER_MS;

    (void)v;
    return found(
        wend_arena_printf(&x->task->arena, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000)));
}

static struct wend_value scheme(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return found(x->conn->secure ? WEND_STR("https") : WEND_STR("http"));
}

static struct wend_value https(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return found(x->conn->secure ? WEND_STR("on") : WEND_STR(""));
}

static struct wend_value tcpinfo(struct wend_exchange *x, const struct wend_variable *v)
{
    struct tcp_info info;
    socklen_t len = sizeof(info);
    uint32_t value;

    if (getsockopt(x->conn->io.fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return NOT_FOUND;
    memcpy(&value, (const char *)&info + v->data, sizeof(value));
    return number(x, value);
}

/* --- the rest --------------------------------------------------------------------------------- */

static struct wend_value server_name(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return found(wend_edge_of(x)->server->primary_name);
}

static struct wend_value constant(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)x;
    return found(wend_str_of((const char *)v->data));
}

static struct wend_value process_id(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return number(x, getpid());
}

static struct wend_value hostname(struct wend_exchange *x, const struct wend_variable *v)
{
    char name[256] = "";

    (void)v;
    gethostname(name, sizeof(name) - 1);
    return found(wend_arena_keep(&x->task->arena, wend_str_of(name)));
}

static struct wend_value seconds(struct wend_exchange *x, int64_t ns)
{
    int64_t ms = ns < 0 ? 0 : ns / WEND_NS_PER_MS;

    return found(
        wend_arena_printf(&x->task->arena, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000)));
}

static struct wend_value msec(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return seconds(x, wend_loop_wall_ns(x->task->loop));
}

static struct wend_value request_time(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return seconds(x, wend_clock_monotonic_ns() - x->started_ns);
}

static struct wend_value time_text(struct wend_exchange *x, const struct wend_variable *v)
{
    int64_t now = wend_loop_wall_ns(x->task->loop);
    struct wend_str text = v->data != 0 ? wend_clock_iso_now(now) : wend_clock_common_now(now);

    return found(wend_arena_keep(&x->task->arena, text));
}

/* 2026-11-21T04:18:56.123+00:00 */
static struct wend_value time_iso_ms(struct wend_exchange *x, const struct wend_variable *v)
{
    int64_t now = wend_loop_wall_ns(x->task->loop);
    struct wend_str text = wend_clock_iso_now(now);
    size_t seconds = sizeof("2026-11-21T04:18:56") - 1;

    (void)v;
    return found(wend_arena_printf(&x->task->arena, "%.*s.%03d%.*s", (int)seconds, text.ptr,
                                   (int)(now / WEND_NS_PER_MS % 1000), (int)(text.len - seconds),
                                   text.ptr + seconds));
}

static struct wend_value limit_rate(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)v;
    return number(x, wend_edge_of(x)->limit_rate > 0 ? wend_edge_of(x)->limit_rate : 0);
}

static void assign_limit_rate(struct wend_exchange *x, struct wend_str value)
{
    int64_t rate = wend_conf_size(value);

    if (rate >= 0)
        wend_edge_of(x)->limit_rate = rate;
}

static struct wend_value unpiped(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)x;
    (void)v;
    return found(WEND_STR("."));
}

static struct wend_value nothing(struct wend_exchange *x, const struct wend_variable *v)
{
    (void)x;
    (void)v;
    return found(WEND_STR(""));
}

/* $remote_user: the name in Basic credentials, whether or not anybody checked them. */
static struct wend_value remote_user(struct wend_exchange *x, const struct wend_variable *v)
{
    struct wend_str given = wend_fields_value(&x->request.fields, WEND_FIELD_AUTHORIZATION);
    struct wend_str code;
    char *name;
    size_t len = 0;
    unsigned bits = 0, have = 0;

    (void)v;
    if (!wend_str_starts_nocase(given, WEND_STR("Basic ")))
        return NOT_FOUND;
    code = wend_str_trim(wend_str_from(given, 6));
    name = wend_arena_alloc(&x->task->arena, code.len + 1);
    for (size_t i = 0; name != NULL && i < code.len && code.ptr[i] != '='; i++) {
        static const char digits[] =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        const char *digit = code.ptr[i] == '\0' ? NULL : strchr(digits, code.ptr[i]);

        if (digit == NULL)
            return NOT_FOUND;
        bits = bits << 6 | (unsigned)(digit - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            name[len++] = (char)(bits >> have);
        }
    }
    for (size_t i = 0; name != NULL && i < len; i++)
        if (name[i] == ':')
            return found(wend_str_make(name, i));
    return NOT_FOUND;
}

#define CH WEND_VAR_CHANGES
#define TCP(field) tcpinfo, offsetof(struct tcp_info, field), CH

const struct wend_variable_row wend_core_variables[] = {
    {"args", args, 0, CH | WEND_VAR_CHANGEABLE, "arguments of the request", assign_args},
    {"query_string", args, 0, CH, "the same as $args"},
    {"is_args", is_args, 0, CH, "\"?\" when there are arguments"},
    {"uri", uri, 0, CH, "the current path, decoded and normalised"},
    {"document_uri", uri, 0, CH, "the same as $uri"},
    {"request_uri", REQUEST(target), 0, "path and arguments as the client sent them"},
    {"request", REQUEST(line), 0, "the request line"},
    {"request_method", request_method, 0, CH, "GET, POST ..."},
    {"request_length", request_length, 0, CH, "bytes of head and body received"},
    {"request_time", request_time, 0, CH, "seconds since the first byte of the request"},
    {"request_completion", request_completion, 0, CH, "\"OK\" when the response is complete"},
    {"request_filename", request_filename, 0, CH, "the file the path leads to"},
    {"request_id", request_id, 0, 0, "32 random hexadecimal digits"},
    {"request_port", request_port, 0, CH, "the port in Host"},
    {"is_request_port", request_port, 1, CH, "\":\" when Host has a port"},
    {"arg_", arg, 0, CH | WEND_VAR_PREFIX, "one argument"},
    {"cookie_", cookie, 0, WEND_VAR_PREFIX, "one cookie"},
    {"http_", request_field, 0, WEND_VAR_PREFIX, "one request field"},
    {"sent_http_", sent_field, 0, CH | WEND_VAR_PREFIX, "one response field"},
    {"sent_trailer_", sent_trailer, 0, CH | WEND_VAR_PREFIX, "one trailer field of the response"},
    {"content_length", content_length, 0, CH, "the request's Content-Length"},
    {"content_type", content_type, 0, 0, "the request's Content-Type"},
    {"host", host, 0, 0, "the host of the request, lower case, else the server's name"},
    {"server_protocol", protocol, 0, 0, "HTTP/1.1 ..."},
    {"document_root", document_root, 0, CH, "root or alias of the place"},
    {"realpath_root", realpath_root, 0, CH, "the same with symbolic links resolved"},
    {"status", status, 0, CH, "the response's status"},
    {"body_bytes_sent", bytes_sent, 1, CH, "bytes of the response's body sent"},
    {"bytes_sent", bytes_sent, 0, CH, "bytes sent to the client, head included"},
    {"remote_addr", remote_addr, 0, 0, "the client's address"},
    {"binary_remote_addr", binary_remote_addr, 0, 0, "the client's address in 4 or 16 bytes"},
    {"remote_port", port, 0, 0, "the client's port"},
    {"remote_user", remote_user, 0, 0, "the user name of Basic credentials"},
    {"server_addr", server_addr, 0, 0, "our address"},
    {"server_port", port, 1, 0, "our port"},
    {"server_name", server_name, 0, 0, "the first name of the server"},
    {"connection", connection, 0, 0, "the connection's number"},
    {"connection_requests", connection_requests, 0, 0, "which request of the connection this is"},
    {"connection_time", connection_time, 0, CH, "seconds since the connection was accepted"},
    {"scheme", scheme, 0, 0, "http or https"},
    {"https", https, 0, 0, "\"on\" over TLS"},
    {"tcpinfo_rtt", TCP(tcpi_rtt), "the kernel's TCP_INFO"},
    {"tcpinfo_rttvar", TCP(tcpi_rttvar), "the kernel's TCP_INFO"},
    {"tcpinfo_snd_cwnd", TCP(tcpi_snd_cwnd), "the kernel's TCP_INFO"},
    {"tcpinfo_rcv_space", TCP(tcpi_rcv_space), "the kernel's TCP_INFO"},
    {"nginx_version", constant, (uintptr_t) "1.31.4", 0, "the nginx whose behaviour this matches"},
    {"pid", process_id, 0, 0, "the worker's process id"},
    {"hostname", hostname, 0, 0, "this machine's name"},
    {"msec", msec, 0, CH, "seconds since 1970 with milliseconds"},
    {"time_iso8601", time_text, 1, CH, "local time, ISO 8601"},
    {"time_iso8601_ms", time_iso_ms, 0, CH, "the same with milliseconds"},
    {"time_local", time_text, 0, CH, "local time, Common Log Format"},
    {"limit_rate", limit_rate, 0, CH | WEND_VAR_CHANGEABLE,
     "what the response is limited to, in bytes a second; 0: not by `set`", assign_limit_rate},
    {"pipe", unpiped, 0, 0, "\"p\" for pipelined requests in nginx; always \".\" here"},
    {"proxy_protocol_addr", nothing, 0, 0, "empty: the PROXY protocol is not built yet"},
    {"proxy_protocol_port", nothing, 0, 0, "empty: the PROXY protocol is not built yet"},
    {"proxy_protocol_server_addr", nothing, 0, 0, "empty: the PROXY protocol is not built yet"},
    {"proxy_protocol_server_port", nothing, 0, 0, "empty: the PROXY protocol is not built yet"},
    {NULL},
};
