/* cmd/uwsgi_ini.c - two walks: the section's lines, then their values' placeholders. */
#include "cmd/uwsgi_ini.h"

#include "base/buffer.h"

#include <grp.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* For %.*s: names come from a file and may be of any length. */
#define SHOWN(text) (int)((text).len < 60 ? (text).len : 60), (text).ptr

struct reader {
    struct wend_arena *arena;
    const struct wend_uwsgi_ini_place *place;
    struct wend_uwsgi_ini *ini;
    unsigned line, asked; /* placeholders filled in so far: they could multiply without bytes */
};

WEND_PRINTF(3, 4)
static enum wend_code fail(struct reader *reader, enum wend_code code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(reader->ini->error, sizeof(reader->ini->error), format, args);
    va_end(args);
    reader->ini->error_line = reader->line;
    return code;
}

/* --- lines ------------------------------------------------------------------------------------ */

static struct wend_str wanted_section(const struct reader *reader)
{
    return reader->place->section.ptr != NULL ? reader->place->section : WEND_STR("uwsgi");
}

/* "[name]" */
static enum wend_code read_header(struct reader *reader, struct wend_str line, bool *wanted)
{
    ptrdiff_t close = wend_str_find_byte(line, ']');

    if (close < 0)
        return fail(reader, WEND_E_SYNTAX, "a section is written [name]");
    *wanted =
        wend_str_eq(wanted_section(reader), wend_str_trim(wend_str_slice(line, 1, (size_t)close)));
    return WEND_OK;
}

static enum wend_code read_option(struct reader *reader, struct wend_str line)
{
    struct wend_uwsgi_ini *ini = reader->ini;
    ptrdiff_t equals = wend_str_find_byte(line, '=');
    struct wend_uwsgi_ini_option *option;
    struct wend_str key =
        wend_str_trim(equals < 0 ? line : wend_str_slice(line, 0, (size_t)equals));

    if (ini->count == WEND_UWSGI_INI_OPTIONS_MAX)
        return fail(reader, WEND_E_LIMIT, "more than %d options", WEND_UWSGI_INI_OPTIONS_MAX);
    if (key.len == 0)
        return fail(reader, WEND_E_SYNTAX, "an option's name is missing before \"=\"");
    option = &ini->options[ini->count++];
    *option = (struct wend_uwsgi_ini_option){.key = key, .line = reader->line};
    if (equals >= 0)
        option->value = wend_str_trim(wend_str_from(line, (size_t)equals + 1));
    return WEND_OK;
}

static enum wend_code read_lines(struct reader *reader, struct wend_str text)
{
    struct wend_str line;
    bool any = false, found = false, wanted = false;
    enum wend_code code = WEND_OK;

    for (reader->line = 1; code == WEND_OK && wend_str_split(&text, '\n', &line); reader->line++) {
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        line = wend_str_trim(line);
        if (wend_str_find_byte(line, '\0') >= 0)
            return fail(reader, WEND_E_SYNTAX, "a byte 0 in the file");
        if (line.len == 0 || line.ptr[0] == ';' || line.ptr[0] == '#')
            continue;
        if (line.ptr[0] == '[') {
            code = read_header(reader, line, &wanted);
            any = true;
            found |= wanted;
        } else if (wanted) {
            code = read_option(reader, line);
        } else if (!any) {
            code = fail(reader, WEND_E_SYNTAX, "\"%.*s\" stands before any [section]", SHOWN(line));
        }
    }
    if (code == WEND_OK && !found) {
        reader->line = 0;
        code = fail(reader, WEND_E_SYNTAX, "there is no section [%.*s]",
                    SHOWN(wanted_section(reader)));
    }
    return code;
}

/* --- %d, $(NAME), %(name) --------------------------------------------------------------------- */

static struct wend_str file_name(struct wend_str path)
{
    return wend_str_from(path, (size_t)(wend_str_rfind_byte(path, '/') + 1));
}

static struct wend_str folder_of(struct wend_str path)
{
    return wend_str_slice(path, 0, (size_t)(wend_str_rfind_byte(path, '/') + 1));
}

static void add_user(struct wend_buffer *out, char which)
{
    const struct passwd *user = which == 'U' ? getpwuid(getuid()) : NULL;
    const struct group *group = which == 'G' ? getgrgid(getgid()) : NULL;

    if (user != NULL)
        wend_buffer_add(out, wend_str_of(user->pw_name));
    else if (group != NULL)
        wend_buffer_add(out, wend_str_of(group->gr_name));
    else
        wend_buffer_printf(out, "%u", which == 'u' || which == 'U' ? getuid() : getgid());
}

/* False: there is no such letter. */
static bool add_letter(struct wend_buffer *out, struct wend_str path, char which)
{
    struct wend_str name = file_name(path), folder = folder_of(path);
    ptrdiff_t dot = wend_str_rfind_byte(name, '.');
    char host[256] = "";

    switch (which) {
    case '%':
        wend_buffer_add_byte(out, '%');
        return true;
    case 'p':
        wend_buffer_add(out, path);
        return true;
    case 'd':
        wend_buffer_add(out, folder);
        return true;
    case 's':
        wend_buffer_add(out, name);
        return true;
    case 'n':
        wend_buffer_add(out, dot < 0 ? name : wend_str_slice(name, 0, (size_t)dot));
        return true;
    case 'e':
        wend_buffer_add(out, dot < 0 ? WEND_STR("") : wend_str_from(name, (size_t)dot + 1));
        return true;
    case 'c':
        wend_buffer_add(out, file_name(wend_str_slice(folder, 0, folder.len - (folder.len > 0))));
        return true;
    case 'h':
        (void)gethostname(host, sizeof(host) - 1);
        wend_buffer_add(out, wend_str_of(host));
        return true;
    case 'k':
        wend_buffer_printf(out, "%ld", sysconf(_SC_NPROCESSORS_ONLN));
        return true;
    case 'u':
    case 'U':
    case 'g':
    case 'G':
        add_user(out, which);
        return true;
    default:
        return false;
    }
}

static enum wend_code add_value(struct reader *reader, struct wend_str value, unsigned depth,
                                struct wend_buffer *out);

/* The last one counts, as if the options had been taken in turn. */
static enum wend_code add_placeholder(struct reader *reader, struct wend_str name, unsigned depth,
                                      struct wend_buffer *out)
{
    struct wend_uwsgi_ini *ini = reader->ini;
    struct wend_uwsgi_ini_option *found = NULL;

    if (depth == WEND_UWSGI_INI_DEPTH_MAX)
        return fail(reader, WEND_E_LIMIT, "%%(%.*s) is made of placeholders more than %d deep",
                    SHOWN(name), WEND_UWSGI_INI_DEPTH_MAX);
    if (reader->asked++ == WEND_UWSGI_INI_ASKED_MAX)
        return fail(reader, WEND_E_LIMIT, "more than %d placeholders", WEND_UWSGI_INI_ASKED_MAX);
    for (size_t i = 0; i < ini->count; i++) {
        if (!wend_str_eq(ini->options[i].key, name))
            continue;
        found = &ini->options[i];
        found->placeholder = true;
    }
    if (found == NULL)
        return fail(reader, WEND_E_SYNTAX, "nothing here is called \"%.*s\", as %%(%.*s) wants",
                    SHOWN(name), SHOWN(name));
    return add_value(reader, found->value.ptr != NULL ? found->value : WEND_STR("true"), depth + 1,
                     out);
}

static enum wend_code add_env(struct reader *reader, struct wend_str name, struct wend_buffer *out)
{
    const char *value = reader->place->env(wend_arena_cstr(reader->arena, name));

    if (value == NULL)
        return fail(reader, WEND_E_SYNTAX, "there is no environment variable \"%.*s\"",
                    SHOWN(name));
    wend_buffer_add(out, wend_str_of(value));
    return WEND_OK;
}

/* One of the forms at the start of `rest`, which is moved behind it. */
static enum wend_code add_form(struct reader *reader, struct wend_str *rest, unsigned depth,
                               struct wend_buffer *out)
{
    bool named = rest->len > 1 && rest->ptr[1] == '(';
    ptrdiff_t close = named ? wend_str_find_byte(*rest, ')') : -1;
    char mark = rest->ptr[0];
    struct wend_str name;

    if (!named && mark != '%') { /* a dollar or an at sign of its own */
        wend_buffer_add_byte(out, mark);
        *rest = wend_str_from(*rest, 1);
        return WEND_OK;
    }
    if (!named) {
        if (rest->len < 2 || !add_letter(out, reader->place->path, rest->ptr[1]))
            return fail(reader, WEND_E_SYNTAX,
                        "\"%.*s\" is no variable of the file; a percent sign is written %%%%",
                        rest->len < 2 ? 1 : 2, rest->ptr);
        *rest = wend_str_from(*rest, 2);
        return WEND_OK;
    }
    if (close < 0)
        return fail(reader, WEND_E_SYNTAX, "the \")\" after \"%c(\" is missing", mark);
    name = wend_str_slice(*rest, 2, (size_t)close);
    *rest = wend_str_from(*rest, (size_t)close + 1);
    if (mark == '@')
        return fail(reader, WEND_E_SYNTAX, "@(file) is not built: write the value here");
    return mark == '$' ? add_env(reader, name, out) : add_placeholder(reader, name, depth, out);
}

static enum wend_code add_value(struct reader *reader, struct wend_str value, unsigned depth,
                                struct wend_buffer *out)
{
    while (value.len > 0) {
        size_t plain = 0;
        enum wend_code code;

        while (plain < value.len && value.ptr[plain] != '%' && value.ptr[plain] != '$' &&
               value.ptr[plain] != '@')
            plain++;
        wend_buffer_add(out, wend_str_slice(value, 0, plain));
        value = wend_str_from(value, plain);
        if (value.len == 0)
            break;
        code = add_form(reader, &value, depth, out);
        if (code != WEND_OK)
            return code;
    }
    return out->overflow ? fail(reader, WEND_E_LIMIT, "a value of more than %d bytes",
                                WEND_UWSGI_INI_VALUE_MAX)
                         : WEND_OK;
}

static enum wend_code fill_in(struct reader *reader, struct wend_uwsgi_ini_option *option,
                              struct wend_str *filled)
{
    struct wend_buffer out;
    enum wend_code code;

    *filled = option->value;
    if (option->value.ptr == NULL)
        return WEND_OK;
    reader->line = option->line;
    wend_buffer_init(&out, WEND_UWSGI_INI_VALUE_MAX);
    code = add_value(reader, option->value, 0, &out);
    if (code == WEND_OK)
        *filled = wend_arena_keep(reader->arena, wend_buffer_str(&out));
    wend_buffer_release(&out);
    return code;
}

/* --- all of it -------------------------------------------------------------------------------- */

enum wend_code wend_uwsgi_ini_parse(struct wend_arena *arena, struct wend_str text,
                                    const struct wend_uwsgi_ini_place *place,
                                    struct wend_uwsgi_ini *out)
{
    struct reader reader = {.arena = arena, .place = place, .ini = out};
    struct wend_str *filled;
    enum wend_code code;

    memset(out, 0, sizeof(*out));
    if (text.len > WEND_UWSGI_INI_BYTES_MAX)
        return fail(&reader, WEND_E_LIMIT, "more than %u bytes", WEND_UWSGI_INI_BYTES_MAX);
    out->options = wend_arena_array(arena, WEND_UWSGI_INI_OPTIONS_MAX, sizeof(*out->options));
    filled = wend_arena_array(arena, WEND_UWSGI_INI_OPTIONS_MAX, sizeof(*filled));
    if (out->options == NULL || filled == NULL)
        return fail(&reader, WEND_E_MEMORY, "out of memory");
    code = read_lines(&reader, text);
    /* Beside the values, which later ones may still ask for as they were written. */
    for (size_t i = 0; code == WEND_OK && i < out->count; i++)
        code = fill_in(&reader, &out->options[i], &filled[i]);
    for (size_t i = 0; code == WEND_OK && i < out->count; i++)
        out->options[i].value = filled[i];
    return code;
}

bool wend_uwsgi_ini_is_true(struct wend_str value)
{
    static const struct wend_str no[] = {WEND_STR_INIT("false"), WEND_STR_INIT("off"),
                                         WEND_STR_INIT("no"), WEND_STR_INIT("0")};

    for (size_t i = 0; i < WEND_COUNT(no); i++)
        if (wend_str_eq(value, no[i]))
            return false;
    return true;
}
