/* edge/rewrite.c - see edge/rewrite.h. */
#include "edge/rewrite.h"

#include "base/buffer.h"
#include "edge/content.h"
#include "edge/request.h"
#include "http/conditional.h"
#include "http/path.h"

/* --- reading ---------------------------------------------------------------------------------- */

static struct wend_rewrite_op *add_op(struct wend_conf *conf, enum wend_rewrite_kind kind)
{
    struct wend_rewrite_op **last = &wend_edge_core_at(conf)->rewrites;
    struct wend_rewrite_op *op = WEND_NEW(conf->arena, struct wend_rewrite_op);

    op->kind = kind;
    while (*last != NULL)
        last = &(*last)->next;
    *last = op;
    return op;
}

static bool starts_url(struct wend_str text)
{
    return wend_str_starts(text, WEND_STR("http://")) ||
           wend_str_starts(text, WEND_STR("https://")) ||
           wend_str_starts(text, WEND_STR("$scheme"));
}

static enum wend_code read_flag(struct wend_conf *conf, struct wend_rewrite_op *op,
                                struct wend_str word)
{
    if (wend_str_eq(word, WEND_STR("last")))
        op->flag = WEND_RW_LAST;
    else if (wend_str_eq(word, WEND_STR("break")))
        op->flag = WEND_RW_STOP;
    else if (wend_str_eq(word, WEND_STR("redirect")))
        op->flag = WEND_RW_REDIRECT, op->status = 302;
    else if (wend_str_eq(word, WEND_STR("permanent")))
        op->flag = WEND_RW_REDIRECT, op->status = 301;
    else
        return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(word));
    return WEND_OK;
}

static enum wend_code set_rewrite(struct wend_conf *conf, const struct wend_directive *row,
                                  void *slot)
{
    const struct wend_statement *s = conf->statement;
    struct wend_rewrite_op *op = add_op(conf, WEND_RW_REWRITE);
    struct wend_str replacement = s->args[2];
    ptrdiff_t question;

    (void)row;
    (void)slot;
    if (wend_edge_regex(conf, s->args[1], false, &op->regex) != WEND_OK)
        return WEND_E_CONFIG;
    if (replacement.len == 0)
        return wend_conf_bad(conf, "empty replacement");
    if (starts_url(replacement))
        op->flag = WEND_RW_REDIRECT, op->status = 302;
    if (s->count == 4 && read_flag(conf, op, s->args[3]) != WEND_OK)
        return WEND_E_CONFIG;
    if (replacement.ptr[replacement.len - 1] == '?') {
        op->drop_args = true;
        replacement.len--;
    }
    question = wend_str_find_byte(replacement, '?');
    if (question >= 0) {
        op->has_args = true;
        if (wend_template_compile(conf, wend_str_from(replacement, (size_t)question + 1),
                                  &op->args) != WEND_OK)
            return WEND_E_CONFIG;
        replacement.len = (size_t)question;
    }
    return wend_template_compile(conf, replacement, &op->text);
}

static enum wend_code set_return(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    const struct wend_statement *s = conf->statement;
    struct wend_rewrite_op *op = add_op(conf, WEND_RW_RETURN);
    struct wend_str text = s->args[s->count - 1];
    uint64_t status;

    (void)row;
    (void)slot;
    if (wend_str_to_u64(s->args[1], &status)) {
        if (status > 999)
            return wend_conf_bad(conf, "invalid return code \"%.*s\"", WEND_STR_ARG(s->args[1]));
        op->status = (int)status;
        if (s->count == 2)
            return WEND_OK;
    } else {
        if (s->count == 3)
            return wend_conf_bad(conf, "invalid return code \"%.*s\"", WEND_STR_ARG(s->args[1]));
        if (!starts_url(text))
            return wend_conf_bad(conf, "invalid return code \"%.*s\"", WEND_STR_ARG(text));
        op->status = 302;
    }
    op->has_text = true;
    return wend_template_compile(conf, text, &op->text);
}

static enum wend_code set_break(struct wend_conf *conf, const struct wend_directive *row,
                                void *slot)
{
    (void)row;
    (void)slot;
    add_op(conf, WEND_RW_BREAK);
    return WEND_OK;
}

static enum wend_code variable_word(struct wend_conf *conf, struct wend_str word,
                                    struct wend_str *name)
{
    if (word.len < 2 || word.ptr[0] != '$')
        return wend_conf_bad(conf, "invalid variable name \"%.*s\"", WEND_STR_ARG(word));
    *name = wend_str_from(word, 1);
    return WEND_OK;
}

static enum wend_code set_set(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    struct wend_rewrite_op *op = add_op(conf, WEND_RW_SET);
    struct wend_str name = WEND_STR_NULL;

    (void)row;
    (void)slot;
    if (variable_word(conf, conf->statement->args[1], &name) != WEND_OK ||
        wend_variable_define(conf, name, 0, &op->variable) != WEND_OK)
        return WEND_E_CONFIG;
    return wend_template_compile(conf, conf->statement->args[2], &op->text);
}

static enum wend_code bad_condition(struct wend_conf *conf, struct wend_str word)
{
    return wend_conf_bad(conf, "invalid condition \"%.*s\"", WEND_STR_ARG(word));
}

/* The words between the parentheses, which may stand alone; the first three of *count. */
static enum wend_code condition_words(struct wend_conf *conf, struct wend_str words[3],
                                      unsigned *count)
{
    const struct wend_statement *s = conf->statement;
    struct wend_str first = s->args[1], last = s->args[s->count - 1];
    unsigned from = 1, to = s->count;

    if (first.len == 0 || first.ptr[0] != '(')
        return bad_condition(conf, first);
    if (last.len == 0 || last.ptr[last.len - 1] != ')')
        return bad_condition(conf, last);
    from += first.len == 1;
    to -= last.len == 1;
    for (*count = 0; from < to; from++) {
        struct wend_str word = s->args[from];

        word = wend_str_from(word, from == 1);
        word.len -= from + 1 == s->count;
        if (*count < 3)
            words[*count] = word;
        ++*count;
    }
    return WEND_OK;
}

static enum wend_code read_file_test(struct wend_conf *conf, struct wend_rewrite_op *op,
                                     struct wend_str test, struct wend_str path)
{
    op->negated = test.ptr[0] == '!';
    switch (test.ptr[test.len - 1]) {
    case 'f':
        op->test = WEND_IF_FILE;
        break;
    case 'd':
        op->test = WEND_IF_DIRECTORY;
        break;
    case 'e':
        op->test = WEND_IF_EXISTS;
        break;
    case 'x':
        op->test = WEND_IF_EXECUTABLE;
        break;
    default:
        return bad_condition(conf, test);
    }
    return wend_template_compile(conf, path, &op->path);
}

/* $variable OPERATOR value */
static enum wend_code read_comparison(struct wend_conf *conf, struct wend_rewrite_op *op,
                                      struct wend_str operator, struct wend_str value)
{
    op->negated = operator.len> 1 && operator.ptr[0] == '!';
    if (wend_str_eq(operator, WEND_STR("=")) || wend_str_eq(operator, WEND_STR("!="))) {
        op->test = WEND_IF_EQUAL;
        return wend_template_compile(conf, value, &op->text);
    }
    if (!wend_str_eq(wend_str_from(operator, op->negated), WEND_STR("~")) &&
        !wend_str_eq(wend_str_from(operator, op->negated), WEND_STR("~*")))
        return wend_conf_bad(conf, "unexpected \"%.*s\" in condition", WEND_STR_ARG(operator));
    op->test = WEND_IF_MATCH;
    return wend_edge_regex(conf, value, operator.ptr[operator.len - 1] == '*', &op->regex);
}

static bool is_file_test(struct wend_str word)
{
    return (word.len == 2 && word.ptr[0] == '-') ||
           (word.len == 3 && word.ptr[0] == '!' && word.ptr[1] == '-');
}

static enum wend_code read_condition(struct wend_conf *conf, struct wend_rewrite_op *op)
{
    struct wend_str words[3], name;
    unsigned count = 0;

    if (condition_words(conf, words, &count) != WEND_OK)
        return WEND_E_CONFIG;
    if (count == 0 || words[0].len == 0)
        return bad_condition(conf, WEND_STR(")"));
    if (is_file_test(words[0]))
        return count == 2 ? read_file_test(conf, op, words[0], words[1])
                          : bad_condition(conf, words[0]);
    if (words[0].len < 2 || words[0].ptr[0] != '$' || (count != 1 && count != 3))
        return bad_condition(conf, words[0]);
    if (variable_word(conf, words[0], &name) != WEND_OK)
        return WEND_E_CONFIG;
    op->variable = wend_variable_use(conf, name);
    if (op->variable == NULL)
        return wend_conf_bad(conf, "invalid variable name \"$%.*s\"", WEND_STR_ARG(name));
    op->test = WEND_IF_TRUE;
    return count == 1 ? WEND_OK : read_comparison(conf, op, words[1], words[2]);
}

static enum wend_code set_if(struct wend_conf *conf, const struct wend_directive *row, void *slot)
{
    const struct wend_statement *block = conf->statement;
    struct wend_edge_core_location *here = wend_edge_core_at(conf);
    struct wend_rewrite_op *op = add_op(conf, WEND_RW_IF);
    struct wend_edge_levels *levels;
    unsigned context = conf->context == WEND_CTX_SERVER ? WEND_CTX_IF_SERVER : WEND_CTX_IF_LOCATION;
    enum wend_code code;

    (void)row;
    (void)slot;
    if (read_condition(conf, op) != WEND_OK)
        return WEND_E_CONFIG;
    levels = wend_edge_levels_new(conf, WEND_LEVEL_LOCATION);
    op->location = wend_location_new(conf, levels, WEND_LOCATION_IF, here->name);
    op->location->in_if = true;
    op->location->regex = here->regex;
    code = wend_conf_apply(conf, block->children, context, levels);
    op->ops = op->location->rewrites;
    if (context == WEND_CTX_IF_SERVER)
        op->location = NULL; /* only steps may stand in it, so it has no settings to apply */
    return code;
}

/* --- running ---------------------------------------------------------------------------------- */

static bool file_test(struct wend_exchange *x, const struct wend_rewrite_op *op)
{
    const char *path = wend_arena_cstr(&x->task->arena, wend_template_value(x, &op->path));
    const struct wend_file *file;

    if (path == NULL || path[0] == '\0')
        return false;
    file = wend_edge_look(x, wend_str_of(path));
    if (file == NULL)
        return false;
    switch (op->test) {
    case WEND_IF_FILE:
        return file->kind == WEND_FILE_REGULAR;
    case WEND_IF_DIRECTORY:
        return file->kind == WEND_FILE_DIRECTORY;
    case WEND_IF_EXECUTABLE:
        return file->executable;
    default:
        return true;
    }
}

void wend_edge_keep_captures(struct wend_exchange *x, const struct wend_regex *regex,
                             struct wend_str subject)
{
    struct wend_edge_request *r = wend_edge_of(x);

    r->capture_subject = subject;
    for (unsigned i = 0; i < regex->name_count; i++) {
        unsigned group = regex->names[i].capture;
        int32_t from = group < r->captures.count ? r->captures.at[group * 2] : -1;
        int32_t to = from < 0 ? -1 : r->captures.at[group * 2 + 1];

        wend_variable_assign(x, regex->variables[i],
                             from < 0 ? WEND_STR("")
                                      : wend_str_slice(subject, (size_t)from, (size_t)to));
    }
}

/* Matches and, on success, keeps the captures. */
static bool match(struct wend_exchange *x, const struct wend_regex *regex, struct wend_str subject)
{
    struct wend_edge_request *r = wend_edge_of(x);
    enum wend_code code;

    code = wend_regex_run(regex, subject, &r->captures);
    if (code == WEND_E_LIMIT)
        wend_edge_log(x, WEND_LOG_ALERT, 0,
                      "the expression \"%.*s\" took too many steps on \"%.*s\"",
                      WEND_STR_ARG(regex->pattern), WEND_STR_ARG(subject));
    if (code != WEND_OK) {
        r->captures.count = 0; /* $1 is the last expression's, matched or not */
        return false;
    }
    wend_edge_keep_captures(x, regex, subject);
    return true;
}

static bool condition(struct wend_exchange *x, const struct wend_rewrite_op *op)
{
    struct wend_value value;
    bool holds;

    if (op->test >= WEND_IF_FILE)
        return file_test(x, op) != op->negated;
    value = wend_variable_value(x, op->variable);
    if (op->test == WEND_IF_TRUE)
        return value.text.len != 0 && !wend_str_eq(value.text, WEND_STR("0"));
    if (op->test == WEND_IF_EQUAL)
        holds = wend_str_eq(value.text, wend_template_value(x, &op->text));
    else
        holds = match(x, op->regex, value.text);
    return holds != op->negated;
}

/* The arguments of a rewritten request: the replacement's, then the old ones unless dropped. */
static struct wend_str rewritten_args(struct wend_exchange *x, const struct wend_rewrite_op *op)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    struct wend_str mine = op->has_args ? wend_template_args(x, &op->args) : WEND_STR_NULL;

    if (op->drop_args || r->args.len == 0)
        return mine;
    if (mine.len == 0)
        return r->args;
    return wend_arena_printf(&x->task->arena, "%.*s&%.*s", WEND_STR_ARG(mine),
                             WEND_STR_ARG(r->args));
}

/* The byte that a visible "%XX" stands for, 0 for any other; what lies below '%' stays escaped. */
static char escaped_visible(struct wend_str text, size_t at)
{
    uint64_t byte;

    if (text.ptr[at] != '%' || at + 2 >= text.len ||
        !wend_str_hex_to_u64(wend_str_slice(text, at + 1, at + 3), &byte))
        return '\0';
    return byte > '%' && byte < 0x7f ? (char)byte : '\0';
}

/* The path of a redirect. Its captures come escaped as for arguments, which is more than a path
 * needs: what may stand in one is written plainly, up to the first '?', even one that a capture
 * brought along (it was %3F). The configuration's own "%20" stays as it is written. What may stand
 * nowhere in a URL, from a variable or a raw request, is escaped. */
static struct wend_str redirect_path(struct wend_exchange *x, struct wend_str text)
{
    static const char digits[] = "0123456789ABCDEF";
    struct wend_arena *arena = &x->task->arena;
    char *out = wend_arena_array(arena, text.len * 3 + 1, 1), *to = out;
    bool in_args = false;

    if (out == NULL)
        return WEND_STR_NULL;
    for (size_t i = 0; i < text.len; i++) {
        char plain = in_args ? '\0' : escaped_visible(text, i);
        unsigned char byte = (unsigned char)(plain != '\0' ? plain : text.ptr[i]);

        i += plain != '\0' ? 2 : 0;
        in_args |= byte == '?';
        if (byte <= ' ' || byte >= 0x7f) {
            *to++ = '%';
            *to++ = digits[byte >> 4];
            *to++ = digits[byte & 15];
        } else {
            *to++ = (char)byte;
        }
    }
    return wend_str_make(out, (size_t)(to - out));
}

static enum wend_code redirect(struct wend_exchange *x, const struct wend_rewrite_op *op)
{
    struct wend_str text = wend_template_args(x, &op->text), args = rewritten_args(x, op), target;

    target = redirect_path(x, text);
    if (text.ptr == NULL || target.ptr == NULL)
        return wend_edge_finish(x, 500);
    if (args.len != 0)
        target = wend_arena_printf(&x->task->arena, "%.*s?%.*s", WEND_STR_ARG(target),
                                   WEND_STR_ARG(args));
    return wend_edge_redirect(x, op->status, target);
}

static enum wend_code rewrite(struct wend_exchange *x, const struct wend_rewrite_op *op, bool *stop)
{
    struct wend_edge_request *r = wend_edge_of(x);
    struct wend_str uri, args;

    if (!match(x, op->regex, r->uri))
        return WEND_DECLINED;
    if (op->flag == WEND_RW_REDIRECT)
        return redirect(x, op);
    uri = wend_template_value(x, &op->text);
    args = rewritten_args(x, op);
    if (uri.len == 0) {
        wend_edge_log(x, WEND_LOG_ERROR, 0, "the rewritten URI has a zero length");
        return wend_edge_finish(x, 500);
    }
    r->uri = wend_arena_keep(&x->task->arena, uri);
    r->args = args;
    r->filename = WEND_STR_NULL;
    r->internal = true;
    r->uri_changed = op->flag != WEND_RW_STOP;
    r->uri_astray |= op->flag == WEND_RW_STOP;
    *stop = op->flag != WEND_RW_GO_ON;
    return WEND_DECLINED;
}

static enum wend_code send_return(struct wend_exchange *x, const struct wend_rewrite_op *op)
{
    struct wend_str text, type = wend_edge_content_type(x, wend_edge_of(x)->uri);
    int status = op->status;

    /* An error without a text of its own has a page. */
    if (status >= 400 && op->text.source.len == 0)
        return wend_edge_finish(x, status);
    x->response.status = status; /* the text may ask for $status */
    text = op->has_text ? wend_template_value(x, &op->text) : WEND_STR("");
    if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308)
        return wend_edge_redirect(x, status, text);
    if (status == 0) /* no answer has it, so there is none */
        status = 444;
    if (status == 204 || status == 444)
        return wend_edge_finish(x, status);
    if (wend_conditional_check(
            x, (enum wend_if_modified_since)wend_edge_of(x)->location->if_modified_since) == 412)
        return wend_edge_finish(x, 412);
    return wend_respond_text(x, status, type, text);
}

static enum wend_code run(struct wend_exchange *x, const struct wend_rewrite_op *op, bool *stop)
{
    struct wend_edge_request *r = wend_edge_of(x);
    enum wend_code code = WEND_DECLINED;

    for (; op != NULL && !*stop && code == WEND_DECLINED; op = op->next)
        switch (op->kind) {
        case WEND_RW_REWRITE:
            code = rewrite(x, op, stop);
            break;
        case WEND_RW_IF:
            if (!condition(x, op))
                break;
            if (op->location != NULL)
                wend_edge_enter(x, op->location);
            code = run(x, op->ops, stop);
            break;
        case WEND_RW_SET:
            wend_variable_assign(x, op->variable, wend_template_value(x, &op->text));
            break;
        case WEND_RW_RETURN:
            code = send_return(x, op);
            break;
        case WEND_RW_BREAK:
            r->uri_changed = false;
            *stop = true;
            break;
        }
    return code;
}

enum wend_code wend_rewrite_run(struct wend_exchange *x, const struct wend_rewrite_op *ops)
{
    bool stop = false;

    return run(x, ops, &stop);
}

#define PLACES (WEND_CTX_SERVER | WEND_CTX_LOCATION | WEND_CTX_IF_SERVER | WEND_CTX_IF_LOCATION)

static const struct wend_directive rows[] = {
    {"rewrite", PLACES, 2, 3, .set = set_rewrite,
     .help =
         "changes the path if it matches: expression, replacement, last|break|redirect|permanent"},
    {"return", PLACES, 1, 2, .set = set_return,
     .help = "ends the request: a status, a text, a redirect"},
    {"break", PLACES, 0, 0, .set = set_break, .help = "no more steps of this block"},
    {"set", PLACES, 2, 2, .set = set_set, .help = "gives a variable a value"},
    {"if", WEND_CTX_SERVER | WEND_CTX_LOCATION, 1, -1, true, .set = set_if,
     .help = "steps and settings under a condition"},
    {"rewrite_log", PLACES | WEND_CTX_HTTP, 1, 1, .set = wend_check_flag, .fallback = "off",
     .help = "checked; the trace shows rewrites"},
    {"uninitialized_variable_warn", PLACES | WEND_CTX_HTTP, 1, 1, .set = wend_set_ignored,
     .fallback = "on", .help = "checked, without effect"},
};

const struct wend_edge_module wend_edge_rewrite = {
    .name = "http_rewrite",
    .rows = rows,
    .row_count = WEND_COUNT(rows),
};
