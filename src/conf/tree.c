/* conf/tree.c - statements, blocks and included files; see conf/tree.h.
 *
 * A recursive descent over tokens (conf/token.h).
 */
#include "conf/tree.h"

#include "conf/token.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct parser {
    struct wend_conf_tree *tree;
    struct wend_conf_error *error;
    struct wend_conf_file *file;
    struct wend_token_reader reader;
    unsigned depth, include_depth;
    struct wend_str words[WEND_CONF_WORDS_MAX]; /* of the statement that is being read */
    bool quoted[WEND_CONF_WORDS_MAX];
    unsigned count;
};

#define FAIL_HERE(p, ...)                                                                          \
    wend_conf_fail_at((p)->error, (p)->reader.path, (p)->reader.line, __VA_ARGS__)

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
    struct wend_token_reader reader = p->reader;
    struct wend_conf_file *outer = p->file;
    unsigned depth = p->depth;
    enum wend_code code;

    p->file = file;
    p->reader = wend_token_reader(p->tree->arena, file->path, file->text);
    p->depth = 0;
    code = read_block(p, first);
    p->file = outer;
    p->reader = reader;
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
    statement->line = p->reader.line;
    statement->has_block = has_block;
    statement->file = p->file;
    p->count = 0;
    return statement;
}

/* Its words are read; `block`: they ended at '{'. */
static enum wend_code finish_statement(struct parser *p, bool block, struct wend_statement ***last)
{
    struct wend_statement *statement;
    enum wend_code code = WEND_OK;

    if (p->count == 0)
        return FAIL_HERE(p, "unexpected \"%c\"", block ? '{' : ';');
    if (++p->tree->statements > WEND_CONF_STATEMENTS_MAX)
        return FAIL_HERE(p, "too many directives, more than %u", WEND_CONF_STATEMENTS_MAX);
    statement = make_statement(p, block);
    if (block) {
        if (++p->depth > WEND_CONF_DEPTH_MAX)
            return FAIL_HERE(p, "too many nested blocks, more than %u", WEND_CONF_DEPTH_MAX);
        code = read_block(p, &statement->children);
        statement->end_line = p->reader.line;
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
        return FAIL_HERE(p, "unexpected end of file, expecting \";\" or \"}\"");
    return p->depth != 0 ? FAIL_HERE(p, "unexpected end of file, expecting \"}\"") : WEND_OK;
}

static enum wend_code add_word(struct parser *p, const struct wend_token *token)
{
    if (p->count == WEND_CONF_WORDS_MAX)
        return FAIL_HERE(p, "too many parameters, more than %u", WEND_CONF_WORDS_MAX);
    p->quoted[p->count] = token->quoted;
    p->words[p->count++] = token->word;
    return WEND_OK;
}

static enum wend_code close_block(struct parser *p)
{
    return p->count != 0 || p->depth == 0 ? FAIL_HERE(p, "unexpected \"}\"") : WEND_OK;
}

static enum wend_code read_block(struct parser *p, struct wend_statement **first)
{
    struct wend_statement **last = first;
    struct wend_token token;
    enum wend_code code;

    p->count = 0;
    do {
        code = wend_token_next(&p->reader, &token, p->error);
        if (code != WEND_OK)
            return code;
        switch (token.kind) {
        case WEND_TOKEN_END:
            return unexpected_end(p);
        case WEND_TOKEN_CLOSE:
            return close_block(p);
        case WEND_TOKEN_WORD:
            code = add_word(p, &token);
            break;
        case WEND_TOKEN_SEMICOLON:
        case WEND_TOKEN_OPEN:
            code = finish_statement(p, token.kind == WEND_TOKEN_OPEN, &last);
            break;
        }
    } while (code == WEND_OK);
    return code;
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
