/* http/body_buffer.h - a request body collected before it is passed on.
 *
 * What it is for. An upstream or an application should not wait for a slow client: its body is
 * read first, into memory while it is small, into a temporary file when it is not.
 *
 * Who owns what. Everything collected belongs to the exchange's task: the memory, the descriptor
 * and, unless settings->in_file is WEND_BODY_FILE_KEEP, the file end with it. The file of
 * WEND_BODY_FILE_OFF never has a name (O_TMPFILE), so a crash leaves nothing behind.
 *
 * What it promises. Either all of the body is in memory or all of it is in the file: `count` is 0
 * (an empty body) or 1, and the piece can be sent, sliced and sent again as often as needed. No
 * more than settings->memory_bytes of it are ever held in memory for a body kept there, and no more
 * than WEND_BODY_STEP_MAX for one on its way to the file. x->body_max bounds the whole.
 *
 * What it does not do. It does not remember: a body can be collected once, and whoever may need it
 * again (an error page that is a proxied location) keeps the struct.
 *
 * Trace. request body, with its bytes.
 */
#ifndef WEND_HTTP_BODY_BUFFER_H
#define WEND_HTTP_BODY_BUFFER_H

#include "http/exchange.h"

#define WEND_BODY_STEP_MAX (128u << 10) /* written to the file at once */
#define WEND_BODY_LEVELS 3

enum wend_body_in_file {
    WEND_BODY_FILE_OFF,   /* a nameless file, and only when memory does not suffice */
    WEND_BODY_FILE_CLEAN, /* always a file with a name, removed when the exchange ends */
    WEND_BODY_FILE_KEEP   /* always a file with a name that stays */
};

struct wend_body_settings {
    size_t memory_bytes;              /* client_body_buffer_size */
    const char *directory;            /* client_body_temp_path; must exist */
    uint8_t levels[WEND_BODY_LEVELS]; /* its subdirectories' name lengths, 1 or 2; 0: none */
    enum wend_body_in_file in_file;   /* client_body_in_file_only */
    mode_t mode;                      /* of a file with a name; 0: 0600 */
};
/* 16 KiB, /tmp, nameless files. */
extern const struct wend_body_settings wend_body_settings_default;

struct wend_body {
    int64_t bytes;
    size_t count; /* pieces: 0 or 1 */
    struct wend_piece piece;
    struct wend_str file_path; /* null unless the file has a name; $request_body_file */
};

/* Suspends. Reads the body to its end. Codes of wend_body_read(), and
 *   WEND_E_IO      the file cannot be made or written (the error is recorded in the task): 500
 *   WEND_E_MEMORY
 */
enum wend_code wend_body_collect(struct wend_exchange *x, const struct wend_body_settings *settings,
                                 struct wend_body *out) WEND_MUST_CHECK;

/* The body if it is in memory ($request_body); a null slice otherwise. */
struct wend_str wend_body_memory(const struct wend_body *body);

/* Copies bytes from `offset` on; 0 at the end, -1 with errno on a failed read. Any thread, while
 * the exchange lives; never suspends, but may wait for the disk. */
ssize_t wend_body_pread(const struct wend_body *body, void *into, size_t room, int64_t offset);

#endif
