/* edge/symlinks.c - see edge/symlinks.h. */
#include "edge/symlinks.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Closes without losing what went wrong. */
static int give_up(int descriptor, int error)
{
    if (descriptor >= 0)
        close(descriptor);
    errno = error;
    return -1;
}

/* Opened through the link first and asked whose it is then: what is asked is what was opened. */
static int open_link(int folder, const char *name, const struct stat *link, int flags)
{
    int descriptor = openat(folder, name, flags | O_CLOEXEC);
    struct stat target;

    if (descriptor < 0)
        return -1;
    if (fstat(descriptor, &target) != 0)
        return give_up(descriptor, errno);
    return target.st_uid == link->st_uid ? descriptor : give_up(descriptor, ELOOP);
}

static int open_component(int folder, const char *name, enum wend_symlinks mode, bool last,
                          int flags)
{
    int seen = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat what;

    if (seen < 0)
        return -1;
    if (fstat(seen, &what) != 0)
        return give_up(seen, errno);
    if (!S_ISLNK(what.st_mode) && (flags & O_PATH) != 0)
        return seen;
    close(seen);
    if (!S_ISLNK(what.st_mode))
        return openat(folder, name, flags | O_NOFOLLOW | O_CLOEXEC);
    if (mode == WEND_SYMLINKS_OWNER)
        return open_link(folder, name, &what, flags);
    return give_up(-1, last ? ELOOP : ENOTDIR);
}

/* Cuts the next component off *rest; NULL at the end. */
static char *next_component(char **rest)
{
    char *name;

    while (**rest == '/')
        ++*rest;
    if (**rest == '\0')
        return NULL;
    name = *rest;
    *rest += strcspn(name, "/");
    if (**rest == '/')
        *(*rest)++ = '\0';
    return name;
}

static int open_trusted(char *path, size_t trusted)
{
    char kept = path[trusted];
    int folder;

    path[trusted] = '\0';
    folder = open(trusted != 0 ? path : kept == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    path[trusted] = kept;
    return folder;
}

int wend_symlinks_open(const char *path, const struct wend_symlink_rule *rule, int flags)
{
    char copy[PATH_MAX], *rest, *name, *after;
    size_t len = strlen(path);
    int folder;

    if (len >= sizeof(copy))
        return give_up(-1, ENAMETOOLONG);
    memcpy(copy, path, len + 1);
    folder = open_trusted(copy, rule->trusted);
    rest = copy + rule->trusted;
    for (name = next_component(&rest); folder >= 0 && name != NULL; name = after) {
        int next;

        after = next_component(&rest);
        next =
            open_component(folder, name, rule->mode, after == NULL, after == NULL ? flags : O_PATH);
        (void)give_up(folder, errno);
        folder = next;
    }
    return folder;
}
