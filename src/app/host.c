/* app/host.c - the loop's side and the threads' main loop; see app/host.h. */
#include "app/host.h"

#include "app/queue.h"
#include "base/assert.h"
#include "base/log.h"
#include "http/h1_server.h"
#include "http/timing.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define QUEUED 2 /* requests that wait: the threads have enough to do */
#define LISTENING_SLEEPS                                                                           \
    64 /* of the loop, after it had a request that was not for the application */

struct wend_app_host {
    struct wend_handler handler;
    struct wend_app_settings settings;
    const struct wend_app_engine *engine;
    void *app;
    struct wend_loop *loop;
    struct wend_body_settings body;
    struct wend_app_queue queue;
    struct wend_timer nudge;
    bool nudging, yielding;
    bool calling; /* at the end of this turn */
    bool drowsy;  /* the loop sleeps, and does not listen meanwhile */
    int core;     /* where an application's thread ran when it took its last request */
    pthread_t *threads;
    unsigned threads_started;
    uint64_t requests;                    /* for the application */
    uint64_t requests_before, all_before; /* when computes() was asked last */
    unsigned listening;
};

/* --- on a thread ------------------------------------------------------------------------------ */

/* While requests wait, the loop turns every WEND_APP_NUDGE_MS at least: what a finished one leaves
 * to be done can wait for that. Waking the loop for it would take the processor from the next. */
void wend_app_job_end(struct wend_app_job *job, enum wend_code code)
{
    if (wend_app_queue_waiting(&job->host->queue) != 0)
        wend_exchange_return_quietly(job->x, code);
    else
        wend_exchange_return(job->x, code);
}

static void run_job(struct wend_app_host *host, void *thread, struct wend_app_job *job)
{
    struct wend_exchange *x = job->x;

    __atomic_store_n(&host->core, sched_getcpu(), __ATOMIC_RELAXED);
    wend_span_end(x->task->trace, job->queue_span, (int64_t)wend_app_queue_waiting(&host->queue));
    if (wend_exchange_client_gone(x)) {
        wend_exchange_return(x, WEND_E_CLOSED);
        return;
    }
    if (__atomic_load_n(&host->drowsy, __ATOMIC_RELAXED))
        wend_exchange_hold(x);
    host->engine->run(thread, job);
}

static void *thread_main(void *arg)
{
    struct wend_app_host *host = arg;
    void *thread = host->engine->thread_start(host->app);
    struct wend_app_job *job;

    wend_app_queue_join(&host->queue);
    for (;;) {
        job = wend_app_queue_try(&host->queue);
        if (job == NULL) {
            if (__atomic_load_n(&host->yielding, __ATOMIC_RELAXED))
                wend_loop_wake(host->loop); /* there may be more */
            host->engine->rest(thread);
            job = wend_app_queue_take(&host->queue);
        }
        if (job == NULL)
            break;
        run_job(host, thread, job);
    }
    wend_app_queue_leave(&host->queue);
    host->engine->thread_stop(thread);
    wend_arena_thread_release();
    return NULL;
}

/* --- on the loop ------------------------------------------------------------------------------ */

/* While requests queue, and nothing else is asked for, a core that the loop shares with the
 * interpreter is the interpreter's. See docs/decisions/0041-the-loop-beside-an-interpreter.md. */
static bool computes(void *arg)
{
    struct wend_app_host *host = arg;
    uint64_t all = wend_h1_requests();
    bool drowsy;

    if (all - host->all_before > host->requests - host->requests_before)
        host->listening = LISTENING_SLEEPS; /* some were for somebody else */
    host->all_before = all;
    host->requests_before = host->requests;
    drowsy = host->listening == 0 && wend_app_queue_waiting(&host->queue) != 0 &&
             __atomic_load_n(&host->core, __ATOMIC_RELAXED) == sched_getcpu();
    host->listening -= host->listening != 0;
    __atomic_store_n(&host->drowsy, drowsy, __ATOMIC_RELAXED);
    return drowsy;
}

static void set_yielding(struct wend_app_host *host, bool yielding)
{
    if (host->yielding == yielding)
        return;
    __atomic_store_n(&host->yielding, yielding, __ATOMIC_RELAXED);
    __atomic_store_n(&host->drowsy, false, __ATOMIC_RELAXED);
    wend_loop_drowse(host->loop, yielding ? computes : NULL, host);
}

static void nudge_later(struct wend_app_host *host)
{
    if (host->nudging)
        return;
    host->nudging = true;
    wend_timer_start(host->loop, &host->nudge,
                     wend_clock_monotonic_ns() + WEND_APP_NUDGE_MS * WEND_NS_PER_MS);
}

static void nudge_fired(struct wend_timer *timer)
{
    struct wend_app_host *host = WEND_OF(timer, struct wend_app_host, nudge);

    host->nudging = false;
    if (wend_app_queue_nudge(&host->queue, host->engine->busy()))
        nudge_later(host);
    else
        set_yielding(host, false);
}

static enum wend_code refuse(struct wend_app_host *host, struct wend_exchange *x)
{
    wend_log(wend_log_process, WEND_LOG_ERROR, x->conn->number, 0,
             "app %.*s: %zu requests wait for a thread already; answered 503",
             WEND_STR_ARG(host->settings.name), host->queue.room);
    x->response.status = 503;
    (void)!wend_fields_add_name(&x->response.fields, &x->task->arena, WEND_STR("Retry-After"),
                                WEND_STR(WEND_APP_RETRY_AFTER));
    return WEND_OK;
}

/* Where no edge chose them before. */
static const struct wend_filter *const filters[] = {&wend_filter_timing, NULL};

static void call_now(void *arg)
{
    struct wend_app_host *host = arg;

    host->calling = false;
    wend_app_queue_call(&host->queue);
}

/* A thread that is woken takes the loop's core if it ran there last, serves one request, and sleeps
 * while the loop reads the next: two switches for each. So it is woken when the loop has read all
 * that came in this turn. On a core of its own it can begin at once. */
static void call_soon(struct wend_app_host *host)
{
    if (host->calling)
        return;
    if (__atomic_load_n(&host->core, __ATOMIC_RELAXED) != sched_getcpu()) {
        wend_app_queue_call(&host->queue);
        return;
    }
    host->calling = true;
    wend_loop_later(host->loop, call_now, host);
}

static enum wend_code serve(const struct wend_handler *self, struct wend_exchange *x)
{
    struct wend_app_host *host = WEND_OF(self, struct wend_app_host, handler);
    struct wend_app_job job = {.host = host, .x = x};
    enum wend_code code = WEND_OK;

    if (x->filters == NULL)
        x->filters = filters;
    if (host->settings.place != NULL)
        host->settings.place(x, &job.place);
    if (!x->body_read)
        code = wend_body_collect(x, &host->body, &job.body);
    if (code != WEND_OK)
        return code;
    /* Only this thread pushes, so there is room now if there is room here. */
    if (wend_app_queue_waiting(&host->queue) >= host->queue.room)
        return refuse(host, x);
    code = wend_exchange_offer(x);
    if (code != WEND_OK)
        return code;
    host->requests++;
    job.queue_span = wend_span_begin(x->task->trace, WEND_EV_QUEUE);
    if (!wend_app_queue_push(&host->queue, &job))
        wend_die("an application's queue that had room");
    call_soon(host);
    nudge_later(host);
    if (wend_app_queue_waiting(&host->queue) >= QUEUED)
        set_yielding(host, true);
    return wend_exchange_lend(x);
}

/* --- start and stop --------------------------------------------------------------------------- */

/* The application's threads take no signals: those are the loop's. */
static enum wend_code start_threads(struct wend_app_host *host)
{
    unsigned wanted = host->settings.threads;
    sigset_t all, before;
    int error = 0;

    host->threads = calloc(wanted, sizeof(*host->threads));
    if (host->threads == NULL)
        wend_die("calloc of an application's threads");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (host->threads_started < wanted && error == 0) {
        error = pthread_create(&host->threads[host->threads_started], NULL, thread_main, host);
        host->threads_started += error == 0;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        return WEND_OK;
    wend_log(wend_log_process, WEND_LOG_EMERG, 0, error, "app %.*s: only %u of %u threads started",
             WEND_STR_ARG(host->settings.name), host->threads_started, wanted);
    return host->threads_started == 0 ? WEND_E_LIMIT : WEND_OK;
}

static void fill_in_defaults(struct wend_app_host *host)
{
    struct wend_app_settings *settings = &host->settings;

    if (settings->threads == 0)
        settings->threads = WEND_APP_THREADS_DEFAULT;
    if (settings->threads > WEND_APP_THREADS_MAX)
        settings->threads = WEND_APP_THREADS_MAX;
    if (settings->queue_max == 0)
        settings->queue_max = WEND_APP_QUEUE_DEFAULT;
    host->body = wend_body_settings_default;
    host->body.memory_bytes =
        settings->body_memory_bytes != 0 ? settings->body_memory_bytes : WEND_APP_BODY_MEMORY;
    if (settings->body_directory != NULL)
        host->body.directory = settings->body_directory;
}

static struct wend_app_host *new_host(const struct wend_app_settings *settings,
                                      const struct wend_app_engine *engine, struct wend_loop *loop)
{
    struct wend_app_host *host = calloc(1, sizeof(*host));

    if (host == NULL)
        wend_die("calloc of an application's host");
    host->handler = (struct wend_handler){engine->name, serve};
    host->settings = *settings;
    host->engine = engine;
    host->loop = loop;
    host->nudge.fire = nudge_fired;
    fill_in_defaults(host);
    return host;
}

static enum wend_code begin(struct wend_app_host *host, struct wend_app_host **out)
{
    wend_app_queue_init(&host->queue, host->settings.queue_max);
    *out = host;
    return start_threads(host);
}

enum wend_code wend_app_host_start(const struct wend_app_settings *settings,
                                   const struct wend_app_engine *engine, struct wend_loop *loop,
                                   struct wend_app_host **out)
{
    struct wend_app_host *host = new_host(settings, engine, loop);
    enum wend_code code = engine->load(&host->settings, &host->app);

    if (code == WEND_OK)
        return begin(host, out);
    free(host);
    return code;
}

enum wend_code wend_app_host_adopt(const struct wend_app_settings *settings,
                                   const struct wend_app_engine *engine, void *app,
                                   struct wend_loop *loop, struct wend_app_host **out)
{
    struct wend_app_host *host = new_host(settings, engine, loop);

    host->app = app;
    return begin(host, out);
}

const struct wend_handler *wend_app_host_handler(const struct wend_app_host *host)
{
    return &host->handler;
}

bool wend_app_host_stop(struct wend_app_host *host, int timeout_ms)
{
    struct timespec until;
    bool all = true;

    wend_timer_stop(host->loop, &host->nudge);
    set_yielding(host, false);
    wend_app_queue_close(&host->queue);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += timeout_ms / 1000;
    for (unsigned i = 0; i < host->threads_started; i++)
        all = pthread_timedjoin_np(host->threads[i], NULL, &until) == 0 && all;
    if (!all)
        return false;
    host->engine->stop(host->app, timeout_ms);
    wend_app_queue_release(&host->queue);
    free(host->threads);
    free(host);
    return true;
}
