/* net/identity.c - taking on another identity. */
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
