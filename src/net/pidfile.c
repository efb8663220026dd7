/* net/pidfile.c - see net/pidfile.h. The new number is written beside the file and renamed over it.
 */
#include "net/pidfile.h"

#include "base/assert.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OLD_SUFFIX ".oldbin"

static enum wend_code write_number(const char *path, pid_t pid)
{
    char text[16];
    int len = snprintf(text, sizeof(text), "%d\n", (int)pid);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    ssize_t written;

    if (fd < 0)
        return wend_code_of_errno(errno);
    written = write(fd, text, (size_t)len);
    if (close(fd) != 0 || written != len)
        return WEND_E_IO;
    return WEND_OK;
}

enum wend_code wend_pidfile_write(const char *path, pid_t pid)
{
    char *beside = NULL;
    enum wend_code code;

    if (asprintf(&beside, "%s.%d", path, (int)pid) < 0)
        return WEND_E_MEMORY;
    code = write_number(beside, pid);
    if (code == WEND_OK && rename(beside, path) != 0) {
        code = wend_code_of_errno(errno);
        (void)unlink(beside);
    } else if (code == WEND_E_DENIED) {
        /* A directory we may not write to with a file in it that we may. */
        code = write_number(path, pid);
    }
    free(beside);
    return code;
}

enum wend_code wend_pidfile_read(const char *path, pid_t *pid)
{
    char text[32];
    struct wend_str number;
    uint64_t value;
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return wend_code_of_errno(errno);
    got = read(fd, text, sizeof(text));
    close(fd);
    if (got < 0)
        return WEND_E_IO;
    number = wend_str_make(text, (size_t)got);
    while (number.len > 0 && (text[number.len - 1] == '\n' || text[number.len - 1] == '\r'))
        number.len--;
    if (!wend_str_to_u64(number, &value) || value == 0 || value > INT32_MAX)
        return WEND_E_SYNTAX;
    *pid = (pid_t)value;
    return WEND_OK;
}

/* --- the one that is ours ---------------------------------------------------------------- */

static void take_path(struct wend_pidfile *kept, char *path)
{
    if (path == NULL)
        wend_die("no memory for the pid file's name");
    free(kept->path);
    kept->path = path;
}

void wend_pidfile_keep(struct wend_pidfile *kept, const char *path)
{
    enum wend_code code;

    if (path == NULL || (kept->path != NULL && strcmp(kept->path, path) == 0))
        return;
    code = wend_pidfile_write(path, getpid());
    if (code != WEND_OK) {
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "open() \"%s\" failed", path);
        return;
    }
    if (kept->path != NULL)
        (void)unlink(kept->path);
    take_path(kept, strdup(path));
}

/* What will be removed at the end moves as well, even where the file did not: the old name is the
 * other executable's from now on. */
static void move(struct wend_pidfile *kept, char *to)
{
    if (to != NULL && rename(kept->path, to) != 0)
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "rename() \"%s\" to \"%s\" failed",
                 kept->path, to);
    take_path(kept, to);
}

void wend_pidfile_set_aside(struct wend_pidfile *kept)
{
    char *to = NULL;

    if (kept->path != NULL && asprintf(&to, "%s" OLD_SUFFIX, kept->path) >= 0)
        move(kept, to);
}

void wend_pidfile_bring_back(struct wend_pidfile *kept)
{
    size_t suffix = sizeof(OLD_SUFFIX) - 1, len;

    if (kept->path == NULL)
        return;
    len = strlen(kept->path);
    if (len > suffix && strcmp(kept->path + len - suffix, OLD_SUFFIX) == 0)
        move(kept, strndup(kept->path, len - suffix));
}

void wend_pidfile_remove(struct wend_pidfile *kept)
{
    if (kept->path != NULL)
        (void)unlink(kept->path);
    free(kept->path);
    kept->path = NULL;
}
