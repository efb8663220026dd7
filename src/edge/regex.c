/* edge/regex.c - PCRE2 with its JIT; see edge/regex.h. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "edge/regex.h"

#include <pcre2.h>
#include <stdio.h>

/* One match block per thread serves every expression. */
static _Thread_local pcre2_match_data *match_data;
static _Thread_local pcre2_match_context *match_context;

static bool keep_names(struct wend_arena *arena, struct wend_regex *regex)
{
    const pcre2_code *code = regex->code;
    uint32_t count = 0, entry_bytes = 0;
    PCRE2_SPTR table = NULL;

    pcre2_pattern_info(code, PCRE2_INFO_NAMECOUNT, &count);
    pcre2_pattern_info(code, PCRE2_INFO_NAMEENTRYSIZE, &entry_bytes);
    pcre2_pattern_info(code, PCRE2_INFO_NAMETABLE, &table);
    regex->names = wend_arena_array(arena, count + 1, sizeof(*regex->names));
    if (regex->names == NULL)
        return false;
    for (uint32_t i = 0; i < count; i++, table += entry_bytes)
        regex->names[i] =
            (struct wend_regex_name){wend_arena_keep(arena, wend_str_of((const char *)table + 2)),
                                     (unsigned)table[0] << 8 | table[1]};
    regex->name_count = count;
    return true;
}

enum wend_code wend_regex_compile(struct wend_arena *arena, struct wend_str pattern, bool nocase,
                                  struct wend_regex **out, char *message, size_t *offset)
{
    struct wend_regex *regex = WEND_NEW(arena, struct wend_regex);
    uint32_t captures = 0;
    int error = 0;
    PCRE2_SIZE at = 0;

    regex->code = pcre2_compile((PCRE2_SPTR)pattern.ptr, pattern.len, nocase ? PCRE2_CASELESS : 0,
                                &error, &at, NULL);
    if (regex->code == NULL) {
        pcre2_get_error_message(error, (PCRE2_UCHAR *)message, 256);
        *offset = at;
        return WEND_E_SYNTAX;
    }
    pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);
    pcre2_pattern_info(regex->code, PCRE2_INFO_CAPTURECOUNT, &captures);
    if (captures > WEND_REGEX_CAPTURES_MAX || !keep_names(arena, regex)) {
        snprintf(message, 256, "too many capturing groups, more than %d", WEND_REGEX_CAPTURES_MAX);
        pcre2_code_free(regex->code);
        return WEND_E_SYNTAX;
    }
    regex->captures = captures;
    regex->pattern = pattern;
    *out = regex;
    return WEND_OK;
}

enum wend_code wend_regex_run(const struct wend_regex *regex, struct wend_str subject,
                              struct wend_regex_match *match)
{
    const PCRE2_SIZE *found;
    int count;

    if (match_data == NULL) {
        match_data = pcre2_match_data_create(WEND_REGEX_CAPTURES_MAX + 1, NULL);
        match_context = pcre2_match_context_create(NULL);
        if (match_data == NULL || match_context == NULL)
            return WEND_E_MEMORY;
        pcre2_set_match_limit(match_context, WEND_REGEX_MATCH_LIMIT);
    }
    count = pcre2_match(regex->code, (PCRE2_SPTR)(subject.ptr == NULL ? "" : subject.ptr),
                        subject.len, 0, 0, match_data, match_context);
    if (count == PCRE2_ERROR_NOMATCH)
        return WEND_DECLINED;
    if (count < 0)
        return WEND_E_LIMIT;
    if (match == NULL)
        return WEND_OK;
    found = pcre2_get_ovector_pointer(match_data);
    match->count = regex->captures + 1;
    for (unsigned i = 0; i < match->count * 2; i++)
        match->at[i] = (int)(i / 2) < count && found[i] != PCRE2_UNSET ? (int32_t)found[i] : -1;
    return WEND_OK;
}

void wend_regex_free(struct wend_regex *regex)
{
    pcre2_code_free(regex->code);
}
