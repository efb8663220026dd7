/* cmd/python_zygote.c - see cmd/python_zygote.h. */
#include "cmd/python_zygote.h"

#include "app/host.h"
#include "app/python/engine.h"
#include "app/static_map.h"
#include "base/log.h"
#include "gateway/pool_client.h"
#include "gateway/pool_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define AT_EXIT_MS 1500 /* less than the zygote's patience with a process it stops */

/* Of the zygote, and by fork() of each process. */
static struct {
    struct wend_app_settings settings;
    void *app;
    const char *log_path; /* NULL: standard error as it is */
    char title[128], zygote_title[160];
    int ends[WEND_POOL_PROCESSES_MAX]; /* -1: closed */
    unsigned count;
    bool retired;
} pool;

/* Of one process. */
static struct {
    struct wend_loop *loop;
    struct wend_worker *worker;
    struct wend_app_host *host;
    struct wend_static_map files;
    struct wend_pool_server server;
    struct wend_post changed;
    atomic_bool change_told;
} self;

/* --- a process -------------------------------------------------------------------------------- */

static void reopen_log(void *data)
{
    int fd;

    (void)data;
    if (pool.log_path == NULL)
        return;
    fd = open(pool.log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, errno, "open() \"%s\" failed", pool.log_path);
    if (fd >= 0)
        close(fd);
}

static void deserted(struct wend_pool_server *server)
{
    wend_loop_stop(server->loop);
}

/* Draining is the edge's: this process ends when nobody is left to ask it. */
static void on_order(struct wend_worker *worker, enum wend_order order)
{
    (void)worker;
    switch (order) {
    case WEND_ORDER_STOP:
        wend_loop_stop(self.loop);
        break;
    case WEND_ORDER_REOPEN:
        reopen_log(NULL);
        break;
    case WEND_ORDER_ORPHAN: /* another zygote's process takes the slot */
        wend_pool_server_leave(&self.server);
        break;
    case WEND_ORDER_DRAIN:
        break;
    }
}

static void find_place(struct wend_exchange *x, struct wend_app_place *place)
{
    const struct wend_pool_place *from = wend_pool_exchange_place(x);

    place->script_name = from->script_name;
    place->path_info = from->path_info;
    place->server_name = from->server_name;
    place->remote_user = from->remote_user;
    place->variables = from->variables;
}

static void add_folder(void *arg, struct wend_str prefix, struct wend_str folder)
{
    (void)arg;
    if (wend_static_map_add(&self.files, prefix, folder) != WEND_OK)
        wend_log(wend_log_process, WEND_LOG_WARN, 0, errno,
                 "static files in \"%.*s\" are not served: has manage.py collectstatic run?",
                 WEND_STR_ARG(folder));
}

static void files_changed(struct wend_post *post)
{
    (void)post;
    atomic_store(&self.change_told, false);
    wend_worker_ask_reload(self.worker);
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

static enum wend_code start_process(struct wend_worker *worker)
{
    enum wend_code code =
        wend_app_host_adopt(&pool.settings, &wend_python_engine, pool.app, self.loop, &self.host);

    if (code != WEND_OK)
        return code;
    self.server = (struct wend_pool_server){.loop = self.loop,
                                            .handler = wend_app_host_handler(self.host),
                                            .policy = &wend_exchange_policy_default,
                                            .name = pool.settings.name,
                                            .rendezvous = pool.ends[worker->slot],
                                            .deserted = deserted};
    wend_static_map_init(&self.files, self.server.handler);
    if (pool.settings.static_files)
        wend_python_static_folders(pool.settings.development, add_folder, NULL);
    if (self.files.count != 0)
        self.server.handler = &self.files.handler;
    if (pool.settings.reload && worker->slot == 0)
        wend_python_watch(file_changed, NULL);
    return wend_pool_server_start(&self.server);
}

static int run_process(struct wend_worker *worker, void *config)
{
    (void)config;
    for (unsigned i = 0; i < pool.count; i++)
        if (i != worker->slot && pool.ends[i] >= 0)
            close(pool.ends[i]);
    self.worker = worker;
    self.loop = wend_loop_new(0);
    worker->on_order = on_order;
    if (wend_worker_attach(worker, self.loop) != WEND_OK || start_process(worker) != WEND_OK)
        return WEND_EXIT_FATAL;
    wend_worker_ready(worker);
    wend_loop_run(self.loop);
    (void)wend_app_host_stop(self.host, AT_EXIT_MS);
    _exit(0);
}

/* --- the zygote ------------------------------------------------------------------------------- */

static void before_fork(void *data)
{
    (void)data;
    wend_python_before_fork();
}

static void after_fork(void *data, bool in_child)
{
    (void)data;
    wend_python_after_fork(in_child);
}

static enum wend_code load(void *data, const struct wend_generation *old,
                           struct wend_generation *out)
{
    enum wend_code code;

    (void)data, (void)old;
    code = wend_python_engine.load(&pool.settings, &pool.app);
    if (code != WEND_OK)
        return code;
    wend_python_prepare_fork(&pool.settings);
    out->groups[0] = (struct wend_worker_group){.title = pool.title,
                                                .count = pool.count,
                                                .identity = WEND_IDENTITY_NONE,
                                                .run = run_process};
    out->group_count = 1;
    return WEND_OK;
}

static void discard(void *data, struct wend_generation *generation)
{
    (void)data, (void)generation;
}

static void retired(void *data, struct wend_generation *generation)
{
    (void)data, (void)generation;
    pool.retired = true;
}

/* One that dies now is not replaced: who waits for it in the rendezvous must not wait in vain. */
static void process_gone(void *data, const struct wend_generation *generation, unsigned group,
                         unsigned slot, pid_t pid, int status)
{
    (void)data, (void)generation, (void)group, (void)pid, (void)status;
    if (!pool.retired || pool.ends[slot] < 0)
        return;
    close(pool.ends[slot]);
    pool.ends[slot] = -1;
}

/* --- the hand-over ---------------------------------------------------------------------------- */

bool wend_python_is_zygote(const struct wend_handover *handover)
{
    return wend_handover_option(handover, WEND_STR("zygote")).ptr != NULL;
}

static bool set_own(struct wend_str word, struct wend_str value)
{
    uint64_t level;

    if (wend_str_eq(word, WEND_STR("log")))
        pool.log_path = value.ptr;
    else if (wend_str_eq(word, WEND_STR("log_level")) && wend_str_to_u64(value, &level) &&
             level <= WEND_LOG_DEBUG)
        wend_log_process->level = (enum wend_log_level)level;
    else
        return wend_str_eq(word, WEND_STR("zygote"));
    return true;
}

static bool same_dialect(const struct wend_handover *handover)
{
    char ours[WEND_POOL_DIALECT_MAX];
    struct wend_str theirs = wend_handover_option(handover, WEND_STR("zygote"));

    if (wend_str_eq(theirs, wend_str_make(ours, wend_pool_dialect(ours))))
        return true;
    wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0,
             "the server that started this process is of another build (it speaks \"%.*s\")",
             WEND_STR_ARG(theirs));
    return false;
}

static bool take_words(const struct wend_handover *handover, struct wend_arena *arena)
{
    for (size_t i = 0; i < handover->option_count; i++) {
        struct wend_str word = handover->options[i].key;
        struct wend_str value = wend_arena_keep(arena, handover->options[i].value);
        const char *error = "there is no such word";

        if (set_own(word, value))
            continue;
        if (wend_app_settings_set(&pool.settings, word, value, &error) == WEND_OK)
            continue;
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "\"%.*s=%.*s\": %s", WEND_STR_ARG(word),
                 WEND_STR_ARG(value), error);
        return false;
    }
    pool.settings.place = find_place;
    return true;
}

static bool take_ends(const struct wend_handover *handover)
{
    if (handover->listener_count == 0 || handover->listener_count > WEND_POOL_PROCESSES_MAX)
        return false;
    pool.count = (unsigned)handover->listener_count;
    for (unsigned i = 0; i < pool.count; i++)
        pool.ends[i] = handover->listeners[i].fd;
    return true;
}

int wend_python_zygote(struct wend_worker *above, const struct wend_handover *handover,
                       struct wend_arena *arena)
{
    static const struct wend_master_policy policy = {.name = "wend",
                                                     .load = load,
                                                     .discard = discard,
                                                     .retired = retired,
                                                     .before_fork = before_fork,
                                                     .after_fork = after_fork,
                                                     .reopen = reopen_log,
                                                     .worker_gone = process_gone};
    struct wend_master_options options = {.above = above};

    if (!same_dialect(handover) || !take_words(handover, arena) || !take_ends(handover))
        return WEND_EXIT_FATAL;
    snprintf(pool.title, sizeof(pool.title), "app %.*s", WEND_STR_ARG(pool.settings.name));
    snprintf(pool.zygote_title, sizeof(pool.zygote_title), "zygote of %s", pool.title);
    above->name = "wend";
    above->title = pool.zygote_title;
    wend_title_set("wend: %s", pool.zygote_title);
    return wend_master_run(&policy, &options) == 0 ? 0 : WEND_EXIT_FATAL;
}
