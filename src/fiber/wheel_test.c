/* Timers: never early, late by a tick at most, in every level, moved, stopped, far away. */
#include "wheel.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct probe {
    struct wend_timer timer;
    int64_t fired_ns, wanted_ns;
    int times;
};

static int64_t now;

static void fire(struct wend_timer *timer)
{
    struct probe *probe = WEND_OF(timer, struct probe, timer);

    probe->fired_ns = now;
    probe->times++;
}

static void step_to(struct wend_wheel *wheel, int64_t at_ns)
{
    while (now < at_ns) {
        int64_t next = wend_wheel_next_ns(wheel);

        now = next < at_ns ? (next > now ? next : now + 1) : at_ns;
        wend_wheel_advance(wheel, now);
    }
}

static void fires_on_time_at_every_distance(void **state)
{
    static const int64_t distances_ms[] = {0,       1,       4,        5,        255,   256,
                                           257,     1000,    16383,    16384,    16385, 60000,
                                           1048576, 1048577, 75000000, 400000000};
    struct wend_wheel *wheel = malloc(sizeof(*wheel));
    struct probe probes[WEND_COUNT(distances_ms)];

    (void)state;
    for (int64_t start = 0; start < 3; start++) {
        now = 1000003 * WEND_NS_PER_MS + start * 2731 * WEND_NS_PER_MS;
        wend_wheel_init(wheel, now);
        memset(probes, 0, sizeof(probes));
        for (size_t i = 0; i < WEND_COUNT(distances_ms); i++) {
            probes[i].timer.fire = fire;
            probes[i].wanted_ns = now + distances_ms[i] * WEND_NS_PER_MS;
            wend_wheel_start(wheel, &probes[i].timer, probes[i].wanted_ns);
        }
        step_to(wheel, now + 400001000 * WEND_NS_PER_MS);
        for (size_t i = 0; i < WEND_COUNT(distances_ms); i++) {
            assert_int_equal(probes[i].times, 1);
            assert_true(probes[i].fired_ns >= probes[i].wanted_ns);
            assert_true(probes[i].fired_ns - probes[i].wanted_ns <= 2 * TICK_NS);
        }
        assert_int_equal(wheel->count, 0);
        assert_int_equal(wend_wheel_next_ns(wheel), WEND_NEVER);
    }
    free(wheel);
}

static void a_random_crowd_keeps_its_times(void **state)
{
    enum { CROWD = 3000 };
    struct wend_wheel *wheel = malloc(sizeof(*wheel));
    struct probe *crowd = calloc(CROWD, sizeof(*crowd));
    unsigned seed = 7;

    (void)state;
    now = 12345678901;
    wend_wheel_init(wheel, now);
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < CROWD; i++) {
            struct probe *probe = &crowd[i];

            if (rand_r(&seed) % 3 != 0)
                continue;
            assert_true(probe->times == 0 || probe->wanted_ns == INT64_MAX ||
                        probe->fired_ns >= probe->wanted_ns);
            if (rand_r(&seed) % 8 == 0) {
                wend_wheel_stop(wheel, &probe->timer);
                probe->wanted_ns = INT64_MAX;
                continue;
            }
            probe->timer.fire = fire;
            probe->times = 0;
            probe->wanted_ns = now + (int64_t)(rand_r(&seed) % 40000) * WEND_NS_PER_MS / 3;
            wend_wheel_start(wheel, &probe->timer, probe->wanted_ns);
        }
        step_to(wheel, now + (int64_t)(rand_r(&seed) % 5000) * WEND_NS_PER_MS);
        for (int i = 0; i < CROWD; i++) {
            struct probe *probe = &crowd[i];

            if (probe->timer.fire == NULL || probe->wanted_ns == INT64_MAX)
                continue;
            if (probe->wanted_ns + 2 * TICK_NS < now)
                assert_int_equal(probe->times, 1);
            if (probe->times == 1)
                assert_true(probe->fired_ns >= probe->wanted_ns &&
                            probe->fired_ns <= probe->wanted_ns + 2 * TICK_NS);
        }
    }
    free(crowd);
    free(wheel);
}

static void a_later_start_keeps_its_place(void **state)
{
    struct wend_wheel *wheel = malloc(sizeof(*wheel));
    struct probe probe = {.timer.fire = fire};
    int64_t slot_ns;

    (void)state;
    now = 0;
    wend_wheel_init(wheel, now);
    wend_wheel_start(wheel, &probe.timer, 100 * WEND_NS_PER_MS);
    slot_ns = probe.timer.slot_ns;
    wend_wheel_start(wheel, &probe.timer, 900 * WEND_NS_PER_MS);
    assert_int_equal(probe.timer.slot_ns, slot_ns);
    step_to(wheel, 800 * WEND_NS_PER_MS);
    assert_int_equal(probe.times, 0);
    step_to(wheel, 1000 * WEND_NS_PER_MS);
    assert_int_equal(probe.times, 1);
    free(wheel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fires_on_time_at_every_distance),
        cmocka_unit_test(a_random_crowd_keeps_its_times),
        cmocka_unit_test(a_later_start_keeps_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
