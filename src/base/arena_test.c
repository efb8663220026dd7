/* base/arena_test.c */
#include "base/arena.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void allocations_are_aligned_and_apart(void **state)
{
    struct wend_arena arena;
    char *before = NULL;

    (void)state;
    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    for (size_t size = 0; size < 6000; size += 37) {
        char *at = wend_arena_alloc(&arena, size);

        assert_non_null(at);
        assert_ptr_not_equal(at, before);
        assert_int_equal((uintptr_t)at % 16, 0);
        memset(at, 0xaa, size);
        before = size == 0 ? NULL : at;
    }
    wend_arena_release(&arena);
    assert_int_equal(arena.bytes, 0);
    assert_non_null(wend_arena_alloc(&arena, 10));
    wend_arena_release(&arena);
    wend_arena_thread_release();
}

static void the_maximum_holds(void **state)
{
    struct wend_arena arena;

    (void)state;
    wend_arena_init(&arena, 10000);
    assert_null(wend_arena_alloc(&arena, SIZE_MAX));
    assert_null(wend_arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(wend_arena_alloc(&arena, 20000));
    assert_null(wend_arena_array(&arena, SIZE_MAX / 2, 3));
    assert_non_null(wend_arena_alloc(&arena, 4000));
    assert_non_null(wend_arena_alloc(&arena, 4000));
    /* A whole chunk does not fit any more; a small one of its own does. */
    assert_non_null(wend_arena_alloc(&arena, 1000));
    assert_null(wend_arena_alloc(&arena, 2000));
    assert_null(wend_arena_keep(&arena, wend_str_make("x", SIZE_MAX)).ptr);
    assert_true(arena.bytes <= 10000);
    wend_arena_release(&arena);
}

static void a_rewind_gives_back_what_came_after_the_mark(void **state)
{
    struct wend_arena arena;
    struct wend_arena_mark mark;
    char *first;
    size_t bytes;

    (void)state;
    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    mark = wend_arena_mark(&arena);
    first = wend_arena_zalloc(&arena, 100);
    memset(first, 'x', 100);
    wend_arena_rewind(&arena, mark);
    assert_int_equal(arena.bytes, 0);
    assert_null(arena.newest);

    first = wend_arena_zalloc(&arena, 100);
    memset(first, 'k', 100);
    assert_non_null(wend_arena_alloc(&arena, 9000)); /* a chunk of its own on top */
    mark = wend_arena_mark(&arena);
    bytes = arena.bytes;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 100; i++)
            memset(wend_arena_alloc(&arena, 500), 'y', 500);
        memset(wend_arena_alloc(&arena, 50000), 'z', 50000);
        wend_arena_rewind(&arena, mark);
        assert_int_equal(arena.bytes, bytes);
    }
    for (int i = 0; i < 100; i++)
        assert_int_equal(first[i], 'k');
    wend_arena_release(&arena);
}

static void a_large_allocation_does_not_end_the_chunk_below(void **state)
{
    struct wend_arena arena;
    char *a, *b;

    (void)state;
    if (ONE_CHUNK_EACH)
        return;
    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    a = wend_arena_alloc(&arena, 16);
    assert_non_null(wend_arena_alloc(&arena, 100000));
    b = wend_arena_alloc(&arena, 16);
    assert_ptr_equal(a + 16, b);
    wend_arena_release(&arena);
}

static void released_chunks_are_used_again(void **state)
{
    struct wend_arena arena;
    struct wend_arena_chunk *chunk;

    (void)state;
    if (ONE_CHUNK_EACH)
        return;
    wend_arena_thread_release();
    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    assert_non_null(wend_arena_alloc(&arena, 1));
    chunk = arena.newest;
    wend_arena_release(&arena);
    assert_int_equal(spare_count, 1);
    assert_non_null(wend_arena_alloc(&arena, 1));
    assert_ptr_equal(arena.newest, chunk);
    for (int i = 0; i < WEND_ARENA_SPARE + 50; i++)
        assert_non_null(wend_arena_alloc(&arena, 4000));
    wend_arena_release(&arena);
    assert_int_equal(spare_count, WEND_ARENA_SPARE);
    wend_arena_thread_release();
    assert_int_equal(spare_count, 0);
}

static void texts_are_kept_and_printed(void **state)
{
    struct wend_arena arena;
    struct wend_str kept;
    char long_text[9000];

    (void)state;
    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    kept = wend_arena_keep(&arena, WEND_STR("abc"));
    assert_int_equal(kept.len, 3);
    assert_string_equal(kept.ptr, "abc");
    assert_non_null(wend_arena_keep(&arena, WEND_STR_NULL).ptr);
    assert_string_equal(wend_arena_cstr(&arena, WEND_STR("path")), "path");
    assert_null(wend_arena_cstr(&arena, WEND_STR("pa\0th")));
    memset(long_text, 'l', sizeof(long_text));
    for (size_t len = 0; len < sizeof(long_text); len += 311) {
        struct wend_str text = wend_arena_printf(&arena, "%.*s-%d", (int)len, long_text, 42);

        assert_int_equal(text.len, len + 3);
        assert_memory_equal(text.ptr, long_text, len);
        assert_string_equal(text.ptr + len, "-42");
    }
    wend_arena_release(&arena);
    wend_arena_init(&arena, 100);
    assert_null(wend_arena_printf(&arena, "%200d", 1).ptr);
    wend_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allocations_are_aligned_and_apart),
        cmocka_unit_test(the_maximum_holds),
        cmocka_unit_test(a_rewind_gives_back_what_came_after_the_mark),
        cmocka_unit_test(a_large_allocation_does_not_end_the_chunk_below),
        cmocka_unit_test(released_chunks_are_used_again),
        cmocka_unit_test(texts_are_kept_and_printed),
    };
    int failed = cmocka_run_group_tests_name("base.arena", tests, NULL, NULL);

    wend_arena_thread_release();
    return failed;
}
