/* zone/zone_test.c */
#include "zone/zone.c"

#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define NAME WEND_STR("test")

static void attaches_only_what_fits(void **state)
{
    struct wend_zone zone, other;
    int fd;

    (void)state;
    assert_int_equal(wend_zone_create(&zone, NAME, 100, 7), WEND_E_LIMIT);
    assert_int_equal(wend_zone_create(&zone, WEND_STR(""), 1 << 20, 7), WEND_E_LIMIT);
    assert_int_equal(wend_zone_create(&zone, NAME, 100000, 7), WEND_OK);
    assert_int_equal(zone.size, 102400);
    assert_true(fits(&zone, NAME, 100000, 7));
    assert_false(fits(&zone, NAME, 200000, 7));
    assert_false(fits(&zone, NAME, 100000, 8));
    wend_zone_set_root(&zone, 4711);

    fd = fcntl(zone.fd, F_DUPFD_CLOEXEC, 0);
    assert_int_equal(wend_zone_attach(&other, fd, NAME, 8), WEND_E_PROTOCOL);
    assert_int_equal(wend_zone_attach(&other, fd, WEND_STR("tess"), 7), WEND_E_PROTOCOL);
    assert_int_equal(wend_zone_attach(&other, fd, NAME, 7), WEND_OK);
    assert_int_equal(wend_zone_root(&other), 4711);
    assert_int_equal(wend_zone_version(&other), 7);
    zone.head->layout++;
    fd = fcntl(zone.fd, F_DUPFD_CLOEXEC, 0);
    wend_zone_detach(&other);
    assert_int_equal(wend_zone_attach(&other, fd, NAME, 7), WEND_E_PROTOCOL);
    assert_int_not_equal(ftruncate(fd, 4096), 0); /* sealed */
    close(fd);
    wend_zone_detach(&zone);
    wend_zone_detach(&zone);
    fd = memfd_create("unsealed", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_int_equal(wend_zone_attach(&other, fd, NAME, 7), WEND_E_PROTOCOL);
    close(fd);
    assert_int_not_equal(wend_zone_attach(&other, -1, NAME, 7), WEND_OK);
}

static void offsets_are_checked(void **state)
{
    struct wend_zone zone;

    (void)state;
    assert_int_equal(wend_zone_create(&zone, NAME, WEND_ZONE_BYTES_MIN, 1), WEND_OK);
    assert_null(wend_zone_at(&zone, 0, 1));
    assert_null(wend_zone_at(&zone, zone.size - 7, 8));
    assert_non_null(wend_zone_at(&zone, zone.size - 8, 8));
    assert_null(wend_zone_at(&zone, UINT64_MAX, 1));
    assert_null(wend_zone_at(&zone, 64, SIZE_MAX));
    assert_int_equal(wend_zone_offset_of(&zone, zone.base + 99), 99);
    assert_int_equal(wend_zone_offset_of(&zone, NULL), 0);
    wend_zone_detach(&zone);
}

static void sizes_are_rounded_by_a_quarter_at_most(void **state)
{
    unsigned class, before = 0;
    size_t rounded;

    (void)state;
    for (size_t size = 1; size < 300000; size++) {
        assert_true(find_class(size, &class, &rounded));
        assert_true(rounded >= size && rounded % 16 == 0);
        assert_true(size < BLOCK_MIN || rounded <= size + size / 4);
        assert_true(class == before || class == before + 1);
        before = class;
    }
    assert_true(find_class(WEND_ZONE_BYTES_MAX, &class, &rounded));
    assert_true(class < CLASS_COUNT);
    assert_false(find_class(SIZE_MAX, &class, &rounded));
}

static void blocks_are_zero_and_used_again(void **state)
{
    struct wend_zone zone;
    wend_zone_offset a, b;
    size_t count = 0;

    (void)state;
    assert_int_equal(wend_zone_create(&zone, NAME, WEND_ZONE_BYTES_MIN, 1), WEND_OK);
    a = wend_zone_alloc(&zone, NULL, 100);
    assert_int_not_equal(a, 0);
    memset(wend_zone_at(&zone, a, 100), 'x', 100);
    wend_zone_free(&zone, NULL, a, 100);
    b = wend_zone_alloc(&zone, NULL, 110); /* the same class */
    assert_int_equal(a, b);
    for (int i = 0; i < 110; i++)
        assert_int_equal(zone.base[b + (size_t)i], 0);
    assert_int_equal(wend_zone_alloc(&zone, NULL, WEND_ZONE_BYTES_MIN), 0);
    assert_int_equal(wend_zone_alloc(&zone, NULL, SIZE_MAX), 0);
    while (wend_zone_alloc(&zone, NULL, 1000) != 0)
        count++;
    assert_true(count > 50);
    assert_true(wend_zone_bytes_unused(&zone) < 1024);
    wend_zone_detach(&zone);
}

static void a_set_moves_what_still_fits(void **state)
{
    struct wend_zone_set first = {.count = 0}, second = {.count = 0};
    struct wend_zone *a, *b, *kept, *changed;
    bool fresh;

    (void)state;
    assert_int_equal(wend_zone_set_need(&first, NULL, WEND_STR("a"), 65536, 1, &a, &fresh),
                     WEND_OK);
    assert_true(fresh);
    assert_int_equal(wend_zone_set_need(&first, NULL, WEND_STR("b"), 65536, 1, &b, &fresh),
                     WEND_OK);
    assert_int_equal(wend_zone_set_need(&first, NULL, WEND_STR("a"), 65536, 1, &kept, &fresh),
                     WEND_OK);
    assert_false(fresh);
    assert_ptr_equal(kept, a);
    assert_int_equal(wend_zone_set_need(&first, NULL, WEND_STR("a"), 131072, 1, &kept, &fresh),
                     WEND_E_EXISTS);
    assert_int_equal(wend_zone_set_need(&second, &first, WEND_STR("a"), 65536, 1, &kept, &fresh),
                     WEND_OK);
    assert_false(fresh);
    assert_ptr_equal(kept, a);
    assert_int_equal(
        wend_zone_set_need(&second, &first, WEND_STR("b"), 131072, 1, &changed, &fresh), WEND_OK);
    assert_true(fresh);
    assert_ptr_not_equal(changed, b);
    wend_zone_set_release(&first, &second);
    assert_int_equal(first.count, 0);
    assert_non_null(kept->base);
    wend_zone_set_release(&second, NULL);
}

/* --- killed at any instruction ----------------------------------------------------------- */

/* Two accounts whose sum never changes, and a list of nodes whose length is counted. */
struct node {
    wend_zone_offset next;
    uint64_t bytes; /* varies, so that several classes are used */
};
struct shared {
    struct wend_zone_lock lock;
    uint64_t left, right;
    uint64_t first, length;
    uint64_t rounds, repairs;
};

/* Between two changes that belong together, so that death often finds the one without the other. */
static void linger(void)
{
    for (volatile int i = 0; i < 100; i++)
        ;
}

static void transfer(struct wend_zone *zone, struct shared *shared, uint64_t amount)
{
    wend_zone_set(zone, &shared->lock, &shared->left, shared->left - amount);
    linger();
    wend_zone_set(zone, &shared->lock, &shared->right, shared->right + amount);
}

static void push(struct wend_zone *zone, struct shared *shared, size_t bytes)
{
    wend_zone_offset at = wend_zone_alloc(zone, &shared->lock, bytes);
    struct node *node = wend_zone_at(zone, at, bytes);

    if (node == NULL)
        return;
    node->next = shared->first;
    node->bytes = bytes;
    linger();
    wend_zone_set(zone, &shared->lock, &shared->first, at);
    linger();
    wend_zone_set(zone, &shared->lock, &shared->length, shared->length + 1);
}

static void pop(struct wend_zone *zone, struct shared *shared)
{
    wend_zone_offset at = shared->first;
    struct node *node = wend_zone_at(zone, at, sizeof(*node));

    if (node == NULL)
        return;
    wend_zone_free(zone, &shared->lock, at, node->bytes);
    linger();
    wend_zone_set(zone, &shared->lock, &shared->first, node->next);
    linger();
    wend_zone_set(zone, &shared->lock, &shared->length, shared->length - 1);
}

__attribute__((noreturn)) static void hammer(struct wend_zone *zone, struct shared *shared,
                                             unsigned seed)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
    if (getppid() == 1)
        _exit(0);
    for (;;) {
        seed = seed * 1103515245u + 12345u;
        if (wend_zone_lock(zone, &shared->lock))
            shared->repairs++;
        transfer(zone, shared, seed >> 20);
        if ((seed >> 16 & 1) != 0)
            push(zone, shared, 40 + (seed >> 8) % 200);
        else
            pop(zone, shared);
        wend_zone_set(zone, &shared->lock, &shared->rounds, shared->rounds + 1);
        wend_zone_unlock(zone, &shared->lock);
    }
}

/* Every byte handed out is in the list or in a list of free ones, exactly once. */
static void assert_nothing_lost(struct wend_zone *zone, struct shared *shared, uint64_t sum,
                                uint64_t start)
{
    struct wend_zone_head *head = zone->head;
    uint64_t length = 0, bytes = 0;
    unsigned class = 0;
    size_t rounded = 0;

    (void)wend_zone_lock(zone, &shared->lock);
    (void)wend_zone_lock(zone, &head->lock);
    assert_true(shared->left + shared->right == sum);
    for (wend_zone_offset at = shared->first; at != 0;) {
        struct node *node = wend_zone_at(zone, at, sizeof(*node));

        assert_non_null(node);
        assert_true(find_class(node->bytes, &class, &rounded));
        bytes += rounded;
        length++;
        assert_true(length <= shared->length);
        at = node->next;
    }
    assert_int_equal(length, shared->length);
    for (class = 0; class < CLASS_COUNT; class ++) {
        for (wend_zone_offset at = head->free_blocks[class]; at != 0;) {
            uint64_t *next = wend_zone_at(zone, at, sizeof(*next));

            assert_non_null(next);
            bytes += (uint64_t)(4 + class % 4) << (SHIFT_MIN + class / 4);
            assert_true(bytes <= zone->size);
            at = *next;
        }
    }
    assert_int_equal(bytes, head->next - start);
    wend_zone_unlock(zone, &head->lock);
    wend_zone_unlock(zone, &shared->lock);
}

static pid_t start_hammer(struct wend_zone *zone, struct shared *shared, unsigned seed)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0)
        hammer(zone, shared, seed);
    return pid;
}

static long kills_wanted(void)
{
    const char *text = getenv("WEND_ZONE_KILLS");

    return text == NULL ? 1000 : atol(text);
}

static void processes_killed_at_any_time_lose_nothing(void **state)
{
    enum { PROCESSES = 3 };
    struct wend_zone zone;
    struct shared *shared;
    wend_zone_offset at;
    pid_t pids[PROCESSES];
    uint64_t start, rounds = 0;
    unsigned seed = (unsigned)getpid();

    (void)state;
    assert_int_equal(wend_zone_create(&zone, NAME, 4 << 20, 1), WEND_OK);
    at = wend_zone_alloc(&zone, NULL, sizeof(*shared));
    shared = wend_zone_at(&zone, at, sizeof(*shared));
    wend_zone_lock_init(&shared->lock);
    shared->left = shared->right = UINT64_C(1) << 40;
    start = zone.head->next;
    for (int i = 0; i < PROCESSES; i++)
        pids[i] = start_hammer(&zone, shared, seed++);
    for (long kills = 0; kills < kills_wanted(); kills++) {
        int victim = (int)(kills % PROCESSES);
        int status;

        usleep(500 + (useconds_t)(seed * 2654435761u % 4000));
        assert_int_equal(kill(pids[victim], SIGKILL), 0);
        assert_int_equal(waitpid(pids[victim], &status, 0), pids[victim]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        if (kills % 8 == 0)
            assert_nothing_lost(&zone, shared, UINT64_C(1) << 41, start);
        pids[victim] = start_hammer(&zone, shared, seed++);
        assert_true(shared->rounds >= rounds);
        rounds = shared->rounds;
    }
    for (int i = 0; i < PROCESSES; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    assert_nothing_lost(&zone, shared, UINT64_C(1) << 41, start);
    assert_true(shared->rounds > 1000);
    print_message("%llu rounds, %llu found their predecessor dead\n",
                  (unsigned long long)shared->rounds, (unsigned long long)shared->repairs);
    wend_zone_detach(&zone);
}

/* Dies right after the given number of changes. */
static void dies_after(struct wend_zone *zone, struct shared *shared, int changes)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        (void)wend_zone_lock(zone, &shared->lock);
        for (int i = 0; i < changes; i++) {
            if (i % 3 == 0)
                transfer(zone, shared, 1);
            else if (i % 3 == 1)
                push(zone, shared, 100);
            else
                pop(zone, shared);
        }
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void the_dead_ones_changes_are_undone(void **state)
{
    struct wend_zone zone;
    struct shared *shared;
    uint64_t start;

    (void)state;
    assert_int_equal(wend_zone_create(&zone, NAME, 1 << 20, 1), WEND_OK);
    shared = wend_zone_at(&zone, wend_zone_alloc(&zone, NULL, sizeof(*shared)), sizeof(*shared));
    wend_zone_lock_init(&shared->lock);
    shared->left = 1000;
    start = zone.head->next;
    assert_false(wend_zone_lock(&zone, &shared->lock));
    push(&zone, shared, 100);
    push(&zone, shared, 64);
    wend_zone_unlock(&zone, &shared->lock);
    for (int changes = 0; changes < 14; changes++) {
        dies_after(&zone, shared, changes);
        assert_true(wend_zone_lock(&zone, &shared->lock));
        assert_int_equal(shared->left, 1000);
        assert_int_equal(shared->length, 2);
        wend_zone_unlock(&zone, &shared->lock);
        assert_nothing_lost(&zone, shared, 1000, start);
    }
    wend_zone_detach(&zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attaches_only_what_fits),
        cmocka_unit_test(offsets_are_checked),
        cmocka_unit_test(sizes_are_rounded_by_a_quarter_at_most),
        cmocka_unit_test(blocks_are_zero_and_used_again),
        cmocka_unit_test(a_set_moves_what_still_fits),
        cmocka_unit_test(the_dead_ones_changes_are_undone),
        cmocka_unit_test(processes_killed_at_any_time_lose_nothing),
    };

    return cmocka_run_group_tests_name("zone.zone", tests, NULL, NULL);
}
