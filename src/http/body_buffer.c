/* http/body_buffer.c - a request body collected before it is passed on; see http/body_buffer.h.
 *
 * One buffer, filled from the connection. While it suffices it is the body; once it does not, it
 * becomes the window through which the body goes to a file. All that touches the file system runs
 * on an offload thread: a write may wait for the disk to take older dirty pages.
 */
#include "http/body_buffer.h"

#include "base/assert.h"
#include "fiber/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_ROOM 4096 /* for a body of unknown length */

const struct wend_body_settings wend_body_settings_default = {
    .memory_bytes = 16384,
    .directory = "/tmp",
};

struct collector {
    struct wend_exchange *x;
    const struct wend_body_settings *settings;
    char *buffer; /* heap: may outgrow what an arena is for */
    size_t len, room;
    int file;  /* -1: not yet */
    int error; /* errno of the offloaded half */
    int64_t written;
    char *path; /* of a file with a name */
};

/* --- on an offload thread -------------------------------------------------------------------- */

static enum wend_code remember_errno(struct collector *c)
{
    c->error = errno;
    return WEND_E_IO;
}

/* "DIR/5/24/0000000245": the levels are the number's last digits, the innermost first. */
static bool name_file(struct collector *c, uint64_t number, bool make_directories)
{
    const struct wend_body_settings *settings = c->settings;
    char digits[24];
    size_t left = (size_t)snprintf(digits, sizeof(digits), "%010llu", (unsigned long long)number);
    size_t at = strlen(settings->directory);

    memcpy(c->path, settings->directory, at);
    for (size_t i = 0; i < WEND_BODY_LEVELS && settings->levels[i] != 0; i++) {
        size_t len = settings->levels[i];

        WEND_ASSERT(len < left);
        left -= len;
        c->path[at++] = '/';
        memcpy(c->path + at, digits + left, len);
        at += len;
        c->path[at] = '\0';
        if (make_directories && mkdir(c->path, 0700) != 0 && errno != EEXIST)
            return false;
    }
    c->path[at++] = '/';
    memcpy(c->path + at, digits, strlen(digits) + 1);
    return true;
}

/* Numbers start anywhere and are tried until one is free: workers share the directory. */
static int open_named(struct collector *c)
{
    static _Atomic uint64_t counter;
    mode_t mode = c->settings->mode != 0 ? c->settings->mode : 0600;

    for (int tries = 0; tries < 1000; tries++) {
        uint64_t number = atomic_fetch_add_explicit(&counter, 1, memory_order_relaxed) + 1;
        int file;

        if (tries > 10) /* another worker counts beside us: step over its run */
            atomic_fetch_add_explicit(&counter, (uint64_t)tries * 97, memory_order_relaxed);
        if (!name_file(c, number, true))
            return -1;
        file = open(c->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
        if (file >= 0 || errno != EEXIST)
            return file;
    }
    errno = EEXIST;
    return -1;
}

static int open_nameless(struct collector *c)
{
    int file = open(c->settings->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (file >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL))
        return file;
    /* A file system without O_TMPFILE: a name, for an instant. */
    file = open_named(c);
    if (file >= 0)
        (void)unlink(c->path);
    return file;
}

static enum wend_code open_file(void *arg)
{
    struct collector *c = arg;

    c->file = c->settings->in_file == WEND_BODY_FILE_OFF ? open_nameless(c) : open_named(c);
    return c->file >= 0 ? WEND_OK : remember_errno(c);
}

static enum wend_code write_window(void *arg)
{
    struct collector *c = arg;
    size_t done = 0;

    while (done < c->len) {
        ssize_t n = pwrite(c->file, c->buffer + done, c->len - done, c->written);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return remember_errno(c);
        done += (size_t)n;
        c->written += n;
    }
    c->len = 0;
    return WEND_OK;
}

static enum wend_code open_and_write(void *arg)
{
    enum wend_code code = open_file(arg);

    return code == WEND_OK ? write_window(arg) : code;
}

/* --- on the fiber ---------------------------------------------------------------------------- */

/* The task's end gives back what the body holds; a file closed too late would be a leak, one closed
 * by hand a second path. */
static void release(void *arg)
{
    struct collector *c = arg;

    if (c->file >= 0)
        close(c->file);
    if (c->path != NULL && c->settings->in_file == WEND_BODY_FILE_CLEAN && c->file >= 0)
        (void)unlink(c->path);
    free(c->buffer);
}

static struct collector *start(struct wend_exchange *x, const struct wend_body_settings *settings)
{
    struct collector *c = WEND_NEW(&x->task->arena, struct collector);

    if (c == NULL)
        return NULL;
    c->x = x;
    c->settings = settings;
    c->file = -1;
    c->path = wend_arena_alloc(&x->task->arena, strlen(settings->directory) + 48);
    if (c->path == NULL)
        return NULL;
    wend_defer(x->task, release, c);
    return c;
}

static bool wants_file(const struct collector *c)
{
    return c->settings->in_file != WEND_BODY_FILE_OFF ||
           c->x->request.content_length > (int64_t)c->settings->memory_bytes;
}

/* The buffer's size once and for all where the length is known; then a byte more is asked for, so
 * that the body's end is seen without another buffer. */
static size_t first_room(const struct collector *c)
{
    int64_t length = c->x->request.content_length;
    size_t most = wants_file(c) ? WEND_BODY_STEP_MAX : c->settings->memory_bytes;

    if (length >= 0)
        return (uint64_t)length < most ? (size_t)length : most;
    return most < FIRST_ROOM ? most : FIRST_ROOM;
}

static enum wend_code resize(struct collector *c, size_t room)
{
    char *buffer = realloc(c->buffer, room == 0 ? 1 : room);

    if (buffer == NULL)
        return WEND_E_MEMORY;
    c->buffer = buffer;
    c->room = room;
    return WEND_OK;
}

static enum wend_code fail_file(struct collector *c, enum wend_code code)
{
    struct wend_str subject = wend_str_of(c->settings->directory);

    if (code != WEND_E_IO)
        return code;
    errno = c->error;
    return wend_fail(c->x->task, WEND_E_IO, subject, "the request body's file cannot be written");
}

static enum wend_code spill(struct collector *c)
{
    struct wend_task *task = c->x->task;

    return fail_file(c, wend_offload(task, c->file < 0 ? open_and_write : write_window, c));
}

/* The buffer is full: make it larger, or empty it into the file. */
static enum wend_code make_room(struct collector *c)
{
    size_t most = c->settings->memory_bytes;
    enum wend_code code;

    if (c->file < 0 && !wants_file(c) && c->room < most)
        return resize(c, c->room * 2 < FIRST_ROOM || c->room * 2 > most ? most : c->room * 2);
    code = c->len > 0 ? spill(c) : WEND_OK;
    if (code == WEND_OK && c->room < WEND_BODY_STEP_MAX)
        code = resize(c, WEND_BODY_STEP_MAX);
    return code;
}

/* A full buffer is not made larger before it is known that there is more. */
static enum wend_code read_all(struct collector *c)
{
    char probe;
    size_t got = 1;

    while (got != 0) {
        bool full = c->len == c->room;
        enum wend_code code =
            full ? wend_body_read(c->x, &probe, 1, &got)
                 : wend_body_read(c->x, c->buffer + c->len, c->room - c->len, &got);

        if (code == WEND_OK && full && got == 1) {
            code = make_room(c);
            c->buffer[c->len] = probe;
        }
        if (code != WEND_OK)
            return code;
        c->len += got;
    }
    return WEND_OK;
}

static enum wend_code finish(struct collector *c, struct wend_body *out)
{
    bool named = c->settings->in_file != WEND_BODY_FILE_OFF;

    if (c->file < 0 && !wants_file(c)) {
        out->bytes = (int64_t)c->len;
        out->count = c->len > 0;
        out->piece = wend_piece_of(wend_str_make(c->buffer, c->len));
        return WEND_OK;
    }
    if (c->len > 0 || c->file < 0) {
        enum wend_code code = spill(c);

        if (code != WEND_OK)
            return code;
    }
    out->bytes = c->written;
    out->count = c->written > 0;
    out->piece =
        (struct wend_piece){.kind = WEND_PIECE_FILE, .file = c->file, .len = (size_t)c->written};
    if (named)
        out->file_path = wend_str_of(c->path);
    free(c->buffer);
    c->buffer = NULL;
    return WEND_OK;
}

enum wend_code wend_body_collect(struct wend_exchange *x, const struct wend_body_settings *settings,
                                 struct wend_body *out)
{
    struct collector *c;
    enum wend_code code;
    uint16_t span;

    *out = (struct wend_body){0};
    if (x->body_read)
        return WEND_OK;
    if (x->request.content_length == 0 || (x->request.content_length < 0 && !x->request.chunked)) {
        char probe;
        size_t got;

        return wend_body_read(x, &probe, 1, &got); /* marks it as read */
    }
    c = start(x, settings);
    if (c == NULL)
        return WEND_E_MEMORY;
    span = wend_span_begin(x->task->trace, WEND_EV_BODY);
    code = resize(c, first_room(c));
    if (code == WEND_OK)
        code = read_all(c);
    if (code == WEND_OK)
        code = finish(c, out);
    wend_span_end(x->task->trace, span, x->body_received);
    return code;
}

struct wend_str wend_body_memory(const struct wend_body *body)
{
    if (body->count == 0 || body->piece.kind != WEND_PIECE_MEMORY)
        return WEND_STR_NULL;
    return wend_str_make(body->piece.memory, body->piece.len);
}

ssize_t wend_body_pread(const struct wend_body *body, void *into, size_t room, int64_t offset)
{
    const struct wend_piece *piece = &body->piece;
    ssize_t n;

    if (offset >= body->bytes || body->count == 0)
        return 0;
    if ((int64_t)room > body->bytes - offset)
        room = (size_t)(body->bytes - offset);
    if (piece->kind == WEND_PIECE_MEMORY) {
        memcpy(into, piece->memory + offset, room);
        return (ssize_t)room;
    }
    do
        n = pread(piece->file, into, room, piece->offset + offset);
    while (n < 0 && errno == EINTR);
    return n;
}
