/* app/engine.h - what the host asks of an interpreter: the border behind which Python.h lives.
 *
 * What it is for. app/host.c moves requests to threads and knows no language; an engine runs them.
 * wend-python3.11 contains the one of app/python/.
 *
 * Threads. `load` and `stop` are called on the loop's thread; thread_start .. thread_stop on each
 * worker thread, which has all signals blocked. `run` may keep the interpreter for the next run;
 * `rest` gives it back before the thread sleeps.
 */
#ifndef WEND_APP_ENGINE_H
#define WEND_APP_ENGINE_H

#include "app/app.h"
#include "http/body_buffer.h"

/* A request in the hands of a thread. Lives on the stack of the task that lent the exchange. */
struct wend_app_job {
    struct wend_app_host *host;
    struct wend_exchange *x;
    struct wend_body body;
    struct wend_app_place place;
    uint16_t queue_span;
};

/* Gives the exchange back to its loop; the job is gone. */
void wend_app_job_end(struct wend_app_job *job, enum wend_code code);

struct wend_app_engine {
    const char *name;
    /* Imports the application. What is wrong was logged, with advice, when it is not WEND_OK. */
    enum wend_code (*load)(const struct wend_app_settings *settings, void **app);
    void *(*thread_start)(void *app);
    void (*thread_stop)(void *thread);
    /* Runs the application and answers; ends with wend_app_job_end() in every case. */
    void (*run)(void *thread, struct wend_app_job *job);
    void (*rest)(void *thread);
    /* Whether some thread computes in the interpreter now. A glance, from any thread. */
    bool (*busy)(void);
    /* At-exit functions, at most timeout_ms. The process ends afterwards. */
    void (*stop)(void *app, int timeout_ms);
};

#endif
