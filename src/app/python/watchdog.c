/* app/python/watchdog.c - says why the server does not come up: an import that does not end.
 *
 * After WEND_PY_IMPORT_PATIENCE_MS it tells at which line the import is, and when the process has a
 * listening socket that it did not have before, what that most likely means: the module starts a
 * server of its own. It only talks; how long to wait is the master's decision.
 */
#include "app/python/python.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

#define DESCRIPTORS_MAX 4096

struct wend_py_watchdog {
    const struct wend_app_settings *settings;
    PyThreadState *importing;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stopped;
    bool stop, started;
    bool listened[DESCRIPTORS_MAX]; /* before the import */
};

static bool listens(int fd)
{
    int yes = 0;
    socklen_t len = sizeof(yes);

    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 && yes != 0;
}

/* Calls seen(fd) for each descriptor that listens. */
static void each_listener(void (*seen)(void *arg, int fd), void *arg)
{
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry = directory == NULL ? NULL : readdir(directory);

    for (; entry != NULL; entry = readdir(directory)) {
        int fd = atoi(entry->d_name);

        if (entry->d_name[0] != '.' && fd < DESCRIPTORS_MAX && listens(fd))
            seen(arg, fd);
    }
    if (directory != NULL)
        closedir(directory);
}

static void remember(void *arg, int fd)
{
    ((struct wend_py_watchdog *)arg)->listened[fd] = true;
}

static void tell_listener(void *arg, int fd)
{
    struct wend_py_watchdog *dog = arg;
    struct wend_address address;
    char text[WEND_ADDRESS_TEXT_MAX];

    if (dog->listened[fd])
        return;
    wend_address_of_local(fd, &address);
    wend_log(
        wend_log_process, WEND_LOG_ERROR, 0, 0,
        "app %.*s: while it was imported it began to listen on %.*s. It seems to start a server of "
        "its own; put that under `if __name__ == \"__main__\":`",
        WEND_STR_ARG(dog->settings->name), (int)wend_address_write(&address, text), text);
}

/* The GIL comes when the import waits in a system call or computes in Python; an extension that
 * holds it leaves us waiting here, after the first message was said. */
static void tell_place(struct wend_py_watchdog *dog)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *frame = (PyObject *)PyThreadState_GetFrame(dog->importing);
    PyObject *text = wend_py_host_call("where", "(O)", frame != NULL ? frame : Py_None);

    if (text != NULL && PyBytes_Check(text))
        wend_py_log_lines(dog->settings, 0, WEND_LOG_WARN,
                          wend_str_make(PyBytes_AS_STRING(text), (size_t)PyBytes_GET_SIZE(text)));
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(frame);
    PyGILState_Release(state);
}

static void *watch(void *arg)
{
    struct wend_py_watchdog *dog = arg;
    struct timespec until;
    bool late = false;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WEND_PY_IMPORT_PATIENCE_MS / 1000;
    pthread_mutex_lock(&dog->lock);
    while (!dog->stop && !late)
        late = pthread_cond_timedwait(&dog->stopped, &dog->lock, &until) == ETIMEDOUT;
    late = !dog->stop;
    pthread_mutex_unlock(&dog->lock);
    if (!late)
        return NULL;
    wend_log(wend_log_process, WEND_LOG_WARN, 0, 0,
             "app %.*s: its import takes more than %d s; waiting for it",
             WEND_STR_ARG(dog->settings->name), WEND_PY_IMPORT_PATIENCE_MS / 1000);
    each_listener(tell_listener, dog);
    tell_place(dog);
    return NULL;
}

struct wend_py_watchdog *wend_py_watchdog_start(const struct wend_app_settings *settings)
{
    struct wend_py_watchdog *dog = calloc(1, sizeof(*dog));

    if (dog == NULL)
        return NULL;
    dog->settings = settings;
    dog->importing = PyThreadState_Get();
    pthread_mutex_init(&dog->lock, NULL);
    pthread_cond_init(&dog->stopped, NULL);
    each_listener(remember, dog);
    dog->started = pthread_create(&dog->thread, NULL, watch, dog) == 0;
    return dog;
}

void wend_py_watchdog_stop(struct wend_py_watchdog *dog)
{
    PyObject *type, *value, *traceback;

    if (dog == NULL)
        return;
    PyErr_Fetch(&type, &value, &traceback);
    pthread_mutex_lock(&dog->lock);
    dog->stop = true;
    pthread_cond_signal(&dog->stopped);
    pthread_mutex_unlock(&dog->lock);
    Py_BEGIN_ALLOW_THREADS
        if (dog->started)
            pthread_join(dog->thread, NULL);
    Py_END_ALLOW_THREADS
    PyErr_Restore(type, value, traceback);
    pthread_mutex_destroy(&dog->lock);
    pthread_cond_destroy(&dog->stopped);
    free(dog);
}
