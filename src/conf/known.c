/* conf/known.c - looking a name up, and saying what becomes of it. */
#include "conf/known.h"

#include <stdio.h>

const struct wend_known_directive wend_known_directives[] = {
#define WEND_KNOWN(name, module, arguments, fallback, contexts, paid)                              \
    {name, module, arguments, fallback, contexts, paid},
#include "conf/known.def"
#undef WEND_KNOWN
};
const size_t wend_known_directives_count = WEND_COUNT(wend_known_directives);

static const struct {
    const char *name, *module;
} known_variables[] = {
#define WEND_KNOWN_VARIABLE(name, module) {name, module},
#include "conf/known_variables.def"
#undef WEND_KNOWN_VARIABLE
};

/* What will not be part of this program, by the start of a module's name or of its file's. */
static const struct {
    const char *module; /* as in the table */
    const char *file;   /* of load_module */
    const char *why;
} refused[] = {
    {"ngx_http_js_", "ngx_http_js_",
     "belongs to njs, which wend does not contain: write that step as an application"},
    {"ngx_stream_js_", "ngx_stream_js_",
     "belongs to njs, which wend does not contain: write that step as an application"},
    {"ngx_http_perl_", "ngx_http_perl_",
     "belongs to nginx's embedded Perl, which wend does not contain: write that step as an "
     "application"},
    {"ngx_mail_", "ngx_mail_", "belongs to nginx's mail proxy; wend carries web requests only"},
    {"ngx_google_perftools_", "ngx_google_perftools_",
     "belongs to a profiler of nginx's that wend does not contain"},
    {"\n", "ngx_http_lua_",
     "belongs to the Lua module, which wend does not contain: write that step as an application"},
    {"\n", "ndk_http_",
     "belongs to the Lua module, which wend does not contain: write that step as an application"},
};

/* The first row of that name; NULL: nginx has none. Rows of one name stand side by side. */
static const struct wend_known_directive *find_first(struct wend_str name)
{
    size_t from = 0, to = wend_known_directives_count;

    while (from < to) { /* the first that is not before `name` */
        size_t middle = from + (to - from) / 2;

        if (wend_str_compare(wend_str_of(wend_known_directives[middle].name), name) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    if (from == wend_known_directives_count ||
        !wend_str_eq(name, wend_str_of(wend_known_directives[from].name)))
        return NULL;
    return &wend_known_directives[from];
}

/* access_by_lua_block, lua_shared_dict, ...: third parties' names are no rows, but these are met.
 */
static bool is_lua(struct wend_str name)
{
    return wend_str_starts(name, WEND_STR("lua_")) || wend_str_find(name, WEND_STR("_by_lua")) > 0;
}

static const char *why_refused(const struct wend_known_directive *known)
{
    for (size_t i = 0; i < WEND_COUNT(refused); i++) {
        if (wend_str_starts(wend_str_of(known->module), wend_str_of(refused[i].module)))
            return refused[i].why;
    }
    return NULL;
}

const char *wend_known_explain(struct wend_str name)
{
    static _Thread_local char text[192];
    const struct wend_known_directive *known = find_first(name);
    const char *why;

    if (known == NULL)
        return is_lua(name) ? refused[WEND_COUNT(refused) - 1].why : NULL;
    why = why_refused(known);
    if (why != NULL)
        return why;
    snprintf(text, sizeof text, "is a directive of %s%s that is not built into wend yet",
             known->module, known->paid ? " (sold with nginx)" : "");
    return text;
}

static bool is_named(struct wend_str name, struct wend_str known)
{
    if (wend_str_ends(known, WEND_STR("*")))
        return wend_str_starts(name, wend_str_slice(known, 0, known.len - 1));
    return wend_str_eq(name, known);
}

const char *wend_known_explain_variable(struct wend_str name)
{
    static _Thread_local char text[128];

    for (size_t i = 0; i < WEND_COUNT(known_variables); i++) {
        if (!is_named(name, wend_str_of(known_variables[i].name)))
            continue;
        snprintf(text, sizeof text, "is a variable of %s that is not built into wend yet",
                 known_variables[i].module);
        return text;
    }
    return NULL;
}
