/* edge/location.c - which place serves a path; see edge/location.h.
 *
 * The prefixes are sorted. The greatest one that is not greater than the path either starts the
 * path or has, among the prefixes that start it, the longest one that does: so a binary search and
 * a few steps up find the longest prefix, whatever the number of locations. Those that redirect the
 * path without their slash are sorted once more, by that path.
 */
#include "edge/location.h"

#include <stdlib.h>

static bool in_search(const struct wend_edge_core_location *location)
{
    return location->kind == WEND_LOCATION_PREFIX || location->kind == WEND_LOCATION_EXACT ||
           location->kind == WEND_LOCATION_FIRST;
}

/* By name; of two with the same name the exact one first, then as they are written. */
static int compare(const void *left, const void *right)
{
    const struct wend_edge_core_location *a = *(struct wend_edge_core_location *const *)left;
    const struct wend_edge_core_location *b = *(struct wend_edge_core_location *const *)right;
    int order = wend_str_compare(a->name, b->name);

    if (order == 0)
        order = (b->kind == WEND_LOCATION_EXACT) - (a->kind == WEND_LOCATION_EXACT);
    return order != 0 ? order
                      : (a->statement->line > b->statement->line) -
                            (a->statement->line < b->statement->line);
}

static enum wend_code check_duplicates(struct wend_conf *conf,
                                       const struct wend_edge_core_location *l)
{
    for (size_t i = 1; i < l->prefix_count; i++) {
        const struct wend_edge_core_location *a = l->prefixes[i - 1], *b = l->prefixes[i];

        if (wend_str_eq(a->name, b->name) &&
            (a->kind == WEND_LOCATION_EXACT) == (b->kind == WEND_LOCATION_EXACT))
            return wend_conf_fail(conf->error, b->statement, "duplicate location \"%.*s\"",
                                  WEND_STR_ARG(b->name));
    }
    return WEND_OK;
}

/* Asked without its slash it is redirected. */
static bool is_folder(const struct wend_edge_core_location *location)
{
    return location->handler_slash && location->kind != WEND_LOCATION_EXACT;
}

static struct wend_str without_slash(const struct wend_edge_core_location *folder)
{
    return wend_str_slice(folder->name, 0, folder->name.len - 1);
}

static int compare_folders(const void *left, const void *right)
{
    return wend_str_compare(without_slash(*(struct wend_edge_core_location *const *)left),
                            without_slash(*(struct wend_edge_core_location *const *)right));
}

/* In their order the ancestor of each is the prefix before it or one of that one's ancestors. */
static void link_ancestors(struct wend_edge_core_location *location)
{
    for (size_t i = 1; i < location->prefix_count; i++) {
        struct wend_edge_core_location *c = location->prefixes[i], *up = location->prefixes[i - 1];

        /* An exact one can only be the very path, so it is nobody's ancestor. */
        while (up != NULL &&
               (up->kind == WEND_LOCATION_EXACT || !wend_str_starts(c->name, up->name)))
            up = up->longest;
        c->longest = up;
    }
}

static struct wend_edge_core_location **make_table(struct wend_conf *conf, size_t count)
{
    return wend_arena_array(conf->arena, count + 1, sizeof(struct wend_edge_core_location *));
}

static void fill_tables(struct wend_conf *conf, struct wend_edge_core_location *location)
{
    size_t count = 0;

    for (struct wend_edge_core_location *c = location->children; c != NULL; c = c->next)
        count++;
    location->prefixes = make_table(conf, count);
    location->regexes = make_table(conf, count);
    location->folders = make_table(conf, count);
    for (struct wend_edge_core_location *c = location->children; c != NULL; c = c->next) {
        if (in_search(c))
            location->prefixes[location->prefix_count++] = c;
        if (c->kind == WEND_LOCATION_REGEX)
            location->regexes[location->regex_count++] = c;
        if (in_search(c) && is_folder(c))
            location->folders[location->folder_count++] = c;
    }
}

enum wend_code wend_location_index(struct wend_conf *conf, struct wend_edge_core_location *location)
{
    for (struct wend_edge_core_location *c = location->children; c != NULL; c = c->next) {
        enum wend_code code = wend_location_index(conf, c);

        if (code != WEND_OK)
            return code;
    }
    fill_tables(conf, location);
    qsort(location->prefixes, location->prefix_count, sizeof(struct wend_edge_core_location *),
          compare);
    qsort(location->folders, location->folder_count, sizeof(struct wend_edge_core_location *),
          compare_folders);
    link_ancestors(location);
    return check_duplicates(conf, location);
}

/* The longest prefix of `path`, or the exact one; NULL when none. */
static struct wend_edge_core_location *find_prefix(const struct wend_edge_core_location *in,
                                                   struct wend_str path)
{
    size_t low = 0, high = in->prefix_count;
    struct wend_edge_core_location *found;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (wend_str_compare(in->prefixes[middle]->name, path) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return NULL;
    found = in->prefixes[low - 1];
    /* Exact and plain ones of this very name lie beside each other, the exact one first. */
    if (low > 1 && wend_str_eq(in->prefixes[low - 2]->name, path))
        return in->prefixes[low - 2];
    while (found != NULL &&
           !(found->kind == WEND_LOCATION_EXACT ? wend_str_eq(found->name, path)
                                                : wend_str_starts(path, found->name)))
        found = found->longest;
    return found;
}

/* "/x" for a location "/x/" that passes requests on: nginx answers with a redirect. */
static bool wants_slash(const struct wend_edge_core_location *in, struct wend_str path)
{
    size_t low = 0, high = in->folder_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = wend_str_compare(without_slash(in->folders[middle]), path);

        if (order == 0)
            return true;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static struct wend_edge_core_location *search(struct wend_edge_core_location *in,
                                              struct wend_str path, struct wend_regex_match *match,
                                              bool *slash, bool *final)
{
    struct wend_edge_core_location *found = find_prefix(in, path);
    bool no_regex;

    if (found != NULL && found->kind == WEND_LOCATION_EXACT) {
        *final = true;
        return found;
    }
    if ((found == NULL || found->name.len != path.len) && wants_slash(in, path)) {
        *slash = true;
        *final = true;
        return found != NULL ? found : in;
    }
    no_regex = found != NULL && found->kind == WEND_LOCATION_FIRST;
    if (found != NULL) {
        found = search(found, path, match, slash, final);
        if (*final)
            return found;
    }
    for (size_t i = 0; i < in->regex_count && !no_regex; i++)
        if (wend_regex_run(in->regexes[i]->regex, path, match) == WEND_OK) {
            found = search(in->regexes[i], path, match, slash, final);
            *final = true;
            return found;
        }
    return found != NULL ? found : in;
}

struct wend_edge_core_location *wend_location_find(const struct wend_edge_server *server,
                                                   struct wend_str path,
                                                   struct wend_regex_match *match, bool *slash)
{
    bool final = false;

    *slash = false;
    return search(server->root, path, match, slash, &final);
}

struct wend_edge_core_location *wend_location_named(const struct wend_edge_server *server,
                                                    struct wend_str name)
{
    for (struct wend_edge_core_location *l = server->root->children; l != NULL; l = l->next)
        if (l->kind == WEND_LOCATION_NAMED && wend_str_eq(l->name, name))
            return l;
    return NULL;
}
