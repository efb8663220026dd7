/* app/python/engine.c - one request in the interpreter, from environ to close().
 *
 *   take the GIL ─ environ ─ call ─ [ release ─ send ─ take ]* ─ close() ─ return the exchange
 *
 * A thread keeps the GIL between requests while there is a next one. The exchange goes back to its
 * loop as soon as the application can do nothing more to it, before its objects are freed.
 */
#include "app/python/engine.h"

#include "app/python/python.h"
#include "http/h1_server.h"

/* --- threads ---------------------------------------------------------------------------------- */

static void hold(struct wend_py_thread *thread)
{
    if (thread->holds)
        return;
    PyEval_RestoreThread(thread->state);
    thread->holds = true;
}

static void rest(void *arg)
{
    struct wend_py_thread *thread = arg;

    if (!thread->holds)
        return;
    (void)PyEval_SaveThread();
    thread->holds = false;
}

static void *thread_start(void *arg)
{
    struct wend_py_thread *thread = PyMem_RawCalloc(1, sizeof(*thread));

    if (thread == NULL)
        Py_FatalError("no memory for a thread");
    thread->call.app = arg;
    thread->call.thread = thread;
    thread->state = PyThreadState_New(PyInterpreterState_Main());
    hold(thread);
    thread->start_response = wend_py_start_response_new(&thread->call);
    thread->write = wend_py_write_new(&thread->call);
    thread->errors = wend_py_errors_new(&thread->call);
    if (thread->start_response == NULL || thread->write == NULL || thread->errors == NULL)
        Py_FatalError("no memory for a thread's objects");
    rest(thread);
    return thread;
}

static void thread_stop(void *arg)
{
    struct wend_py_thread *thread = arg;

    hold(thread);
    wend_py_callable_detach(thread->start_response);
    wend_py_callable_detach(thread->write);
    wend_py_errors_detach(thread->errors);
    Py_CLEAR(thread->start_response);
    Py_CLEAR(thread->write);
    Py_CLEAR(thread->errors);
    PyThreadState_Clear(thread->state);
    PyThreadState_DeleteCurrent();
    PyMem_RawFree(thread);
}

/* Who holds the GIL, without taking it: exported for debuggers. */
static bool busy(void)
{
    return _PyThreadState_UncheckedGet() != NULL;
}

/* --- a request -------------------------------------------------------------------------------- */

static PyObject *call_application(struct wend_py_call *call, PyObject *env)
{
    PyObject *args[] = {NULL, env, call->thread->start_response};

    return PyObject_Vectorcall(call->app->callable, args + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET,
                               NULL);
}

/* The application's objects that know the request forget it; one that the application kept for
 * itself is replaced, so that a late call can never reach the next request. */
static void let_go(struct wend_py_call *call, PyObject *input)
{
    struct wend_py_thread *thread = call->thread;

    if (input != NULL)
        wend_py_input_detach(input);
    wend_py_errors_flush(thread->errors);
    if (Py_REFCNT(thread->start_response) != 1) {
        wend_py_callable_detach(thread->start_response);
        Py_SETREF(thread->start_response, wend_py_start_response_new(call));
    }
    if (Py_REFCNT(thread->write) != 1) {
        wend_py_callable_detach(thread->write);
        Py_SETREF(thread->write, wend_py_write_new(call));
    }
    if (thread->start_response == NULL || thread->write == NULL)
        Py_FatalError("no memory for a thread's objects");
}

static void give_back(struct wend_py_call *call)
{
    struct wend_app_job *job = call->job;
    enum wend_code code = call->code;

    if ((call->failed || code == WEND_E_APP) && !call->complete) {
        wend_respond_torn(job->x);
        code = WEND_E_APP;
    }
    call->job = NULL;
    wend_app_job_end(job, code);
}

static void run_python(struct wend_py_call *call)
{
    struct wend_trace *trace = call->job->x->task->trace;
    uint16_t span = wend_span_begin(trace, WEND_EV_PYTHON);
    PyObject *input = wend_py_input_new(&call->job->body);
    PyObject *env = input == NULL ? NULL : wend_py_environ_new(call, input);
    PyObject *result = env == NULL ? NULL : call_application(call, env);

    wend_span_note(trace, span, call->app->settings->name);
    wend_span_end(trace, span, call->job->x->response.status);
    if (result == NULL || !wend_py_send_result(call, result))
        wend_py_fail(call, env);
    if (result != NULL)
        wend_py_close_result(call, result);
    let_go(call, input);
    give_back(call);
    Py_XDECREF(result);
    Py_XDECREF(env);
    Py_XDECREF(input);
}

static void run(void *arg, struct wend_app_job *job)
{
    struct wend_py_thread *thread = arg;
    struct wend_py_call *call = &thread->call;

    hold(thread);
    call->job = job;
    call->content_length = -1;
    call->sent = 0;
    call->started = call->head_sent = call->complete = call->failed = false;
    call->code = WEND_OK;
    run_python(call);
}

const struct wend_app_engine wend_python_engine = {
    .name = "python",
    .load = wend_py_load,
    .thread_start = thread_start,
    .thread_stop = thread_stop,
    .run = run,
    .rest = rest,
    .busy = busy,
    .stop = wend_py_stop,
};
