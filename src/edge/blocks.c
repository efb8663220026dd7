/* edge/blocks.c - http, server, location, limit_except: reading blocks, merging levels, the index.
 */
#include "edge/location.h"

#include "base/assert.h"
#include "edge/request.h"
#include "edge/rewrite.h"

#include <stdlib.h>

/* --- levels ----------------------------------------------------------------------------------- */

size_t wend_edge_module_count(void)
{
    static size_t count;

    while (wend_edge_modules[count] != NULL)
        count++;
    return count;
}

/* Where each module stands, by its address: asked a dozen times per request, by any thread, so a
 * multiplier under which no two share a place is looked for once. Before that, places[] says
 * nothing and the table is searched. */
#define PLACE_BITS 8
static uint8_t places[1 << PLACE_BITS];
static uint64_t spread = 1;

static size_t place_of(const struct wend_edge_module *module)
{
    return (size_t)((uint64_t)(uintptr_t)module * spread >> (64 - PLACE_BITS));
}

static bool fill_places(void)
{
    bool taken[1 << PLACE_BITS] = {false};

    for (size_t i = 0; i < wend_edge_module_count(); i++) {
        size_t place = place_of(wend_edge_modules[i]);

        if (taken[place])
            return false;
        taken[place] = true;
        places[place] = (uint8_t)i;
    }
    return true;
}

void wend_edge_modules_prepare(void)
{
    WEND_ASSERT(wend_edge_module_count() <= UINT8_MAX);
    for (int tries = 0; tries < 10000 && !fill_places(); tries++)
        spread = spread * UINT64_C(0x5851f42d4c957f2d) + UINT64_C(0x14057b7ef767814f);
}

size_t wend_edge_module_index(const struct wend_edge_module *module)
{
    size_t i = places[place_of(module)];

    if (WEND_LIKELY(wend_edge_modules[i] == module))
        return i;
    for (i = 0; wend_edge_modules[i] != module;)
        i++;
    return i;
}

static void **make_settings(struct wend_arena *arena, enum wend_edge_level level)
{
    size_t count = wend_edge_module_count();
    void **settings = wend_arena_array(arena, count, sizeof(*settings));

    for (size_t i = 0; i < count; i++) {
        const struct wend_edge_module *module = wend_edge_modules[i];

        settings[i] =
            module->sizes[level] == 0 ? NULL : wend_arena_zalloc(arena, module->sizes[level]);
        if (settings[i] != NULL && module->init[level] != NULL)
            module->init[level](settings[i]);
    }
    return settings;
}

struct wend_edge_levels *wend_edge_levels_new(struct wend_conf *conf, enum wend_edge_level from)
{
    const struct wend_edge_levels *outer = conf->scope;
    struct wend_edge_levels *levels = WEND_NEW(conf->arena, struct wend_edge_levels);

    if (outer != NULL)
        *levels = *outer;
    for (int level = (int)from; level < WEND_EDGE_LEVELS; level++)
        levels->at[level] = make_settings(conf->arena, (enum wend_edge_level)level);
    return levels;
}

void *wend_edge_conf_at(struct wend_conf *conf, const struct wend_edge_module *module,
                        enum wend_edge_level level)
{
    const struct wend_edge_levels *levels = conf->scope;

    return levels->at[level][wend_edge_module_index(module)];
}

/* --- locations -------------------------------------------------------------------------------- */

struct wend_edge_core_location *wend_location_new(struct wend_conf *conf,
                                                  struct wend_edge_levels *levels,
                                                  enum wend_location_kind kind,
                                                  struct wend_str name)
{
    struct wend_edge_core_location *parent = wend_edge_core_at(conf);
    struct wend_edge_core_location **last = &parent->children;
    struct wend_edge_core_location *location =
        levels->at[WEND_LEVEL_LOCATION][wend_edge_module_index(&wend_edge_core)];

    location->kind = kind;
    location->name = name;
    location->statement = conf->statement;
    location->levels = levels->at[WEND_LEVEL_LOCATION];
    location->server = parent->server;
    location->parent = parent;
    while (*last != NULL)
        last = &(*last)->next;
    *last = location;
    return location;
}

enum wend_code wend_edge_regex(struct wend_conf *conf, struct wend_str pattern, bool nocase,
                               const struct wend_regex **out)
{
    struct wend_edge *edge = conf->data;
    struct wend_regex *regex;
    char message[256];
    size_t offset = 0;

    if (wend_regex_compile(conf->arena, pattern, nocase, &regex, message, &offset) != WEND_OK)
        return offset >= pattern.len
                   ? wend_conf_bad(conf, "pcre2_compile() failed: %s in \"%.*s\"", message,
                                   WEND_STR_ARG(pattern))
                   : wend_conf_bad(conf, "pcre2_compile() failed: %s in \"%.*s\" at \"%.*s\"",
                                   message, WEND_STR_ARG(pattern),
                                   WEND_STR_ARG(wend_str_from(pattern, offset)));
    regex->next = edge->regexes;
    edge->regexes = regex;
    regex->variables =
        wend_arena_array(conf->arena, regex->name_count + 1, sizeof(struct wend_variable *));
    for (unsigned i = 0; i < regex->name_count; i++)
        if (wend_variable_define(conf, regex->names[i].name, 0, &regex->variables[i]) != WEND_OK)
            return WEND_E_CONFIG;
    *out = regex;
    return WEND_OK;
}

/* "location = /x", "location ~* \.php$", and without the space, as people write it. */
static enum wend_code read_location_name(struct wend_conf *conf, enum wend_location_kind *kind,
                                         struct wend_str *name, bool *nocase)
{
    static const struct {
        struct wend_str text;
        enum wend_location_kind kind;
        bool nocase;
    } modifiers[] = {
        {WEND_STR_INIT("="), WEND_LOCATION_EXACT, false},
        {WEND_STR_INIT("^~"), WEND_LOCATION_FIRST, false},
        {WEND_STR_INIT("~*"), WEND_LOCATION_REGEX, true},
        {WEND_STR_INIT("~"), WEND_LOCATION_REGEX, false},
    };
    const struct wend_statement *s = conf->statement;

    *kind = WEND_LOCATION_PREFIX;
    *name = s->args[s->count - 1];
    *nocase = false;
    for (size_t i = 0; i < WEND_COUNT(modifiers); i++) {
        bool apart = s->count == 3 && wend_str_eq(s->args[1], modifiers[i].text);

        if (!apart && !(s->count == 2 && wend_str_starts(*name, modifiers[i].text)))
            continue;
        if (!apart)
            *name = wend_str_from(*name, modifiers[i].text.len);
        *kind = modifiers[i].kind;
        *nocase = modifiers[i].nocase;
        return WEND_OK;
    }
    if (s->count == 3)
        return wend_conf_bad(conf, "invalid location modifier \"%.*s\"", WEND_STR_ARG(s->args[1]));
    if (name->len != 0 && name->ptr[0] == '@')
        *kind = WEND_LOCATION_NAMED;
    return WEND_OK;
}

/* A nested location must make sense inside its parent. */
static enum wend_code check_nesting(struct wend_conf *conf,
                                    const struct wend_edge_core_location *parent,
                                    enum wend_location_kind kind, struct wend_str name)
{
    if (parent->kind == WEND_LOCATION_SERVER)
        return WEND_OK;
    if (kind == WEND_LOCATION_NAMED)
        return wend_conf_bad(conf, "named location \"%.*s\" can be on the server level only",
                             WEND_STR_ARG(name));
    if (parent->kind == WEND_LOCATION_EXACT)
        return wend_conf_bad(conf, "location \"%.*s\" cannot be inside the exact location \"%.*s\"",
                             WEND_STR_ARG(name), WEND_STR_ARG(parent->name));
    if (parent->kind == WEND_LOCATION_NAMED)
        return wend_conf_bad(conf, "location \"%.*s\" cannot be inside the named location \"%.*s\"",
                             WEND_STR_ARG(name), WEND_STR_ARG(parent->name));
    if (kind != WEND_LOCATION_REGEX && !wend_str_starts(name, parent->name))
        return wend_conf_bad(conf, "location \"%.*s\" is outside location \"%.*s\"",
                             WEND_STR_ARG(name), WEND_STR_ARG(parent->name));
    return WEND_OK;
}

static enum wend_code set_location(struct wend_conf *conf, const struct wend_directive *row,
                                   void *slot)
{
    const struct wend_statement *block = conf->statement;
    struct wend_edge_core_location *parent = wend_edge_core_at(conf), *location;
    struct wend_edge_levels *levels;
    enum wend_location_kind kind;
    struct wend_str name;
    bool nocase;

    (void)row;
    (void)slot;
    if (read_location_name(conf, &kind, &name, &nocase) != WEND_OK ||
        check_nesting(conf, parent, kind, name) != WEND_OK)
        return WEND_E_CONFIG;
    levels = wend_edge_levels_new(conf, WEND_LEVEL_LOCATION);
    location = wend_location_new(conf, levels, kind, name);
    if (kind == WEND_LOCATION_REGEX &&
        wend_edge_regex(conf, name, nocase, &location->regex) != WEND_OK)
        return WEND_E_CONFIG;
    return wend_conf_apply(conf, block->children, WEND_CTX_LOCATION, levels);
}

static enum wend_code set_limit_except(struct wend_conf *conf, const struct wend_directive *row,
                                       void *slot)
{
    const struct wend_statement *block = conf->statement;
    struct wend_edge_core_location *here = wend_edge_core_at(conf);
    struct wend_edge_levels *levels;

    (void)row;
    (void)slot;
    if (here->limit_except != NULL)
        return wend_conf_bad(conf, "\"limit_except\" directive is duplicate");
    for (unsigned i = 1; i < block->count; i++) {
        enum wend_method method = wend_method_of(block->args[i]);

        if (method == WEND_METHOD_OTHER || method == WEND_TRACE || method == WEND_CONNECT ||
            method > WEND_UNLOCK)
            return wend_conf_bad(conf, "invalid method \"%.*s\"", WEND_STR_ARG(block->args[i]));
        here->methods_excepted |= UINT64_C(1) << method;
        if (method == WEND_GET)
            here->methods_excepted |= UINT64_C(1) << WEND_HEAD;
    }
    levels = wend_edge_levels_new(conf, WEND_LEVEL_LOCATION);
    here->limit_except = wend_location_new(conf, levels, WEND_LOCATION_LIMIT, here->name);
    here->limit_except->in_if = true;
    return wend_conf_apply(conf, block->children, WEND_CTX_LIMIT_EXCEPT, levels);
}

/* --- servers ---------------------------------------------------------------------------------- */

static enum wend_code set_server(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    const struct wend_statement *block = conf->statement;
    struct wend_edge *edge = conf->data;
    struct wend_edge_levels *levels = wend_edge_levels_new(conf, WEND_LEVEL_SERVER);
    struct wend_edge_server *server = WEND_NEW(conf->arena, struct wend_edge_server);
    size_t core = wend_edge_module_index(&wend_edge_core);
    struct wend_edge_core_server *settings = levels->at[WEND_LEVEL_SERVER][core];

    (void)row;
    (void)slot;
    server->levels = *levels;
    server->statement = block;
    server->root = levels->at[WEND_LEVEL_LOCATION][core];
    server->root->server = server;
    server->root->levels = levels->at[WEND_LEVEL_LOCATION];
    settings->server = server;
    *edge->last_server = server;
    edge->last_server = &server->next;
    return wend_conf_apply(conf, block->children, WEND_CTX_SERVER, levels);
}

/* --- merging ---------------------------------------------------------------------------------- */

static enum wend_code merge_settings(struct wend_conf *conf, enum wend_edge_level level,
                                     void **parent, void **child)
{
    for (size_t i = 0; wend_edge_modules[i] != NULL; i++) {
        const struct wend_edge_module *module = wend_edge_modules[i];
        enum wend_code (*merge)(struct wend_conf *, void *, void *) =
            level == WEND_LEVEL_SERVER ? module->merge_server : module->merge_location;
        enum wend_code code;

        if (merge == NULL || child[i] == NULL)
            continue;
        code = merge(conf, parent[i], child[i]);
        if (code != WEND_OK)
            return code;
    }
    return WEND_OK;
}

static enum wend_code merge_below(struct wend_conf *conf, struct wend_edge_core_location *location)
{
    for (struct wend_edge_core_location *child = location->children; child != NULL;
         child = child->next) {
        enum wend_code code =
            merge_settings(conf, WEND_LEVEL_LOCATION, location->levels, child->levels);

        if (code == WEND_OK)
            code = merge_below(conf, child);
        if (code != WEND_OK)
            return code;
    }
    return WEND_OK;
}

static enum wend_code merge_all(struct wend_conf *conf, struct wend_edge *edge)
{
    size_t core = wend_edge_module_index(&wend_edge_core);

    for (struct wend_edge_server *server = edge->servers; server != NULL; server = server->next) {
        struct wend_edge_core_server *settings = server->levels.at[WEND_LEVEL_SERVER][core];
        enum wend_code code;

        conf->scope = &server->levels;
        code = merge_settings(conf, WEND_LEVEL_SERVER, edge->http.at[WEND_LEVEL_SERVER],
                              server->levels.at[WEND_LEVEL_SERVER]);
        if (code == WEND_OK)
            code = merge_settings(conf, WEND_LEVEL_LOCATION, edge->http.at[WEND_LEVEL_LOCATION],
                                  server->levels.at[WEND_LEVEL_LOCATION]);
        if (code == WEND_OK)
            code = merge_below(conf, server->root);
        if (code == WEND_OK)
            code = wend_location_index(conf, server->root);
        if (code != WEND_OK)
            return code;
        server->strict = settings->strict == 1;
    }
    return WEND_OK;
}

static enum wend_code set_http(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_edge *edge = conf->data;
    struct wend_edge_levels *levels;
    enum wend_code code;

    (void)row;
    (void)slot;
    if (edge->has_http)
        return wend_conf_bad(conf, "\"http\" directive is duplicate");
    edge->has_http = true;
    levels = wend_edge_levels_new(conf, WEND_LEVEL_SERVER);
    edge->http = *levels;
    code = wend_conf_apply(conf, conf->statement->children, WEND_CTX_HTTP, levels);
    if (code == WEND_OK)
        code = merge_all(conf, edge);
    if (code == WEND_OK)
        code = wend_edge_listens_finish(conf, edge);
    return code;
}

static const struct wend_directive rows[] = {
    {"http", WEND_CTX_MAIN, 0, 0, true, .set = set_http, .help = "everything about HTTP"},
    {"server", WEND_CTX_HTTP, 0, 0, true, .set = set_server,
     .help = "one site: names, addresses, places"},
    {"location", WEND_CTX_SERVER | WEND_CTX_LOCATION, 1, 2, true, .set = set_location,
     .help = "settings for paths: a prefix, = exact, ^~ prefix before expressions, ~ or ~* "
             "expression, @name"},
    {"limit_except", WEND_CTX_LOCATION, 1, -1, true, .set = set_limit_except,
     .help = "access rules for all methods but these"},
};

const struct wend_edge_module wend_edge_blocks = {
    .name = "http_core",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
};
