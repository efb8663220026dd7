/* edge/temp_folder.c - a walk over all locations; each folder is made once. */
#include "edge/temp_folder.h"

#include "edge/location.h"
#include "edge/process_conf.h"

#include <errno.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
    struct wend_conf *conf;
    struct wend_edge *edge;
    struct wend_str written, whole; /* the last one: most places inherit it */
    uid_t owner;                    /* -1: stays ours */
};

static uid_t owner_of(const struct wend_edge *edge)
{
    const struct wend_process_conf *process = wend_edge_process_conf(edge);
    const struct passwd *user;

    if (geteuid() != 0 || process->user.ptr == NULL)
        return (uid_t)-1;
    user = getpwnam(process->user.ptr);
    return user == NULL ? (uid_t)-1 : user->pw_uid;
}

/* Every folder of the path that is not there. */
static bool make_folders(char *path)
{
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash != NULL)
            *slash = '\0';
        if (mkdir(path, slash == NULL ? 0700 : 0755) != 0 && errno != EEXIST)
            return false;
        if (slash == NULL)
            return true;
        *slash = '/';
    }
}

static enum wend_code make(struct walk *walk, struct wend_str written)
{
    struct stat seen;
    char *path;

    walk->written = written;
    walk->whole = wend_edge_full_path(walk->edge, written, false);
    path = wend_arena_cstr(walk->edge->arena, walk->whole);
    if (path == NULL || !make_folders(path))
        return wend_conf_fail(walk->conf->error, NULL, "mkdir() \"%.*s\" failed (%d: %s)",
                              WEND_STR_ARG(walk->whole), errno, strerror(errno));
    if (walk->owner != (uid_t)-1 && stat(path, &seen) == 0 && seen.st_uid != walk->owner &&
        chown(path, walk->owner, (gid_t)-1) != 0)
        return wend_conf_fail(walk->conf->error, NULL, "chown() \"%s\" failed (%d: %s)", path,
                              errno, strerror(errno));
    return WEND_OK;
}

static enum wend_code visit(struct walk *walk, struct wend_edge_core_location *location)
{
    enum wend_code code = WEND_OK;

    for (; location != NULL && code == WEND_OK; location = location->next) {
        struct wend_str path = location->client_body_temp_path;

        if (path.ptr != NULL && !wend_str_eq(path, walk->written))
            code = make(walk, path);
        if (path.ptr != NULL)
            location->client_body_temp_path = walk->whole;
        if (code == WEND_OK)
            code = visit(walk, location->children);
    }
    return code;
}

enum wend_code wend_edge_temp_folders(struct wend_conf *conf, struct wend_edge *edge)
{
    struct walk walk = {.conf = conf, .edge = edge, .owner = owner_of(edge)};
    enum wend_code code = WEND_OK;

    for (struct wend_edge_server *server = edge->servers; server != NULL && code == WEND_OK;
         server = server->next)
        code = visit(&walk, server->root);
    return code;
}
