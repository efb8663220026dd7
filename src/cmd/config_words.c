/* cmd/config_words.c - walking the modules' tables, and the reference page made of them. */
#include "cmd/config_words.h"

#include "cmd/app_block.h"

const struct wend_directive *wend_config_directive(size_t index,
                                                   const struct wend_edge_module **module)
{
    for (size_t m = 0; wend_edge_modules[m] != NULL; m++) {
        *module = wend_edge_modules[m];
        if (index < (*module)->row_count)
            return &(*module)->rows[index];
        index -= (*module)->row_count;
    }
    return NULL;
}

const struct wend_variable_row *wend_config_variable(size_t index,
                                                     const struct wend_edge_module **module)
{
    for (size_t m = 0; wend_edge_modules[m] != NULL; m++) {
        const struct wend_variable_row *row = wend_edge_modules[m]->variables;

        *module = wend_edge_modules[m];
        for (; row != NULL && row->name != NULL; row++) {
            if (index-- == 0)
                return row;
        }
    }
    return NULL;
}

void wend_config_write_contexts(const struct wend_directive *row, FILE *to)
{
    static const struct {
        unsigned bit;
        const char *name;
    } names[] = {
        {WEND_CTX_MAIN, "main"},
        {WEND_CTX_EVENTS, "events"},
        {WEND_CTX_HTTP, "http"},
        {WEND_CTX_UPSTREAM, "upstream"},
        {WEND_CTX_APP, "app"},
        {WEND_CTX_SERVER, "server"},
        {WEND_CTX_LOCATION, "location"},
        {WEND_CTX_IF_SERVER, "if in server"},
        {WEND_CTX_IF_LOCATION, "if in location"},
        {WEND_CTX_LIMIT_EXCEPT, "limit_except"},
    };
    const char *separator = "";

    for (size_t i = 0; i < WEND_COUNT(names); i++) {
        if ((row->contexts & names[i].bit) == 0)
            continue;
        fprintf(to, "%s%s", separator, names[i].name);
        separator = ", ";
    }
}

void wend_config_write_arguments(const struct wend_directive *row, FILE *to)
{
    fprintf(to, "%d", row->args_min);
    if (row->args_max < 0)
        fputs(" or more", to);
    else if (row->args_max != row->args_min)
        fprintf(to, " to %d", row->args_max);
    if (row->block)
        fputs(", a block", to);
}

/* --- the reference ---------------------------------------------------------------------------- */

/* A cell of a Markdown table: '|' would end it. */
static void write_cell(const char *text, FILE *to)
{
    for (; text != NULL && *text != '\0'; text++) {
        if (*text == '|')
            fputc('\\', to);
        fputc(*text, to);
    }
}

static void write_directives(FILE *to)
{
    const struct wend_edge_module *module, *last = NULL;
    const struct wend_directive *row;

    for (size_t i = 0;; i++) {
        row = wend_config_directive(i, &module);
        if (row == NULL)
            return;
        if (module != last)
            fprintf(to,
                    "\n### %s\n\n| directive | arguments | default | in | what it does |\n"
                    "| --- | --- | --- | --- | --- |\n",
                    module->name);
        last = module;
        fprintf(to, "| `%s` | ", row->name);
        wend_config_write_arguments(row, to);
        fputs(" | ", to);
        if (row->fallback != NULL) {
            fputc('`', to);
            write_cell(row->fallback, to);
            fputc('`', to);
        }
        fputs(" | ", to);
        wend_config_write_contexts(row, to);
        fputs(" | ", to);
        write_cell(row->help, to);
        fputs(" |\n", to);
    }
}

static void write_variables(FILE *to)
{
    const struct wend_edge_module *module;
    const struct wend_variable_row *row;

    fputs("\n## Variables\n\n| variable | module | what it is |\n| --- | --- | --- |\n", to);
    for (size_t i = 0;; i++) {
        row = wend_config_variable(i, &module);
        if (row == NULL)
            return;
        fprintf(to, "| `$%s%s` | %s | ", row->name,
                (row->flags & WEND_VAR_PREFIX) != 0 ? "NAME" : "", module->name);
        write_cell(row->help, to);
        fputs(" |\n", to);
    }
}

static void write_app_words(FILE *to)
{
    struct wend_app_word word;

    fputs(
        "\n## Words of an `app` block\n\nEach takes one value. [App blocks](app.md) tells how they "
        "go together.\n\n| word | default | what it does |\n| --- | --- | --- |\n",
        to);
    for (size_t i = 0; wend_app_block_word(i, &word); i++) {
        fprintf(to, "| `%.*s` | ", WEND_STR_ARG(word.word));
        write_cell(word.fallback, to);
        fputs(" | ", to);
        write_cell(word.help, to);
        fputs(" |\n", to);
    }
}

void wend_config_write_reference(FILE *to)
{
    fputs("# The configuration's words\n\n"
          "Made from the modules' tables by `tools/directives_doc.py`; edit the rows, not this "
          "page.\n"
          "`wend help WORD` prints any of them. Directives of nginx that are not listed here are\n"
          "known by name and refused with a message that says so.\n\n## Directives\n",
          to);
    write_directives(to);
    write_app_words(to);
    write_variables(to);
}
