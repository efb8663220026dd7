/* conf/token_test.c - a text and the tokens it has, in a row: words between bars, marks as they
 * are. */
#include "conf/token.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct wend_arena arena;
static struct wend_conf_error error;

/* Writes what is read into `out`; returns how it ended. */
static enum wend_code tokens_of(struct wend_str text, char *out, size_t size, unsigned *line)
{
    struct wend_token_reader reader = wend_token_reader(&arena, WEND_STR("f"), text);
    static const char *const marks[] = {"", ";", "{", "}", ""};
    struct wend_token token;
    enum wend_code code;
    size_t len = 0;

    out[0] = '\0';
    do {
        code = wend_token_next(&reader, &token, &error);
        if (code == WEND_OK && token.kind == WEND_TOKEN_WORD)
            len += (size_t)snprintf(out + len, size - len, token.quoted ? "q|%.*s|" : "|%.*s|",
                                    WEND_STR_ARG(token.word));
        else if (code == WEND_OK)
            len += (size_t)snprintf(out + len, size - len, "%s", marks[token.kind]);
    } while (code == WEND_OK && token.kind != WEND_TOKEN_END);
    *line = reader.line;
    return code;
}

static void texts_become_tokens(void **state)
{
    static const struct {
        const char *text, *tokens;
        unsigned last_line;
    } rows[] = {
        {"", "", 1},
        {"\xef\xbb\xbf"
         "a;",
         "|a|;", 1},
        {"a b  c; # note { ; }\nd {}", "|a||b||c|;|d|{}", 2},
        {"#", "", 1},
        {"a#b;", "|a#b|;", 1},
        {"a\r\n\tb", "|a||b|", 2},
        {"a}b;", "|a}b|;", 1},
        {"} a", "}|a|", 1},
        {"\"a b;\" 'c{';", "q|a b;|q|c{|;", 1},
        {"\"\" ''", "q||q||", 1},
        {"\"a\nb\" c", "q|a\nb||c|", 2},
        {"a\"b", "|a\"b|", 1},
        {"('a')", "|('a')|", 1},
        {"'a')", "q|a||)|", 1},
        {"\"a\\\"b\" 'c\\'d' \"t\\tn\\n\" \"\\\\\"", "q|a\"b|q|c'd|q|t\tn\n|q|\\|", 1},
        {"\\.php$ a\\ b a\\;b \\", "|\\.php$||a\\ b||a\\;b||\\|", 1},
        {"${v}z $v{ $", "|${v}z||$v|{|$|", 1},
        {"a\\\nb c", "|a\\\nb||c|", 2},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        char out[128];
        unsigned line;

        assert_int_equal(tokens_of(wend_str_of(rows[i].text), out, sizeof(out), &line), WEND_OK);
        assert_string_equal(out, rows[i].tokens);
        assert_int_equal(line, rows[i].last_line);
    }
}

static void refuse(struct wend_str text, const char *wanted)
{
    char out[128];
    unsigned line;

    assert_int_equal(tokens_of(text, out, sizeof(out), &line), WEND_E_CONFIG);
    assert_string_equal(error.text, wanted);
}

static void mistakes_are_placed(void **state)
{
    (void)state;
    refuse(WEND_STR("a \"b\"c;"), "unexpected \"c\" in f:1");
    refuse(WEND_STR("\n\n'b'}"), "unexpected \"}\" in f:3");
    refuse(WEND_STR("a\n'b\n"), "unexpected end of file, expecting \";\" or \"}\" in f:3 (the ' of "
                                "line 2 is never closed)");
    refuse(WEND_STR("\"b\\\""),
           "unexpected end of file, expecting \";\" or \"}\" in f:1 (the \" of "
           "line 1 is never closed)");
}

static void a_word_has_a_limit(void **state)
{
    static char text[WEND_CONF_WORD_BYTES_MAX + 2];
    struct wend_token_reader reader;
    struct wend_token token;

    (void)state;
    memset(text, 'x', sizeof(text));
    refuse(wend_str_make(text, sizeof(text)),
           "too long parameter \"xxxxxxxxxx...\" started in f:1");
    reader = wend_token_reader(&arena, WEND_STR("f"), wend_str_make(text, sizeof(text) - 2));
    assert_int_equal(wend_token_next(&reader, &token, &error), WEND_OK);
    assert_int_equal(token.word.len, WEND_CONF_WORD_BYTES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_become_tokens),
        cmocka_unit_test(mistakes_are_placed),
        cmocka_unit_test(a_word_has_a_limit),
    };
    int failed;

    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    failed = cmocka_run_group_tests_name("conf.token", tests, NULL, NULL);
    wend_arena_release(&arena);
    return failed;
}
