/* tests/fuzz/handover_fuzz.c - whatever a hand-over says, its reader stays inside of it. */
#include "base/assert.h"
#include "net/handover.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* Reads all of a text, so that the sanitizer sees where it ends. */
static void touch(struct wend_str text)
{
    WEND_ASSERT(text.len == 0 || text.ptr != NULL);
    (void)wend_str_hash(text);
}

static void touch_all(const struct wend_handover *handover)
{
    touch(handover->configuration);
    for (size_t i = 0; i < handover->listener_count; i++)
        touch(handover->listeners[i].address);
    for (size_t i = 0; i < handover->zone_count; i++)
        touch(handover->zones[i].name);
    for (size_t i = 0; i < handover->option_count; i++) {
        touch(handover->options[i].key);
        touch(handover->options[i].value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    struct wend_handover handover;
    struct wend_arena arena;
    struct wend_str error;

    if (fd < 0)
        return 0;
    wend_arena_init(&arena, 4u << 20);
    if (write(fd, bytes, len) == (ssize_t)len && fcntl(fd, F_ADD_SEALS, SEALS) == 0) {
        if (wend_handover_read(fd, &arena, &handover, &error) == WEND_OK)
            touch_all(&handover);
        else
            WEND_ASSERT(error.len > 0);
    }
    close(fd);
    wend_arena_release(&arena);
    return 0;
}
