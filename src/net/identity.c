/* net/identity.c - taking on another identity, and pid files. */
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static void complain(const char *what)
{
    wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "%s failed", what);
}

static void set_limit(int resource, int64_t value, const char *what)
{
    struct rlimit limit = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};

    if (value >= 0 && setrlimit(resource, &limit) != 0)
        complain(what);
}

/* Everything that would otherwise let us come back: supplementary groups first, uid last. */
static enum wend_code drop_root(const struct wend_identity *identity)
{
    if (initgroups(identity->user, identity->gid) != 0) {
        complain("initgroups()");
        return WEND_E_DENIED;
    }
    if (setresgid(identity->gid, identity->gid, identity->gid) != 0) {
        complain("setresgid()");
        return WEND_E_DENIED;
    }
    if (setresuid(identity->uid, identity->uid, identity->uid) != 0) {
        complain("setresuid()");
        return WEND_E_DENIED;
    }
    if (identity->uid != 0 && setuid(0) == 0) {
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "root's privileges came back");
        return WEND_E_DENIED;
    }
    return WEND_OK;
}

enum wend_code wend_process_become(const struct wend_identity *identity)
{
    if (identity->priority != 0 && setpriority(PRIO_PROCESS, 0, identity->priority) != 0)
        complain("setpriority()");
    set_limit(RLIMIT_NOFILE, identity->nofile_max, "setrlimit(RLIMIT_NOFILE)");
    set_limit(RLIMIT_CORE, identity->core_bytes_max, "setrlimit(RLIMIT_CORE)");
    if (identity->user != NULL && geteuid() == 0) {
        enum wend_code code = drop_root(identity);

        if (code != WEND_OK)
            return code;
        /* Changing the uid takes core files away; who set a size for them wants them. */
        if (identity->core_bytes_max > 0 && prctl(PR_SET_DUMPABLE, 1) != 0)
            complain("prctl(PR_SET_DUMPABLE)");
    }
    if (identity->cpus != NULL && sched_setaffinity(0, sizeof(cpu_set_t), identity->cpus) != 0)
        complain("sched_setaffinity()");
    if (identity->working_directory != NULL && chdir(identity->working_directory) != 0) {
        wend_log(wend_log_process, WEND_LOG_ALERT, 0, errno, "chdir(\"%s\") failed",
                 identity->working_directory);
        return WEND_E_CONFIG;
    }
    return WEND_OK;
}

/* --- pid files --------------------------------------------------------------------------- */

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
