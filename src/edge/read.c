/* edge/read.c - a whole configuration from a file or a text. */
#include "conf/known.h"
#include "edge/edge.h"
#include "edge/location.h"
#include "edge/log_file.h"
#include "edge/phase.h"
#include "edge/process_conf.h"

#include <stdio.h>

/* Where a row's value lives: in the current block's settings of the module that brought the row. */
static void *slot_of(struct wend_conf *conf, const struct wend_directive *row)
{
    const struct wend_edge_levels *levels = conf->scope;
    const struct wend_edge_module *module = conf->table->owner;
    char *settings;

    if (levels->at[row->level] == NULL)
        return NULL;
    settings = levels->at[row->level][wend_edge_module_index(module)];
    return settings == NULL ? NULL : settings + row->offset;
}

static const struct wend_directive_table *const *make_tables(struct wend_arena *arena)
{
    size_t count = wend_edge_module_count();
    struct wend_directive_table *tables = wend_arena_array(arena, count, sizeof(*tables));
    const struct wend_directive_table **list =
        wend_arena_array(arena, count + 1, sizeof(struct wend_directive_table *));

    for (size_t i = 0; i < count; i++) {
        const struct wend_edge_module *module = wend_edge_modules[i];

        tables[i] =
            (struct wend_directive_table){module->name, module->rows, module->row_count, module};
        list[i] = &tables[i];
    }
    list[count] = NULL;
    return list;
}

struct wend_str wend_edge_full_path(struct wend_edge *edge, struct wend_str path, bool conf)
{
    struct wend_str prefix = conf ? edge->conf_prefix : edge->prefix;

    if (path.len != 0 && path.ptr[0] == '/')
        return wend_arena_keep(edge->arena, path);
    return wend_arena_printf(edge->arena, "%.*s%.*s", WEND_STR_ARG(prefix), WEND_STR_ARG(path));
}

static struct wend_edge *make_edge(struct wend_arena *arena,
                                   const struct wend_edge_options *options)
{
    struct wend_edge *edge = WEND_NEW(arena, struct wend_edge);
    ptrdiff_t slash = wend_str_rfind_byte(options->conf_path, '/');

    edge->arena = arena;
    edge->last_server = &edge->servers;
    edge->last_listen = &edge->listens;
    edge->prefix = wend_arena_keep(arena, options->prefix);
    edge->conf_prefix =
        slash < 0
            ? edge->prefix
            : wend_arena_keep(arena, wend_str_slice(options->conf_path, 0, (size_t)slash + 1));
    edge->access_log =
        options->access_log.ptr != NULL ? options->access_log : WEND_STR("logs/access.log");
    edge->as_nginx = options->as_nginx;
    edge->testing = options->testing;
    wend_map_init_nocase(&edge->variables, arena, WEND_VARIABLES_MAX);
    return edge;
}

static enum wend_code apply_globals(struct wend_conf *conf, struct wend_str globals, void *scope)
{
    struct wend_conf_tree tree;
    enum wend_code code;

    if (globals.len == 0)
        return WEND_OK;
    /* -g "daemon off" is accepted with and without its final semicolon, as nginx does. */
    globals = wend_arena_printf(conf->arena, "%.*s%s", WEND_STR_ARG(globals),
                                globals.ptr[globals.len - 1] == ';' ? "" : ";");
    code = wend_conf_parse(conf->arena, WEND_STR("command line"), globals, WEND_STR_NULL, &tree,
                           conf->error);
    return code == WEND_OK ? wend_conf_apply(conf, tree.top, WEND_CTX_MAIN, scope) : code;
}

static enum wend_code finish_modules(struct wend_conf *conf, struct wend_edge *edge)
{
    for (size_t i = 0; wend_edge_modules[i] != NULL; i++) {
        enum wend_code code = WEND_OK;

        if (wend_edge_modules[i]->finish != NULL)
            code = wend_edge_modules[i]->finish(conf, edge);
        if (code != WEND_OK)
            return code;
    }
    return WEND_OK;
}

static enum wend_code apply_tree(struct wend_edge *edge, const struct wend_edge_options *options,
                                 struct wend_conf_error *error)
{
    struct wend_conf conf = {.arena = edge->arena,
                             .tree = &edge->tree,
                             .error = error,
                             .tables = make_tables(edge->arena),
                             .slot = slot_of,
                             .explain = wend_known_explain,
                             .data = edge};
    struct wend_edge_levels *top = wend_edge_levels_new(&conf, WEND_LEVEL_MAIN);
    enum wend_code code;

    wend_edge_modules_prepare();
    wend_phases_prepare();

    edge->main = top->at[WEND_LEVEL_MAIN];
    top->at[WEND_LEVEL_SERVER] = top->at[WEND_LEVEL_LOCATION] = NULL;
    code = apply_globals(&conf, options->globals, top);
    if (code == WEND_OK)
        code = wend_conf_apply(&conf, edge->tree.top, WEND_CTX_MAIN, top);
    if (code == WEND_OK)
        code = finish_modules(&conf, edge);
    if (code == WEND_OK)
        code = wend_variables_resolve(&conf, edge);
    return code;
}

void wend_edge_free(struct wend_edge *edge)
{
    while (edge->regexes != NULL) {
        struct wend_regex *regex = edge->regexes;

        edge->regexes = regex->next;
        wend_regex_free(regex);
    }
    wend_log_files_release(edge->logs);
    edge->logs = NULL;
}

enum wend_code wend_edge_read(struct wend_arena *arena, const struct wend_edge_options *options,
                              struct wend_edge **out, struct wend_conf_error *error)
{
    struct wend_edge *edge = make_edge(arena, options);
    enum wend_code code = wend_conf_read(arena, options->conf_path, &edge->tree, error);

    *out = edge;
    return code == WEND_OK ? apply_tree(edge, options, error) : code;
}

enum wend_code wend_edge_parse(struct wend_arena *arena, const struct wend_edge_options *options,
                               struct wend_str name, struct wend_str text, struct wend_edge **out,
                               struct wend_conf_error *error)
{
    struct wend_edge *edge = make_edge(arena, options);
    enum wend_code code = wend_conf_parse(arena, name, text, edge->conf_prefix, &edge->tree, error);

    *out = edge;
    return code == WEND_OK ? apply_tree(edge, options, error) : code;
}
