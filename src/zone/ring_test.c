/* zone/ring_test.c */
#include "zone/ring.c"

#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct wend_zone zone;
static struct wend_ring ring;

static void open_ring(size_t slots, size_t record_max)
{
    wend_zone_offset at;

    assert_int_equal(
        wend_zone_create(&zone, WEND_STR("ring"), wend_ring_zone_bytes(slots, record_max), 1),
        WEND_OK);
    assert_int_equal(wend_ring_create(&ring, &zone, slots, record_max, &at), WEND_OK);
    wend_zone_set_root(&zone, at);
    memset(&ring, 0, sizeof(ring));
    assert_int_equal(wend_ring_attach(&ring, &zone, wend_zone_root(&zone)), WEND_OK);
}

static void keeps_the_latest(void **state)
{
    char got[100], too_long[101] = {0};
    size_t len;
    uint64_t first;

    (void)state;
    open_ring(64, 100);
    first = first_ticket(&ring);
    assert_int_equal(wend_ring_next(&ring), first);
    assert_false(wend_ring_read(&ring, first, got, sizeof(got), &len));
    for (uint64_t i = 0; i < 200; i++)
        assert_true(wend_ring_write(&ring, &i, sizeof(i)));
    for (uint64_t i = 0; i < 200; i++) {
        bool there = wend_ring_read(&ring, first + i, got, sizeof(got), &len);
        uint64_t value;

        assert_int_equal(there, i >= 200 - 64);
        if (!there)
            continue;
        memcpy(&value, got, sizeof(value));
        assert_int_equal(len, 8);
        assert_int_equal(value, i);
    }
    assert_false(wend_ring_read(&ring, first + 200, got, sizeof(got), &len));
    assert_false(wend_ring_read(&ring, 0, got, sizeof(got), &len));
    assert_false(wend_ring_read(&ring, first + 199, got, 7, &len));
    assert_false(wend_ring_write(&ring, too_long, sizeof(too_long)));
    assert_int_equal(wend_ring_dropped(&ring), 0);
    wend_zone_detach(&zone);
}

static void refuses_a_wrong_shape(void **state)
{
    wend_zone_offset at;

    (void)state;
    open_ring(64, 100);
    at = wend_zone_root(&zone);
    assert_int_equal(wend_ring_attach(&ring, &zone, 0), WEND_E_PROTOCOL);
    assert_int_equal(wend_ring_attach(&ring, &zone, at + 64), WEND_E_PROTOCOL);
    assert_int_equal(wend_ring_attach(&ring, &zone, zone.size - 64), WEND_E_PROTOCOL);
    assert_int_equal(wend_ring_create(&ring, &zone, 64, 0, &at), WEND_E_LIMIT);
    assert_int_equal(wend_ring_create(&ring, &zone, WEND_RING_SLOTS_MAX + 1, 8, &at), WEND_E_LIMIT);
    assert_int_equal(wend_ring_create(&ring, &zone, 4096, 1000, &at), WEND_E_MEMORY);
    wend_zone_detach(&zone);
}

/* A writer that is slow keeps its slot; a dead one does not. */
static void a_slot_is_taken_over_only_from_the_dead(void **state)
{
    uint64_t ticket, dropped;
    void *open_record;
    pid_t pid;

    (void)state;
    open_ring(64, 100);
    open_record = wend_ring_begin(&ring, &ticket);
    assert_non_null(open_record);
    for (int i = 0; i < 63; i++)
        assert_true(wend_ring_write(&ring, "x", 1));
    assert_false(wend_ring_write(&ring, "y", 1)); /* a lap later, the slot still open */
    assert_int_equal(wend_ring_dropped(&ring), 1);
    wend_ring_end(&ring, ticket, 0);
    for (int i = 0; i < 63; i++)
        assert_true(wend_ring_write(&ring, "x", 1));
    pid = fork();
    if (pid == 0) {
        (void)!wend_ring_begin(&ring, &ticket);
        raise(SIGKILL);
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    dropped = wend_ring_dropped(&ring);
    for (int i = 0; i < 64; i++)
        assert_true(wend_ring_write(&ring, "z", 1));
    assert_int_equal(wend_ring_dropped(&ring), dropped);
    wend_zone_detach(&zone);
}

#define WORDS 16

__attribute__((noreturn)) static void hammer(uint64_t seed)
{
    uint64_t record[WORDS];

    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a failed test leaves nobody behind */
    if (getppid() == 1)
        _exit(0);
    for (;;) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        for (int i = 0; i < WORDS; i++)
            record[i] = seed + (uint64_t)i;
        (void)wend_ring_write(&ring, record, sizeof(record));
    }
}

static size_t read_all(void)
{
    uint64_t next = wend_ring_next(&ring), record[WORDS];
    size_t whole = 0, len;

    for (uint64_t t = next > 256 ? next - 256 : first_ticket(&ring); t < next; t++) {
        if (!wend_ring_read(&ring, t, record, sizeof(record), &len))
            continue;
        assert_int_equal(len, sizeof(record));
        for (int i = 1; i < WORDS; i++)
            assert_true(record[i] == record[0] + (uint64_t)i);
        whole++;
    }
    return whole;
}

static void records_are_whole_whoever_is_killed(void **state)
{
    enum { WRITERS = 3, KILLS = 60 };
    pid_t pids[WRITERS];
    size_t whole = 0;

    (void)state;
    open_ring(256, WORDS * 8);
    for (int i = 0; i < WRITERS + KILLS; i++) {
        pid_t *pid = &pids[i % WRITERS];

        if (i >= WRITERS) {
            usleep(3000);
            whole += read_all();
            assert_int_equal(kill(*pid, SIGKILL), 0);
            assert_int_equal(waitpid(*pid, NULL, 0), *pid);
        }
        *pid = fork();
        if (*pid == 0)
            hammer((uint64_t)i);
    }
    for (int i = 0; i < WRITERS; i++) {
        kill(pids[i], SIGKILL);
        waitpid(pids[i], NULL, 0);
    }
    /* All writers are dead: one more lap finds every slot usable. */
    for (int i = 0; i < 256; i++) {
        uint64_t record[WORDS];

        for (int j = 0; j < WORDS; j++)
            record[j] = (uint64_t)j;
        assert_true(wend_ring_write(&ring, record, sizeof(record)));
    }
    assert_int_equal(read_all(), 256);
    print_message("%zu whole records read meanwhile, %llu dropped of %llu\n", whole,
                  (unsigned long long)wend_ring_dropped(&ring),
                  (unsigned long long)wend_ring_next(&ring));
    wend_zone_detach(&zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_latest),
        cmocka_unit_test(refuses_a_wrong_shape),
        cmocka_unit_test(a_slot_is_taken_over_only_from_the_dead),
        cmocka_unit_test(records_are_whole_whoever_is_killed),
    };

    return cmocka_run_group_tests_name("zone.ring", tests, NULL, NULL);
}
