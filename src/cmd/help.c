/* cmd/help.c - `wend help WORD`: one word looked up in every table there is.
 *
 * Commands, options, directives, variables, the trace's events and error codes are rows elsewhere;
 * each kind is a source here. A word may be of several kinds, and all are shown: "trace" is a
 * command, "status" may be an option and a variable.
 */
#include "base/assert.h"
#include "base/code.h"
#include "cmd/app_block.h"
#include "cmd/commands.h"
#include "cmd/man_page.h"
#include "cmd/options.h"
#include "conf/directive.h"
#include "conf/known.h"
#include "trace/trace.h"
#include "cmd/config_words.h"

#include <stdlib.h>

struct help_source {
    const char *kind;
    /* The name of entry `index`, or false beyond the last. */
    bool (*name)(size_t index, struct wend_str *out);
    void (*show)(size_t index);
};

/* --- commands --------------------------------------------------------------------------------- */

static bool command_name(size_t index, struct wend_str *out)
{
    if (index >= wend_commands_count)
        return false;
    *out = wend_str_of(wend_commands[index].name);
    return true;
}

static void show_command(size_t index)
{
    wend_command_print_help(&wend_commands[index], stdout);
}

/* --- options: every command's, one after the other -------------------------------------------- */

static const struct wend_command *option_at(size_t index, struct wend_option *out)
{
    for (size_t i = 0; i < wend_commands_count; i++) {
        for (size_t row = 0; wend_commands[i].option(row, out); row++) {
            if (index-- == 0)
                return &wend_commands[i];
        }
    }
    return NULL;
}

static bool option_name(size_t index, struct wend_str *out)
{
    static char letter[2];
    struct wend_option option;

    if (option_at(index, &option) == NULL)
        return false;
    letter[0] = option.letter;
    *out = wend_str_of(option.name != NULL ? option.name : letter);
    return true;
}

static void show_option(size_t index)
{
    struct wend_option option;
    const struct wend_command *command = option_at(index, &option);

    WEND_ASSERT(command != NULL);
    printf("option of `wend %s`: ", command->name);
    if (option.letter != 0)
        printf("-%c%s", option.letter, option.name != NULL ? ", " : "");
    printf("%s%s%s%s\n  %s\n", option.name != NULL ? "--" : "",
           option.name != NULL ? option.name : "", option.argument != NULL ? " " : "",
           option.argument != NULL ? option.argument : "", option.help);
}

/* --- events and codes ------------------------------------------------------------------------- */

static bool event_name(size_t index, struct wend_str *out)
{
    if (index >= WEND_EVENTS_COUNT)
        return false;
    *out = wend_str_of(wend_events[index].name);
    return true;
}

static void show_event(size_t index)
{
    const struct wend_event_info *event = &wend_events[index];

    printf("trace event %s, shown as \"%s\", of the layer %s\n  %s\n", event->name, event->label,
           event->layer, event->help);
    if (event->number[0] != '-')
        printf("  Its number: %s.\n", event->number);
}

static bool code_name(size_t index, struct wend_str *out)
{
    if (index >= WEND_CODES_COUNT)
        return false;
    *out = wend_str_of(wend_code_name((enum wend_code)index));
    return true;
}

static void show_code(size_t index)
{
    printf("error code WEND_%s\n  %s\n", wend_code_name((enum wend_code)index),
           wend_code_text((enum wend_code)index));
}

/* --- the configuration's words: every module's, one after the other --------------------------- */

static bool directive_name(size_t index, struct wend_str *out)
{
    const struct wend_edge_module *module;
    const struct wend_directive *row = wend_config_directive(index, &module);

    if (row == NULL)
        return false;
    *out = wend_str_of(row->name);
    return true;
}

static bool app_word_name(size_t index, struct wend_str *out)
{
    struct wend_app_word word;

    if (!wend_app_block_word(index, &word))
        return false;
    *out = word.word;
    return true;
}

static void show_app_word(size_t index)
{
    struct wend_app_word word;

    (void)!wend_app_block_word(index, &word);
    printf("word of an app block: %.*s\n  %s\n  Default: %s.\n", WEND_STR_ARG(word.word), word.help,
           word.fallback != NULL ? word.fallback : "none");
}

static void list_app_words(void)
{
    struct wend_app_word word;

    printf("  Its words, each with one value:\n");
    for (size_t i = 0; wend_app_block_word(i, &word); i++)
        printf("    %-15.*s %s\n", WEND_STR_ARG(word.word), word.help);
}

static void show_directive(size_t index)
{
    const struct wend_edge_module *module;
    const struct wend_directive *row = wend_config_directive(index, &module);

    printf("directive %s%s, of the module %s\n", row->name, row->block ? " { ... }" : "",
           module->name);
    if (row->help != NULL)
        printf("  %s\n", row->help);
    printf("  Arguments: ");
    wend_config_write_arguments(row, stdout);
    printf(".  Default: %s.  In: ", row->fallback != NULL ? row->fallback : "none");
    wend_config_write_contexts(row, stdout);
    printf(".\n");
    if (strcmp(row->name, "app") == 0)
        list_app_words();
}

static bool variable_name(size_t index, struct wend_str *out)
{
    const struct wend_edge_module *module;
    const struct wend_variable_row *row = wend_config_variable(index, &module);

    if (row == NULL)
        return false;
    *out = wend_str_of(row->name);
    return true;
}

static void show_variable(size_t index)
{
    const struct wend_edge_module *module;
    const struct wend_variable_row *row = wend_config_variable(index, &module);

    printf("variable $%s%s, of the module %s\n", row->name,
           (row->flags & WEND_VAR_PREFIX) != 0 ? "NAME" : "", module->name);
    if (row->help != NULL)
        printf("  %s\n", row->help);
}

/* --- nginx's directives that no module here has ----------------------------------------------- */

static bool is_built(struct wend_str name)
{
    struct wend_str ours;

    for (size_t i = 0; directive_name(i, &ours); i++) {
        if (wend_str_eq(ours, name))
            return true;
    }
    return false;
}

static bool known_name(size_t index, struct wend_str *out)
{
    if (index >= wend_known_directives_count)
        return false;
    *out = wend_str_of(wend_known_directives[index].name);
    return true;
}

static void show_known(size_t index)
{
    const struct wend_known_directive *known = &wend_known_directives[index];

    printf("directive %s of %s: not built into wend%s\n  Arguments: %s.  Default: %s.  In: %s.\n",
           known->name, known->module, known->paid ? " (nginx sells it)" : "", known->arguments,
           known->fallback, known->contexts);
}

static const struct help_source sources[] = {
    {"command", command_name, show_command},
    {"option", option_name, show_option},
    {"directive", directive_name, show_directive},
    {"variable", variable_name, show_variable},
    {"word of an app block", app_word_name, show_app_word},
    {"directive of nginx, not built", known_name, show_known},
    {"trace event", event_name, show_event},
    {"error code", code_name, show_code},
};

/* --- looking up ------------------------------------------------------------------------------- */

/* The word as the tables spell it: without dashes of an option, "$", and "WEND_". */
static struct wend_str bare(struct wend_str word)
{
    while (word.len > 1 && (word.ptr[0] == '-' || word.ptr[0] == '$'))
        word = wend_str_from(word, 1);
    if (wend_str_starts(word, WEND_STR("WEND_")))
        word = wend_str_from(word, 5);
    return word;
}

/* A single letter is an option's and keeps its case. */
static bool matches(struct wend_str name, struct wend_str word)
{
    return word.len == 1 ? wend_str_eq(name, word) : wend_str_eq_nocase(name, word);
}

static unsigned show_matches(struct wend_str word)
{
    struct wend_str name;
    unsigned shown = 0;

    for (size_t s = 0; s < WEND_COUNT(sources); s++) {
        for (size_t i = 0; sources[s].name(i, &name); i++) {
            if (!matches(name, word) || (sources[s].name == known_name && is_built(name)))
                continue;
            if (shown++ > 0)
                putchar('\n');
            sources[s].show(i);
        }
    }
    return shown;
}

#define SUGGESTIONS_MAX 8

/* A third of the word may be wrong, or the word starts a name. */
static bool resembles(struct wend_str name, struct wend_str word)
{
    unsigned max = word.len < 4 ? 1 : (unsigned)(word.len / 3 < 3 ? word.len / 3 + 1 : 3);

    if (word.len >= 3 && wend_str_starts_nocase(name, word))
        return true;
    return name.len > 2 && wend_conf_distance(name, word, max) <= max;
}

static void suggest(struct wend_str word)
{
    struct wend_str name, last = WEND_STR_NULL;
    unsigned count = 0;

    fprintf(stderr, "wend help: nothing is called \"%.*s\"\n", WEND_STR_ARG(word));
    for (size_t s = 0; s < WEND_COUNT(sources); s++) {
        for (size_t i = 0; count < SUGGESTIONS_MAX && sources[s].name(i, &name); i++) {
            if (!resembles(name, word) || wend_str_eq(name, last) ||
                (sources[s].name == known_name && is_built(name)))
                continue;
            last = name; /* several commands may have the option, several modules the directive */
            fprintf(stderr, "%s  %.*s (%s)\n", count == 0 ? "did you mean\n" : "",
                    WEND_STR_ARG(name), sources[s].kind);
            count++;
        }
    }
}

static void show_overview(void)
{
    printf("usage: wend help WORD\n\nCommands:\n\n");
    for (size_t i = 0; i < wend_commands_count; i++)
        printf("  %-10s %s\n", wend_commands[i].name, wend_commands[i].summary);
    printf("\nWORD may be one of these, an option, a directive of the configuration, a variable,\n"
           "an event of the trace or an error code.\n");
}

static int show_man(const char *name)
{
    const struct wend_command *command = wend_command_find(wend_str_of(name));

    if (command == NULL) {
        suggest(wend_str_of(name));
        return 1;
    }
    wend_man_page_write(command, stdout);
    return 0;
}

int wend_cmd_help(int argc, char **argv)
{
    struct wend_option_walk walk = {wend_command_find(WEND_STR("help")), argc, argv};
    struct wend_option option;
    const char *value;
    bool any = false;

    while (wend_options_next(&walk, &option, &value)) {
        struct wend_str word;

        if (option.id == WEND_OPT_MAN)
            return show_man(value);
        if (option.id == WEND_OPT_REFERENCE) {
            wend_config_write_reference(stdout);
            return 0;
        }
        if (option.id == WEND_OPT_HELP) {
            wend_command_print_help(walk.command, stdout);
            return 0;
        }
        word = bare(wend_str_of(value));
        if (show_matches(word) == 0) {
            suggest(word);
            return 1;
        }
        any = true;
    }
    if (walk.failed)
        return 2;
    if (!any)
        show_overview();
    return 0;
}
