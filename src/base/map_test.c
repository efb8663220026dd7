/* base/map_test.c */
#include "base/map.c"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The reference vectors' key and messages: 00 01 02 ... */
static void siphash_gives_known_values(void **state)
{
    const uint64_t key[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
    char message[64];

    (void)state;
    for (int i = 0; i < 64; i++)
        message[i] = (char)i;
    assert_true(siphash13(key, wend_str_make(message, 0), false) == 0xabac0158050fc4dc);
    assert_true(siphash13(key, wend_str_make(message, 1), false) == 0xc9f49bf37d57ca93);
    assert_true(siphash13(key, wend_str_make(message, 2), false) == 0x82cb9b024dc7d44d);
    assert_true(siphash13(key, wend_str_make(message, 3), false) == 0x8bf80ab8e7ddf7fb);
}

static void adds_gets_puts_removes(void **state)
{
    struct wend_map map;
    int a, b;

    (void)state;
    wend_map_init(&map, NULL, 2);
    assert_null(wend_map_get(&map, WEND_STR("a")));
    assert_null(wend_map_remove(&map, WEND_STR("a")));
    assert_int_equal(wend_map_add(&map, WEND_STR("a"), &a), WEND_OK);
    assert_int_equal(wend_map_add(&map, WEND_STR("a"), &b), WEND_E_EXISTS);
    assert_ptr_equal(wend_map_get(&map, WEND_STR("a")), &a);
    assert_int_equal(wend_map_put(&map, WEND_STR("a"), &b), WEND_OK);
    assert_ptr_equal(wend_map_get(&map, WEND_STR("a")), &b);
    assert_null(wend_map_get(&map, WEND_STR("A")));
    assert_int_equal(wend_map_add(&map, WEND_STR(""), &a), WEND_OK);
    assert_int_equal(wend_map_add(&map, WEND_STR("c"), &a), WEND_E_LIMIT);
    assert_ptr_equal(wend_map_remove(&map, WEND_STR("a")), &b);
    assert_null(wend_map_get(&map, WEND_STR("a")));
    assert_int_equal(map.count, 1);
    wend_map_release(&map);
}

static void case_can_be_folded(void **state)
{
    struct wend_map map;
    int a;

    (void)state;
    wend_map_init_nocase(&map, NULL, 10);
    assert_int_equal(wend_map_add(&map, WEND_STR("Content-Type"), &a), WEND_OK);
    assert_ptr_equal(wend_map_get(&map, WEND_STR("content-TYPE")), &a);
    assert_null(wend_map_get(&map, WEND_STR("content-typf")));
    wend_map_release(&map);
}

/* Random additions and removals against a plain array. */
static void agrees_with_an_array(void **state)
{
    enum { KEYS = 400 };
    static char names[KEYS][8];
    bool there[KEYS] = {false};
    struct wend_arena arena;
    struct wend_map map;
    unsigned seed = 12345;
    size_t seen = 0;

    (void)state;
    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    wend_map_init(&map, &arena, KEYS);
    for (int i = 0; i < KEYS; i++)
        snprintf(names[i], sizeof(names[i]), "k%d", i);
    for (int step = 0; step < 20000; step++) {
        int i;
        struct wend_str key;

        seed = seed * 1103515245u + 12345u;
        i = (int)(seed >> 16) % KEYS;
        key = wend_str_of(names[i]);
        assert_ptr_equal(wend_map_get(&map, key), there[i] ? names[i] : NULL);
        if (there[i])
            assert_ptr_equal(wend_map_remove(&map, key), names[i]);
        else
            assert_int_equal(wend_map_add(&map, key, names[i]), WEND_OK);
        there[i] = !there[i];
    }
    for (int i = 0; i < KEYS; i++)
        assert_ptr_equal(wend_map_get(&map, wend_str_of(names[i])), there[i] ? names[i] : NULL);
    for (int i = 0; i < KEYS; i++)
        seen += there[i];
    assert_int_equal(seen, map.count);
    wend_arena_release(&arena);
    wend_arena_thread_release();
}

static void an_arena_that_is_full_is_an_error(void **state)
{
    struct wend_arena arena;
    struct wend_map map;
    char names[100][4];
    enum wend_code code = WEND_OK;
    int i;

    (void)state;
    wend_arena_init(&arena, 1000);
    wend_map_init(&map, &arena, 1000);
    for (i = 0; i < 100 && code == WEND_OK; i++) {
        snprintf(names[i], sizeof(names[i]), "%d", i);
        code = wend_map_add(&map, wend_str_of(names[i]), names[i]);
    }
    assert_int_equal(code, WEND_E_MEMORY);
    assert_ptr_equal(wend_map_get(&map, WEND_STR("0")), names[0]);
    wend_arena_release(&arena);
    wend_arena_thread_release();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_known_values),
        cmocka_unit_test(adds_gets_puts_removes),
        cmocka_unit_test(case_can_be_folded),
        cmocka_unit_test(agrees_with_an_array),
        cmocka_unit_test(an_arena_that_is_full_is_an_error),
    };

    return cmocka_run_group_tests_name("base.map", tests, NULL, NULL);
}
