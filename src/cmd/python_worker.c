/* cmd/python_worker.c - the worker executable that contains a Python: wend-python3.11.
 *
 * The master executes it with a hand-over (net/handover.h): listening sockets, and the
 * application's settings as options (app/app.h has their words), plus access_log=FILE    a line per
 * request; - is standard output log=FILE           opened again when logs are rotated
 *     drain_ms=30000     how long the last requests may take
 * By hand, for tests and measurements, the same words are arguments:
 *     wend-python3.11 listen=127.0.0.1:8000 uwsgi=unix:/run/x.sock module=mysite.wsgi
 * It is also the first process of a pool (cmd/python_zygote.h), and the whole server
 * (`wend-python3.11 edge -c nginx.conf`) for configurations with an inline `app`; see
 * cmd/app_provider.h.
 */
#include "app/host.h"
#include "app/python/engine.h"
#include "app/static_map.h"
#include "base/log.h"
#include "cmd/app_provider.h"
#include "cmd/commands.h"
#include "cmd/python_zygote.h"
#include "gateway/uwsgi_server.h"
#include "net/accept.h"
#include "net/handover.h"
#include "net/listen.h"
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#define LISTENERS_MAX 64
#define DRAIN_MS_DEFAULT 30000
#define DRAIN_LOOK_MS 20
#define END_MS 200 /* what was cut off has this long to give back what it holds */
#define AT_EXIT_MS 3000

struct port {
    struct wend_acceptor acceptor;
    bool uwsgi;
};

static struct {
    struct wend_loop *loop;
    struct wend_app_host *host;
    struct wend_static_map files;
    struct wend_h1_server server;
    struct port ports[LISTENERS_MAX];
    size_t port_count;
    struct wend_worker worker;
    struct wend_timer drain;
    struct wend_post changed;
    atomic_bool change_told; /* the post is on its way */
    struct wend_arena arena;
    int64_t drain_until_ns;
    size_t live;
    bool draining;
    const char *access_path, *log_path; /* NULL: none */
    int access_fd;
    int drain_ms;
} self = {.drain_ms = DRAIN_MS_DEFAULT};

/* --- connections ------------------------------------------------------------------------------ */

static void take(struct wend_acceptor *acceptor, int fd, const struct wend_address *peer,
                 const struct wend_address *local)
{
    const struct port *port = WEND_OF(acceptor, struct port, acceptor);
    struct wend_address own = *local;

    if (wend_address_is_any(local))
        wend_address_of_local(fd, &own);
    if (port->uwsgi)
        wend_uwsgi_serve(self.loop, &self.server, fd, peer, &own, wend_clock_ticks());
    else
        wend_h1_serve(self.loop, &self.server, fd, peer, &own, wend_clock_ticks());
}

static void count_connections(const struct wend_h1_server *server, int change)
{
    (void)server;
    self.live += (size_t)(ssize_t)change;
}

/* 127.0.0.1 [21/Nov/2026:04:18:56 +0000] "GET / HTTP/1.1" 200 5120 12.3 ms */
static void log_access(const struct wend_h1_server *server, struct wend_exchange *x)
{
    int64_t now_ns = wend_clock_monotonic_ns();
    char peer[WEND_ADDRESS_TEXT_MAX], line[1024];
    struct wend_str when = wend_clock_common_now(wend_clock_wall_ns());
    int status = x->state == WEND_X_TORN && x->bytes_sent == 0 ? 499 : x->response.status;
    int len;

    (void)server;
    len = snprintf(line, sizeof(line), "%.*s [%.*s] \"%.*s\" %d %lld %.1f ms\n",
                   (int)wend_address_write_host(&x->conn->peer, peer), peer, WEND_STR_ARG(when),
                   x->request.line.len > 700 ? 700 : (int)x->request.line.len, x->request.line.ptr,
                   status, (long long)x->body_sent, (double)(now_ns - x->started_ns) / 1e6);
    /* The request line was checked by the parser: no control bytes are in it. */
    if (len > 0 && write(self.access_fd, line, (size_t)len) < 0)
        return;
}

static int open_append(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

    if (fd < 0)
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, errno, "open() \"%s\" failed", path);
    return fd;
}

/* At the start, and again after they were moved away. */
static enum wend_code open_logs(void)
{
    int fd;

    if (self.log_path != NULL) {
        fd = open_append(self.log_path);
        if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
            return WEND_E_IO;
        close(fd);
    }
    if (self.access_path == NULL)
        return WEND_OK;
    fd = strcmp(self.access_path, "-") == 0 ? dup(STDOUT_FILENO) : open_append(self.access_path);
    if (fd < 0)
        return WEND_E_IO;
    if (self.access_fd != 0)
        close(self.access_fd);
    self.access_fd = fd;
    return WEND_OK;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void stop_accepting(void)
{
    for (size_t i = 0; i < self.port_count; i++)
        wend_accept_stop(&self.ports[i].acceptor);
    self.port_count = 0;
}

static void look_whether_drained(struct wend_timer *timer)
{
    int64_t now_ns = wend_loop_now_ns(self.loop);

    if (self.live == 0 || now_ns >= self.drain_until_ns)
        wend_loop_stop(self.loop);
    else
        wend_timer_start(self.loop, timer, now_ns + DRAIN_LOOK_MS * WEND_NS_PER_MS);
}

static void drain(void)
{
    if (self.draining)
        return;
    self.draining = true;
    stop_accepting();
    wend_h1_drain(self.loop, 1000);
    self.drain_until_ns = wend_loop_now_ns(self.loop) + self.drain_ms * WEND_NS_PER_MS;
    self.drain.fire = look_whether_drained;
    look_whether_drained(&self.drain);
}

static void on_order(struct wend_worker *worker, enum wend_order order)
{
    (void)worker;
    if (order == WEND_ORDER_DRAIN || order == WEND_ORDER_ORPHAN)
        drain();
    else if (order == WEND_ORDER_STOP)
        wend_loop_stop(self.loop);
    else
        (void)open_logs();
}

static void files_changed(struct wend_post *post)
{
    (void)post;
    atomic_store(&self.change_told, false);
    wend_worker_ask_reload(&self.worker);
}

/* From the watching thread. */
static void file_changed(void *arg, const char *path)
{
    (void)arg;
    wend_log(wend_log_process, WEND_LOG_NOTICE, 0, 0, "%s has changed: loading again", path);
    if (atomic_exchange(&self.change_told, true))
        return;
    self.changed.deliver = files_changed;
    wend_loop_post(self.loop, &self.changed);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static int refuse(const char *what, struct wend_str word, struct wend_str value)
{
    wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "\"%.*s=%.*s\": %s", WEND_STR_ARG(word),
             WEND_STR_ARG(value), what);
    return WEND_EXIT_FATAL;
}

/* A word of this program's own; WEND_E_NOT_FOUND when it is none. */
static enum wend_code set_own(struct wend_str word, struct wend_str value)
{
    uint64_t number;

    if (wend_str_eq(word, WEND_STR("access_log")))
        self.access_path = value.ptr;
    if (wend_str_eq(word, WEND_STR("log")))
        self.log_path = value.ptr;
    if (value.ptr == self.access_path || value.ptr == self.log_path)
        return WEND_OK;
    if (!wend_str_eq(word, WEND_STR("drain_ms")))
        return WEND_E_NOT_FOUND;
    if (!wend_str_to_u64(value, &number) || number > INT32_MAX)
        return WEND_E_CONFIG;
    self.drain_ms = (int)number;
    return WEND_OK;
}

static int set_option(struct wend_app_settings *settings, struct wend_str word,
                      struct wend_str value)
{
    const char *error = "a wrong value";
    enum wend_code code = set_own(word, value);

    if (code == WEND_E_NOT_FOUND)
        code = wend_app_settings_set(settings, word, value, &error);
    if (code == WEND_E_NOT_FOUND)
        error = "there is no such word";
    return code == WEND_OK ? 0 : refuse(error, word, value);
}

static enum wend_code accept_on(int fd, bool uwsgi)
{
    struct port *port = &self.ports[self.port_count];
    enum wend_code code;

    if (self.port_count == LISTENERS_MAX)
        return WEND_E_LIMIT;
    *port = (struct port){.acceptor.take = take, .uwsgi = uwsgi};
    code = wend_accept_start(&port->acceptor, self.loop, fd);
    if (code == WEND_OK)
        self.port_count++;
    return code;
}

/* "127.0.0.1:8000" or "unix:/path". */
static enum wend_code listen_on(struct wend_str text, bool uwsgi)
{
    struct wend_listener listener = {.fd = -1};
    ptrdiff_t colon = wend_str_rfind_byte(text, ':');
    char message[WEND_LISTEN_MESSAGE_MAX];
    uint64_t port = 0;
    enum wend_code code;

    if (wend_str_starts(text, WEND_STR("unix:"))) {
        if (!wend_listen_unix(&listener, wend_str_from(text, 5)))
            return WEND_E_CONFIG;
    } else if (colon < 0 || !wend_str_to_u64(wend_str_from(text, (size_t)colon + 1), &port) ||
               port > 65535 ||
               !wend_address_parse_host(wend_str_slice(text, 0, (size_t)colon), (uint16_t)port,
                                        &listener.address)) {
        return WEND_E_CONFIG;
    }
    code = wend_listen_open(&listener, message);
    if (code != WEND_OK) {
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "%s", message);
        return code;
    }
    return accept_on(listener.fd, uwsgi);
}

static void add_folder(void *arg, struct wend_str prefix, struct wend_str folder)
{
    (void)arg;
    if (wend_static_map_add(&self.files, prefix, folder) != WEND_OK)
        wend_log(wend_log_process, WEND_LOG_WARN, 0, errno,
                 "static files in \"%.*s\" are not served", WEND_STR_ARG(folder));
}

/* The application is loaded before the first connection is accepted. */
static enum wend_code start_application(const struct wend_app_settings *settings)
{
    enum wend_code code = open_logs();

    if (code == WEND_OK)
        code = wend_app_host_start(settings, &wend_python_engine, self.loop, &self.host);
    if (code != WEND_OK)
        return code;
    self.server = (struct wend_h1_server){
        .handler = wend_app_host_handler(self.host),
        .finished = self.access_path != NULL ? log_access : NULL,
        .connections = count_connections,
        .policy = WEND_H1_STRICT,
        .limits = wend_h1_limits_default,
        .policy_default = &wend_exchange_policy_default,
        .head_timeout_ms = 60000,
        .requests_max = 1000000,
    };
    self.server.limits.head_bytes = 65536;
    self.server.limits.line_bytes = self.server.limits.field_bytes = 16384;
    if (settings->static_files) {
        wend_static_map_init(&self.files, self.server.handler);
        wend_python_static_folders(settings->development, add_folder, NULL);
        if (self.files.count != 0)
            self.server.handler = &self.files.handler;
    }
    if (settings->reload)
        wend_python_watch(file_changed, NULL);
    return WEND_OK;
}

static int from_handover(const struct wend_handover *handover, struct wend_app_settings *settings)
{
    for (size_t i = 0; i < handover->option_count; i++) {
        struct wend_str value = wend_arena_keep(&self.arena, handover->options[i].value);
        int status = set_option(settings, handover->options[i].key, value);

        if (status != 0)
            return status;
    }
    if (start_application(settings) != WEND_OK)
        return WEND_EXIT_FATAL;
    for (size_t i = 0; i < handover->listener_count; i++) {
        struct wend_str address = handover->listeners[i].address;
        bool uwsgi = wend_str_starts(address, WEND_STR("uwsgi:"));

        if (accept_on(handover->listeners[i].fd, uwsgi) != WEND_OK)
            return WEND_EXIT_FATAL;
    }
    return 0;
}

static bool is_listen(struct wend_str word)
{
    return wend_str_eq(word, WEND_STR("listen")) || wend_str_eq(word, WEND_STR("uwsgi"));
}

static int from_arguments(int argc, char **argv, struct wend_app_settings *settings)
{
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 1; i < argc; i++) {
            struct wend_str text = wend_str_of(argv[i]);
            ptrdiff_t equals = wend_str_find_byte(text, '=');
            struct wend_str word = wend_str_slice(text, 0, equals < 0 ? 0 : (size_t)equals), value;
            int status = 0;

            if (equals <= 0)
                return refuse("the arguments are words such as module=mysite.wsgi", text, word);
            value = wend_str_from(text, (size_t)equals + 1);
            if (pass == 0 && !is_listen(word))
                status = set_option(settings, word, value);
            else if (pass == 1 && is_listen(word) &&
                     listen_on(value, wend_str_eq(word, WEND_STR("uwsgi"))) != WEND_OK)
                status = refuse("cannot listen there", word, value);
            if (status != 0)
                return status;
        }
        if (pass == 0 && start_application(settings) != WEND_OK)
            return WEND_EXIT_FATAL;
    }
    return 0;
}

/* A configuration with an `app` block: `wend` executed us with its own command line. */
static bool is_command(int argc, char **argv, int *status)
{
    const char *slash = strrchr(argv[0], '/');
    const char *name = slash != NULL ? slash + 1 : argv[0];

    if (strcmp(name, "nginx") == 0)
        *status = wend_cmd_edge(argc, argv);
    else if (argc > 1 && strcmp(argv[1], "edge") == 0)
        *status = wend_cmd_edge(argc - 1, argv + 1);
    else if (argc > 1 && strcmp(argv[1], "serve") == 0)
        *status = wend_cmd_serve(argc - 1, argv + 1);
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    static struct wend_app_settings settings = {.name = WEND_STR_INIT("python")};
    struct wend_handover handover;
    struct wend_str error;
    enum wend_code code;
    int status;

    wend_title_init(argc, argv);
    signal(SIGPIPE, SIG_IGN);
    wend_edge_provide_apps(&wend_app_provider_python);
    if (is_command(argc, argv, &status))
        return status;
    wend_arena_init(&self.arena, WEND_ARENA_UNLIMITED);
    self.worker.channel = -1;
    if (wend_worker_from_environment(&self.worker) == WEND_E_PROTOCOL)
        return WEND_EXIT_FATAL;
    self.worker.on_order = on_order;
    code = wend_handover_from_environment(&self.arena, &handover, &error);
    if (code == WEND_OK && wend_python_is_zygote(&handover))
        return wend_python_zygote(&self.worker, &handover, &self.arena);
    self.loop = wend_loop_new(0);
    if (code == WEND_OK) {
        status = from_handover(&handover, &settings);
    } else if (code == WEND_E_NOT_FOUND) {
        status = from_arguments(argc, argv, &settings);
    } else {
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "%.*s", WEND_STR_ARG(error));
        status = WEND_EXIT_FATAL;
    }
    if (status == 0 && wend_worker_attach(&self.worker, self.loop) != WEND_OK)
        status = WEND_EXIT_FATAL;
    if (status != 0)
        return status;
    wend_worker_ready(&self.worker);
    wend_loop_run(self.loop);
    stop_accepting();
    while (wend_h1_close_idlest(self.loop))
        continue;
    (void)wend_loop_end_tasks(self.loop, END_MS);
    (void)wend_app_host_stop(self.host, AT_EXIT_MS);
    wend_h1_thread_release();
    wend_python_leave(0);
}
