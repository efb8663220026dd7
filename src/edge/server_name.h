/* edge/server_name.h - server_name: which of a listener's servers a Host means.
 *
 * What it is for. Names are read per server and put into the tables of each listener the server
 * answers on. The search (nginx's order): the exact name, the longest wildcard with a leading
 * asterisk, the longest with a trailing one, the first regular expression that matches, the
 * listener's default server: wend_edge_find_server() in edge/edge.h.
 */
#ifndef WEND_EDGE_SERVER_NAME_H
#define WEND_EDGE_SERVER_NAME_H

#include "edge/location.h"

/* The server whose block is being read. */
struct wend_edge_server *wend_server_name_owner(struct wend_conf *conf);

/* The directive. */
enum wend_code wend_server_name_set(struct wend_conf *conf, const struct wend_directive *row,
                                    void *slot);
/* A server without names has the empty one. */
enum wend_code wend_server_name_finish(struct wend_conf *conf, struct wend_edge_server *server);

/* Puts the server's names into the listener's tables; the first server of a name keeps it. */
enum wend_code wend_server_name_index(struct wend_conf *conf, const struct wend_edge_server *server,
                                      struct wend_edge_listen *listen);

#endif
