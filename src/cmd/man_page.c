/* cmd/man_page.c - see cmd/man_page.h.
 *
 * In mdoc a line is more than a break: one that starts with a dot or a quote is a request, and each
 * sentence has a line of its own, so that the formatter knows where it ends. Backslashes are
 * escapes everywhere.
 */
#include "cmd/man_page.h"

#include <ctype.h>

#define LINE_MAX_BYTES 78

/* "wend" has a page as well, which no table makes: docs/man/wend.1. */
#define WHOLE "wend"

struct writer {
    FILE *to;
    size_t column;
};

static void end_line(struct writer *w)
{
    if (w->column > 0)
        fputc('\n', w->to);
    w->column = 0;
}

static void write_escaped(struct writer *w, const char *text, size_t len)
{
    if (w->column == 0 && len > 0 && (text[0] == '.' || text[0] == '\''))
        fputs("\\&", w->to);
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\\')
            fputs("\\e", w->to);
        else
            fputc(text[i], w->to);
    w->column += len;
}

/* Whether the word before `after`, which is the rest of the text, ends a sentence. */
static bool ends_sentence(const char *word, size_t len, const char *after)
{
    return len > 1 && strchr(".!?", word[len - 1]) != NULL && after[0] == ' ' &&
           isupper((unsigned char)after[1]);
}

/* Paragraphs, apart by empty lines. */
static void write_text(struct writer *w, const char *text)
{
    while (*text != '\0') {
        size_t word = strcspn(text, " \n");

        if (word > 0) {
            if (w->column > 0 && w->column + 1 + word > LINE_MAX_BYTES)
                end_line(w);
            if (w->column > 0)
                write_escaped(w, " ", 1);
            write_escaped(w, text, word);
            if (ends_sentence(text, word, text + word))
                end_line(w);
            text += word;
        } else if (text[0] == '\n' && text[1] == '\n') {
            end_line(w);
            fputs(".Pp\n", w->to);
            text += 2;
        } else {
            text++;
        }
    }
    end_line(w);
}

/* Lines as they are. */
static void write_literal(struct writer *w, const char *text)
{
    struct wend_str rest = wend_str_of(text), line;

    while (wend_str_split(&rest, '\n', &line)) {
        write_escaped(w, line.ptr, line.len);
        w->column = 0;
        fputc('\n', w->to);
    }
}

static void write_upper(FILE *to, const char *text)
{
    for (; *text != '\0'; text++)
        fputc(toupper((unsigned char)*text), to);
}

static void write_head(const struct wend_command *command, FILE *to)
{
    fputs(".Dd $Mdocdate$\n.Dt WEND-", to);
    write_upper(to, command->name);
    fprintf(to, " %d\n.Os\n.Sh NAME\n.Nm wend-%s\n.Nd %s\n", command->section, command->name,
            command->summary);
    fprintf(to, ".Sh SYNOPSIS\n.Nm wend %s\n.Op Ar options\n", command->name);
    if (command->operands[0] != '\0')
        fprintf(to, ".Ar %s\n", command->operands);
}

static void write_option(struct writer *w, const struct wend_option *option)
{
    fputs(".It", w->to);
    if (option->letter != 0)
        fprintf(w->to, " Fl %c", option->letter);
    if (option->name != NULL)
        fprintf(w->to, "%s Fl -%s", option->letter != 0 ? " ," : "", option->name);
    if (option->argument != NULL)
        fprintf(w->to, " Ar %s", option->argument);
    fputc('\n', w->to);
    write_text(w, option->help);
}

static void write_options(struct writer *w, const struct wend_command *command)
{
    struct wend_option option;

    fputs(".Bl -tag -width Ds\n", w->to);
    for (size_t i = 0; command->option(i, &option); i++)
        write_option(w, &option);
    fputs(".El\n", w->to);
}

/* --- SEE ALSO: the other pages, by section and name ---------------------------------------- */

static bool comes_before(const struct wend_command *a, const struct wend_command *b)
{
    return a->section != b->section ? a->section < b->section : strcmp(a->name, b->name) < 0;
}

/* The first one after `last` (NULL: of all); NULL at the end. */
static const struct wend_command *next_page(const struct wend_command *last)
{
    const struct wend_command *next = NULL;

    for (size_t i = 0; i < wend_commands_count; i++) {
        const struct wend_command *command = &wend_commands[i];

        if ((last == NULL || comes_before(last, command)) &&
            (next == NULL || comes_before(command, next)))
            next = command;
    }
    return next;
}

static void write_see_also(const struct wend_command *command, FILE *to)
{
    fputs(".Sh SEE ALSO\n.Xr " WHOLE " 1", to);
    for (const struct wend_command *page = next_page(NULL); page != NULL; page = next_page(page))
        if (page != command)
            fprintf(to, " ,\n.Xr wend-%s %d", page->name, page->section);
    fputc('\n', to);
}

void wend_man_page_write(const struct wend_command *command, FILE *to)
{
    struct writer w = {.to = to};

    write_head(command, to);
    fputs(".Sh DESCRIPTION\n", to);
    write_text(&w, command->about);
    write_options(&w, command);
    fputs(".Sh EXIT STATUS\n", to);
    write_text(&w, command->status);
    fputs(".Sh EXAMPLES\n.Bd -literal\n", to);
    write_literal(&w, command->examples);
    fputs(".Ed\n", to);
    write_see_also(command, to);
}
