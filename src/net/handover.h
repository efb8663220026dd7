/* net/handover.h - what a worker executable gets from the master that executes it.
 *
 * What it is for. `wend`, `wend-python3.11` and C sites are different executables of one server.
 * The master writes a sealed memfd and passes its number in the environment:
 *
 *   WEND_HANDOVER=7    7 -> | head | tables | texts |     magic, protocol, sizes, offsets
 *
 * It holds the configuration as -T prints it, the listening sockets, the zones, and options
 * key=value; descriptors are numbers in the executed process.
 *
 * Who owns what. wend_handover_write() gives a descriptor the caller closes. What
 * wend_handover_read() returns lives in the arena; the descriptors in it belong to the reader.
 *
 * What it promises. The reader believes nothing: seals, magic, protocol, each size, offset and
 * descriptor is checked, and a failure says what did not fit.
 */
#ifndef WEND_NET_HANDOVER_H
#define WEND_NET_HANDOVER_H

#include "base/arena.h"
#include "base/code.h"

#define WEND_HANDOVER_ENV "WEND_HANDOVER"
#define WEND_HANDOVER_PROTOCOL 1
#define WEND_HANDOVER_BYTES_MAX (64u << 20)
#define WEND_HANDOVER_ROWS_MAX 4096 /* of each table */

struct wend_handover_listener {
    int fd;
    struct wend_str address; /* "0.0.0.0:80", "unix:/path" */
};
struct wend_handover_zone {
    int fd;
    struct wend_str name;
    uint64_t size;
    uint32_t version;
};
struct wend_handover_option {
    struct wend_str key, value;
};

struct wend_handover {
    struct wend_str configuration;
    const struct wend_handover_listener *listeners;
    size_t listener_count;
    const struct wend_handover_zone *zones;
    size_t zone_count;
    const struct wend_handover_option *options;
    size_t option_count;
};

/* A sealed memfd, close-on-exec. WEND_E_LIMIT, WEND_E_IO (errno). */
enum wend_code wend_handover_write(const struct wend_handover *handover,
                                   int *memfd) WEND_MUST_CHECK;

/* In the child, before exec: lets the memfd and every descriptor in it survive, and sets
 * WEND_HANDOVER. Not async-signal-safe: for a child forked by a process with one thread. */
enum wend_code wend_handover_export(const struct wend_handover *handover,
                                    int memfd) WEND_MUST_CHECK;

/* *error is a sentence in `arena` on failure. */
enum wend_code wend_handover_read(int memfd, struct wend_arena *arena, struct wend_handover *out,
                                  struct wend_str *error) WEND_MUST_CHECK;
/* From the environment, which is cleaned; descriptors become close-on-exec again.
 * WEND_E_NOT_FOUND: the variable is not set, this is no worker. */
enum wend_code wend_handover_from_environment(struct wend_arena *arena, struct wend_handover *out,
                                              struct wend_str *error) WEND_MUST_CHECK;

/* NULL slice: there is no such option. */
struct wend_str wend_handover_option(const struct wend_handover *handover, struct wend_str key);

#endif
