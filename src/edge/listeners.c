/* edge/listeners.c - see edge/listeners.h. */
#include "edge/listeners.h"

#include "net/upgrade.h"

#include <time.h>

static struct wend_edge_listen *same_listen(const struct wend_edge *edge,
                                            const struct wend_edge_listen *wanted)
{
    struct wend_edge_listen *listen = edge == NULL ? NULL : edge->listens;

    for (; listen != NULL; listen = listen->next)
        if (listen->listener.fd >= 0 && wend_listen_same(&listen->listener, &wanted->listener))
            return listen;
    return NULL;
}

/* One that was open already, here or in the process before an upgrade. */
static bool keep_open(struct wend_edge_listen *listen, const struct wend_edge *old)
{
    struct wend_edge_listen *before = same_listen(old, listen);

    if (before == NULL)
        return wend_upgrade_inherited() && wend_upgrade_take(&listen->listener);
    listen->listener.fd = before->listener.fd;
    wend_listen_apply(&listen->listener);
    return true;
}

/* WEND_E_EXISTS: nothing is wrong but addresses that somebody else listens on. */
static enum wend_code open_all(const struct wend_edge_server_options *options,
                               struct wend_edge *edge, const struct wend_edge *old)
{
    enum wend_code result = WEND_OK;

    for (struct wend_edge_listen *listen = edge->listens; listen != NULL; listen = listen->next) {
        char message[WEND_LISTEN_MESSAGE_MAX];
        enum wend_code code;

        if (listen->covered_by != NULL || listen->listener.fd >= 0 || keep_open(listen, old))
            continue;
        code = wend_listen_open(&listen->listener, message);
        if (code == WEND_OK)
            continue;
        wend_edge_emerg(&options->edge, message);
        if (code != WEND_E_EXISTS)
            return WEND_E_CONFIG;
        result = code;
    }
    return result;
}

enum wend_code wend_edge_listeners_open(const struct wend_edge_server_options *options,
                                        struct wend_edge *edge, const struct wend_edge *old)
{
    const struct timespec pause = {.tv_nsec = WEND_BIND_PAUSE_MS * WEND_NS_PER_MS};
    enum wend_code code = open_all(options, edge, old);

    for (unsigned tries = 1; code == WEND_E_EXISTS && tries < options->bind_tries; tries++) {
        wend_log(wend_log_process, WEND_LOG_NOTICE, 0, 0, "try again to bind() after %dms",
                 WEND_BIND_PAUSE_MS);
        nanosleep(&pause, NULL);
        code = open_all(options, edge, old);
    }
    if (code == WEND_OK)
        return WEND_OK;
    if (code == WEND_E_EXISTS && options->bind_tries > 1)
        wend_edge_emerg(&options->edge, "still could not bind()");
    /* Nobody would ever accept from them, and they would be in the way of the next attempt. */
    wend_edge_listeners_close_unused(edge, old);
    return WEND_E_CONFIG;
}

void wend_edge_listeners_close(struct wend_edge *edge, bool remove_paths)
{
    for (struct wend_edge_listen *listen = edge->listens; listen != NULL; listen = listen->next) {
        if (listen->listener.fd >= 0)
            wend_listen_close(&listen->listener, remove_paths && !wend_upgrade_shares());
        listen->listener.fd = -1;
    }
}

void wend_edge_listeners_close_unused(struct wend_edge *old, const struct wend_edge *edge)
{
    for (struct wend_edge_listen *listen = old->listens; listen != NULL; listen = listen->next) {
        if (listen->listener.fd >= 0 && same_listen(edge, listen) == NULL)
            wend_listen_close(&listen->listener, !wend_upgrade_shares());
        listen->listener.fd = -1;
    }
}

void wend_edge_listeners_give(const struct wend_edge *edge)
{
    for (const struct wend_edge_listen *listen = edge->listens; listen != NULL;
         listen = listen->next)
        if (listen->listener.fd >= 0)
            wend_upgrade_give(listen->listener.fd);
}
