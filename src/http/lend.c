/* http/lend.c - an exchange in the hands of a foreign thread; see http/h1_server.h.
 *
 * The loan lives on the stack of the suspended task. The thread asks with a post and sleeps until
 * the task has done what it asked; returning the exchange is the last post. The alternative, a lock
 * around every exchange, would be paid by those that never leave their loop.
 */
#include "base/assert.h"
#include "http/h1_conn.h"

#include <pthread.h>

enum loan_request { LOAN_NOTHING, LOAN_SEND, LOAN_READ, LOAN_RETURN };

struct wend_loan {
    struct wend_post post;
    struct wend_task *task;
    enum loan_request request; /* the thread's, posted with it */
    enum loan_request asked; /* the same once it was delivered: the task looks at this one alone */
    bool waiting;            /* the task suspends for it */
    bool hold;               /* the loop turns soon and sends cheaper */
    struct wend_str held;    /* a whole answer's body, to be sent with the return */
    bool has_held;
    enum wend_code code;
    /* of LOAN_SEND */
    const struct wend_piece *pieces;
    size_t count;
    bool last;
    /* of LOAN_READ */
    void *into;
    size_t room, got;
    /* the thread sleeps here */
    pthread_mutex_t lock;
    pthread_cond_t answered;
    bool done;
};

static void delivered(struct wend_post *post)
{
    struct wend_loan *loan = WEND_OF(post, struct wend_loan, post);

    WEND_ASSERT(loan->asked == LOAN_NOTHING);
    loan->asked = loan->request;
    if (loan->waiting)
        wend_task_wake(loan->task, WEND_OK);
}

static void carry_out(struct wend_exchange *x, struct wend_loan *loan)
{
    enum wend_code code;

    if (loan->asked == LOAN_SEND)
        code = wend_respond(x, loan->pieces, loan->count, loan->last);
    else
        code = wend_body_read(x, loan->into, loan->room, &loan->got);
    loan->asked = LOAN_NOTHING;
    pthread_mutex_lock(&loan->lock);
    loan->code = code;
    loan->done = true;
    pthread_cond_signal(&loan->answered);
    pthread_mutex_unlock(&loan->lock);
}

enum wend_code wend_exchange_lend(struct wend_exchange *x)
{
    struct wend_task *task = x->task;
    struct wend_loan *loan = x->loan;
    bool cancelled = task->cancelled;
    int64_t deadline_ns = task->deadline_ns;
    enum wend_code code;

    WEND_ASSERT(loan != NULL);
    while (loan->asked != LOAN_RETURN) {
        task->cancelled = false;
        task->deadline_ns = WEND_NEVER;
        loan->waiting = true;
        if (loan->asked == LOAN_NOTHING)
            (void)!wend_task_suspend(task, WEND_NEVER);
        loan->waiting = false;
        cancelled |= task->cancelled;
        task->cancelled = cancelled;
        task->deadline_ns = deadline_ns;
        if (loan->asked == LOAN_SEND || loan->asked == LOAN_READ)
            carry_out(x, loan);
    }
    code = loan->code;
    if (loan->has_held) {
        struct wend_piece piece = wend_piece_of(loan->held);
        enum wend_code sent = wend_respond(x, &piece, loan->held.len != 0 ? 1 : 0, true);

        code = code == WEND_OK ? sent : code;
    }
    pthread_mutex_destroy(&loan->lock);
    pthread_cond_destroy(&loan->answered);
    x->loan = NULL;
    return code;
}

enum wend_code wend_exchange_offer(struct wend_exchange *x)
{
    struct wend_loan *loan = WEND_NEW(&x->task->arena, struct wend_loan);

    if (loan == NULL)
        return wend_fail(x->task, WEND_E_MEMORY, WEND_STR_NULL, "no room to lend an exchange");
    loan->post.deliver = delivered;
    loan->task = x->task;
    pthread_mutex_init(&loan->lock, NULL);
    pthread_cond_init(&loan->answered, NULL);
    x->loan = loan;
    return WEND_OK;
}

void wend_exchange_return(struct wend_exchange *x, enum wend_code code)
{
    struct wend_loan *loan = x->loan;

    loan->code = code;
    loan->request = LOAN_RETURN;
    wend_loop_post(loan->task->loop, &loan->post);
}

void wend_exchange_return_quietly(struct wend_exchange *x, enum wend_code code)
{
    struct wend_loan *loan = x->loan;
    bool is_out = !loan->has_held && x->codec == &wend_h1_codec && x->state == WEND_X_DONE &&
                  h1_stream_of(x)->keep_alive;

    if (!is_out && !(loan->hold && loan->has_held)) {
        wend_exchange_return(x, code);
        return;
    }
    loan->code = code;
    loan->request = LOAN_RETURN;
    wend_loop_post_quietly(loan->task->loop, &loan->post);
}

static enum wend_code ask(struct wend_loan *loan, enum loan_request request)
{
    loan->done = false;
    loan->request = request;
    wend_loop_post(loan->task->loop, &loan->post);
    pthread_mutex_lock(&loan->lock);
    while (!loan->done)
        pthread_cond_wait(&loan->answered, &loan->lock);
    pthread_mutex_unlock(&loan->lock);
    return loan->code;
}

/* The socket is the thread's to write while it has the exchange: nobody else uses it, and no filter
 * of the connection needs the loop. */
static bool writes_itself(const struct wend_exchange *x)
{
    return x->codec == &wend_h1_codec && x->conn->filter == NULL;
}

void wend_exchange_hold(struct wend_exchange *x)
{
    x->loan->hold = true;
}

/* A whole answer, small and in memory, can go over to the loop with the exchange: one hop and no
 * wait for the thread. The bytes are copied, since the pieces are the caller's. */
static bool hold_answer(struct wend_exchange *x, const struct wend_piece *pieces, size_t count)
{
    struct wend_loan *loan = x->loan;
    size_t bytes = 0;
    char *at;

    for (size_t i = 0; i < count; i++) {
        if (pieces[i].kind != WEND_PIECE_MEMORY)
            return false;
        bytes += pieces[i].len;
    }
    if (bytes > WEND_LOAN_HELD_BYTES)
        return false;
    at = wend_arena_alloc(&x->task->arena, bytes);
    if (at == NULL)
        return false;
    loan->held = wend_str_make(at, bytes);
    loan->has_held = true;
    for (size_t i = 0; i < count; i++) {
        memcpy(at, pieces[i].memory, pieces[i].len);
        at += pieces[i].len;
    }
    return true;
}

enum wend_code wend_respond_from_thread(struct wend_exchange *x, const struct wend_piece *pieces,
                                        size_t count, bool last)
{
    struct wend_loan *loan = x->loan;
    enum wend_code code;

    if (last && x->state == WEND_X_REQUEST && (loan->hold || !writes_itself(x)) &&
        hold_answer(x, pieces, count))
        return WEND_OK;
    if (writes_itself(x)) {
        h1_stream_of(x)->on_thread = true;
        code = wend_respond(x, pieces, count, last);
        h1_stream_of(x)->on_thread = false;
        return code;
    }
    loan->pieces = pieces;
    loan->count = count;
    loan->last = last;
    return ask(loan, LOAN_SEND);
}

enum wend_code wend_body_read_from_thread(struct wend_exchange *x, void *into, size_t room,
                                          size_t *got)
{
    struct wend_loan *loan = x->loan;
    enum wend_code code;

    loan->into = into;
    loan->room = room;
    code = ask(loan, LOAN_READ);
    *got = loan->got;
    return code;
}

bool wend_exchange_client_gone(const struct wend_exchange *x)
{
    return __atomic_load_n(&x->conn->io.broken, __ATOMIC_RELAXED);
}
