/* conf/token.h - the configuration language's words and marks, one after another.
 *
 * What it is for. Below statements and blocks the language has five kinds of token: a word, `;`,
 * `{`, `}` and the end of the file. Between them stand spaces and comments (`#` to the line's end,
 * where a word could begin). A word is
 *
 *     bare     up to a space, `;` or `{`; a backslash takes the next byte along, and the brace of
 *              `${name}` is part of the word
 *     quoted   "..." or '...'; only a space, `;`, `{` or `)` may follow
 *
 * In both, \" \' \\ \t \r \n are unescaped and every other backslash stays for whoever reads the
 * word: regular expressions need them.
 *
 * Who owns what. A word is a slice of the text it was read from, or, if it held an escape, a copy
 * in the arena.
 *
 * What it does not do. It knows no statements: which token may follow which is conf/tree.c's.
 */
#ifndef WEND_CONF_TOKEN_H
#define WEND_CONF_TOKEN_H

#include "base/arena.h"
#include "conf/error.h"

#define WEND_CONF_WORD_BYTES_MAX 16384u /* nginx's buffer is 4096; long words are legitimate */

enum wend_token_kind {
    WEND_TOKEN_WORD,
    WEND_TOKEN_SEMICOLON,
    WEND_TOKEN_OPEN,
    WEND_TOKEN_CLOSE,
    WEND_TOKEN_END
};

struct wend_token {
    enum wend_token_kind kind;
    bool quoted;
    struct wend_str word; /* of WEND_TOKEN_WORD */
};

/* A place in one text. A plain value: a copy of it reads on from the same place. */
struct wend_token_reader {
    struct wend_arena *arena;
    struct wend_str path; /* for messages */
    const char *at, *end;
    unsigned line; /* of what was read last */
};

/* At the beginning of `text`, behind its byte order mark. */
struct wend_token_reader wend_token_reader(struct wend_arena *arena, struct wend_str path,
                                           struct wend_str text);

/* WEND_OK, also at the end; WEND_E_CONFIG with *error. */
enum wend_code wend_token_next(struct wend_token_reader *reader, struct wend_token *token,
                               struct wend_conf_error *error) WEND_MUST_CHECK;

#endif
