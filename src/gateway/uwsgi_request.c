/* gateway/uwsgi_request.c - CGI's variables become a request.
 *
 * One walk over the variables: those with a meaning land in a table of slots, HTTP_ ones become
 * fields. What hop-by-hop fields said was between the client and the front server and is dropped.
 */
#include "gateway/uwsgi_request.h"

#include "gateway/uwsgi.h"
#include "http/path.h"

enum slot {
    METHOD,
    URI,
    PATH,
    QUERY,
    PROTOCOL,
    SCRIPT,
    TYPE,
    LENGTH,
    HTTPS,
    SCHEME,
    UWSGI_SCHEME,
    ADDR,
    PORT,
    SLOTS
};

static const struct wend_str slot_names[SLOTS] = {
    [METHOD] = WEND_STR_INIT("REQUEST_METHOD"),
    [URI] = WEND_STR_INIT("REQUEST_URI"),
    [PATH] = WEND_STR_INIT("PATH_INFO"),
    [QUERY] = WEND_STR_INIT("QUERY_STRING"),
    [PROTOCOL] = WEND_STR_INIT("SERVER_PROTOCOL"),
    [SCRIPT] = WEND_STR_INIT("SCRIPT_NAME"),
    [TYPE] = WEND_STR_INIT("CONTENT_TYPE"),
    [LENGTH] = WEND_STR_INIT("CONTENT_LENGTH"),
    [HTTPS] = WEND_STR_INIT("HTTPS"),
    [SCHEME] = WEND_STR_INIT("REQUEST_SCHEME"),
    [UWSGI_SCHEME] = WEND_STR_INIT("UWSGI_SCHEME"),
    [ADDR] = WEND_STR_INIT("REMOTE_ADDR"),
    [PORT] = WEND_STR_INIT("REMOTE_PORT"),
};

/* HTTP_ variables that are no fields of this hop. CGI names type and length itself; PROXY would
 * become HTTP_PROXY in an application's environment ("httpoxy"). */
static const struct wend_str dropped[] = {
    WEND_STR_INIT("CONTENT_LENGTH"),
    WEND_STR_INIT("CONTENT_TYPE"),
    WEND_STR_INIT("CONNECTION"),
    WEND_STR_INIT("KEEP_ALIVE"),
    WEND_STR_INIT("TRANSFER_ENCODING"),
    WEND_STR_INIT("TE"),
    WEND_STR_INIT("PROXY"),
    WEND_STR_INIT("EXPECT"),
};

static enum wend_code wrong(const char **text, const char *what)
{
    *text = what;
    return WEND_E_SYNTAX;
}

/* ACCEPT_LANGUAGE -> Accept-Language. */
static struct wend_str field_name(struct wend_arena *arena, struct wend_str variable)
{
    char *name = wend_arena_alloc(arena, variable.len);
    bool first = true;

    if (name == NULL)
        return WEND_STR_NULL;
    for (size_t i = 0; i < variable.len; i++) {
        char c = variable.ptr[i];

        name[i] = c == '_' ? '-' : first ? c : wend_lower(c);
        first = c == '_';
    }
    return (struct wend_str){name, variable.len};
}

static bool is_dropped(struct wend_str name)
{
    for (size_t i = 0; i < WEND_COUNT(dropped); i++)
        if (wend_str_eq(name, dropped[i]))
            return true;
    return false;
}

static enum wend_code add_field(struct wend_arena *arena, struct wend_fields *fields,
                                struct wend_str variable, struct wend_str value, const char **text)
{
    struct wend_str name;

    if (variable.len == 0 || is_dropped(variable))
        return WEND_OK;
    name = field_name(arena, variable);
    if (name.ptr == NULL)
        return WEND_E_MEMORY;
    if (!wend_field_name_valid(name) || !wend_field_value_valid(value))
        return wrong(text, "an HTTP_ variable is no valid field");
    return wend_fields_add_name(fields, arena, name, value);
}

static enum wend_code collect(struct wend_arena *arena, struct wend_str vars,
                              struct wend_fields *fields, struct wend_str slots[SLOTS],
                              const char **text)
{
    static const struct wend_str http = WEND_STR_INIT("HTTP_");
    struct wend_str key, value;

    while (wend_uwsgi_vars_next(&vars, &key, &value)) {
        if (wend_str_starts(key, http)) {
            enum wend_code code =
                add_field(arena, fields, wend_str_from(key, http.len), value, text);

            if (code != WEND_OK)
                return code;
            continue;
        }
        for (int i = 0; i < SLOTS; i++) {
            if (!wend_str_eq(key, slot_names[i]))
                continue;
            if (i == LENGTH && slots[i].len > 0 && !wend_str_eq(slots[i], value))
                return wrong(text, "two CONTENT_LENGTH variables disagree");
            slots[i] = value;
            break;
        }
    }
    return WEND_OK;
}

static bool is_on(struct wend_str value)
{
    return wend_str_eq_nocase(value, WEND_STR("on")) || wend_str_eq(value, WEND_STR("1"));
}

static bool visible(struct wend_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] <= ' ' || text.ptr[i] == 0x7f)
            return false;
    return true;
}

static enum wend_version version_of(struct wend_str protocol)
{
    if (wend_str_eq(protocol, WEND_STR("HTTP/1.0")))
        return WEND_HTTP_10;
    return wend_str_starts(protocol, WEND_STR("HTTP/2")) ? WEND_HTTP_20 : WEND_HTTP_11;
}

/* PATH_INFO is decoded: its escaped form decodes to it and is what path_raw means. */
static enum wend_code fill_path(struct wend_arena *arena, const struct wend_str slots[SLOTS],
                                bool mounted, struct wend_request *request, const char **text)
{
    struct wend_str path = slots[PATH];
    ptrdiff_t mark;

    if (mounted && wend_str_starts(path, slots[SCRIPT]))
        path = wend_str_from(path, slots[SCRIPT].len);
    request->path_raw = wend_escape(arena, path, WEND_ESCAPE_URI);
    request->query = slots[QUERY].len > 0 ? slots[QUERY] : WEND_STR_NULL;
    request->target = slots[URI];
    if (request->target.len == 0)
        request->target =
            request->query.ptr == NULL
                ? request->path_raw
                : wend_arena_printf(arena, "%.*s?%.*s", WEND_STR_ARG(request->path_raw),
                                    WEND_STR_ARG(request->query));
    if (!visible(request->target) || !visible(request->query))
        return wrong(text, "REQUEST_URI or QUERY_STRING holds a space or a control byte");
    mark = wend_str_find_byte(request->target, '?');
    if (request->query.ptr == NULL && mark >= 0 && slots[QUERY].ptr == NULL)
        request->query = wend_str_from(request->target, (size_t)mark + 1);
    if (slots[PATH].ptr == NULL)
        request->path_raw =
            wend_str_slice(request->target, 0, mark >= 0 ? (size_t)mark : request->target.len);
    return WEND_OK;
}

static enum wend_code fill_host(struct wend_arena *arena, struct wend_request *request,
                                const char **text)
{
    struct wend_str host = wend_fields_value(&request->fields, WEND_FIELD_HOST), port;
    char *lower;
    ptrdiff_t colon;
    uint64_t number;

    request->port = -1;
    if (host.len == 0)
        return WEND_OK;
    if (!visible(host) || wend_str_find_byte(host, '/') >= 0 || wend_str_find_byte(host, '@') >= 0)
        return wrong(text, "HTTP_HOST is no host");
    request->authority = host;
    colon = wend_str_rfind_byte(host, ':');
    if (colon >= 0 && wend_str_rfind_byte(host, ']') < colon) {
        port = wend_str_from(host, (size_t)colon + 1);
        host = wend_str_slice(host, 0, (size_t)colon);
        if (port.len > 0 && (!wend_str_to_u64(port, &number) || number > 65535))
            return wrong(text, "HTTP_HOST has a wrong port");
        request->port = port.len > 0 ? (int)number : -1;
    }
    lower = wend_arena_alloc(arena, host.len + 1);
    if (lower == NULL)
        return WEND_E_MEMORY;
    for (size_t i = 0; i < host.len; i++)
        lower[i] = wend_lower(host.ptr[i]);
    request->host = (struct wend_str){lower, host.len};
    return WEND_OK;
}

static enum wend_code fill_length(const struct wend_str slots[SLOTS], struct wend_request *request,
                                  const char **text)
{
    uint64_t length;

    request->content_length = -1;
    if (slots[LENGTH].len == 0)
        return WEND_OK;
    if (!wend_str_to_u64(slots[LENGTH], &length) || length > INT64_MAX)
        return wrong(text, "CONTENT_LENGTH is no number");
    request->content_length = (int64_t)length;
    return WEND_OK;
}

/* The fields CGI keeps outside of HTTP_. */
static enum wend_code fill_entity_fields(struct wend_arena *arena,
                                         const struct wend_str slots[SLOTS],
                                         struct wend_request *request, const char **text)
{
    enum wend_code code = WEND_OK;

    if (!wend_field_value_valid(slots[TYPE]))
        return wrong(text, "CONTENT_TYPE is no field value");
    if (slots[TYPE].len > 0)
        code = wend_fields_add(&request->fields, arena, WEND_FIELD_CONTENT_TYPE, slots[TYPE]);
    if (code == WEND_OK && request->content_length >= 0)
        code = wend_fields_add(&request->fields, arena, WEND_FIELD_CONTENT_LENGTH, slots[LENGTH]);
    return code;
}

static void fill_facts(const struct wend_str slots[SLOTS], struct wend_request *request,
                       struct wend_uwsgi_facts *facts)
{
    uint64_t port = 0;

    facts->secure = is_on(slots[HTTPS]) || wend_str_eq(slots[SCHEME], WEND_STR("https")) ||
                    wend_str_eq(slots[UWSGI_SCHEME], WEND_STR("https"));
    request->scheme = facts->secure ? WEND_STR("https") : WEND_STR("http");
    memset(&facts->client, 0, sizeof(facts->client));
    if (!wend_str_to_u64(slots[PORT], &port) || port > 65535)
        port = 0;
    if (slots[ADDR].len == 0 ||
        !wend_address_parse_host(slots[ADDR], (uint16_t)port, &facts->client))
        facts->client.family = 0;
}

enum wend_code wend_uwsgi_request_fill(struct wend_arena *arena, struct wend_str vars, bool mounted,
                                       struct wend_request *request, struct wend_uwsgi_facts *facts,
                                       const char **text)
{
    struct wend_str slots[SLOTS] = {{NULL, 0}};
    enum wend_code code;

    wend_fields_init(&request->fields, NULL, 0, WEND_UWSGI_VARS_MAX);
    wend_fields_init(&request->trailers, NULL, 0, 0);
    code = collect(arena, vars, &request->fields, slots, text);
    if (code != WEND_OK)
        return code;
    if (!wend_field_name_valid(slots[METHOD]))
        return wrong(text, "REQUEST_METHOD is no method");
    request->method_text = slots[METHOD];
    request->method = wend_method_of(slots[METHOD]);
    request->version = version_of(slots[PROTOCOL]);
    fill_facts(slots, request, facts);
    code = fill_path(arena, slots, mounted, request, text);
    if (code == WEND_OK)
        code = fill_host(arena, request, text);
    if (code == WEND_OK)
        code = fill_length(slots, request, text);
    if (code == WEND_OK)
        code = fill_entity_fields(arena, slots, request, text);
    if (code != WEND_OK)
        return code;
    request->line = wend_arena_printf(arena, "%.*s %.*s %.*s", WEND_STR_ARG(slots[METHOD]),
                                      WEND_STR_ARG(request->target), WEND_STR_ARG(slots[PROTOCOL]));
    return WEND_OK;
}
