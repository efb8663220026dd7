/* cmd/fetch_options.c - one table of options; short ones may be joined ("-sI", "-XPUT", "-d@file").
 */
#include "cmd/fetch_options.h"

#include "http/path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct option {
    char letter;                        /* 0: none */
    const char *name, *argument, *help; /* argument NULL: a switch */
    enum { BOTH, GET_ONLY, TRACE_ONLY } use;
    bool (*take)(struct wend_fetch_options *options, const char *value);
};

/* --- what each option does -------------------------------------------------------------------- */

static bool wrong(const struct wend_fetch_options *options, const char *value, const char *text)
{
    fprintf(stderr, "%s: %s: %s\n", options->program, value, text);
    return false;
}

static bool take_include(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->include = true;
    return true;
}
static bool take_head(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->head_only = o->include = true;
    return true;
}
static bool take_fail(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->fail = true;
    return true;
}
static bool take_silent(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->silent = true;
    return true;
}
static bool take_show_error(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->show_error = true;
    return true;
}
static bool take_verbose(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->verbose = true;
    return true;
}
static bool take_location(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->location = true;
    return true;
}
static bool take_http10(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->http10 = true;
    return true;
}
static bool take_query(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->data_in_query = true;
    return true;
}
static bool take_json(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->json = true;
    return true;
}
static bool take_ascii(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->ascii = true;
    return true;
}
static bool take_color(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->color = true;
    return true;
}
static bool take_no_color(struct wend_fetch_options *o, const char *value)
{
    (void)value;
    o->no_color = true;
    return true;
}
static bool take_method(struct wend_fetch_options *o, const char *value)
{
    o->method = value;
    return wend_field_name_valid(wend_str_of(value)) || wrong(o, value, "not a method");
}
static bool take_output(struct wend_fetch_options *o, const char *value)
{
    o->output = value;
    return true;
}
static bool take_agent(struct wend_fetch_options *o, const char *value)
{
    o->agent = value;
    return true;
}
static bool take_referer(struct wend_fetch_options *o, const char *value)
{
    o->referer = value;
    return true;
}
static bool take_user(struct wend_fetch_options *o, const char *value)
{
    o->user = value;
    return true;
}

static bool take_cookie(struct wend_fetch_options *o, const char *value)
{
    o->cookie = value;
    return strchr(value, '=') != NULL ||
           wrong(o, value, "name=value is wanted; cookie files are not supported yet");
}

/* "Name: value", "Name:" (take a default away) or "Name;" (send it empty). */
static bool take_header(struct wend_fetch_options *o, const char *value)
{
    struct wend_str line = wend_str_of(value);
    size_t end = strcspn(value, ":;");

    if (o->header_count == WEND_FETCH_HEADERS_MAX)
        return wrong(o, value, "too many fields");
    if (value[end] == '\0' || !wend_field_name_valid(wend_str_slice(line, 0, end)) ||
        !wend_field_value_valid(wend_str_trim(wend_str_from(line, end + 1))))
        return wrong(o, value, "not a field: \"Name: value\" is wanted");
    o->headers[o->header_count++] = line;
    return true;
}

static bool parse_seconds(const struct wend_fetch_options *o, const char *value, int64_t *out_ms)
{
    char *end;
    double seconds = strtod(value, &end);

    if (end == value || *end != '\0' || !(seconds > 0) || seconds > 1e6)
        return wrong(o, value, "not a number of seconds");
    *out_ms = (int64_t)(seconds * 1000);
    return true;
}

static bool take_max_time(struct wend_fetch_options *o, const char *value)
{
    return parse_seconds(o, value, &o->max_time_ms);
}
static bool take_connect_timeout(struct wend_fetch_options *o, const char *value)
{
    return parse_seconds(o, value, &o->connect_timeout_ms);
}

static bool take_max_redirs(struct wend_fetch_options *o, const char *value)
{
    uint64_t count;

    if (!wend_str_to_u64(wend_str_of(value), &count) || count > 1000)
        return wrong(o, value, "a number from 0 to 1000 is wanted");
    o->redirects_max = (unsigned)count;
    return true;
}

static bool read_file(struct wend_fetch_options *o, const char *path, bool strip)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char block[65536];
    size_t got;
    bool failed;

    o->refused = 26;
    if (file == NULL)
        return wrong(o, path, strerror(errno));
    while ((got = fread(block, 1, sizeof(block), file)) > 0) {
        size_t kept = 0;

        for (size_t i = 0; i < got; i++)
            if (!strip || (block[i] != '\r' && block[i] != '\n'))
                block[kept++] = block[i];
        wend_buffer_add(&o->data, wend_str_make(block, kept));
    }
    failed = ferror(file) != 0;
    if (file != stdin)
        fclose(file);
    if (!failed)
        o->refused = 0;
    return !failed || wrong(o, path, "could not be read");
}

static bool add_data(struct wend_fetch_options *o, const char *value, bool files, bool strip)
{
    bool taken = true;

    if (o->have_data)
        wend_buffer_add_byte(&o->data, '&');
    o->have_data = true;
    if (files && value[0] == '@')
        taken = read_file(o, value + 1, strip);
    else
        wend_buffer_add(&o->data, wend_str_of(value));
    return taken && (!o->data.overflow || wrong(o, value, "too much data"));
}

static bool take_data(struct wend_fetch_options *o, const char *value)
{
    return add_data(o, value, true, true);
}
static bool take_data_binary(struct wend_fetch_options *o, const char *value)
{
    return add_data(o, value, true, false);
}
static bool take_data_raw(struct wend_fetch_options *o, const char *value)
{
    return add_data(o, value, false, false);
}

/* --- the table -------------------------------------------------------------------------------- */

static const struct option table[] = {
    {'i', "include", NULL, "print the heads of the answers too", GET_ONLY, take_include},
    {'I', "head", NULL, "ask with HEAD and print the head", BOTH, take_head},
    {'X', "request", "METHOD", "the method", BOTH, take_method},
    {'H', "header", "FIELD", "a request field; \"Name:\" takes one away", BOTH, take_header},
    {'d', "data", "DATA", "a body to POST; @FILE reads it, line ends dropped", BOTH, take_data},
    {0, "data-binary", "DATA", "the same, nothing dropped", BOTH, take_data_binary},
    {0, "data-raw", "DATA", "the same, '@' means nothing", BOTH, take_data_raw},
    {'G', "get", NULL, "put the data into the query instead", BOTH, take_query},
    {'o', "output", "FILE", "write the body there", GET_ONLY, take_output},
    {'L', "location", NULL, "follow redirects", BOTH, take_location},
    {0, "max-redirs", "N", "at most so many (20)", BOTH, take_max_redirs},
    {'f', "fail", NULL, "no body and exit code 22 for a status from 400 on", GET_ONLY, take_fail},
    {'s', "silent", NULL, "no messages", BOTH, take_silent},
    {'S', "show-error", NULL, "with -s: errors all the same", BOTH, take_show_error},
    {'v', "verbose", NULL, "show connection and heads on stderr", GET_ONLY, take_verbose},
    {'m', "max-time", "SECONDS", "for everything", BOTH, take_max_time},
    {0, "connect-timeout", "SECONDS", "for the connection", BOTH, take_connect_timeout},
    {'A', "user-agent", "TEXT", "the User-Agent field", BOTH, take_agent},
    {'e', "referer", "URL", "the Referer field", BOTH, take_referer},
    {'b', "cookie", "NAME=VALUE", "the Cookie field", BOTH, take_cookie},
    {'u', "user", "NAME:PASSWORD", "Basic authentication", BOTH, take_user},
    {'0', "http1.0", NULL, "speak HTTP/1.0", BOTH, take_http10},
    {0, "json", NULL, "print the spans as JSON", TRACE_ONLY, take_json},
    {0, "ascii", NULL, "draw with ASCII only", TRACE_ONLY, take_ascii},
    {0, "color", NULL, "colours even when no terminal reads it", TRACE_ONLY, take_color},
    {0, "no-color", NULL, "no colours", TRACE_ONLY, take_no_color},
};

static bool usable(const struct option *option, bool for_trace)
{
    return option->use == BOTH || (option->use == TRACE_ONLY) == for_trace;
}

static const struct option *find_long(struct wend_str name, bool for_trace)
{
    for (size_t i = 0; i < WEND_COUNT(table); i++)
        if (usable(&table[i], for_trace) && wend_str_eq(name, wend_str_of(table[i].name)))
            return &table[i];
    return NULL;
}

static const struct option *find_short(char letter, bool for_trace)
{
    for (size_t i = 0; i < WEND_COUNT(table); i++)
        if (usable(&table[i], for_trace) && table[i].letter == letter)
            return &table[i];
    return NULL;
}

bool wend_fetch_option_row(size_t index, bool for_trace, struct wend_option *out)
{
    for (size_t i = 0; i < WEND_COUNT(table); i++) {
        if (!usable(&table[i], for_trace))
            continue;
        if (index-- > 0)
            continue;
        *out = (struct wend_option){WEND_OPT_FETCH, table[i].letter, table[i].name,
                                    table[i].argument, table[i].help};
        return true;
    }
    return false;
}

static int usage_error(const struct wend_fetch_options *options, const char *what, const char *text)
{
    fprintf(stderr, "%s: %s: %s (see %s --help)\n", options->program, what, text, options->program);
    return 2;
}

/* One word that starts with '-'. *next is the word after it, if the option may take it. Returns how
 * many words were used, 0 after an error. */
static int take_word(struct wend_fetch_options *options, const char *word, const char *next,
                     bool for_trace)
{
    const struct option *option;
    const char *letters;

    if (word[1] == '-') {
        size_t len = strcspn(word + 2, "=");

        option = find_long(wend_str_make(word + 2, len), for_trace);
        if (option == NULL || (option->argument == NULL && word[2 + len] == '=')) {
            usage_error(options, word, "no such option");
            return 0;
        }
        if (option->argument == NULL)
            return option->take(options, NULL) ? 1 : 0;
        if (word[2 + len] == '=')
            return option->take(options, word + 3 + len) ? 1 : 0;
        if (next == NULL) {
            usage_error(options, word, "needs a value");
            return 0;
        }
        return option->take(options, next) ? 2 : 0;
    }
    for (letters = word + 1; *letters != '\0'; letters++) {
        option = find_short(*letters, for_trace);
        if (option == NULL) {
            usage_error(options, word, "no such option");
            return 0;
        }
        if (option->argument == NULL) {
            if (!option->take(options, NULL))
                return 0;
            continue;
        }
        if (letters[1] != '\0')
            return option->take(options, letters + 1) ? 1 : 0;
        if (next == NULL) {
            usage_error(options, word, "needs a value");
            return 0;
        }
        return option->take(options, next) ? 2 : 0;
    }
    return 1;
}

int wend_fetch_options_parse(struct wend_fetch_options *options, const char *program, int argc,
                             char **argv, bool for_trace)
{
    bool words_only = false;

    *options =
        (struct wend_fetch_options){.program = program, .redirects_max = WEND_FETCH_REDIRECTS_MAX};
    wend_buffer_init(&options->data, WEND_FETCH_DATA_MAX);
    for (int at = 1; at < argc;) {
        const char *word = argv[at];

        if (!words_only && strcmp(word, "--") == 0) {
            words_only = true;
            at++;
        } else if (!words_only && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            wend_command_print_help(
                wend_command_find(for_trace ? WEND_STR("trace") : WEND_STR("get")), stdout);
            return 0;
        } else if (!words_only && word[0] == '-' && word[1] != '\0') {
            int used = take_word(options, word, at + 1 < argc ? argv[at + 1] : NULL, for_trace);

            if (used == 0)
                return options->refused != 0 ? options->refused : 2;
            at += used;
        } else if (options->url != NULL) {
            return usage_error(options, word, "one URL at a time");
        } else {
            options->url = word;
            at++;
        }
    }
    if (options->url == NULL)
        return usage_error(options, "no URL", "nothing to fetch");
    if (options->head_only && options->have_data && !options->data_in_query)
        return usage_error(options, "-I", "HEAD has no body: not with -d");
    return -1;
}

void wend_fetch_options_release(struct wend_fetch_options *options)
{
    wend_buffer_release(&options->data);
}
