#include "conf/tree.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct wend_arena arena;
static struct wend_conf_tree tree;
static struct wend_conf_error error;

static enum wend_code parse(const char *text)
{
    error.text[0] = '\0';
    return wend_conf_parse(&arena, WEND_STR("f"), wend_str_of(text), WEND_STR_NULL, &tree, &error);
}

static void is_text(struct wend_str word, const char *wanted)
{
    assert_true(wend_str_eq(word, wend_str_of(wanted)));
}

static void words_and_blocks(void **state)
{
    const struct wend_statement *s;

    (void)state;
    assert_int_equal(parse("a b  c; # note { ; }\nd {\n e \"f g\" 'h;'; }\n"), WEND_OK);
    s = tree.top;
    assert_int_equal(s->count, 3);
    is_text(s->args[2], "c");
    assert_int_equal(s->line, 1);
    s = s->next;
    assert_true(s->has_block);
    assert_int_equal(s->children->line, 3);
    is_text(s->children->args[1], "f g");
    is_text(s->children->args[2], "h;");
    assert_null(s->next);
}

static void refuse(const char *text, const char *wanted)
{
    assert_int_equal(parse(text), WEND_E_CONFIG);
    assert_string_equal(error.text, wanted);
}

static void messages_name_the_place(void **state)
{
    (void)state;
    refuse("}", "unexpected \"}\" in f:1");
    refuse("\n;", "unexpected \";\" in f:2");
    refuse("{ }", "unexpected \"{\" in f:1");
    refuse("a", "unexpected end of file, expecting \";\" or \"}\" in f:1");
    refuse("a {\n b;\n", "unexpected end of file, expecting \"}\" in f:3");
    refuse("a { b }", "unexpected \"}\" in f:1");
    refuse("a \"b\"c;", "unexpected \"c\" in f:1");
    refuse("a \"b\n", "unexpected end of file, expecting \";\" or \"}\" in f:2 (the \" of line 1 "
                      "is never closed)");
    refuse("include x;", "\"include\" is not possible here in f:1");
}

static void nesting_has_a_limit(void **state)
{
    char text[4 * WEND_CONF_DEPTH_MAX + 16] = "";

    (void)state;
    for (unsigned i = 0; i <= WEND_CONF_DEPTH_MAX; i++)
        memcpy(text + 2 * i, "a{", 3);
    assert_int_equal(parse(text), WEND_E_CONFIG);
    assert_non_null(strstr(error.text, "too many nested blocks"));
}

static void words_have_a_limit(void **state)
{
    size_t size = 2 * (WEND_CONF_WORDS_MAX + 1) + 1;
    char *text = malloc(size + 1);

    (void)state;
    assert_non_null(text);
    for (size_t i = 0; i < size; i++)
        text[i] = i % 2 == 0 ? 'x' : ' ';
    text[size - 1] = ';';
    text[size] = '\0';
    assert_int_equal(parse(text), WEND_E_CONFIG);
    assert_non_null(strstr(error.text, "too many parameters"));
    text[0] = ' ';
    assert_int_equal(parse(text), WEND_OK);
    assert_int_equal(tree.top->count, WEND_CONF_WORDS_MAX);
    free(text);
}

static void it_is_known_which_words_were_quoted(void **state)
{
    (void)state;
    assert_int_equal(parse("x \"a\" b;"), WEND_OK);
    assert_true(tree.top->quoted[1]);
    assert_false(tree.top->quoted[2]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_and_blocks),
        cmocka_unit_test(it_is_known_which_words_were_quoted),
        cmocka_unit_test(messages_name_the_place),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(words_have_a_limit),
    };
    int failed;

    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    wend_arena_release(&arena);
    return failed;
}
