/* edge/map.c - map $source $result { ... }.
 *
 * Search: the exact text (without case), with `hostnames` the longest wildcard with a leading and
 * then the longest with a trailing asterisk, the expressions in order, the default.
 */
#include "edge/map.h"

#include "base/map.h"
#include "edge/request.h"

#include <stdio.h>

#define ENTRIES_MAX 1000000

struct entry {
    struct entry *next; /* among the expressions */
    const struct wend_regex *regex;
    struct wend_template value;
};

struct mapping {
    struct wend_template source;
    struct wend_map exact, head, tail;
    struct entry *regexes, **last_regex;
    struct entry *fallback;
    bool hostnames;
};

static struct entry *find_host(const struct mapping *map, struct wend_str host)
{
    for (size_t i = 0; map->head.count != 0 && i < host.len; i++)
        if (host.ptr[i] == '.') {
            struct entry *entry = wend_map_get(&map->head, wend_str_from(host, i));

            if (entry != NULL)
                return entry;
        }
    for (size_t i = host.len; map->tail.count != 0 && i > 0; i--)
        if (host.ptr[i - 1] == '.') {
            struct entry *entry = wend_map_get(&map->tail, wend_str_slice(host, 0, i));

            if (entry != NULL)
                return entry;
        }
    return NULL;
}

static struct entry *find(struct wend_exchange *x, const struct mapping *map, struct wend_str key)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct entry *entry;

    if (map->hostnames && key.len != 0 && key.ptr[key.len - 1] == '.')
        key.len--;
    entry = key.len == 0 ? NULL : wend_map_get(&map->exact, key);
    if (entry == NULL && key.len == 0)
        entry = wend_map_get(&map->exact, WEND_STR(""));
    if (entry == NULL && map->hostnames)
        entry = find_host(map, key);
    for (struct entry *try = map->regexes; entry == NULL && try != NULL; try = try->next)
        if (wend_regex_run(try->regex, key, &r->captures) == WEND_OK) {
            wend_edge_keep_captures(x, try->regex, key);
            entry = try;
        }
    return entry != NULL ? entry : map->fallback;
}

static struct wend_value get(struct wend_exchange *x, const struct wend_variable *variable)
{
    const struct mapping *map = variable->owner;
    struct entry *entry = find(x, map, wend_template_value(x, &map->source));

    if (entry == NULL)
        return (struct wend_value){WEND_STR(""), true};
    return (struct wend_value){wend_template_value(x, &entry->value), true};
}

static enum wend_code fail_line(struct wend_conf *conf, const struct wend_statement *line,
                                const char *text)
{
    return wend_conf_fail(conf->error, line, "%s \"%.*s\"", text, WEND_STR_ARG(line->args[0]));
}

static enum wend_code add_key(struct wend_conf *conf, struct mapping *map,
                              const struct wend_statement *line, struct entry *entry)
{
    struct wend_str key = line->args[0];
    enum wend_code code;

    if (key.len != 0 && key.ptr[0] == '~') {
        bool nocase = key.len > 1 && key.ptr[1] == '*';

        *map->last_regex = entry;
        map->last_regex = &entry->next;
        return wend_edge_regex(conf, wend_str_from(key, nocase ? 2 : 1), nocase, &entry->regex);
    }
    if (key.len > 1 && key.ptr[0] == '\\')
        key = wend_str_from(key, 1); /* a key that looks like a word of ours */
    if (map->hostnames && key.len > 2 && key.ptr[0] == '*')
        code = wend_map_add(&map->head, wend_str_from(key, 1), entry);
    else if (map->hostnames && key.len > 2 && key.ptr[key.len - 1] == '*')
        code = wend_map_add(&map->tail, wend_str_slice(key, 0, key.len - 1), entry);
    else if (map->hostnames && key.len > 1 && key.ptr[0] == '.') {
        code = wend_map_add(&map->exact, wend_str_from(key, 1), entry);
        if (code == WEND_OK)
            code = wend_map_add(&map->head, key, entry);
    } else
        code = wend_map_add(&map->exact, key, entry);
    return code == WEND_OK ? WEND_OK : fail_line(conf, line, "conflicting parameter");
}

static enum wend_code read_line(struct wend_conf *conf, struct mapping *map,
                                const struct wend_statement *line, struct wend_variable *result)
{
    struct entry *entry;

    conf->statement = line;
    if (line->count == 1 && wend_str_eq(line->args[0], WEND_STR("hostnames"))) {
        map->hostnames = true;
        return WEND_OK;
    }
    if (line->count == 1 && wend_str_eq(line->args[0], WEND_STR("volatile"))) {
        result->flags |= WEND_VAR_CHANGES;
        return WEND_OK;
    }
    if (line->count != 2 || line->has_block)
        return wend_conf_fail(conf->error, line, "invalid number of the map parameters");
    entry = WEND_NEW(conf->arena, struct entry);
    if (wend_template_compile(conf, line->args[1], &entry->value) != WEND_OK)
        return WEND_E_CONFIG;
    if (wend_str_eq(line->args[0], WEND_STR("default"))) {
        if (map->fallback != NULL)
            return wend_conf_fail(conf->error, line, "duplicate default map parameter");
        map->fallback = entry;
        return WEND_OK;
    }
    return add_key(conf, map, line, entry);
}

static enum wend_code set_map(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    const struct wend_statement *block = conf->statement;
    struct mapping *map = WEND_NEW(conf->arena, struct mapping);
    struct wend_str name = block->args[2];
    struct wend_variable *result;

    (void)row;
    (void)slot;
    if (name.len < 2 || name.ptr[0] != '$')
        return wend_conf_bad(conf, "invalid variable name \"%.*s\"", WEND_STR_ARG(name));
    wend_map_init_nocase(&map->exact, conf->arena, ENTRIES_MAX);
    wend_map_init_nocase(&map->head, conf->arena, ENTRIES_MAX);
    wend_map_init_nocase(&map->tail, conf->arena, ENTRIES_MAX);
    map->last_regex = &map->regexes;
    if (wend_template_compile(conf, block->args[1], &map->source) != WEND_OK ||
        wend_variable_define(conf, wend_str_from(name, 1), 0, &result) != WEND_OK)
        return WEND_E_CONFIG;
    result->get = get;
    result->owner = map;
    for (const struct wend_statement *line = block->children; line != NULL; line = line->next)
        if (read_line(conf, map, line, result) != WEND_OK)
            return WEND_E_CONFIG;
    return WEND_OK;
}

static const struct wend_directive rows[] = {
    {"map", WEND_CTX_HTTP, 2, 2, true, .set = set_map,
     .help = "a variable whose value depends on another's: exact, wildcard (hostnames), "
             "~expression, default"},
};

const struct wend_edge_module wend_edge_map = {
    .name = "http_map",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
};
