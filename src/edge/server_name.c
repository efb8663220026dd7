/* edge/server_name.c - see edge/server_name.h. */
#include "edge/server_name.h"

#include "edge/request.h"

#include <unistd.h>

/* --- reading ---------------------------------------------------------------------------------- */

struct wend_edge_server *wend_server_name_owner(struct wend_conf *conf)
{
    struct wend_edge_core_server *settings =
        wend_edge_conf_at(conf, &wend_edge_core, WEND_LEVEL_SERVER);

    return settings->server;
}

static struct wend_str lower(struct wend_arena *arena, struct wend_str text)
{
    struct wend_str copy = wend_arena_keep(arena, text);

    for (size_t i = 0; i < copy.len; i++)
        ((char *)(uintptr_t)copy.ptr)[i] = wend_lower(copy.ptr[i]);
    return copy;
}

static bool wildcard_valid(struct wend_str name)
{
    ptrdiff_t star = wend_str_find_byte(name, '*');
    bool head, tail;

    if (star < 0)
        return true;
    head = star == 0 && name.len > 2 && name.ptr[1] == '.';
    tail = star == (ptrdiff_t)name.len - 1 && name.len > 2 && name.ptr[name.len - 2] == '.';
    return (head || tail) && wend_str_rfind_byte(name, '*') == star;
}

static enum wend_code add_name(struct wend_conf *conf, struct wend_edge_server *server,
                               struct wend_str text)
{
    struct wend_edge_name *name = WEND_NEW(conf->arena, struct wend_edge_name),
                          **last = &server->names;

    name->server = server;
    while (*last != NULL)
        last = &(*last)->next;
    *last = name;
    if (text.len != 0 && text.ptr[0] == '~') {
        bool nocase = true; /* host names are; nginx compiles them so */

        name->text = wend_arena_keep(conf->arena, text);
        if (text.len == 1)
            return wend_conf_bad(conf, "empty regex in server name \"%.*s\"", WEND_STR_ARG(text));
        return wend_edge_regex(conf, wend_str_from(name->text, 1), nocase, &name->regex);
    }
    if ((text.len != 0 && text.ptr[0] == '*' && (text.len < 3 || text.ptr[1] != '.')) ||
        wend_str_eq(text, WEND_STR(".")))
        return wend_conf_bad(conf, "server name \"%.*s\" is invalid", WEND_STR_ARG(text));
    if (!wildcard_valid(text))
        return wend_conf_bad(conf, "invalid server name or wildcard \"%.*s\"", WEND_STR_ARG(text));
    name->text = lower(conf->arena, text);
    return WEND_OK;
}

enum wend_code wend_server_name_set(struct wend_conf *conf, const struct wend_directive *row,
                                    void *slot)
{
    struct wend_edge_server *server = wend_server_name_owner(conf);

    (void)row;
    (void)slot;
    for (unsigned i = 1; i < conf->statement->count; i++) {
        struct wend_str text = conf->statement->args[i];
        char host[256] = "";

        if (wend_str_eq(text, WEND_STR("$hostname"))) {
            gethostname(host, sizeof(host) - 1);
            text = wend_str_of(host);
        }
        if (add_name(conf, server, text) != WEND_OK)
            return WEND_E_CONFIG;
    }
    if (server->primary_name.ptr == NULL) {
        struct wend_str first = server->names->text;

        /* ".example.com" is called "example.com"; "*.example.com" as it is. */
        server->primary_name =
            first.len != 0 && first.ptr[0] == '.' ? wend_str_from(first, 1) : first;
    }
    return WEND_OK;
}

enum wend_code wend_server_name_finish(struct wend_conf *conf, struct wend_edge_server *server)
{
    if (server->primary_name.ptr == NULL)
        server->primary_name = WEND_STR("");
    return server->names == NULL ? add_name(conf, server, WEND_STR("")) : WEND_OK;
}

/* --- the tables of a listener ----------------------------------------------------------------- */

static enum wend_code index_name(struct wend_conf *conf, struct wend_edge_listen *listen,
                                 struct wend_edge_name *name)
{
    struct wend_str text = name->text;
    struct wend_edge_name *mine = WEND_NEW(conf->arena, struct wend_edge_name);
    enum wend_code code = WEND_OK;

    *mine = *name;
    mine->next = NULL;
    if (name->regex != NULL) {
        struct wend_edge_name **last = &listen->regexes;

        while (*last != NULL)
            last = &(*last)->next;
        *last = mine;
        return WEND_OK;
    }
    if (text.len > 1 && text.ptr[0] == '*')
        code = wend_map_add(&listen->head, wend_str_from(text, 1), mine);
    else if (text.len > 1 && text.ptr[text.len - 1] == '*')
        code = wend_map_add(&listen->tail, wend_str_slice(text, 0, text.len - 1), mine);
    else if (text.len > 1 && text.ptr[0] == '.') {
        code = wend_map_add(&listen->exact, wend_str_from(text, 1), mine);
        if (code == WEND_OK)
            code = wend_map_add(&listen->head, text, mine);
    } else {
        code = wend_map_add(&listen->exact, text, mine);
    }
    if (code == WEND_E_EXISTS) {
        char where[WEND_LISTEN_TEXT_MAX];

        wend_listen_write(&listen->listener, where);
        wend_log(wend_log_process, WEND_LOG_WARN, 0, 0,
                 "conflicting server name \"%.*s\" on %s, ignored", WEND_STR_ARG(text), where);
    }
    return WEND_OK;
}

enum wend_code wend_server_name_index(struct wend_conf *conf, const struct wend_edge_server *server,
                                      struct wend_edge_listen *listen)
{
    for (struct wend_edge_name *name = server->names; name != NULL; name = name->next)
        if (index_name(conf, listen, name) != WEND_OK)
            return WEND_E_CONFIG;
    return WEND_OK;
}

struct wend_edge_server *wend_edge_find_server(struct wend_edge_listen *listen,
                                               struct wend_exchange *x, struct wend_str host)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct wend_edge_name *name;

    if (listen->sole)
        return listen->default_server;
    name = wend_map_get(&listen->exact, host);
    for (size_t i = 0; name == NULL && listen->head.count != 0 && i < host.len; i++)
        if (host.ptr[i] == '.')
            name = wend_map_get(&listen->head, wend_str_from(host, i));
    for (size_t i = host.len; name == NULL && listen->tail.count != 0 && i > 0; i--)
        if (host.ptr[i - 1] == '.')
            name = wend_map_get(&listen->tail, wend_str_slice(host, 0, i));
    for (struct wend_edge_name *try = listen->regexes; name == NULL && try != NULL; try = try->next)
        if (host.len != 0 && wend_regex_run(try->regex, host, &r->captures) == WEND_OK) {
            wend_edge_keep_captures(x, try->regex, host);
            name = try;
        }
    return name != NULL ? name->server : listen->default_server;
}
