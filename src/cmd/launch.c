/* cmd/launch.c - see cmd/launch.h. */
#include "cmd/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES_MAX 4096

void wend_launch_init(struct wend_launch *launch, const char *name)
{
    memset(launch, 0, sizeof(*launch));
    wend_arena_init(&launch->arena, WEND_ARENA_UNLIMITED);
    launch->name = name;
    launch->workers = 1;
    launch->drain_s = WEND_LAUNCH_DRAIN_S;
    launch->bind_hint = "-b";
}

void wend_launch_set(struct wend_launch *launch, const char *word, const char *value)
{
    if (value == NULL)
        return;
    if (launch->word_count == WEND_LAUNCH_WORDS_MAX) {
        fprintf(stderr, "%s: more than %d options\n", launch->name, WEND_LAUNCH_WORDS_MAX);
        exit(2);
    }
    launch->words[launch->word_count++] = (struct wend_launch_word){
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

bool wend_launch_bind_admin(struct wend_launch *launch, const char *text)
{
    struct wend_launch trial = {.name = launch->name};
    char *address;
    bool usable;

    wend_arena_init(&trial.arena, WEND_ARENA_UNLIMITED);
    usable = wend_launch_bind(&trial, text, false);
    if (usable && !wend_launch_is_local(&trial)) {
        fprintf(stderr,
                "%s: --admin %s could be reached from other machines; give a loopback address or "
                "unix:PATH\n",
                launch->name, text);
        usable = false;
    }
    if (usable) {
        address = wend_arena_alloc(&launch->arena, WEND_LISTEN_TEXT_MAX);
        address[wend_listen_write(&trial.listeners[0], address)] = '\0';
        launch->admin = address;
    }
    wend_arena_release(&trial.arena);
    return usable;
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
    fprintf(stderr, "%s: choose another address with %s, for example %s 127.0.0.1:%d\n",
            launch->name, launch->bind_hint, launch->bind_hint, WEND_LAUNCH_PORT + 1);
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
        if (code == WEND_E_DENIED && wend_address_port(&launch->listeners[i].address) < 1024 &&
            launch->listeners[i].address.family != AF_UNIX)
            fprintf(
                stderr,
                "%s: ports below 1024 are root's; take one above, for example %s 127.0.0.1:%d\n",
                launch->name, launch->bind_hint, WEND_LAUNCH_PORT);
        return false;
    }
    return true;
}

/* Whether the addresses can be had; the edge opens them later itself, but does not say who has one.
 */
static bool probe(struct wend_launch *launch)
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

/* --- the configuration ------------------------------------------------------------------------ */

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

static void write_access_log(const struct wend_launch *launch, struct wend_buffer *conf)
{
    wend_buffer_add(conf, WEND_STR("  log_format short '$remote_addr [$time_local] \"$request\" "
                                   "$status $body_bytes_sent $request_time';\n  access_log "));
    if (launch->access_log == NULL) {
        wend_buffer_add(conf, WEND_STR("off;\n"));
        return;
    }
    wend_launch_write_quoted(conf, strcmp(launch->access_log, "-") == 0
                                       ? WEND_STR("/dev/stdout")
                                       : wend_str_of(launch->access_log));
    wend_buffer_printf(conf, " %s;\n", launch->access_form != NULL ? launch->access_form : "short");
}

void wend_launch_write_head(const struct wend_launch *launch, struct wend_buffer *conf)
{
    wend_buffer_printf(conf, "daemon off;\nerror_log stderr %s;\nworker_processes %u;\n",
                       launch->log_level != NULL ? launch->log_level : "notice", launch->workers);
    if (launch->pid_path != NULL) {
        wend_buffer_add(conf, WEND_STR("pid "));
        wend_launch_write_quoted(conf, wend_str_of(launch->pid_path));
        wend_buffer_add(conf, WEND_STR(";\n"));
    }
    wend_buffer_printf(conf,
                       "worker_shutdown_timeout %us;\nevents { worker_connections 8192; }\n"
                       "http {\n  sendfile on;\n",
                       launch->drain_s);
    write_access_log(launch, conf);
}

void wend_launch_write_listens(const struct wend_launch *launch, struct wend_buffer *conf)
{
    for (size_t i = 0; i < launch->listener_count; i++) {
        char text[WEND_LISTEN_TEXT_MAX];
        int len = (int)wend_listen_write(&launch->listeners[i], text);

        wend_buffer_add(conf, WEND_STR("    listen "));
        wend_launch_write_quoted(conf, wend_str_make(text, (size_t)len));
        if (launch->uwsgi[i])
            wend_buffer_add(conf, WEND_STR(" uwsgi"));
        if (launch->listeners[i].options.mode != 0)
            wend_buffer_printf(conf, " mode=%o", launch->listeners[i].options.mode);
        if (launch->backlog != 0)
            wend_buffer_printf(conf, " backlog=%u", launch->backlog);
        wend_buffer_add(conf, WEND_STR(";\n"));
    }
}

void wend_launch_write_end(const struct wend_launch *launch, struct wend_buffer *conf)
{
    if (launch->admin != NULL) {
        wend_buffer_add(conf, WEND_STR("  server {\n    listen "));
        wend_launch_write_quoted(conf, wend_str_of(launch->admin));
        wend_buffer_add(conf, WEND_STR(";\n    location = /status { wend_status; }\n"
                                       "    location /traces { wend_traces; }\n  }\n"));
    }
    wend_buffer_add(conf, WEND_STR("}\n"));
}

/* Bodies of any size: what is too large is the application's to say. Paths are the client's, except
 * that nobody may climb out of one. */
static void write_python(const struct wend_launch *launch, struct wend_buffer *conf)
{
    wend_launch_write_head(launch, conf);
    wend_buffer_add(conf, WEND_STR("  app site {\n"));
    for (size_t i = 0; i < launch->word_count; i++) {
        wend_buffer_printf(conf, "    %.*s ", WEND_STR_ARG(launch->words[i].word));
        wend_launch_write_quoted(conf, launch->words[i].value);
        wend_buffer_add(conf, WEND_STR(";\n"));
    }
    wend_buffer_add(conf,
                    WEND_STR("  }\n  server {\n    http_policy strict;\n    merge_slashes off;\n"
                             "    keepalive_requests 1000000;\n    client_max_body_size 0;\n"
                             "    client_header_buffer_size 4k;\n"
                             "    large_client_header_buffers 4 16k;\n"));
    wend_launch_write_listens(launch, conf);
    wend_buffer_add(conf, WEND_STR("    location / { app_pass site; }\n  }\n"));
    wend_launch_write_end(launch, conf);
}

/* --- running ---------------------------------------------------------------------------------- */

static struct wend_launch *launched; /* a process launches one site */
static bool serving;

static void print_addresses(const struct wend_launch *launch)
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
    if (launch->admin != NULL)
        printf("  its state and recent traces on %s/status and /traces\n", launch->admin);
}

static void announce(const struct wend_edge *edge)
{
    (void)edge;
    serving = true;
    printf("wend %s serves %s\n", WEND_VERSION, launched->what);
    print_addresses(launched);
    printf("  %u worker process%s%s\n", launched->workers, launched->workers == 1 ? "" : "es",
           launched->notes != NULL ? launched->notes : "");
    fflush(stdout);
}

/* Everything that is printed goes to the file; again after it was moved away. */
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

static void reopen(void)
{
    (void)open_log(launched);
}

int wend_launch_run_conf(struct wend_launch *launch, struct wend_buffer *conf)
{
    struct wend_edge_server_options options = {.announce = announce,
                                               .reopen = reopen,
                                               .error_log = WEND_STR("/dev/stderr"),
                                               .term_drains = launch->term_drains};
    int status = 1;

    launched = launch;
    options.conf_text = wend_buffer_str(conf);
    options.edge.prefix = wend_arena_printf(&launch->arena, "%s/", launch->prefix);
    options.edge.conf_path = wend_str_of(launch->name);
    if (probe(launch) && open_log(launch)) {
        status = wend_edge_serve(&options);
        if (status != 0 && !serving && launch->failed_status != 0)
            status = launch->failed_status;
    }
    wend_buffer_release(conf);
    return status;
}

int wend_launch_run_python(struct wend_launch *launch)
{
    struct wend_buffer conf;

    wend_buffer_init(&conf, WEND_LAUNCH_CONF_MAX);
    write_python(launch, &conf);
    return wend_launch_run_conf(launch, &conf);
}
