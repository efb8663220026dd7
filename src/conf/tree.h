/* conf/tree.h - the configuration language: from text to a tree of statements.
 *
 * What it is for. nginx's language, whole: words (conf/token.h), blocks, `include` with patterns.
 * What the words mean is decided later, by rows (conf/directive.h); so the same tree serves the
 * check (-t), the print (-T), the server and `wend help`.
 *
 *     statement = word { word } ( ";" | "{" { statement } "}" )
 *
 * Who owns what. The tree and the text of every file live in the arena given to the parser.
 *
 * What it promises. Files are read once, in order, and remembered for -T. Limits: WEND_CONF_*.
 * The first mistake ends the parse; the message is nginx's, with FILE:LINE.
 *
 * What it does not do. It expands no variables: `$name` stays in the word.
 */
#ifndef WEND_CONF_TREE_H
#define WEND_CONF_TREE_H

#include "base/arena.h"
#include "conf/error.h"

#define WEND_CONF_FILE_BYTES_MAX (64u << 20)
#define WEND_CONF_WORDS_MAX 4096u /* of one statement */
#define WEND_CONF_DEPTH_MAX 64u   /* blocks within blocks */
#define WEND_CONF_INCLUDE_DEPTH_MAX 32u
#define WEND_CONF_STATEMENTS_MAX 4000000u

struct wend_conf_file {
    struct wend_str path;
    struct wend_str text;
    struct wend_conf_file *next; /* in the order they were opened */
};

struct wend_statement {
    struct wend_str *args; /* args[0] is the name */
    unsigned count;
    unsigned line;     /* of its last word, as nginx reports it */
    unsigned end_line; /* of the bracket that closes its block */
    bool has_block;
    const struct wend_conf_file *file;
    struct wend_statement *children; /* of the block */
    struct wend_statement *next;
    const bool *quoted; /* per word: it stood in quotes */
};

struct wend_conf_tree {
    struct wend_arena *arena;
    struct wend_str prefix; /* relative includes are relative to the main file's folder */
    struct wend_conf_file *files, **last_file;
    struct wend_statement *top;
    size_t statements;
};

/* Reads and parses `path`. WEND_OK or WEND_E_CONFIG with *error. */
enum wend_code wend_conf_read(struct wend_arena *arena, struct wend_str path,
                              struct wend_conf_tree *tree,
                              struct wend_conf_error *error) WEND_MUST_CHECK;

/* The same for a text in memory called `name` (generated configurations, -g, fuzzing). Includes are
 * relative to `prefix`; a null prefix refuses them. */
enum wend_code wend_conf_parse(struct wend_arena *arena, struct wend_str name, struct wend_str text,
                               struct wend_str prefix, struct wend_conf_tree *tree,
                               struct wend_conf_error *error) WEND_MUST_CHECK;

#endif
