/* net/identity_test.c */
#include "net/identity.c"

#include <sys/stat.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char directory[] = "/tmp/wend-identity-XXXXXX";

/* In a child, since there is no way back. */
static int become_and_look(const struct wend_identity *identity)
{
    pid_t pid = fork();
    int status;

    if (pid == 0) {
        struct rlimit limit;
        gid_t groups[8];
        char here[256];

        if (wend_process_become(identity) != WEND_OK)
            _exit(2);
        getrlimit(RLIMIT_NOFILE, &limit);
        if (identity->nofile_max >= 0 && limit.rlim_cur != (rlim_t)identity->nofile_max)
            _exit(3);
        if (identity->user != NULL && (getuid() != identity->uid || getegid() != identity->gid ||
                                       getgroups(8, groups) > 1 || setuid(0) == 0))
            _exit(4);
        if (identity->working_directory != NULL &&
            (getcwd(here, sizeof(here)) == NULL || strcmp(here, identity->working_directory) != 0))
            _exit(5);
        if (identity->priority != 0 && getpriority(PRIO_PROCESS, 0) != identity->priority)
            _exit(6);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void an_identity_is_taken_on(void **state)
{
    struct wend_identity identity = WEND_IDENTITY_NONE;
    cpu_set_t cpus;

    (void)state;
    assert_int_equal(become_and_look(&identity), 0);
    CPU_ZERO(&cpus);
    CPU_SET(0, &cpus);
    identity.nofile_max = 100;
    identity.core_bytes_max = 0;
    identity.priority = 5;
    identity.cpus = &cpus;
    identity.working_directory = "/";
    assert_int_equal(become_and_look(&identity), 0);
    if (geteuid() == 0) {
        identity.user = "nobody";
        identity.uid = 65534;
        identity.gid = 65534;
        assert_int_equal(become_and_look(&identity), 0);
    } else {
        print_message("not root: dropping privileges is not tested here\n");
    }
    identity.working_directory = "/no/such/directory";
    assert_int_equal(become_and_look(&identity), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_identity_is_taken_on),
    };
    int failed;

    if (mkdtemp(directory) == NULL)
        return 1;
    failed = cmocka_run_group_tests_name("net.identity", tests, NULL, NULL);
    rmdir(directory);
    return failed;
}
