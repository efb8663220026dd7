/* edge/types_test.c - extensions and the types they stand for. */
#include "edge/types.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void extensions(void **state)
{
    static const struct {
        const char *path, *extension;
    } rows[] = {
        {"/a.html", "html"}, {"/a.tar.gz", "gz"}, {"/a", ""},   {"/.html", ""}, {"/d.x/a", ""},
        {"/d/.b.c", "c"},    {"/a.", ""},         {"/", ""},    {"", ""},       {"/a.b/", ""},
        {".x", ""},          {"a.b", "b"},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++)
        assert_true(wend_str_eq(wend_types_extension(wend_str_of(rows[i].path)),
                                wend_str_of(rows[i].extension)));
}

static void lookups(void **state)
{
    struct wend_arena arena;
    struct wend_types types;
    struct wend_str fallback = WEND_STR("text/plain");

    (void)state;
    wend_arena_init(&arena, 1 << 20);
    wend_types_init(&types, &arena);
    assert_int_equal(wend_types_add_defaults(&types, &arena), WEND_OK);
    assert_int_equal(wend_types_add(&types, &arena, WEND_STR("PNG"), WEND_STR("image/png")),
                     WEND_OK);
    assert_int_equal(wend_types_add(&types, &arena, WEND_STR("png"), WEND_STR("x")),
                     WEND_E_EXISTS);
    assert_true(wend_str_eq(wend_types_lookup(&types, WEND_STR("/a.HTML"), fallback),
                            WEND_STR("text/html")));
    assert_true(wend_str_eq(wend_types_lookup(&types, WEND_STR("/a.png"), fallback),
                            WEND_STR("image/png")));
    assert_true(wend_str_eq(wend_types_lookup(&types, WEND_STR("/a.zip"), fallback), fallback));
    assert_true(wend_str_eq(wend_types_lookup(&types, WEND_STR("/a"), fallback), fallback));
    wend_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extensions),
        cmocka_unit_test(lookups),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
