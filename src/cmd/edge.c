/* cmd/edge.c - `wend edge`: nginx's command line, flag for flag. */
#include "base/log.h"
#include "cmd/commands.h"
#include "cmd/configure_words.h"
#include "edge/process_conf.h"
#include "edge/serve.h"
#include "net/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/opensslv.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "/etc/nginx/"
#define CONF_PATH "/etc/nginx/nginx.conf"
#define PID_PATH "/run/nginx.pid"
#define ERROR_LOG "/var/log/nginx/error.log"
#define ACCESS_LOG "/var/log/nginx/access.log"

struct flags {
    const char *prefix, *conf, *error_log, *globals, *signal;
    bool help, version, configure, test, dump, quiet;
    bool as_nginx;
};

static const char *me(const struct flags *flags)
{
    return flags->as_nginx ? "nginx" : "wend";
}

static void usage(const struct flags *flags)
{
    fprintf(stderr,
            "%s version: %s\n"
            "Usage: %s [-?hvVtTq] [-s signal] [-p prefix]\n"
            "             [-e filename] [-c filename] [-g directives]\n\n"
            "Options:\n"
            "  -?,-h         : this help\n"
            "  -v            : show version and exit\n"
            "  -V            : show version and configure options then exit\n"
            "  -t            : test configuration and exit\n"
            "  -T            : test configuration, dump it and exit\n"
            "  -q            : suppress non-error messages during configuration testing\n"
            "  -s signal     : send signal to a master process: stop, quit, reopen, reload\n"
            "  -p prefix     : set prefix path (default: " PREFIX ")\n"
            "  -e filename   : set error log file (default: " ERROR_LOG ")\n"
            "  -c filename   : set configuration file (default: " CONF_PATH ")\n"
            "  -g directives : set global directives out of configuration file\n\n",
            me(flags), "nginx/1.31.4 (wend " WEND_VERSION ")",
            flags->as_nginx ? "nginx" : "wend edge");
}

/* OpenSSL's version is that of the headers: TLS is not built yet, and says so itself. */
static void show_version(const struct flags *flags)
{
    fputs("nginx version: nginx/1.31.4 (wend " WEND_VERSION ")\n", stderr);
    if (!flags->configure)
        return;
    fputs("built with " OPENSSL_VERSION_TEXT " (TLS is not built yet)\n"
          "configure arguments: --prefix=/etc/nginx --conf-path=" CONF_PATH " --pid-path=" PID_PATH
          " --http-log-path=" ACCESS_LOG " --error-log-path=" ERROR_LOG
          " --with-pcre-jit --with-threads",
          stderr);
    wend_configure_words_write(stderr);
    fputc('\n', stderr);
}

static bool flag_value(int argc, char **argv, int *i, const char **at, const char **value,
                       const char *what)
{
    if ((*at)[1] != '\0') {
        *value = *at + 1;
    } else if (*i + 1 < argc) {
        *value = argv[++*i];
    } else {
        fprintf(stderr, "wend: option \"-%c\" requires %s\n", **at, what);
        return false;
    }
    *at = "";
    return true;
}

static bool read_flag(struct flags *flags, int argc, char **argv, int *i, const char **at)
{
    switch (**at) {
    case '?':
    case 'h':
        return flags->version = flags->help = true;
    case 'v':
        return flags->version = true;
    case 'V':
        return flags->version = flags->configure = true;
    case 't':
        return flags->test = true;
    case 'T':
        return flags->test = flags->dump = true;
    case 'q':
        return flags->quiet = true;
    case 'p':
        return flag_value(argc, argv, i, at, &flags->prefix, "directory name");
    case 'c':
        return flag_value(argc, argv, i, at, &flags->conf, "file name");
    case 'e':
        return flag_value(argc, argv, i, at, &flags->error_log, "file name");
    case 'g':
        return flag_value(argc, argv, i, at, &flags->globals, "parameter");
    case 's':
        return flag_value(argc, argv, i, at, &flags->signal, "parameter");
    default:
        fprintf(stderr, "%s: invalid option: \"%c\" (see -h)\n", me(flags), **at);
        return false;
    }
}

static bool read_flags(struct flags *flags, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *at = argv[i];

        if (strcmp(at, "--help") == 0) {
            flags->version = flags->help = true;
            continue;
        }
        if (*at++ != '-') {
            fprintf(stderr, "%s: invalid option: \"%s\" (see -h)\n", me(flags), argv[i]);
            return false;
        }
        while (*at != '\0') {
            if (!read_flag(flags, argc, argv, &i, &at))
                return false;
            if (*at != '\0')
                at++;
        }
    }
    return true;
}

/* Prefix and file as the configuration reader wants them: absolute, the prefix with its slash. */
static void fill_options(const struct flags *flags, struct wend_arena *arena,
                         struct wend_edge_options *options)
{
    const char *prefix = flags->prefix != NULL ? flags->prefix : PREFIX;
    const char *conf = flags->conf != NULL     ? flags->conf
                       : flags->prefix != NULL ? "conf/nginx.conf"
                                               : CONF_PATH;
    char here[4096] = "";

    if (prefix[0] != '/' && getcwd(here, sizeof(here)) != NULL)
        options->prefix = wend_arena_printf(arena, "%s/%s%s", here, prefix,
                                            prefix[strlen(prefix) - 1] == '/' ? "" : "/");
    else
        options->prefix =
            wend_arena_printf(arena, "%s%s", prefix, prefix[strlen(prefix) - 1] == '/' ? "" : "/");
    if (conf[0] == '/')
        options->conf_path = wend_str_of(conf);
    else
        options->conf_path =
            wend_arena_printf(arena, "%.*s%s", WEND_STR_ARG(options->prefix), conf);
    options->globals = wend_str_of(flags->globals);
    options->as_nginx = flags->as_nginx;
    options->testing = flags->test;
}

static void dump(const struct wend_edge *edge)
{
    for (const struct wend_conf_file *file = edge->tree.files; file != NULL; file = file->next) {
        bool seen = false;

        for (const struct wend_conf_file *before = edge->tree.files; before != file;
             before = before->next)
            seen |= wend_str_eq(before->path, file->path);
        if (!seen)
            printf("# configuration file %.*s:\n%.*s\n", WEND_STR_ARG(file->path),
                   WEND_STR_ARG(file->text));
    }
}

static int test(const struct flags *flags, const struct wend_edge_options *options,
                struct wend_arena *arena)
{
    struct wend_conf_error error;
    struct wend_edge *edge;

    if (wend_edge_read(arena, options, &edge, &error) != WEND_OK) {
        fprintf(stderr, "%s: [emerg] %s\n", me(flags), error.text);
        fprintf(stderr, "%s: configuration file %.*s test failed\n", me(flags),
                WEND_STR_ARG(options->conf_path));
        wend_edge_free(edge);
        return 1;
    }
    if (!flags->quiet) {
        fprintf(stderr, "%s: the configuration file %.*s syntax is ok\n", me(flags),
                WEND_STR_ARG(options->conf_path));
        fprintf(stderr, "%s: configuration file %.*s test is successful\n", me(flags),
                WEND_STR_ARG(options->conf_path));
    }
    if (flags->dump)
        dump(edge);
    wend_edge_free(edge);
    return 0;
}

static int send_signal(const struct flags *flags, const struct wend_edge_options *options,
                       struct wend_arena *arena, const char *pid_path)
{
    static const struct {
        const char *name;
        int number;
    } signals[] = {{"stop", SIGTERM}, {"quit", SIGQUIT}, {"reopen", SIGUSR1}, {"reload", SIGHUP}};
    struct wend_conf_error error;
    struct wend_edge *edge;
    size_t which = 0;
    pid_t pid;

    while (which < WEND_COUNT(signals) && strcmp(signals[which].name, flags->signal) != 0)
        which++;
    if (which == WEND_COUNT(signals)) {
        fprintf(stderr, "%s: invalid option: \"-s %s\" (stop, quit, reopen or reload)\n", me(flags),
                flags->signal);
        return 1;
    }
    if (wend_edge_read(arena, options, &edge, &error) != WEND_OK) {
        fprintf(stderr, "%s: [emerg] %s\n", me(flags), error.text);
        wend_edge_free(edge);
        return 1;
    }
    wend_edge_free(edge); /* what is read below is the arena's */
    if (wend_edge_process_conf(edge)->pid.ptr != NULL)
        pid_path = wend_edge_process_conf(edge)->pid.ptr;
    if (wend_pidfile_read(pid_path, &pid) != WEND_OK) {
        fprintf(stderr, "%s: [error] open() \"%s\" failed (%d: %s)\n", me(flags), pid_path, errno,
                strerror(errno));
        return 1;
    }
    if (kill(pid, signals[which].number) != 0) {
        fprintf(stderr, "%s: [alert] kill(%d, %d) failed (%d: %s)\n", me(flags), (int)pid,
                signals[which].number, errno, strerror(errno));
        return 1;
    }
    return 0;
}

int wend_cmd_edge(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    struct flags flags = {.as_nginx = strcmp(slash != NULL ? slash + 1 : argv[0], "nginx") == 0};
    struct wend_edge_server_options server = {.bind_tries = 5};
    struct wend_arena arena;
    const char *pid_path;
    struct wend_error_log own_log = {.level = WEND_LOG_NOTICE};
    bool own_prefix;
    int status;

    if (!read_flags(&flags, argc, argv))
        return 1;
    if (flags.help) {
        usage(&flags);
        return 0;
    }
    if (flags.version) {
        show_version(&flags);
        return 0;
    }
    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    fill_options(&flags, &arena, &server.edge);
    /* With a prefix of one's own, logs and pid file are below it, as in an nginx built from source.
     */
    own_prefix = flags.prefix != NULL;
    pid_path =
        own_prefix
            ? wend_arena_printf(&arena, "%.*slogs/nginx.pid", WEND_STR_ARG(server.edge.prefix)).ptr
            : PID_PATH;
    server.edge.access_log = own_prefix ? WEND_STR("logs/access.log") : WEND_STR(ACCESS_LOG);
    server.error_log = own_prefix ? wend_arena_printf(&arena, "%.*slogs/error.log",
                                                      WEND_STR_ARG(server.edge.prefix))
                                  : WEND_STR(ERROR_LOG);
    if (flags.error_log != NULL && strcmp(flags.error_log, "stderr") != 0 &&
        flags.error_log[0] != '/')
        server.error_log =
            wend_arena_printf(&arena, "%.*s%s", WEND_STR_ARG(server.edge.prefix), flags.error_log);
    else if (flags.error_log != NULL)
        server.error_log = wend_str_of(flags.error_log);
    server.pid_path = pid_path;
    if (flags.test || flags.signal != NULL) {
        status = flags.test ? test(&flags, &server.edge, &arena)
                            : send_signal(&flags, &server.edge, &arena, pid_path);
        wend_arena_release(&arena);
        return status;
    }
    /* -e takes effect before the configuration is read. */
    own_log.where = server.error_log;
    if (wend_edge_open_error_logs(&own_log) != WEND_OK) {
        fprintf(stderr,
                "%s: [alert] could not open error log file: open() \"%.*s\" failed (%d: %s)\n",
                me(&flags), WEND_STR_ARG(server.error_log), errno, strerror(errno));
    }
    status = wend_edge_serve(&server);
    wend_arena_release(&arena);
    return status;
}
