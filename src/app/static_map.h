/* app/static_map.h - files that are answered before the application is asked.
 *
 * What it is for. `wend serve` of a Django project in development, and uWSGI's static-map: a URL
 * prefix and the folders in which its files may be, tried in order. What is in none of them goes to
 * the application.
 *
 * Who owns what. Texts belong to the caller and live as long as the map.
 *
 * What it promises. GET and HEAD of regular files below the folder only: paths are normalised
 * before, dot files are not shown, a symbolic link that leads out of its folder is not followed.
 */
#ifndef WEND_APP_STATIC_MAP_H
#define WEND_APP_STATIC_MAP_H

#include "http/handler.h"

#define WEND_STATIC_MAPS_MAX 256

struct wend_static_map {
    struct wend_handler handler; /* serves the file, or hands over to `next` */
    const struct wend_handler *next;
    struct {
        struct wend_str prefix; /* "/static/" */
        int folder;             /* an O_PATH descriptor */
    } rows[WEND_STATIC_MAPS_MAX];
    size_t count;
};

void wend_static_map_init(struct wend_static_map *map, const struct wend_handler *next);
void wend_static_map_release(struct wend_static_map *map);
/* WEND_E_NOT_FOUND: the folder cannot be opened (errno); WEND_E_LIMIT. */
enum wend_code wend_static_map_add(struct wend_static_map *map, struct wend_str prefix,
                                   struct wend_str folder) WEND_MUST_CHECK;

#endif
