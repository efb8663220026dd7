/* edge/types.h - from a file's name to its media type: the `types` block.
 *
 * The extension is what follows the last dot of the last segment, without case; a name that begins
 * with its only dot has none.
 */
#ifndef WEND_EDGE_TYPES_H
#define WEND_EDGE_TYPES_H

#include "base/map.h"

#define WEND_TYPES_MAX 65536

struct wend_types {
    struct wend_map by_extension; /* values: struct wend_str in the arena */
};

void wend_types_init(struct wend_types *types, struct wend_arena *arena);

/* One extension. The first type given to it stays (WEND_E_EXISTS). */
enum wend_code wend_types_add(struct wend_types *types, struct wend_arena *arena,
                              struct wend_str extension, struct wend_str type) WEND_MUST_CHECK;

/* html, gif and jpg: what is known without a `types` block. */
enum wend_code wend_types_add_defaults(struct wend_types *types,
                                       struct wend_arena *arena) WEND_MUST_CHECK;

struct wend_str wend_types_extension(struct wend_str path);

/* `fallback` when the extension is not known. */
struct wend_str wend_types_lookup(const struct wend_types *types, struct wend_str path,
                                  struct wend_str fallback);

#endif
