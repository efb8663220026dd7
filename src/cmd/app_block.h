/* cmd/app_block.h - an `app NAME { ... }` block: its words, and the pool it may become.
 *
 * What it is for. `wend` and wend-python3.11 read the same blocks. A pool needs no Python in the
 * process that reads them: the master executes wend-python3.11 as the pool's zygote
 * (cmd/python_zygote.c), and the workers hold a client (gateway/pool_client.h).
 *
 * Words. Those of app/app.h, and
 *     mode inline|pool    default: inline for the only application, pool where there are several
 *     isolate on          the same as mode pool
 *     processes N         of a pool; default: one per CPU
 *     user U, group G     of a pool; default: the workers'
 */
#ifndef WEND_CMD_APP_BLOCK_H
#define WEND_CMD_APP_BLOCK_H

#include "app/app.h"
#include "edge/app.h"

struct wend_pool;

/* app->settings begins with one. */
struct wend_app_block {
    struct wend_app_settings settings;
    struct wend_pool *pool; /* in a worker; NULL: none */
};

/* Row `index` of all words a block may have; false beyond the last. */
bool wend_app_block_word(size_t index, struct wend_app_word *out);

enum wend_code wend_app_block_read(struct wend_conf *conf,
                                   struct wend_edge_app *app) WEND_MUST_CHECK;
/* app->pooled is decided now. */
enum wend_code wend_app_block_settle(struct wend_conf *conf,
                                     struct wend_edge_app *app) WEND_MUST_CHECK;

/* In a worker. */
void wend_app_pool_start(struct wend_edge_app *app, struct wend_loop *loop, unsigned slot);
void wend_app_pool_stop(struct wend_edge_app *app);
/* In a child of the master; returns an exit status when it fails. */
int wend_app_pool_execute(const struct wend_edge_app *app, struct wend_str log, int log_level);

#endif
