/* edge/peer_test.c */
#include "edge/peer.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct wend_peer at[3];
static struct wend_peers group;

static void prepare(unsigned a, unsigned b, unsigned c)
{
    unsigned weights[3] = {a, b, c};

    memset(at, 0, sizeof(at));
    for (int i = 0; i < 3; i++) {
        at[i].weight = weights[i];
        at[i].max_fails = 1;
        at[i].fail_timeout_ns = 10 * WEND_NS_PER_S;
    }
    wend_peers_init(&group, WEND_STR("g"), at, 3);
}

/* Index of the chosen one for a fresh request; -1: none. */
static int choose(int64_t now_s)
{
    struct wend_peers_tried tried = {{0}};
    struct wend_peer *peer = wend_peers_choose(&group, &tried, now_s * WEND_NS_PER_S);

    return peer == NULL ? -1 : (int)(peer - at);
}

static void heavy_ones_come_often_but_spread(void **state)
{
    static const int expected[] = {0, 0, 1, 0, 2, 0, 0};

    (void)state;
    prepare(5, 1, 1);
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < WEND_COUNT(expected); i++)
            assert_int_equal(choose(100), expected[i]);
}

static void a_failed_one_rests_and_comes_back(void **state)
{
    (void)state;
    prepare(1, 1, 1);
    wend_peer_failed(&group, &at[0], 100 * WEND_NS_PER_S);
    for (int i = 0; i < 6; i++)
        assert_int_not_equal(choose(105), 0);
    at[1].down = at[2].down = true;
    assert_int_equal(choose(105), -1);
    assert_int_equal(choose(111), 0);
    assert_int_equal(choose(111), -1); /* one try, until it is known how it went */
    wend_peer_worked(&group, &at[0]);
    assert_int_equal(choose(111), 0);
}

static void a_request_asks_nobody_twice(void **state)
{
    struct wend_peers_tried tried = {{0}};

    (void)state;
    prepare(1, 1, 1);
    for (int i = 0; i < 3; i++)
        assert_non_null(wend_peers_choose(&group, &tried, 0));
    assert_null(wend_peers_choose(&group, &tried, 0));
}

static void backups_wait_for_the_others_to_fail(void **state)
{
    (void)state;
    prepare(1, 1, 1);
    at[2].backup = true;
    for (int i = 0; i < 4; i++)
        assert_int_not_equal(choose(0), 2);
    at[0].down = at[1].down = true;
    assert_int_equal(choose(0), 2);
}

static void a_lone_one_never_rests(void **state)
{
    (void)state;
    prepare(1, 1, 1);
    group.count = 1;
    wend_peer_failed(&group, &at[0], 0);
    assert_int_equal(choose(0), 0);
}

static int choose_by(const char *key)
{
    struct wend_peers_tried tried = {.key = wend_str_of(key)};
    struct wend_peer *peer = wend_peers_choose(&group, &tried, 100 * WEND_NS_PER_S);

    return peer == NULL ? -1 : (int)(peer - at);
}

static void the_least_busy_one_is_chosen(void **state)
{
    (void)state;
    prepare(1, 2, 1);
    assert_int_equal(wend_peers_balance(&group, NULL, WEND_PEERS_LEAST_CONN), WEND_OK);
    at[0].connections = 1;
    at[1].connections = 1;
    at[2].connections = 1;
    assert_int_equal(choose(100), 1);
    at[1].connections = 3;
    at[2].connections = 0;
    assert_int_equal(choose(100), 2);
}

/* Nobody gets another server when one that was not theirs rests. */
static void a_circle_moves_only_the_keys_of_who_left(void **state)
{
    static const char *const names[] = {"10.0.0.1:80", "10.0.0.2:80", "unix:/s"};
    struct wend_arena arena;
    int before[500];
    char key[16];

    (void)state;
    prepare(1, 1, 1);
    for (int i = 0; i < 3; i++)
        at[i].server = wend_str_of(names[i]);
    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    assert_int_equal(wend_peers_balance(&group, &arena, WEND_PEERS_KETAMA), WEND_OK);
    assert_in_range(group.point_count, 470, 480);
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof(key), "%d", i);
        before[i] = choose_by(key);
    }
    at[1].down = true;
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof(key), "%d", i);
        if (before[i] != 1)
            assert_int_equal(choose_by(key), before[i]);
        else
            assert_int_not_equal(choose_by(key), 1);
    }
    wend_arena_release(&arena);
}

static void a_circle_has_a_limit(void **state)
{
    struct wend_arena arena;

    (void)state;
    prepare(INT32_MAX, 1, 1);
    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    assert_int_equal(wend_peers_balance(&group, &arena, WEND_PEERS_KETAMA), WEND_E_LIMIT);
    wend_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_busy_one_is_chosen),
        cmocka_unit_test(a_circle_moves_only_the_keys_of_who_left),
        cmocka_unit_test(a_circle_has_a_limit),
        cmocka_unit_test(heavy_ones_come_often_but_spread),
        cmocka_unit_test(a_failed_one_rests_and_comes_back),
        cmocka_unit_test(a_request_asks_nobody_twice),
        cmocka_unit_test(backups_wait_for_the_others_to_fail),
        cmocka_unit_test(a_lone_one_never_rests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
