/* edge/variable.c - see edge/variable.h. */
#include "edge/variable.h"

#include "conf/known.h"
#include "edge/request.h"

/* --- rows ------------------------------------------------------------------------------------- */

static const struct wend_variable_row *find_in(const struct wend_variable_row *row,
                                               struct wend_str name, bool prefixes)
{
    for (; row != NULL && row->name != NULL; row++) {
        bool prefix = (row->flags & WEND_VAR_PREFIX) != 0;

        if (prefix != prefixes)
            continue;
        if (prefix ? wend_str_starts(name, wend_str_of(row->name))
                   : wend_str_eq(name, wend_str_of(row->name)))
            return row;
    }
    return NULL;
}

const struct wend_variable_row *wend_variable_find_row(struct wend_str name)
{
    for (int prefixes = 0; prefixes < 2; prefixes++)
        for (const struct wend_edge_module *const *module = wend_edge_modules; *module != NULL;
             module++) {
            const struct wend_variable_row *row =
                find_in((*module)->variables, name, prefixes != 0);

            if (row != NULL)
                return row;
        }
    return NULL;
}

/* --- while reading ---------------------------------------------------------------------------- */

static struct wend_edge *edge_of(struct wend_conf *conf)
{
    return conf->data;
}

static bool name_valid(struct wend_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = wend_lower(name.ptr[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return false;
    }
    return name.len != 0;
}

static struct wend_variable *make(struct wend_conf *conf, struct wend_str name)
{
    struct wend_edge *edge = edge_of(conf);
    struct wend_variable *variable;

    /* Names are case-insensitive, as in nginx; so is the map. */
    variable = wend_map_get(&edge->variables, name);
    if (variable != NULL)
        return variable;
    if (edge->indexed_count == edge->indexed_room) {
        size_t room = edge->indexed_room == 0 ? 64 : edge->indexed_room * 2;
        struct wend_variable **indexed =
            wend_arena_array(conf->arena, room, sizeof(struct wend_variable *));

        if (edge->indexed_count != 0)
            memcpy(indexed, edge->indexed, edge->indexed_count * sizeof(struct wend_variable *));
        edge->indexed = indexed;
        edge->indexed_room = room;
    }
    variable = WEND_NEW(conf->arena, struct wend_variable);
    variable->name = wend_arena_keep(conf->arena, name);
    for (size_t i = 0; i < name.len; i++)
        ((char *)(uintptr_t)variable->name.ptr)[i] = wend_lower(name.ptr[i]);
    variable->index = edge->indexed_count;
    edge->indexed[edge->indexed_count++] = variable;
    if (wend_map_add(&edge->variables, variable->name, variable) != WEND_OK)
        return NULL;
    return variable;
}

enum wend_code wend_variable_define(struct wend_conf *conf, struct wend_str name, unsigned flags,
                                    struct wend_variable **out)
{
    const struct wend_variable_row *row;
    struct wend_variable *variable;

    if (!name_valid(name))
        return wend_conf_bad(conf, "invalid variable name \"$%.*s\"", WEND_STR_ARG(name));
    row = wend_variable_find_row(name);
    if (row != NULL && (row->flags & (WEND_VAR_CHANGEABLE | WEND_VAR_PREFIX)) == 0)
        return wend_conf_bad(conf, "the duplicate \"%.*s\" variable", WEND_STR_ARG(name));
    variable = make(conf, name);
    if (variable == NULL)
        return wend_conf_bad(conf, "too many variables, more than %d", WEND_VARIABLES_MAX);
    variable->flags |= flags | WEND_VAR_CHANGEABLE;
    *out = variable;
    return WEND_OK;
}

struct wend_variable *wend_variable_use(struct wend_conf *conf, struct wend_str name)
{
    return name_valid(name) ? make(conf, name) : NULL;
}

static enum wend_code refuse_unknown(struct wend_conf *conf, struct wend_str name)
{
    const char *why = wend_known_explain_variable(name);

    if (why != NULL)
        return wend_conf_fail(conf->error, NULL, "variable \"$%.*s\" %s", WEND_STR_ARG(name), why);
    return wend_conf_fail(conf->error, NULL, "unknown \"%.*s\" variable", WEND_STR_ARG(name));
}

enum wend_code wend_variables_resolve(struct wend_conf *conf, struct wend_edge *edge)
{
    for (size_t i = 0; i < edge->indexed_count; i++) {
        struct wend_variable *variable = edge->indexed[i];
        const struct wend_variable_row *row;

        if (variable->get != NULL)
            continue;
        row = wend_variable_find_row(variable->name);
        if (row != NULL) {
            variable->get = row->get;
            variable->data = row->data;
            variable->flags |= row->flags;
            variable->assign = row->assign;
        } else if ((variable->flags & WEND_VAR_CHANGEABLE) == 0) {
            return refuse_unknown(conf, variable->name);
        }
    }
    return WEND_OK;
}

/* --- while serving ---------------------------------------------------------------------------- */

struct wend_value wend_variable_value(struct wend_exchange *x, const struct wend_variable *variable)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct wend_value value = {WEND_STR_NULL, false};

    if (r->value_states[variable->index] != 0)
        return r->values[variable->index];
    if (r->variable_depth >= WEND_VARIABLE_DEPTH_MAX) {
        wend_edge_log(x, WEND_LOG_ERROR, 0, "cycle while evaluating variable \"%.*s\"",
                      WEND_STR_ARG(variable->name));
        return value;
    }
    /* Asked for inside itself it is empty: a limit of the depth alone would let a map of itself,
     * which asks twice at each level, take for ever. */
    r->values[variable->index] = value;
    r->value_states[variable->index] = 1;
    r->variable_depth++;
    if (variable->get != NULL)
        value = variable->get(x, variable);
    r->variable_depth--;
    r->value_states[variable->index] = 0;
    if ((variable->flags & WEND_VAR_CHANGES) == 0) {
        r->values[variable->index] = value;
        r->value_states[variable->index] = 1;
    }
    return value;
}

void wend_variable_assign(struct wend_exchange *x, const struct wend_variable *variable,
                          struct wend_str value)
{
    struct wend_edge_request *r = wend_edge_of(x);

    if (variable->assign != NULL) {
        variable->assign(x, value);
        return;
    }
    r->values[variable->index] = (struct wend_value){value, true};
    r->value_states[variable->index] = 1;
}
