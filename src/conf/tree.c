/* conf/tree.c - tokens and blocks; see conf/tree.h.
 *
 * A recursive descent over bytes. A word is copied into the arena only when it holds an escape;
 * otherwise it is a slice of the file's text.
 */
#include "conf/tree.h"

#include "base/buffer.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct parser {
    struct wend_conf_tree *tree;
    struct wend_conf_error *error;
    struct wend_conf_file *file;
    const char *at, *end;
    unsigned line;
    unsigned depth, include_depth;
    struct wend_str words[WEND_CONF_WORDS_MAX];
    bool quoted[WEND_CONF_WORDS_MAX];
    unsigned count;
};

enum wend_code wend_conf_fail(struct wend_conf_error *error, const struct wend_statement *at,
                              const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(error->text, sizeof(error->text), format, args);
    va_end(args);
    if (at != NULL && at->file != NULL && len >= 0 && (size_t)len < sizeof(error->text))
        snprintf(error->text + len, sizeof(error->text) - (size_t)len, " in %.*s:%u",
                 WEND_STR_ARG(at->file->path), at->line);
    return WEND_E_CONFIG;
}

enum wend_code wend_conf_advise(struct wend_conf_error *error, const char *format, ...)
{
    size_t len = strlen(error->text);
    char advice[256];
    va_list args;

    va_start(args, format);
    vsnprintf(advice, sizeof(advice), format, args);
    va_end(args);
    snprintf(error->text + len, sizeof(error->text) - len, " (%s)", advice);
    return WEND_E_CONFIG;
}

static enum wend_code fail_here(struct parser *p, const char *format, ...) WEND_PRINTF(2, 3);
static enum wend_code fail_here(struct parser *p, const char *format, ...)
{
    va_list args;
    int len;

    va_start(args, format);
    len = vsnprintf(p->error->text, sizeof(p->error->text), format, args);
    va_end(args);
    if (len >= 0 && (size_t)len < sizeof(p->error->text))
        snprintf(p->error->text + len, sizeof(p->error->text) - (size_t)len, " in %.*s:%u",
                 WEND_STR_ARG(p->file->path), p->line);
    return WEND_E_CONFIG;
}

/* --- words ------------------------------------------------------------------------------------ */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Spaces and comments between words. */
static void skip_blank(struct parser *p)
{
    while (p->at < p->end) {
        if (*p->at == '#') {
            while (p->at < p->end && *p->at != '\n')
                p->at++;
        } else if (is_space(*p->at)) {
            p->line += *p->at == '\n';
            p->at++;
        } else {
            return;
        }
    }
}

/* nginx unescapes \" \' \\ \t \r \n and leaves every other backslash for whoever reads the word
 * (regular expressions need them). */
static struct wend_str unescape(struct wend_arena *arena, struct wend_str word)
{
    char *out = wend_arena_alloc(arena, word.len + 1);
    size_t len = 0;

    for (size_t i = 0; i < word.len; i++) {
        char c = word.ptr[i];

        if (c == '\\' && i + 1 < word.len) {
            char next = word.ptr[i + 1];
            const char *plain = "\"'\\";

            if (next != '\0' && strchr(plain, next) != NULL)
                c = next;
            else if (next == 't' || next == 'r' || next == 'n')
                c = next == 't' ? '\t' : next == 'r' ? '\r' : '\n';
            i += c != '\\' || next == '\\';
        }
        out[len++] = c;
    }
    out[len] = '\0';
    return wend_str_make(out, len);
}

static enum wend_code add_word(struct parser *p, const char *from, const char *to, bool escaped,
                               bool quoted)
{
    struct wend_str word = wend_str_make(from, (size_t)(to - from));

    if (p->count == WEND_CONF_WORDS_MAX)
        return fail_here(p, "too many parameters, more than %u", WEND_CONF_WORDS_MAX);
    if (word.len > WEND_CONF_WORD_BYTES_MAX)
        return fail_here(p, "too long parameter \"%.*s...\" started", 10, from);
    p->quoted[p->count] = quoted;
    p->words[p->count++] = escaped ? unescape(p->tree->arena, word) : word;
    return WEND_OK;
}

static enum wend_code read_quoted(struct parser *p)
{
    char quote = *p->at++;
    const char *from = p->at;
    unsigned first_line = p->line;
    bool escaped = false;
    enum wend_code code;

    while (p->at < p->end && *p->at != quote) {
        if (*p->at == '\\' && p->at + 1 < p->end) {
            escaped = true;
            p->at++;
        }
        p->line += *p->at == '\n';
        p->at++;
    }
    if (p->at >= p->end) {
        fail_here(p, "unexpected end of file, expecting \";\" or \"}\"");
        return wend_conf_advise(p->error, "the %c of line %u is never closed", quote, first_line);
    }
    code = add_word(p, from, p->at, escaped, true);
    p->at++;
    if (code == WEND_OK && p->at < p->end && !is_space(*p->at) && *p->at != ';' && *p->at != '{' &&
        *p->at != ')')
        return fail_here(p, "unexpected \"%c\"", *p->at);
    return code;
}

static enum wend_code read_bare(struct parser *p)
{
    const char *from = p->at;
    bool escaped = false;

    while (p->at < p->end && !is_space(*p->at) && *p->at != ';' && *p->at != '{') {
        if (*p->at == '\\' && p->at + 1 < p->end) {
            escaped = true;
            p->at++;
            p->line += *p->at == '\n';
        } else if (*p->at == '$' && p->at + 1 < p->end && p->at[1] == '{') {
            /* The brace belongs to the variable's name, not to a block. */
            p->at++;
        }
        p->at++;
    }
    return add_word(p, from, p->at, escaped, false);
}

/* --- files ------------------------------------------------------------------------------------ */

static enum wend_code read_block(struct parser *p, struct wend_statement **first);

static struct wend_conf_file *new_file(struct wend_conf_tree *tree, struct wend_str path)
{
    struct wend_conf_file *file = WEND_NEW(tree->arena, struct wend_conf_file);

    file->path = wend_arena_keep(tree->arena, path);
    *tree->last_file = file;
    tree->last_file = &file->next;
    return file;
}

/* The whole file into the arena. False with errno; EFBIG beyond the limit. */
static bool load(struct wend_arena *arena, struct wend_conf_file *file)
{
    int fd = open(file->path.ptr, O_RDONLY | O_CLOEXEC);
    struct stat st;
    char *text;
    size_t len = 0;
    ssize_t got = 1;

    if (fd < 0)
        return false;
    if (fstat(fd, &st) != 0 || S_ISDIR(st.st_mode) || st.st_size > WEND_CONF_FILE_BYTES_MAX) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
        close(fd);
        return false;
    }
    text = wend_arena_alloc(arena, (size_t)st.st_size + 1);
    while (text != NULL && got > 0 && len < (size_t)st.st_size) {
        got = read(fd, text + len, (size_t)st.st_size - len);
        len += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    file->text = wend_str_make(text, len);
    return text != NULL && got >= 0;
}

/* Parses `file` as the content of the block that is being read. */
static enum wend_code read_file(struct parser *p, struct wend_conf_file *file,
                                struct wend_statement **first)
{
    struct wend_conf_file *outer = p->file;
    const char *at = p->at, *end = p->end;
    unsigned line = p->line, depth = p->depth;
    enum wend_code code;

    p->file = file;
    p->at = file->text.ptr;
    p->end = file->text.ptr + file->text.len;
    if (file->text.len >= 3 && memcmp(p->at, "\xef\xbb\xbf", 3) == 0)
        p->at += 3; /* a byte order mark, as editors of other systems write it */
    p->line = 1;
    p->depth = 0;
    code = read_block(p, first);
    p->file = outer;
    p->at = at;
    p->end = end;
    p->line = line;
    p->depth = depth;
    return code;
}

static enum wend_code include_one(struct parser *p, const struct wend_statement *at,
                                  const char *path, struct wend_statement **first)
{
    struct wend_conf_file *file = new_file(p->tree, wend_str_of(path));
    int error;

    if (load(p->tree->arena, file))
        return read_file(p, file, first);
    error = errno;
    return wend_conf_fail(p->error, at, "open() \"%s\" failed (%d: %s)", path, error,
                          strerror(error));
}

static struct wend_statement **end_of(struct wend_statement **at)
{
    while (*at != NULL)
        at = &(*at)->next;
    return at;
}

static enum wend_code include(struct parser *p, const struct wend_statement *at,
                              struct wend_statement **last)
{
    struct wend_str pattern = at->args[1];
    struct wend_str prefix = p->tree->prefix;
    char *path;
    glob_t found;
    enum wend_code code = WEND_OK;

    if (at->count != 2 || at->has_block)
        return wend_conf_fail(p->error, at, "invalid number of arguments in \"include\" directive");
    if (prefix.ptr == NULL)
        return wend_conf_fail(p->error, at, "\"include\" is not possible here");
    if (++p->include_depth > WEND_CONF_INCLUDE_DEPTH_MAX)
        return wend_conf_fail(p->error, at,
                              "too many nested includes, more than %u (a file that includes "
                              "itself?)",
                              WEND_CONF_INCLUDE_DEPTH_MAX);
    if (pattern.len == 0 || pattern.ptr[0] != '/')
        pattern = wend_arena_printf(p->tree->arena, "%.*s%.*s", WEND_STR_ARG(prefix),
                                    WEND_STR_ARG(pattern));
    path = wend_arena_cstr(p->tree->arena, pattern);
    if (path == NULL)
        return wend_conf_fail(p->error, at, "the file name holds a NUL byte");
    if (strpbrk(path, "*?[") == NULL) {
        code = include_one(p, at, path, last);
        p->include_depth--;
        return code;
    }
    /* Sorted by glob(); no match is no mistake, as people include conf.d/ *.conf everywhere. */
    if (glob(path, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc && code == WEND_OK; i++) {
            last = end_of(last);
            code = include_one(p, at, found.gl_pathv[i], last);
        }
        globfree(&found);
    }
    p->include_depth--;
    return code;
}

/* --- statements ------------------------------------------------------------------------------- */

static struct wend_statement *make_statement(struct parser *p, bool has_block)
{
    struct wend_arena *arena = p->tree->arena;
    struct wend_statement *statement = WEND_NEW(arena, struct wend_statement);
    bool *quoted = wend_arena_array(arena, p->count, sizeof(*quoted));

    statement->args = wend_arena_array(arena, p->count, sizeof(*statement->args));
    memcpy(statement->args, p->words, p->count * sizeof(*statement->args));
    memcpy(quoted, p->quoted, p->count * sizeof(*quoted));
    statement->quoted = quoted;
    statement->count = p->count;
    statement->line = p->line;
    statement->has_block = has_block;
    statement->file = p->file;
    p->count = 0;
    return statement;
}

/* One statement, whose words end at ';' or '{'. */
static enum wend_code finish_statement(struct parser *p, struct wend_statement ***last)
{
    bool block = *p->at++ == '{';
    struct wend_statement *statement;
    enum wend_code code = WEND_OK;

    if (p->count == 0)
        return fail_here(p, "unexpected \"%c\"", block ? '{' : ';');
    if (++p->tree->statements > WEND_CONF_STATEMENTS_MAX)
        return fail_here(p, "too many directives, more than %u", WEND_CONF_STATEMENTS_MAX);
    statement = make_statement(p, block);
    if (block) {
        if (++p->depth > WEND_CONF_DEPTH_MAX)
            return fail_here(p, "too many nested blocks, more than %u", WEND_CONF_DEPTH_MAX);
        code = read_block(p, &statement->children);
        p->depth--;
    } else if (wend_str_eq(statement->args[0], WEND_STR("include"))) {
        code = include(p, statement, *last);
        *last = end_of(*last);
        return code;
    }
    **last = statement;
    *last = &statement->next;
    return code;
}

static enum wend_code unexpected_end(struct parser *p)
{
    if (p->count != 0)
        return fail_here(p, "unexpected end of file, expecting \";\" or \"}\"");
    return p->depth != 0 ? fail_here(p, "unexpected end of file, expecting \"}\"") : WEND_OK;
}

static enum wend_code read_block(struct parser *p, struct wend_statement **first)
{
    struct wend_statement **last = first;
    enum wend_code code = WEND_OK;

    p->count = 0;
    for (;;) {
        skip_blank(p);
        if (p->at >= p->end)
            return unexpected_end(p);
        switch (*p->at) {
        case '}':
            if (p->count != 0)
                return fail_here(p, "unexpected \"}\"");
            if (p->depth == 0)
                return fail_here(p, "unexpected \"}\"");
            p->at++;
            return WEND_OK;
        case ';':
        case '{':
            code = finish_statement(p, &last);
            break;
        case '"':
        case '\'':
            code = read_quoted(p);
            break;
        default:
            code = read_bare(p);
        }
        if (code != WEND_OK)
            return code;
    }
}

static enum wend_code parse_from(struct wend_conf_tree *tree, struct wend_conf_file *file,
                                 struct wend_conf_error *error)
{
    struct parser *p = calloc(1, sizeof(*p)); /* too large for a fiber's stack */
    enum wend_code code;

    if (p == NULL)
        return wend_conf_fail(error, NULL, "out of memory");
    p->tree = tree;
    p->error = error;
    code = read_file(p, file, &tree->top);
    free(p);
    return code;
}

enum wend_code wend_conf_parse(struct wend_arena *arena, struct wend_str name, struct wend_str text,
                               struct wend_str prefix, struct wend_conf_tree *tree,
                               struct wend_conf_error *error)
{
    struct wend_conf_file *file;

    *tree = (struct wend_conf_tree){.arena = arena, .prefix = prefix};
    tree->last_file = &tree->files;
    file = new_file(tree, name);
    file->text = text;
    return parse_from(tree, file, error);
}

enum wend_code wend_conf_read(struct wend_arena *arena, struct wend_str path,
                              struct wend_conf_tree *tree, struct wend_conf_error *error)
{
    struct wend_conf_file *file;
    ptrdiff_t slash = wend_str_rfind_byte(path, '/');

    *tree = (struct wend_conf_tree){.arena = arena};
    tree->last_file = &tree->files;
    tree->prefix = slash < 0 ? WEND_STR("./")
                             : wend_arena_keep(arena, wend_str_slice(path, 0, (size_t)slash + 1));
    file = new_file(tree, path);
    if (!load(arena, file)) {
        int reason = errno;

        return wend_conf_fail(error, NULL, "open() \"%.*s\" failed (%d: %s)", WEND_STR_ARG(path),
                              reason, strerror(reason));
    }
    return parse_from(tree, file, error);
}
