#include "cmd/options.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

#define WALK(name, ...)                                                                            \
    char *words[] = {"x", __VA_ARGS__};                                                            \
    struct wend_option_walk walk = {wend_command_find(WEND_STR(name)), (int)WEND_COUNT(words),     \
                                    words};                                                        \
    struct wend_option option;                                                                     \
    const char *value

#define NEXT(wanted_id, wanted_value)                                                              \
    do {                                                                                           \
        assert_true(wend_options_next(&walk, &option, &value));                                    \
        assert_int_equal(option.id, wanted_id);                                                    \
        if ((wanted_value) == NULL)                                                                \
            assert_null(value);                                                                    \
        else                                                                                       \
            assert_string_equal(value, (const char *)(wanted_value));                              \
    } while (0)

static void options_and_operands_mix(void **state)
{
    WALK("serve", "-b", "8001", "site:app", "--threads=4", "-w2", "--reload", "--", "-odd");

    (void)state;
    NEXT('b', "8001");
    NEXT(WEND_OPT_OPERAND, "site:app");
    NEXT(WEND_OPT_THREADS, "4");
    NEXT('w', "2");
    NEXT(WEND_OPT_RELOAD, NULL);
    NEXT(WEND_OPT_OPERAND, "-odd");
    assert_false(wend_options_next(&walk, &option, &value));
    assert_false(walk.failed);
}

static void letters_may_be_joined(void **state)
{
    WALK("nginx", "-qt", "-cfile", "-s", "reload");

    (void)state;
    NEXT('q', NULL);
    NEXT('t', NULL);
    NEXT('c', "file");
    NEXT('s', "reload");
    assert_false(wend_options_next(&walk, &option, &value));
    assert_false(walk.failed);
}

static void wrong_options_fail(char *first, char *second)
{
    WALK("serve", first, second);

    while (wend_options_next(&walk, &option, &value))
        continue;
    assert_true(walk.failed);
}

static void unknown_and_incomplete_options_fail(void **state)
{
    (void)state;
    wrong_options_fail("target", "--bnd");
    wrong_options_fail("target", "-z");
    wrong_options_fail("target", "--bind");
    wrong_options_fail("--reload=yes", "target");
}

static void every_row_is_usable(void **state)
{
    (void)state;
    for (size_t c = 0; c < wend_commands_count; c++) {
        struct wend_option option, other;

        for (size_t i = 0; wend_commands[c].option(i, &option); i++) {
            assert_true(option.letter != 0 || option.name != NULL);
            assert_true(option.help[0] != '\0' && option.help[strlen(option.help) - 1] != '.');
            if (wend_commands[c].single_dash)
                assert_null(option.name);
            for (size_t j = 0; j < i && wend_commands[c].option(j, &other); j++)
                assert_true(option.letter == 0 || option.letter != other.letter);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(options_and_operands_mix),
        cmocka_unit_test(letters_may_be_joined),
        cmocka_unit_test(unknown_and_incomplete_options_fail),
        cmocka_unit_test(every_row_is_usable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
