/* app/host.h - an application as a handler: requests from the loop to threads and back.
 *
 * What it is for. serve() runs on the exchange's task: it collects the request body, lends the
 * exchange to one of the application's threads and suspends. The thread runs the application and
 * writes the response itself. Requests go to threads, not connections: an idle connection occupies
 * none.
 *
 *   loop's thread   body ─► offer ─► queue ─► (suspended) ─────────────► next request
 *   app's thread                       └─► environ ─► call ─► send ─► return
 *
 * Who owns what. The host owns its threads and its queue; the engine owns the application.
 *
 * What it promises. Both directions are bounded: beyond queue_max waiting requests the answer is
 * 503 with Retry-After, and a thread waits for its own client's window, up to send_timeout_ms. A
 * request whose client left while it waited is dropped (499) before the application sees it.
 *
 * Trace. request body, queue, python, iterate.
 */
#ifndef WEND_APP_HOST_H
#define WEND_APP_HOST_H

#include "app/engine.h"
#include "http/handler.h"

#define WEND_APP_RETRY_AFTER "1" /* seconds, with a 503 */

struct wend_app_host;

/* Loads the application and starts its threads; blocks while it imports. */
enum wend_code wend_app_host_start(const struct wend_app_settings *settings,
                                   const struct wend_app_engine *engine, struct wend_loop *loop,
                                   struct wend_app_host **out) WEND_MUST_CHECK;
/* The same with an application that is loaded already (in the process this one was forked from). */
enum wend_code wend_app_host_adopt(const struct wend_app_settings *settings,
                                   const struct wend_app_engine *engine, void *app,
                                   struct wend_loop *loop,
                                   struct wend_app_host **out) WEND_MUST_CHECK;
const struct wend_handler *wend_app_host_handler(const struct wend_app_host *host);

/* Ends the threads once their requests are done, waits at most timeout_ms for them, then runs the
 * engine's stop. False when a thread is still busy: the process can only _exit(). */
bool wend_app_host_stop(struct wend_app_host *host, int timeout_ms);

#endif
