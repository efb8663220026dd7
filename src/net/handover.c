/* net/handover.c - one memfd, written once, believed never.
 *
 *   | head | listeners | zones | options | texts ................ |
 *     8-byte rows of fixed layout; a text is {offset, length} from the start of the file
 *
 * Rows are copied out with memcpy into the reader's own structs, so alignment and padding are
 * nobody's business, and a value is checked after it was copied: the memfd is sealed against
 * writing, but checking first and copying later would be wrong wherever it is not. */
#include "net/handover.h"

#include "base/assert.h"
#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define HANDOVER_MAGIC UINT64_C(0x31766f68646e6577) /* "wendhov1" */
#define HANDOVER_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct text_at {
    uint64_t offset, len;
};

struct head {
    uint64_t magic, protocol;
    uint64_t bytes; /* of the whole file */
    uint64_t listener_count, zone_count, option_count;
    struct text_at configuration;
};

struct listener_row {
    int64_t fd;
    struct text_at address;
};
struct zone_row {
    int64_t fd;
    struct text_at name;
    uint64_t size, version;
};
struct option_row {
    struct text_at key, value;
};

/* --- writing ----------------------------------------------------------------------------- */

struct writer {
    struct wend_buffer rows, texts;
    uint64_t texts_from;
};

static struct text_at put_text(struct writer *writer, struct wend_str text)
{
    struct text_at at = {writer->texts_from + writer->texts.len, text.len};

    wend_buffer_add(&writer->texts, text);
    return at;
}

static void put_row(struct writer *writer, const void *row, size_t bytes)
{
    wend_buffer_add(&writer->rows, wend_str_make(row, bytes));
}

static void put_tables(struct writer *writer, const struct wend_handover *from)
{
    for (size_t i = 0; i < from->listener_count; i++) {
        struct listener_row row = {from->listeners[i].fd,
                                   put_text(writer, from->listeners[i].address)};

        put_row(writer, &row, sizeof(row));
    }
    for (size_t i = 0; i < from->zone_count; i++) {
        struct zone_row row = {from->zones[i].fd, put_text(writer, from->zones[i].name),
                               from->zones[i].size, from->zones[i].version};

        put_row(writer, &row, sizeof(row));
    }
    for (size_t i = 0; i < from->option_count; i++) {
        struct option_row row = {put_text(writer, from->options[i].key),
                                 put_text(writer, from->options[i].value)};

        put_row(writer, &row, sizeof(row));
    }
}

static bool write_all(int fd, struct wend_str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        bytes = wend_str_from(bytes, (size_t)written);
    }
    return true;
}

static enum wend_code make_sealed(const struct head *head, const struct writer *writer, int *memfd)
{
    int fd = memfd_create("wend-handover", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int error;

    if (fd < 0)
        return wend_code_of_errno(errno);
    if (!write_all(fd, wend_str_make((const char *)head, sizeof(*head))) ||
        !write_all(fd, wend_buffer_str(&writer->rows)) ||
        !write_all(fd, wend_buffer_str(&writer->texts)) ||
        fcntl(fd, F_ADD_SEALS, HANDOVER_SEALS | F_SEAL_SEAL) != 0) {
        error = errno;
        close(fd);
        errno = error;
        return WEND_E_IO;
    }
    *memfd = fd;
    return WEND_OK;
}

enum wend_code wend_handover_write(const struct wend_handover *handover, int *memfd)
{
    struct head head = {.magic = HANDOVER_MAGIC,
                        .protocol = WEND_HANDOVER_PROTOCOL,
                        .listener_count = handover->listener_count,
                        .zone_count = handover->zone_count,
                        .option_count = handover->option_count};
    struct writer writer;
    enum wend_code code = WEND_E_LIMIT;

    if (handover->listener_count > WEND_HANDOVER_ROWS_MAX ||
        handover->zone_count > WEND_HANDOVER_ROWS_MAX ||
        handover->option_count > WEND_HANDOVER_ROWS_MAX)
        return WEND_E_LIMIT;
    wend_buffer_init(&writer.rows, WEND_HANDOVER_BYTES_MAX / 2);
    wend_buffer_init(&writer.texts, WEND_HANDOVER_BYTES_MAX / 2);
    writer.texts_from = sizeof(head) + handover->listener_count * sizeof(struct listener_row) +
                        handover->zone_count * sizeof(struct zone_row) +
                        handover->option_count * sizeof(struct option_row);
    put_tables(&writer, handover);
    head.configuration = put_text(&writer, handover->configuration);
    head.bytes = writer.texts_from + writer.texts.len;
    if (!writer.rows.overflow && !writer.texts.overflow && head.bytes <= WEND_HANDOVER_BYTES_MAX)
        code = make_sealed(&head, &writer, memfd);
    wend_buffer_release(&writer.rows);
    wend_buffer_release(&writer.texts);
    return code;
}

static bool survive_exec(int fd)
{
    return fcntl(fd, F_SETFD, 0) == 0;
}

enum wend_code wend_handover_export(const struct wend_handover *handover, int memfd)
{
    char number[16];
    bool all = survive_exec(memfd);

    for (size_t i = 0; i < handover->listener_count; i++)
        all = all && survive_exec(handover->listeners[i].fd);
    for (size_t i = 0; i < handover->zone_count; i++)
        all = all && survive_exec(handover->zones[i].fd);
    snprintf(number, sizeof(number), "%d", memfd);
    if (!all || setenv(WEND_HANDOVER_ENV, number, 1) != 0)
        return wend_code_of_errno(errno);
    return WEND_OK;
}

/* --- reading ----------------------------------------------------------------------------- */

struct reader {
    struct wend_arena *arena;
    struct wend_str file; /* all of it, in the arena */
    size_t at;            /* next row */
    struct wend_str *error;
};

static enum wend_code wrong(struct reader *reader, const char *what, size_t row)
{
    *reader->error =
        wend_arena_printf(reader->arena, "the hand-over is damaged: %s %zu", what, row);
    return WEND_E_PROTOCOL;
}

static bool take_row(struct reader *reader, void *row, size_t bytes)
{
    if (bytes > reader->file.len - reader->at)
        return false;
    memcpy(row, reader->file.ptr + reader->at, bytes);
    reader->at += bytes;
    return true;
}

static bool find_text(const struct reader *reader, struct text_at at, struct wend_str *out)
{
    if (at.offset > reader->file.len || at.len > reader->file.len - at.offset)
        return false;
    *out = wend_str_make(reader->file.ptr + at.offset, at.len);
    return true;
}

static bool is_open(int64_t fd)
{
    return fd >= 0 && fd <= INT32_MAX && fcntl((int)fd, F_GETFD) >= 0;
}

static enum wend_code read_listeners(struct reader *reader, size_t count, struct wend_handover *out)
{
    struct wend_handover_listener *listeners =
        wend_arena_array(reader->arena, count, sizeof(*listeners));

    if (listeners == NULL)
        return WEND_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct listener_row row;

        if (!take_row(reader, &row, sizeof(row)) ||
            !find_text(reader, row.address, &listeners[i].address) || row.address.len == 0)
            return wrong(reader, "listener", i);
        if (!is_open(row.fd))
            return wrong(reader, "no open descriptor for listener", i);
        listeners[i].fd = (int)row.fd;
    }
    out->listeners = listeners;
    out->listener_count = count;
    return WEND_OK;
}

/* That a zone's size is what the row says is checked here; what is in it, by wend_zone_attach(). */
static bool has_size(int fd, uint64_t size)
{
    struct stat info;

    return fstat(fd, &info) == 0 && info.st_size >= 0 && (uint64_t)info.st_size == size;
}

static enum wend_code read_zones(struct reader *reader, size_t count, struct wend_handover *out)
{
    struct wend_handover_zone *zones = wend_arena_array(reader->arena, count, sizeof(*zones));

    if (zones == NULL)
        return WEND_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct zone_row row;

        if (!take_row(reader, &row, sizeof(row)) || !find_text(reader, row.name, &zones[i].name) ||
            row.name.len == 0 || row.version > UINT32_MAX)
            return wrong(reader, "zone", i);
        if (!is_open(row.fd) || !has_size((int)row.fd, row.size))
            return wrong(reader, "no descriptor of the right size for zone", i);
        zones[i].fd = (int)row.fd;
        zones[i].size = row.size;
        zones[i].version = (uint32_t)row.version;
    }
    out->zones = zones;
    out->zone_count = count;
    return WEND_OK;
}

static enum wend_code read_options(struct reader *reader, size_t count, struct wend_handover *out)
{
    struct wend_handover_option *options = wend_arena_array(reader->arena, count, sizeof(*options));

    if (options == NULL)
        return WEND_E_MEMORY;
    for (size_t i = 0; i < count; i++) {
        struct option_row row;

        if (!take_row(reader, &row, sizeof(row)) || !find_text(reader, row.key, &options[i].key) ||
            row.key.len == 0 || !find_text(reader, row.value, &options[i].value))
            return wrong(reader, "option", i);
    }
    out->options = options;
    out->option_count = count;
    return WEND_OK;
}

static enum wend_code read_file(struct reader *reader, int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);
    struct stat info;
    char *bytes;
    size_t len;

    if (seals < 0 || (seals & HANDOVER_SEALS) != HANDOVER_SEALS || fstat(fd, &info) != 0)
        return wrong(reader, "not a sealed memfd, descriptor", (size_t)fd);
    len = (size_t)info.st_size;
    if (len < sizeof(struct head) || len > WEND_HANDOVER_BYTES_MAX)
        return wrong(reader, "its size is", len);
    bytes = wend_arena_alloc(reader->arena, len);
    if (bytes == NULL)
        return WEND_E_MEMORY;
    for (size_t got = 0; got < len;) {
        ssize_t count = pread(fd, bytes + got, len - got, (off_t)got);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return wrong(reader, "it cannot be read beyond byte", got);
        got += (size_t)count;
    }
    reader->file = wend_str_make(bytes, len);
    return WEND_OK;
}

static enum wend_code check_head(struct reader *reader, const struct head *head)
{
    if (head->magic != HANDOVER_MAGIC)
        return wrong(reader, "no magic number at byte", 0);
    if (head->protocol != WEND_HANDOVER_PROTOCOL) {
        *reader->error = wend_arena_printf(
            reader->arena,
            "the hand-over speaks protocol %llu, this executable %d: both must be of one version",
            (unsigned long long)head->protocol, WEND_HANDOVER_PROTOCOL);
        return WEND_E_PROTOCOL;
    }
    if (head->bytes != reader->file.len)
        return wrong(reader, "its size should be", head->bytes);
    if (head->listener_count > WEND_HANDOVER_ROWS_MAX)
        return wrong(reader, "listeners:", head->listener_count);
    if (head->zone_count > WEND_HANDOVER_ROWS_MAX)
        return wrong(reader, "zones:", head->zone_count);
    if (head->option_count > WEND_HANDOVER_ROWS_MAX)
        return wrong(reader, "options:", head->option_count);
    return WEND_OK;
}

enum wend_code wend_handover_read(int memfd, struct wend_arena *arena, struct wend_handover *out,
                                  struct wend_str *error)
{
    struct reader reader = {.arena = arena, .error = error};
    struct head head;
    enum wend_code code;

    *out = (struct wend_handover){.listener_count = 0};
    *error = WEND_STR("no memory for the hand-over");
    code = read_file(&reader, memfd);
    if (code != WEND_OK)
        return code;
    memcpy(&head, reader.file.ptr, sizeof(head));
    reader.at = sizeof(head);
    code = check_head(&reader, &head);
    if (code == WEND_OK && !find_text(&reader, head.configuration, &out->configuration))
        code = wrong(&reader, "configuration", 0);
    if (code == WEND_OK)
        code = read_listeners(&reader, head.listener_count, out);
    if (code == WEND_OK)
        code = read_zones(&reader, head.zone_count, out);
    if (code == WEND_OK)
        code = read_options(&reader, head.option_count, out);
    if (code == WEND_OK)
        *error = WEND_STR_NULL;
    return code;
}

static void protect(int fd)
{
    /* Known to be open; not for what the application executes. */
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
}

enum wend_code wend_handover_from_environment(struct wend_arena *arena, struct wend_handover *out,
                                              struct wend_str *error)
{
    const char *text = getenv(WEND_HANDOVER_ENV);
    enum wend_code code;
    uint64_t fd;

    if (text == NULL)
        return WEND_E_NOT_FOUND;
    if (!wend_str_to_u64(wend_str_of(text), &fd) || fd > INT32_MAX) {
        *error = wend_arena_printf(arena, "%s=%s is no descriptor", WEND_HANDOVER_ENV, text);
        return WEND_E_PROTOCOL;
    }
    code = wend_handover_read((int)fd, arena, out, error);
    if (code != WEND_OK)
        return code;
    unsetenv(WEND_HANDOVER_ENV);
    close((int)fd);
    for (size_t i = 0; i < out->listener_count; i++)
        protect(out->listeners[i].fd);
    for (size_t i = 0; i < out->zone_count; i++)
        protect(out->zones[i].fd);
    return WEND_OK;
}

struct wend_str wend_handover_option(const struct wend_handover *handover, struct wend_str key)
{
    for (size_t i = 0; i < handover->option_count; i++)
        if (wend_str_eq(handover->options[i].key, key))
            return handover->options[i].value;
    return WEND_STR_NULL;
}
