/* tests/fuzz/zone_fuzz.c - the journal of a zone's locks.
 *
 * The input is a list of steps done by threads that hold a lock: words are set, blocks taken and
 * given back, and the thread lets go of the lock or dies with it. A dead one's steps did not
 * happen, and nobody ever gets memory that somebody has. */
#include "base/assert.h"
#include "zone/zone.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 8
#define BLOCKS 24
#define STEPS_MAX 16
#define BLOCK_BYTES_MAX 3000

struct block {
    wend_zone_offset at;
    size_t bytes;
};

/* What is, or would be, in the zone. */
struct model {
    uint64_t words[WORDS];
    struct block blocks[BLOCKS];
};

struct shared {
    struct wend_zone_lock lock;
    uint64_t words[WORDS];
};

static struct wend_zone zone;
static struct shared *shared;
static struct model model;
static struct wend_str input;

static uint8_t next_byte(void)
{
    uint8_t byte = input.len == 0 ? 0 : (uint8_t)input.ptr[0];

    input = wend_str_from(input, 1);
    return byte;
}

static void fill(const struct block *block, uint8_t byte)
{
    memset(wend_zone_at(&zone, block->at, block->bytes), byte, block->bytes);
}

static void take(struct block *block, uint8_t size)
{
    block->bytes = 1 + (size_t)size * size % BLOCK_BYTES_MAX;
    block->at = wend_zone_alloc(&zone, &shared->lock, block->bytes);
    if (block->at != 0)
        fill(block, (uint8_t)(block->at >> 4));
}

/* One thread's time with the lock, written down in `would`. */
static void *hold(void *arg)
{
    struct model *would = arg;
    unsigned steps = next_byte() % STEPS_MAX, frees = 0;

    WEND_ASSERT(!wend_zone_lock(&zone, &shared->lock));
    while (steps-- > 0) {
        uint8_t what = next_byte(), value = next_byte();
        struct block *block = &would->blocks[what / 2 % BLOCKS];

        if (what % 2 == 0) {
            wend_zone_set(&zone, &shared->lock, &shared->words[what / 2 % WORDS], value);
            would->words[what / 2 % WORDS] = value;
        } else if (block->at == 0) {
            take(block, value);
        } else if (frees++ < WEND_ZONE_FREES_MAX) {
            wend_zone_free(&zone, &shared->lock, block->at, block->bytes);
            block->at = 0;
        }
    }
    return NULL;
}

static void *hold_and_let_go(void *arg)
{
    hold(arg);
    wend_zone_unlock(&zone, &shared->lock);
    return NULL;
}

static void check_blocks(void)
{
    for (size_t i = 0; i < BLOCKS; i++) {
        const struct block *block = &model.blocks[i];
        const uint8_t *bytes = wend_zone_at(&zone, block->at, block->bytes);

        if (block->at == 0)
            continue;
        WEND_ASSERT(bytes != NULL);
        for (size_t j = 0; j < block->bytes; j++)
            WEND_ASSERT(bytes[j] == (uint8_t)(block->at >> 4));
        for (size_t j = 0; j < i; j++)
            WEND_ASSERT(model.blocks[j].at == 0 ||
                        model.blocks[j].at + model.blocks[j].bytes <= block->at ||
                        block->at + block->bytes <= model.blocks[j].at);
    }
}

static void one_turn(void)
{
    struct model would = model;
    bool dies = next_byte() % 2 != 0;
    pthread_t thread;

    if (pthread_create(&thread, NULL, dies ? hold : hold_and_let_go, &would) != 0)
        abort();
    pthread_join(thread, NULL);
    WEND_ASSERT(wend_zone_lock(&zone, &shared->lock) == dies);
    if (!dies)
        model = would;
    WEND_ASSERT(memcmp(shared->words, model.words, sizeof(model.words)) == 0);
    check_blocks();
    wend_zone_unlock(&zone, &shared->lock);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    wend_zone_offset at;

    if (len > 4096)
        return 0;
    input = wend_str_make((const char *)bytes, len);
    memset(&model, 0, sizeof(model));
    if (wend_zone_create(&zone, WEND_STR("fuzz"), WEND_ZONE_BYTES_MIN, 1) != WEND_OK)
        abort();
    at = wend_zone_alloc(&zone, NULL, sizeof(*shared));
    shared = wend_zone_at(&zone, at, sizeof(*shared));
    wend_zone_lock_init(&shared->lock);
    while (input.len != 0)
        one_turn();
    wend_zone_detach(&zone);
    return 0;
}
