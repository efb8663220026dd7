/* net/title.c - the text `ps` shows.
 *
 * The kernel shows the bytes where argv was at the start, and environ lies right behind it. environ
 * moves to the heap once, and both together are the room for titles. */
#include "net/process.h"

#include "base/assert.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define COMMAND_MAX 4096

static char *area; /* argv[0] .. end of environ */
static size_t area_len;
static char command[COMMAND_MAX];

/* One past the last byte of the strings that follow each other from `end` on. */
static char *follow(char **strings, char *end)
{
    for (; *strings != NULL; strings++)
        if (*strings == end)
            end += strlen(*strings) + 1;
    return end;
}

static void remember_command(int argc, char **argv)
{
    size_t len = 0;

    for (int i = 0; i < argc && len < sizeof(command); i++)
        len +=
            (size_t)snprintf(command + len, sizeof(command) - len, i == 0 ? "%s" : " %s", argv[i]);
}

/* For the life of the process: the caller may step along argv, and setenv() and unsetenv() forget
 * strings and the table, so what was copied is kept here as well. */
static struct {
    char **strings;
    char **environ;
    char **arguments; /* argv as it was, whoever steps along it */
} moved;

static char **copy_table(char **from, size_t count)
{
    char **copy = calloc(count + 1, sizeof(*copy));

    if (copy == NULL)
        wend_die("no memory for arguments and environment");
    memcpy(copy, from, count * sizeof(*copy));
    return copy;
}

static void move_strings(char **strings, size_t count, char **kept)
{
    for (size_t i = 0; i < count; i++) {
        kept[i] = strdup(strings[i]);
        if (kept[i] == NULL)
            wend_die("no memory for arguments and environment");
        strings[i] = kept[i];
    }
}

static void move_all(size_t argc, char **argv)
{
    size_t count = 0;

    while (environ[count] != NULL)
        count++;
    moved.environ = copy_table(environ, count);
    moved.strings = calloc(argc + count + 1, sizeof(*moved.strings));
    if (moved.strings == NULL)
        wend_die("no memory for arguments and environment");
    move_strings(argv, argc, moved.strings);
    move_strings(moved.environ, count, moved.strings + argc);
    moved.arguments = copy_table(argv, argc);
    environ = moved.environ;
}

static void move_program_name(void)
{
    char *name = strdup(program_invocation_name);
    char *slash;

    if (name == NULL)
        wend_die("no memory for the program's name");
    slash = strrchr(name, '/');
    program_invocation_name = name;
    program_invocation_short_name = slash == NULL ? name : slash + 1;
}

void wend_title_init(int argc, char **argv)
{
    if (argc < 1 || area != NULL)
        return;
    remember_command(argc, argv);
    area = argv[0];
    area_len = (size_t)(follow(environ, follow(argv, area)) - area);
    move_all((size_t)argc, argv);
    move_program_name();
}

void wend_title_set(const char *format, ...)
{
    va_list args;
    int len;

    if (area == NULL || area_len == 0)
        return;
    va_start(args, format);
    len = vsnprintf(area, area_len, format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < area_len)
        memset(area + len, 0, area_len - (size_t)len);
}

char *const *wend_title_arguments(void)
{
    return moved.arguments;
}

const char *wend_title_command(void)
{
    return command;
}
