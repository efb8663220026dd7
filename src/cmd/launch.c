/* cmd/launch.c - see cmd/launch.h. */
#include "cmd/launch.h"

#include "base/log.h"
#include "cmd/app_provider.h"
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORKER_PROGRAM "wend-python3.11"
#define PATH_BYTES_MAX 4096
#define DRAIN_MS 30000

struct running {
    struct wend_launch *launch;
    struct wend_handover handover;
    struct wend_handover_listener rows[WEND_LAUNCH_LISTENERS_MAX];
    int memfd;
    char worker[PATH_BYTES_MAX];
    bool announced;
};

void wend_launch_init(struct wend_launch *launch, const char *name)
{
    memset(launch, 0, sizeof(*launch));
    wend_arena_init(&launch->arena, WEND_ARENA_UNLIMITED);
    launch->name = name;
    launch->workers = 1;
}

void wend_launch_set(struct wend_launch *launch, const char *word, const char *value)
{
    if (value == NULL)
        return;
    if (launch->option_count == WEND_LAUNCH_OPTIONS_MAX) {
        fprintf(stderr, "%s: more than %d options\n", launch->name, WEND_LAUNCH_OPTIONS_MAX);
        exit(2);
    }
    launch->options[launch->option_count++] = (struct wend_handover_option){
        wend_str_of(word), wend_arena_keep(&launch->arena, wend_str_of(value))};
}

unsigned wend_launch_number(const struct wend_launch *launch, const char *option, const char *text,
                            unsigned most)
{
    uint64_t number;

    if (wend_str_to_u64(wend_str_of(text), &number) && number >= 1 && number <= most)
        return (unsigned)number;
    fprintf(stderr, "%s: --%s takes a number from 1 to %u, not \"%s\"\n", launch->name, option,
            most, text);
    return 0;
}

/* --- where ------------------------------------------------------------------------------------ */

/* A host name is looked up once, here; the first address of each family is listened on. */
static bool bind_name(struct wend_launch *launch, const char *host, uint16_t port, bool uwsgi)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *found;
    int error = getaddrinfo(host, NULL, &hints, &found);
    bool v4 = false, v6 = false;

    if (error != 0) {
        fprintf(stderr, "%s: cannot listen on \"%s\": %s\n", launch->name, host,
                gai_strerror(error));
        return false;
    }
    for (struct addrinfo *at = found; at != NULL; at = at->ai_next) {
        struct wend_listener *listener = &launch->listeners[launch->listener_count];
        bool *seen = at->ai_family == AF_INET6 ? &v6 : &v4;

        if (*seen || launch->listener_count == WEND_LAUNCH_LISTENERS_MAX)
            continue;
        *seen = true;
        *listener = (struct wend_listener){.fd = -1, .options = {.nodelay = true}};
        wend_address_from_sockaddr(&listener->address, at->ai_addr);
        if (at->ai_family == AF_INET6)
            listener->address.in6.sin6_port = htons(port);
        else
            listener->address.in.sin_port = htons(port);
        launch->uwsgi[launch->listener_count++] = uwsgi;
    }
    freeaddrinfo(found);
    return true;
}

bool wend_launch_bind(struct wend_launch *launch, const char *text, bool uwsgi)
{
    struct wend_listener *listener = &launch->listeners[launch->listener_count];
    struct wend_str whole = wend_str_of(text), host;
    ptrdiff_t colon = wend_str_rfind_byte(whole, ':');
    bool is_path = text[0] == '/' || text[0] == '@';
    uint64_t port;

    if (launch->listener_count == WEND_LAUNCH_LISTENERS_MAX) {
        fprintf(stderr, "%s: at most %d addresses to listen on\n", launch->name,
                WEND_LAUNCH_LISTENERS_MAX);
        return false;
    }
    *listener = (struct wend_listener){.fd = -1, .options = {.nodelay = true}};
    if (is_path || wend_str_starts(whole, WEND_STR("unix:"))) {
        if (!wend_listen_unix(listener, is_path ? whole : wend_str_from(whole, 5))) {
            fprintf(stderr, "%s: the socket's path \"%s\" is empty or too long\n", launch->name,
                    text);
            return false;
        }
        launch->uwsgi[launch->listener_count++] = uwsgi;
        return true;
    }
    host = colon < 0 ? WEND_STR("127.0.0.1") : wend_str_slice(whole, 0, (size_t)colon);
    if (!wend_str_to_u64(colon < 0 ? whole : wend_str_from(whole, (size_t)colon + 1), &port) ||
        port > 65535) {
        fprintf(stderr, "%s: \"%s\" is no address to listen on; PORT, HOST:PORT or unix:PATH is\n",
                launch->name, text);
        return false;
    }
    if (host.len == 0 || wend_str_eq(host, WEND_STR("*")))
        host = WEND_STR("0.0.0.0");
    if (!wend_address_parse_host(host, (uint16_t)port, &listener->address))
        return bind_name(launch, wend_arena_cstr(&launch->arena, host), (uint16_t)port, uwsgi);
    launch->uwsgi[launch->listener_count++] = uwsgi;
    return true;
}

bool wend_launch_is_local(const struct wend_launch *launch)
{
    for (size_t i = 0; i < launch->listener_count; i++)
        if (!wend_address_loopback(&launch->listeners[i].address))
            return false;
    return true;
}

/* Who has the port is worth more than that it is in use. */
static void say_in_use(const struct wend_launch *launch, const struct wend_listener *listener)
{
    struct wend_listen_owner owner;
    char text[WEND_LISTEN_TEXT_MAX];
    int len = (int)wend_listen_write(listener, text);

    if (listener->address.family == AF_UNIX || !wend_listen_find_owner(&listener->address, &owner))
        fprintf(stderr, "%s: %.*s is in use by another process\n", launch->name, len, text);
    else if (owner.pid == 0)
        fprintf(stderr, "%s: %.*s is in use by a process of another user (it listens on %s)\n",
                launch->name, len, text, owner.address);
    else
        fprintf(stderr, "%s: %.*s is in use by %s, process %d (it listens on %s)\n", launch->name,
                len, text, owner.name, (int)owner.pid, owner.address);
    fprintf(stderr, "%s: choose another address with -b, for example -b %d\n", launch->name,
            WEND_LAUNCH_PORT + 1);
}

static bool open_listeners(struct wend_launch *launch)
{
    for (size_t i = 0; i < launch->listener_count; i++) {
        char message[WEND_LISTEN_MESSAGE_MAX];
        enum wend_code code = wend_listen_open(&launch->listeners[i], message);

        if (code == WEND_OK)
            continue;
        if (code == WEND_E_EXISTS)
            say_in_use(launch, &launch->listeners[i]);
        else
            fprintf(stderr, "%s: %s\n", launch->name, message);
        return false;
    }
    return true;
}

bool wend_launch_probe(struct wend_launch *launch)
{
    bool all = open_listeners(launch);

    for (size_t i = 0; i < launch->listener_count; i++)
        if (launch->listeners[i].fd >= 0)
            wend_listen_close(&launch->listeners[i], true);
    return all;
}

/* --- with what -------------------------------------------------------------------------------- */

static bool is_virtualenv(const char *folder, const char *name, char *path)
{
    char cfg[PATH_BYTES_MAX + 16];

    snprintf(path, PATH_BYTES_MAX, "%s/%s", folder, name);
    snprintf(cfg, sizeof(cfg), "%s/pyvenv.cfg", path);
    return access(cfg, R_OK) == 0;
}

void wend_launch_home(struct wend_launch *launch, const char *named, const char *beside)
{
    char path[PATH_BYTES_MAX];

    if (named == NULL)
        named = getenv("VIRTUAL_ENV");
    if (named == NULL &&
        (is_virtualenv(beside, ".venv", path) || is_virtualenv(beside, "venv", path)))
        named = path;
    if (named != NULL && named[0] != '\0' && realpath(named, path) != NULL)
        named = path; /* chdir must not change what it means */
    wend_launch_set(launch, "home", named != NULL && named[0] != '\0' ? named : NULL);
}

static bool open_log(const struct wend_launch *launch)
{
    int fd;

    if (launch->log_path == NULL)
        return true;
    fd = open(launch->log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) {
        fprintf(stderr, "%s: cannot write the log \"%s\": %s\n", launch->name, launch->log_path,
                strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

static bool hand_over(struct running *running)
{
    struct wend_launch *launch = running->launch;

    for (size_t i = 0; i < launch->listener_count; i++) {
        char text[WEND_LISTEN_TEXT_MAX];
        int len = (int)wend_listen_write(&launch->listeners[i], text);

        running->rows[i].fd = launch->listeners[i].fd;
        running->rows[i].address = wend_arena_printf(&launch->arena, "%s%.*s",
                                                     launch->uwsgi[i] ? "uwsgi:" : "", len, text);
    }
    running->handover = (struct wend_handover){
        .configuration = WEND_STR(""),
        .listeners = running->rows,
        .listener_count = launch->listener_count,
        .options = launch->options,
        .option_count = launch->option_count,
    };
    return wend_handover_write(&running->handover, &running->memfd) == WEND_OK;
}

void wend_launch_write_quoted(struct wend_buffer *conf, struct wend_str word)
{
    wend_buffer_add_byte(conf, '"');
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '"' || word.ptr[i] == '\\')
            wend_buffer_add_byte(conf, '\\');
        wend_buffer_add_byte(conf, word.ptr[i]);
    }
    wend_buffer_add_byte(conf, '"');
}

void wend_launch_write_words(const struct wend_launch *launch, struct wend_buffer *conf)
{
    for (size_t i = 0; i < launch->option_count; i++) {
        wend_buffer_printf(conf, "    %.*s ", WEND_STR_ARG(launch->options[i].key));
        wend_launch_write_quoted(conf, launch->options[i].value);
        wend_buffer_add(conf, WEND_STR(";\n"));
    }
}

/* --- the master ------------------------------------------------------------------------------- */

static int execute(struct wend_worker *worker, void *config)
{
    struct running *running = config;
    char *argv[] = {WORKER_PROGRAM, NULL};

    (void)worker;
    if (wend_handover_export(&running->handover, running->memfd) != WEND_OK)
        return WEND_EXIT_FATAL;
    execv(running->worker, argv);
    wend_log(wend_log_process, WEND_LOG_EMERG, 0, errno, "cannot execute %s", running->worker);
    return WEND_EXIT_FATAL;
}

static enum wend_code load(void *data, const struct wend_generation *old,
                           struct wend_generation *out)
{
    struct running *running = data;

    (void)old;
    out->config = running;
    out->drain_timeout_ms = DRAIN_MS;
    out->group_count = 1;
    out->groups[0] = (struct wend_worker_group){
        .title = "python worker",
        .count = running->launch->workers,
        .identity = WEND_IDENTITY_NONE,
        .exec = execute,
    };
    return WEND_OK;
}

static void discard(void *data, struct wend_generation *generation)
{
    (void)data, (void)generation;
}

void wend_launch_print_addresses(const struct wend_launch *launch)
{
    for (size_t i = 0; i < launch->listener_count; i++) {
        const struct wend_listener *listener = &launch->listeners[i];
        char text[WEND_LISTEN_TEXT_MAX];
        int len = (int)wend_listen_write(listener, text);
        bool is_unix = listener->address.family == AF_UNIX;

        printf("  on %s%.*s%s\n",
               launch->uwsgi[i] ? "uwsgi "
               : is_unix        ? ""
                                : "http://",
               len, text, launch->uwsgi[i] || is_unix ? "" : "/");
    }
}

static void announce(void *data, struct wend_generation *generation)
{
    struct running *running = data;
    const struct wend_launch *launch = running->launch;

    (void)generation;
    if (running->announced)
        return;
    running->announced = true;
    printf("%s %s serves %s\n", launch->name, WEND_VERSION, launch->what);
    wend_launch_print_addresses(launch);
    printf("  %u worker process%s\n", launch->workers, launch->workers == 1 ? "" : "es");
    fflush(stdout);
}

static void reopen(void *data)
{
    (void)open_log(((struct running *)data)->launch);
}

int wend_launch_run(struct wend_launch *launch)
{
    static struct running running;
    struct wend_master_policy policy = {
        .data = &running,
        .name = launch->name,
        .load = load,
        .discard = discard,
        .started = announce,
        .reopen = reopen,
        .watch_fd = -1,
    };
    struct wend_master_options options = {0};
    char processes[24];
    int status;

    running.launch = launch;
    if (!wend_app_find_worker(launch->name, running.worker, sizeof(running.worker)) ||
        !open_listeners(launch) || !open_log(launch))
        return 1;
    snprintf(processes, sizeof(processes), "%u", launch->workers);
    wend_launch_set(launch, "processes", processes);
    wend_launch_set(launch, "log", launch->log_path);
    if (!hand_over(&running)) {
        fprintf(stderr, "%s: cannot prepare the hand-over to the workers: %s\n", launch->name,
                strerror(errno));
        return 1;
    }
    status = wend_master_run(&policy, &options);
    for (size_t i = 0; i < launch->listener_count; i++)
        wend_listen_close(&launch->listeners[i], true);
    return status;
}
