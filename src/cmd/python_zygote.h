/* cmd/python_zygote.h - the first process of a pool: imports once, forks the others, replaces them.
 *
 * What it is for. The master executes wend-python3.11 with the words of an `app` block and the
 * pool's ends of its rendezvous (cmd/app_block.h). The zygote loads the application while it has
 * one thread, then is a small master of its own (net/process.h) whose workers are forks: a
 * replacement for a crashed one costs a fork and no import.
 *
 *     master ─► zygote: import ─► fork ─► process 0, its threads ◄═══ edge workers
 *                              └► fork ─► process 1, its threads ◄═══ edge workers
 *
 * What it promises. It says that it is ready when all of its processes are. It ends with
 * WEND_EXIT_FATAL when the application cannot be imported, after the log says why. A process ends
 * by itself when no edge worker is left that could ask it: so the requests of a drained generation
 * are answered however long they take.
 */
#ifndef WEND_CMD_PYTHON_ZYGOTE_H
#define WEND_CMD_PYTHON_ZYGOTE_H

#include "net/handover.h"
#include "net/process.h"

/* Whether the hand-over is one of a pool. */
bool wend_python_is_zygote(const struct wend_handover *handover);
/* The whole life: the exit status. Must be called before anything starts a thread or a loop. */
int wend_python_zygote(struct wend_worker *above, const struct wend_handover *handover,
                       struct wend_arena *arena);

#endif
