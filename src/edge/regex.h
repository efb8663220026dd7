/* edge/regex.h - PCRE2 expressions with named and numbered captures, as nginx has them. */
#ifndef WEND_EDGE_REGEX_H
#define WEND_EDGE_REGEX_H

#include "base/arena.h"
#include "base/code.h"

#define WEND_REGEX_CAPTURES_MAX 100
#define WEND_REGEX_MATCH_LIMIT                                                                     \
    2000000u /* backtracking steps; beyond it the match fails, logged                              \
              */

struct wend_variable;

struct wend_regex_name {
    struct wend_str name;
    unsigned capture;
};

struct wend_regex {
    void *code; /* pcre2_code; wend_regex_free() gives it back */
    struct wend_str pattern;
    unsigned captures; /* groups, the whole match not counted */
    struct wend_regex_name *names;
    unsigned name_count;
    struct wend_variable **variables; /* one per name, by whoever compiled it; may be NULL */
    struct wend_regex *next;          /* the compiler's list of all */
};

/* start and end of each group; -1: not set. */
struct wend_regex_match {
    unsigned count; /* groups + 1; 0: no match */
    int32_t at[(WEND_REGEX_CAPTURES_MAX + 1) * 2];
};

/* WEND_E_SYNTAX: `message` (room for 256 bytes) says what and *offset where. */
enum wend_code wend_regex_compile(struct wend_arena *arena, struct wend_str pattern, bool nocase,
                                  struct wend_regex **out, char *message, size_t *offset);
/* WEND_OK, WEND_DECLINED (no match) or WEND_E_LIMIT. */
enum wend_code wend_regex_run(const struct wend_regex *regex, struct wend_str subject,
                              struct wend_regex_match *match);
void wend_regex_free(struct wend_regex *regex);

#endif
