/* app/python/engine.h - the Python engine, for those who do not know Python.h. */
#ifndef WEND_APP_PYTHON_ENGINE_H
#define WEND_APP_PYTHON_ENGINE_H

#include "app/engine.h"

extern const struct wend_app_engine wend_python_engine;

/* --- forking: a zygote loads, then each of its processes is a fork ------------------------------
 *
 * Once after load: warns of threads, which no fork has, and takes what was imported out of the
 * garbage collector's sight, so that its pages stay shared. */
void wend_python_prepare_fork(const struct wend_app_settings *settings);
/* Around each fork(), on the thread that loaded: os.register_at_fork's functions run. */
void wend_python_before_fork(void);
void wend_python_after_fork(bool in_child);

/* After load. Where the application's static files are: calls `found` for each (URL prefix,
 * folder), in the order in which they are to be tried. In development every folder that Django's
 * staticfiles finders know, else STATIC_ROOT. Texts live as long as the process. */
void wend_python_static_folders(bool development,
                                void (*found)(void *arg, struct wend_str prefix,
                                              struct wend_str folder),
                                void *arg);

/* After load. Watches the files of all modules that were not installed with the interpreter or into
 * site-packages; calls changed(arg, path) each time, from a thread of its own. */
void wend_python_watch(void (*changed)(void *arg, const char *path), void *arg);

#endif
