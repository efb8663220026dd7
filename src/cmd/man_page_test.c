/* cmd/man_page_test.c - texts that a formatter must not take for requests of its own. */
#include "cmd/man_page.c"

#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static char *written;
static size_t written_len;

static struct writer open_writer(void)
{
    struct writer w = {.to = open_memstream(&written, &written_len)};

    assert_non_null(w.to);
    return w;
}

static void assert_written(struct writer *w, const char *wanted)
{
    assert_int_equal(fclose(w->to), 0);
    assert_string_equal(written, wanted);
    free(written);
}

struct row {
    const char *text, *page;
};

static void words_become_lines_that_are_no_requests(void **state)
{
    static const struct row rows[] = {
        {"", ""},
        {"one two", "one two\n"},
        {"one\ntwo", "one two\n"},
        {"  one   two  ", "one two\n"},
        {".conf files", "\\&.conf files\n"},
        {"'quoted'", "\\&'quoted'\n"},
        {"a .conf", "a .conf\n"}, /* harmless in the middle of a line */
        {"One. .conf", "One. .conf\n"},
        {"back\\slash", "back\\eslash\n"},
        {"\\.x", "\\e.x\n"},
        {"One. Two! Three? four", "One.\nTwo!\nThree? four\n"},
        {"e.g. this, i.e. that", "e.g. this, i.e. that\n"},
        {"At 1. Then", "At 1.\nThen\n"},
        {"Ends.", "Ends.\n"},
        {"one\n\ntwo", "one\n.Pp\ntwo\n"},
        {"One.\n\n.two", "One.\n.Pp\n\\&.two\n"},
        {"Sentence. .Pp", "Sentence. .Pp\n"},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        struct writer w = open_writer();

        write_text(&w, rows[i].text);
        assert_written(&w, rows[i].page);
    }
}

static void long_lines_are_broken_between_words(void **state)
{
    char text[1024] = "", word[512];
    struct writer w = open_writer();
    size_t start = 0, words = 0, len = 0;

    (void)state;
    for (int i = 0; i < 60; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%sword ", i % 7 == 0 ? "." : "");
    write_text(&w, text);
    assert_int_equal(fclose(w.to), 0);
    for (size_t i = 0; i < written_len; i++) {
        if (written[i] == ' ' || written[i] == '\n')
            words++;
        if (written[i] != '\n')
            continue;
        assert_true(i - start <= LINE_MAX_BYTES + strlen("\\&"));
        assert_int_not_equal(written[start], '.'); /* a word that a break made the first */
        start = i + 1;
    }
    assert_int_equal(words, 60);
    free(written);

    /* One that is longer than a line has a line of its own, whole. */
    memset(word, 'x', sizeof(word) - 1);
    word[sizeof(word) - 1] = '\0';
    snprintf(text, sizeof(text), "a %s b", word);
    w = open_writer();
    write_text(&w, text);
    assert_int_equal(fclose(w.to), 0);
    assert_memory_equal(written, "a\nxxx", 5);
    assert_string_equal(written + 2 + strlen(word), "\nb\n");
    free(written);
}

static void examples_stay_as_they_are(void **state)
{
    struct writer w = open_writer();

    (void)state;
    write_literal(&w, "wend serve .   files\n.hidden\n  'x' \\n");
    assert_written(&w, "wend serve .   files\n\\&.hidden\n  'x' \\en\n");
}

static bool two_options(size_t index, struct wend_option *out)
{
    static const struct wend_option rows[] = {
        {.letter = 'b', .name = "bind", .argument = "ADDRESS", .help = "listen there"},
        {.name = "reload", .help = ".start anew"},
        {.letter = 'q', .help = "quiet"},
    };

    if (index >= WEND_COUNT(rows))
        return false;
    *out = rows[index];
    return true;
}

static void options_are_tagged_by_their_forms(void **state)
{
    static const struct wend_command command = {.option = two_options};
    struct writer w = open_writer();

    (void)state;
    write_options(&w, &command);
    assert_written(&w, ".Bl -tag -width Ds\n.It Fl b , Fl -bind Ar ADDRESS\nlisten there\n"
                       ".It Fl -reload\n\\&.start anew\n.It Fl q\nquiet\n.El\n");
}

/* By section, then by name, each once, and never itself. */
static void see_also_is_in_order(void **state)
{
    const struct wend_command *last = NULL, *page;
    size_t count = 0;
    char own[64];

    (void)state;
    for (page = next_page(NULL); page != NULL; page = next_page(page)) {
        assert_true(last == NULL || comes_before(last, page));
        last = page;
        count++;
    }
    assert_int_equal(count, wend_commands_count);
    for (size_t i = 0; i < wend_commands_count; i++) {
        struct writer w = open_writer();

        wend_man_page_write(&wend_commands[i], w.to);
        assert_int_equal(fclose(w.to), 0);
        snprintf(own, sizeof(own), "\n.Xr wend-%s ", wend_commands[i].name);
        assert_null(strstr(written, own));
        assert_null(strstr(written, "\n\n"));
        assert_int_equal(written[written_len - 1], '\n');
        free(written);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_lines_that_are_no_requests),
        cmocka_unit_test(long_lines_are_broken_between_words),
        cmocka_unit_test(examples_stay_as_they_are),
        cmocka_unit_test(options_are_tagged_by_their_forms),
        cmocka_unit_test(see_also_is_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
