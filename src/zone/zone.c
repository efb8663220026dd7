/* zone/zone.c - mapping, the undo journal, and the allocator, which uses it.
 *
 * The journal. A lock carries the list of what its holder did. Entries are made before the change:
 *
 *     undo[n] = {word, old value};  undo_count = n + 1;  *word = new value;
 *
 * so that whoever finds the holder dead walks the list backwards and has the state of before.
 * `undo_count = 0` in unlock is the moment of decision. Blocks to be freed wait in a second list
 * until then, and are given back after it: a holder dead in between leaves undo_count == 0 and
 * free_count > 0, and the next one finishes.
 *
 * Two locks at once. Allocating under a caller's lock changes the allocator's words and the
 * caller's list. Both go through the *allocator's* journal, so they happen together. A repair of
 * the caller's list therefore takes and leaves the allocator's lock first: that settles what was
 * under way.
 *
 * Memory order. The dead process's stores become visible in the order it made them or not at all
 * when each step is separated by a release fence; on x86-64 that costs nothing. */
#include "zone/zone.h"

#include "base/assert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZONE_MAGIC UINT64_C(0x31656e6f7a646e77) /* "wndzone1" */
#define ZONE_LAYOUT 1
#define ZONE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

/* Sizes of blocks: (4 + quarter) << shift, from 64 = 4 << 4. */
#define SHIFT_MIN 4
#define SHIFT_MAX 36
#define CLASS_COUNT ((SHIFT_MAX - SHIFT_MIN + 1) * 4)
#define BLOCK_MIN 64

/* An undo entry's `what` is a word's offset, or, with this bit, a block to give back of size old.
 */
#define UNDO_BLOCK 1u

struct wend_zone_head {
    uint64_t magic;
    uint32_t layout, version;
    uint64_t size;
    uint32_t name_len;
    char name[WEND_ZONE_NAME_MAX];
    uint64_t root;
    struct wend_zone_lock lock; /* of the allocator: the two below */
    uint64_t next;              /* first byte never handed out */
    uint64_t free_blocks[CLASS_COUNT];
};

/* --- mapping ----------------------------------------------------------------------------- */

static size_t round_up(size_t value, size_t to)
{
    return (value + to - 1) / to * to;
}

/* False: errno says why. */
static bool map(struct wend_zone *zone, int fd, size_t size)
{
    void *base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (base == MAP_FAILED)
        return false;
    *zone = (struct wend_zone){.fd = fd, .size = size, .base = base, .head = base};
    return true;
}

static enum wend_code make_memory(size_t size, int *out)
{
    int fd = memfd_create("wend-zone", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int error;

    if (fd < 0)
        return wend_code_of_errno(errno);
    if (ftruncate(fd, (off_t)size) != 0 || fcntl(fd, F_ADD_SEALS, ZONE_SEALS | F_SEAL_SEAL) != 0) {
        error = errno;
        close(fd);
        errno = error;
        return wend_code_of_errno(error);
    }
    *out = fd;
    return WEND_OK;
}

enum wend_code wend_zone_create(struct wend_zone *zone, struct wend_str name, size_t size,
                                uint32_t version)
{
    struct wend_zone_head *head;
    enum wend_code code;
    int fd = -1;

    if (name.len == 0 || name.len > WEND_ZONE_NAME_MAX || size < WEND_ZONE_BYTES_MIN ||
        size > WEND_ZONE_BYTES_MAX)
        return WEND_E_LIMIT;
    size = round_up(size, (size_t)sysconf(_SC_PAGESIZE));
    code = make_memory(size, &fd);
    if (code != WEND_OK)
        return code;
    if (!map(zone, fd, size)) {
        code = wend_code_of_errno(errno);
        close(fd);
        return code;
    }
    head = zone->head;
    head->layout = ZONE_LAYOUT;
    head->version = version;
    head->size = size;
    head->name_len = (uint32_t)name.len;
    memcpy(head->name, name.ptr, name.len);
    head->next = round_up(sizeof(*head), 64);
    wend_zone_lock_init(&head->lock);
    head->magic = ZONE_MAGIC;
    return WEND_OK;
}

/* The descriptor came from somebody else: without the seals its owner could make it shorter under
 * our feet, and touching the mapping would kill us. */
static bool is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & ZONE_SEALS) == ZONE_SEALS;
}

static struct wend_str name_of(const struct wend_zone *zone)
{
    return wend_str_make(zone->head->name, zone->head->name_len);
}

static bool head_fits(const struct wend_zone *zone, struct wend_str name, uint32_t version)
{
    const struct wend_zone_head *head = zone->head;

    return head->magic == ZONE_MAGIC && head->layout == ZONE_LAYOUT && head->size == zone->size &&
           head->version == version && head->name_len <= WEND_ZONE_NAME_MAX &&
           wend_str_eq(name_of(zone), name);
}

enum wend_code wend_zone_attach(struct wend_zone *zone, int fd, struct wend_str name,
                                uint32_t version)
{
    struct stat info;

    if (fstat(fd, &info) != 0)
        return wend_code_of_errno(errno);
    if (!is_sealed(fd) || info.st_size < (off_t)WEND_ZONE_BYTES_MIN)
        return WEND_E_PROTOCOL;
    if (!map(zone, fd, (size_t)info.st_size))
        return wend_code_of_errno(errno);
    if (!head_fits(zone, name, version)) {
        munmap(zone->base, zone->size);
        *zone = (struct wend_zone){.fd = -1};
        return WEND_E_PROTOCOL;
    }
    return WEND_OK;
}

void wend_zone_detach(struct wend_zone *zone)
{
    if (zone->base == NULL)
        return;
    munmap(zone->base, zone->size);
    close(zone->fd);
    *zone = (struct wend_zone){.fd = -1};
}

uint32_t wend_zone_version(const struct wend_zone *zone)
{
    return zone->head->version;
}

/* Whether a new configuration that asks for these may go on with this zone. */
static bool fits(const struct wend_zone *zone, struct wend_str name, size_t size, uint32_t version)
{
    return head_fits(zone, name, version) &&
           zone->size == round_up(size, (size_t)sysconf(_SC_PAGESIZE));
}

void *wend_zone_at(const struct wend_zone *zone, wend_zone_offset offset, size_t len)
{
    if (offset == 0 || offset > zone->size || len > zone->size - offset)
        return NULL;
    return zone->base + offset;
}

wend_zone_offset wend_zone_offset_of(const struct wend_zone *zone, const void *at)
{
    return at == NULL ? 0 : (wend_zone_offset)((const char *)at - zone->base);
}

wend_zone_offset wend_zone_root(const struct wend_zone *zone)
{
    return __atomic_load_n(&zone->head->root, __ATOMIC_ACQUIRE);
}

void wend_zone_set_root(struct wend_zone *zone, wend_zone_offset root)
{
    __atomic_store_n(&zone->head->root, root, __ATOMIC_RELEASE);
}

/* --- locks and their journal ------------------------------------------------------------- */

static void step(void)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

void wend_zone_lock_init(struct wend_zone_lock *lock)
{
    pthread_mutexattr_t attributes;

    lock->undo_count = lock->free_count = 0;
    if (pthread_mutexattr_init(&attributes) != 0 ||
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) != 0 ||
        pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) != 0 ||
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK) != 0 ||
        pthread_mutex_init(&lock->mutex, &attributes) != 0)
        wend_die("no robust lock between processes");
    pthread_mutexattr_destroy(&attributes);
}

static void remember(struct wend_zone_lock *lock, uint64_t what, uint64_t old)
{
    WEND_ASSERT(lock->undo_count < WEND_ZONE_UNDO_MAX);
    lock->undo[lock->undo_count].what = what;
    lock->undo[lock->undo_count].old = old;
    step();
    lock->undo_count++;
    step();
}

void wend_zone_set(struct wend_zone *zone, struct wend_zone_lock *lock, uint64_t *word,
                   uint64_t value)
{
    remember(lock, wend_zone_offset_of(zone, word), *word);
    *word = value;
}

static void give_back(struct wend_zone *zone, wend_zone_offset block, size_t size,
                      uint64_t *counter);

/* The dead holder's list, backwards. Dying in here is no harm: the rest of the list is still there,
 * and putting an old value back twice is the same as once. */
static void undo_all(struct wend_zone *zone, struct wend_zone_lock *lock)
{
    WEND_ASSERT(lock->undo_count <= WEND_ZONE_UNDO_MAX);
    while (lock->undo_count > 0) {
        uint64_t what = lock->undo[lock->undo_count - 1].what;
        uint64_t old = lock->undo[lock->undo_count - 1].old;
        uint64_t *word;

        if ((what & UNDO_BLOCK) != 0) {
            give_back(zone, what & ~(uint64_t)UNDO_BLOCK, old, &lock->undo_count);
            continue;
        }
        word = wend_zone_at(zone, what, sizeof(*word));
        WEND_ASSERT(word != NULL);
        *word = old;
        step();
        lock->undo_count--;
        step();
    }
}

static void free_all(struct wend_zone *zone, struct wend_zone_lock *lock)
{
    WEND_ASSERT(lock->free_count <= WEND_ZONE_FREES_MAX);
    while (lock->free_count > 0) {
        uint64_t last = lock->free_count - 1;

        give_back(zone, lock->frees[last].block, lock->frees[last].size, &lock->free_count);
    }
}

bool wend_zone_lock(struct wend_zone *zone, struct wend_zone_lock *lock)
{
    struct wend_zone_lock *allocator = &zone->head->lock;
    int result = pthread_mutex_lock(&lock->mutex);

    if (WEND_LIKELY(result == 0))
        return false;
    WEND_ASSERT(result == EOWNERDEAD);
    if (lock != allocator) {
        (void)wend_zone_lock(zone, allocator);
        wend_zone_unlock(zone, allocator);
    }
    undo_all(zone, lock);
    free_all(zone, lock);
    result = pthread_mutex_consistent(&lock->mutex);
    WEND_ASSERT(result == 0);
    return true;
}

void wend_zone_unlock(struct wend_zone *zone, struct wend_zone_lock *lock)
{
    int result;

    step();
    lock->undo_count = 0;
    step();
    free_all(zone, lock);
    result = pthread_mutex_unlock(&lock->mutex);
    WEND_ASSERT(result == 0);
}

/* --- blocks ------------------------------------------------------------------------------ */

/* The class of `size`, and its rounded size. */
static bool find_class(size_t size, unsigned *class, size_t *rounded)
{
    unsigned shift, quarter;

    if (size > WEND_ZONE_BYTES_MAX)
        return false;
    if (size < BLOCK_MIN)
        size = BLOCK_MIN;
    shift = (unsigned)(63 - __builtin_clzll((uint64_t)size)) - 2;
    quarter = (unsigned)((size - 1) >> shift) + 1; /* 5..8, or 4 for an exact power of two */
    if (quarter == 8) {
        quarter = 4;
        shift++;
    }
    *class = (shift - SHIFT_MIN) * 4 + (quarter - 4);
    *rounded = (size_t)quarter << shift;
    return shift <= SHIFT_MAX;
}

/* Takes a block of the class from the list or the unused rest. The allocator's lock is held. */
static wend_zone_offset take_block(struct wend_zone *zone, unsigned class, size_t rounded)
{
    struct wend_zone_head *head = zone->head;
    wend_zone_offset block = head->free_blocks[class];
    uint64_t *next = wend_zone_at(zone, block, rounded);

    if (next != NULL) {
        wend_zone_set(zone, &head->lock, &head->free_blocks[class], *next);
        return block;
    }
    if (rounded > zone->size - head->next)
        return 0;
    block = head->next;
    wend_zone_set(zone, &head->lock, &head->next, block + rounded);
    return block;
}

wend_zone_offset wend_zone_alloc(struct wend_zone *zone, struct wend_zone_lock *lock, size_t size)
{
    struct wend_zone_head *head = zone->head;
    wend_zone_offset block;
    unsigned class;
    size_t rounded;

    if (!find_class(size, &class, &rounded))
        return 0;
    (void)wend_zone_lock(zone, &head->lock);
    block = take_block(zone, class, rounded);
    if (block != 0 && lock != NULL) {
        /* The entry of the caller's list becomes valid together with the taking. */
        WEND_ASSERT(lock->undo_count < WEND_ZONE_UNDO_MAX);
        lock->undo[lock->undo_count].what = block | UNDO_BLOCK;
        lock->undo[lock->undo_count].old = rounded;
        wend_zone_set(zone, &head->lock, &lock->undo_count, lock->undo_count + 1);
    }
    wend_zone_unlock(zone, &head->lock);
    if (block != 0)
        memset(zone->base + block, 0, rounded);
    return block;
}

/* Puts a block on its list and takes one off *counter, the caller's (may be NULL), in one step. */
static void give_back(struct wend_zone *zone, wend_zone_offset block, size_t size,
                      uint64_t *counter)
{
    struct wend_zone_head *head = zone->head;
    uint64_t *next;
    unsigned class;
    size_t rounded;
    bool known = find_class(size, &class, &rounded);

    WEND_ASSERT(known);
    next = wend_zone_at(zone, block, rounded);
    WEND_ASSERT(next != NULL && block % 16 == 0);
    (void)wend_zone_lock(zone, &head->lock);
    wend_zone_set(zone, &head->lock, next, head->free_blocks[class]);
    wend_zone_set(zone, &head->lock, &head->free_blocks[class], block);
    if (counter != NULL)
        wend_zone_set(zone, &head->lock, counter, *counter - 1);
    wend_zone_unlock(zone, &head->lock);
}

void wend_zone_free(struct wend_zone *zone, struct wend_zone_lock *lock, wend_zone_offset block,
                    size_t size)
{
    if (block == 0)
        return;
    if (lock == NULL) {
        give_back(zone, block, size, NULL);
        return;
    }
    WEND_ASSERT(lock->free_count < WEND_ZONE_FREES_MAX);
    lock->frees[lock->free_count].block = block;
    lock->frees[lock->free_count].size = size;
    wend_zone_set(zone, lock, &lock->free_count, lock->free_count + 1);
}

size_t wend_zone_bytes_unused(const struct wend_zone *zone)
{
    return zone->size - __atomic_load_n(&zone->head->next, __ATOMIC_RELAXED);
}

/* --- the zones of a configuration -------------------------------------------------------- */

static struct wend_zone *find_named(const struct wend_zone_set *set, struct wend_str name)
{
    for (size_t i = 0; set != NULL && i < set->count; i++)
        if (wend_str_eq(name_of(set->zones[i]), name))
            return set->zones[i];
    return NULL;
}

static enum wend_code create_in(struct wend_zone_set *set, struct wend_str name, size_t size,
                                uint32_t version)
{
    struct wend_zone *zone = calloc(1, sizeof(*zone));
    enum wend_code code;

    if (zone == NULL)
        wend_die("no memory for a zone");
    code = wend_zone_create(zone, name, size, version);
    if (code != WEND_OK) {
        free(zone);
        return code;
    }
    set->zones[set->count++] = zone;
    return WEND_OK;
}

enum wend_code wend_zone_set_need(struct wend_zone_set *set, const struct wend_zone_set *old,
                                  struct wend_str name, size_t size, uint32_t version,
                                  struct wend_zone **zone, bool *fresh)
{
    struct wend_zone *found = find_named(set, name);
    enum wend_code code = WEND_OK;

    *fresh = false;
    if (found != NULL) {
        *zone = found;
        return fits(found, name, size, version) ? WEND_OK : WEND_E_EXISTS;
    }
    if (set->count == WEND_ZONES_MAX)
        return WEND_E_LIMIT;
    found = find_named(old, name);
    if (found != NULL && fits(found, name, size, version)) {
        set->zones[set->count++] = found;
    } else {
        code = create_in(set, name, size, version);
        *fresh = code == WEND_OK;
    }
    if (code == WEND_OK)
        *zone = set->zones[set->count - 1];
    return code;
}

static bool holds(const struct wend_zone_set *set, const struct wend_zone *zone)
{
    for (size_t i = 0; set != NULL && i < set->count; i++)
        if (set->zones[i] == zone)
            return true;
    return false;
}

void wend_zone_set_release(struct wend_zone_set *set, const struct wend_zone_set *but)
{
    for (size_t i = 0; i < set->count; i++) {
        if (holds(but, set->zones[i]))
            continue;
        wend_zone_detach(set->zones[i]);
        free(set->zones[i]);
    }
    set->count = 0;
}
