/* fiber/offload.c - a small pool of threads behind one queue. Threads are made when work waits and
 * none is idle, up to WEND_OFFLOAD_THREADS. */
#include "fiber/offload.h"

#include <pthread.h>
#include <signal.h>

struct job {
    struct wend_post post;
    struct job *next;
    struct wend_task *task;
    enum wend_code (*work)(void *arg);
    void *arg;
    enum wend_code result;
    bool done;
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *first, **last;
    size_t waiting, idle, threads;
    bool stopping;
    pthread_t ids[WEND_OFFLOAD_THREADS];
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .last = &pool.first};

static void delivered(struct wend_post *post)
{
    struct job *job = WEND_OF(post, struct job, post);

    job->done = true;
    if (job->task->suspended)
        wend_task_wake(job->task, WEND_OK);
}

static struct job *take(void)
{
    struct job *job;

    pool.idle++;
    while (pool.first == NULL && !pool.stopping)
        pthread_cond_wait(&pool.more, &pool.lock);
    pool.idle--;
    job = pool.first;
    if (job != NULL) {
        pool.first = job->next;
        if (pool.first == NULL)
            pool.last = &pool.first;
        pool.waiting--;
    }
    return job;
}

static void *run_jobs(void *unused)
{
    (void)unused;
    for (;;) {
        struct job *job;

        pthread_mutex_lock(&pool.lock);
        job = take();
        pthread_mutex_unlock(&pool.lock);
        if (job == NULL)
            return NULL;
        job->result = job->work(job->arg);
        wend_loop_post(job->task->loop, &job->post);
    }
}

/* Called with the lock held. Signals stay with the threads that expect them. */
static void add_thread(void)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    if (pthread_create(&pool.ids[pool.threads], NULL, run_jobs, NULL) == 0)
        pool.threads++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static enum wend_code submit(struct job *job)
{
    enum wend_code code = WEND_OK;

    pthread_mutex_lock(&pool.lock);
    if (pool.waiting == WEND_OFFLOAD_QUEUE || pool.stopping) {
        code = WEND_E_LIMIT;
    } else {
        if (pool.idle <= pool.waiting && pool.threads < WEND_OFFLOAD_THREADS)
            add_thread();
        if (pool.threads == 0)
            code = WEND_E_LIMIT;
    }
    if (code == WEND_OK) {
        *pool.last = job;
        pool.last = &job->next;
        pool.waiting++;
        pthread_cond_signal(&pool.more);
    }
    pthread_mutex_unlock(&pool.lock);
    return code;
}

enum wend_code wend_offload(struct wend_task *task, enum wend_code (*work)(void *arg), void *arg)
{
    struct job job = {.post.deliver = delivered, .task = task, .work = work, .arg = arg};
    bool cancelled = task->cancelled;
    int64_t deadline_ns = task->deadline_ns;
    enum wend_code code = submit(&job);

    if (code != WEND_OK)
        return code;
    /* The job lives on this stack, so nothing may end this wait but the job's own end. */
    while (!job.done) {
        task->cancelled = false;
        task->deadline_ns = WEND_NEVER;
        (void)!wend_task_suspend(task, WEND_NEVER);
        cancelled |= task->cancelled;
    }
    task->cancelled = cancelled;
    task->deadline_ns = deadline_ns;
    return job.result;
}

void wend_offload_stop(void)
{
    pthread_mutex_lock(&pool.lock);
    pool.stopping = true;
    pthread_cond_broadcast(&pool.more);
    pthread_mutex_unlock(&pool.lock);
    for (size_t i = 0; i < pool.threads; i++)
        pthread_join(pool.ids[i], NULL);
    pool.threads = 0;
    pool.stopping = false;
}
