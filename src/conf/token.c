/* conf/token.c - see conf/token.h. One pass over the bytes; a word is looked at a second time only
 * when it holds an escape. */
#include "conf/token.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct wend_token_reader wend_token_reader(struct wend_arena *arena, struct wend_str path,
                                           struct wend_str text)
{
    struct wend_token_reader reader = {
        .arena = arena, .path = path, .at = text.ptr, .end = text.ptr + text.len, .line = 1};

    if (text.len >= 3 && memcmp(text.ptr, "\xef\xbb\xbf", 3) == 0)
        reader.at += 3; /* as editors of other systems write it */
    return reader;
}

/* Spaces and comments between words. */
static void skip_blank(struct wend_token_reader *r)
{
    while (r->at < r->end) {
        if (*r->at == '#') {
            while (r->at < r->end && *r->at != '\n')
                r->at++;
        } else if (is_space(*r->at)) {
            r->line += *r->at == '\n';
            r->at++;
        } else {
            return;
        }
    }
}

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

/* The word from `from` to where the reader is. */
static enum wend_code take_word(struct wend_token_reader *r, const char *from, bool escaped,
                                struct wend_token *token, struct wend_conf_error *error)
{
    struct wend_str word = wend_str_make(from, (size_t)(r->at - from));

    if (word.len > WEND_CONF_WORD_BYTES_MAX)
        return wend_conf_fail_at(error, r->path, r->line, "too long parameter \"%.*s...\" started",
                                 10, from);
    token->kind = WEND_TOKEN_WORD;
    token->word = escaped ? unescape(r->arena, word) : word;
    return WEND_OK;
}

static enum wend_code never_closed(const struct wend_token_reader *r, char quote,
                                   unsigned first_line, struct wend_conf_error *error)
{
    wend_conf_fail_at(error, r->path, r->line, "unexpected end of file, expecting \";\" or \"}\"");
    return wend_conf_advise(error, "the %c of line %u is never closed", quote, first_line);
}

static enum wend_code read_quoted(struct wend_token_reader *r, struct wend_token *token,
                                  struct wend_conf_error *error)
{
    char quote = *r->at++;
    const char *from = r->at;
    unsigned first_line = r->line;
    bool escaped = false;
    enum wend_code code;

    while (r->at < r->end && *r->at != quote) {
        if (*r->at == '\\' && r->at + 1 < r->end) {
            escaped = true;
            r->at++;
        }
        r->line += *r->at == '\n';
        r->at++;
    }
    if (r->at >= r->end)
        return never_closed(r, quote, first_line, error);
    token->quoted = true;
    code = take_word(r, from, escaped, token, error);
    r->at++;
    if (code == WEND_OK && r->at < r->end && !is_space(*r->at) && *r->at != ';' && *r->at != '{' &&
        *r->at != ')')
        return wend_conf_fail_at(error, r->path, r->line, "unexpected \"%c\"", *r->at);
    return code;
}

static enum wend_code read_bare(struct wend_token_reader *r, struct wend_token *token,
                                struct wend_conf_error *error)
{
    const char *from = r->at;
    bool escaped = false;

    while (r->at < r->end && !is_space(*r->at) && *r->at != ';' && *r->at != '{') {
        if (*r->at == '\\' && r->at + 1 < r->end) {
            escaped = true;
            r->at++;
            r->line += *r->at == '\n';
        } else if (*r->at == '$' && r->at + 1 < r->end && r->at[1] == '{') {
            /* The brace belongs to the variable's name, not to a block. */
            r->at++;
        }
        r->at++;
    }
    return take_word(r, from, escaped, token, error);
}

static enum wend_code take_mark(struct wend_token_reader *r, struct wend_token *token,
                                enum wend_token_kind kind)
{
    r->at++;
    token->kind = kind;
    return WEND_OK;
}

enum wend_code wend_token_next(struct wend_token_reader *reader, struct wend_token *token,
                               struct wend_conf_error *error)
{
    *token = (struct wend_token){.kind = WEND_TOKEN_END};
    skip_blank(reader);
    if (reader->at >= reader->end)
        return WEND_OK;
    switch (*reader->at) {
    case ';':
        return take_mark(reader, token, WEND_TOKEN_SEMICOLON);
    case '{':
        return take_mark(reader, token, WEND_TOKEN_OPEN);
    case '}':
        return take_mark(reader, token, WEND_TOKEN_CLOSE);
    case '"':
    case '\'':
        return read_quoted(reader, token, error);
    default:
        return read_bare(reader, token, error);
    }
}
