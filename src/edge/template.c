/* edge/template.c - see edge/template.h. */
#include "edge/template.h"

#include "base/buffer.h"
#include "edge/request.h"
#include "http/path.h"

static bool name_byte(char c)
{
    c = wend_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool wend_template_has_variables(struct wend_str source)
{
    return wend_str_find_byte(source, '$') >= 0;
}

/* Takes "$name", "${name}" or "$1" off the front of *rest, whose first byte is '$'. */
static enum wend_code take_variable(struct wend_conf *conf, struct wend_str *rest,
                                    struct wend_template_part *part)
{
    struct wend_str name;
    size_t i = 1;
    bool braces = rest->len > 1 && rest->ptr[1] == '{';

    i += braces;
    while (i < rest->len && name_byte(rest->ptr[i]))
        i++;
    name = wend_str_slice(*rest, 1 + braces, i);
    if (name.len != 0 && !braces && name.ptr[0] >= '1' && name.ptr[0] <= '9') {
        name.len = 1; /* $1x is $1 and an x */
        i = 2;
    }
    if (braces && (i >= rest->len || rest->ptr[i] != '}'))
        return wend_conf_bad(conf, "the closing bracket in \"%.*s\" variable is missing",
                             WEND_STR_ARG(name));
    if (name.len == 0)
        return wend_conf_bad(conf, "invalid variable name");
    *rest = wend_str_from(*rest, i + braces);
    /* ${1} is a variable of that name, which there is none of. */
    if (!braces && name.len == 1 && name.ptr[0] >= '1' && name.ptr[0] <= '9') {
        part->kind = WEND_PART_CAPTURE;
        part->capture = (unsigned)(name.ptr[0] - '0');
        return WEND_OK;
    }
    part->kind = WEND_PART_VARIABLE;
    part->variable = wend_variable_use(conf, name);
    if (part->variable == NULL)
        return wend_conf_bad(conf, "too many variables, more than %d", WEND_VARIABLES_MAX);
    return WEND_OK;
}

enum wend_code wend_template_compile(struct wend_conf *conf, struct wend_str source,
                                     struct wend_template *out)
{
    size_t most = 1;
    struct wend_str rest;

    *out = (struct wend_template){.source = wend_arena_keep(conf->arena, source)};
    for (size_t i = 0; i < source.len; i++)
        most += 2 * (source.ptr[i] == '$');
    out->parts = wend_arena_array(conf->arena, most, sizeof(*out->parts));
    rest = out->source;
    while (rest.len != 0) {
        struct wend_template_part *part = &out->parts[out->count++];
        ptrdiff_t dollar = wend_str_find_byte(rest, '$');

        *part = (struct wend_template_part){.kind = WEND_PART_TEXT};
        if (dollar == 0) {
            enum wend_code code = take_variable(conf, &rest, part);

            if (code != WEND_OK)
                return code;
            continue;
        }
        part->text = dollar < 0 ? rest : wend_str_slice(rest, 0, (size_t)dollar);
        rest = wend_str_from(rest, part->text.len);
    }
    out->constant = out->count == 0 || (out->count == 1 && out->parts[0].kind == WEND_PART_TEXT);
    out->text = out->source;
    return WEND_OK;
}

static struct wend_str part_value(struct wend_exchange *x, const struct wend_template_part *part)
{
    const struct wend_edge_request *r = wend_edge_of(x);
    int32_t from, to;

    if (part->kind == WEND_PART_TEXT)
        return part->text;
    if (part->kind == WEND_PART_VARIABLE)
        return wend_variable_value(x, part->variable).text;
    if (part->capture >= r->captures.count)
        return WEND_STR("");
    from = r->captures.at[part->capture * 2];
    to = r->captures.at[part->capture * 2 + 1];
    return from < 0 ? WEND_STR("") : wend_str_slice(r->capture_subject, (size_t)from, (size_t)to);
}

/* What a peer wrote as %26 must not become a separator when it moves into the arguments. */
static struct wend_str args_part_value(struct wend_exchange *x,
                                       const struct wend_template_part *part)
{
    struct wend_str value = part_value(x, part);

    if (part->kind != WEND_PART_CAPTURE || !wend_edge_of(x)->uri_quoted)
        return value;
    return wend_escape(&x->task->arena, value, WEND_ESCAPE_ARGS);
}

typedef struct wend_str (*part_fn)(struct wend_exchange *x, const struct wend_template_part *part);

static struct wend_str join(struct wend_exchange *x, const struct wend_template *template,
                            part_fn value)
{
    struct wend_buffer text;

    if (template->constant)
        return template->text;
    if (template->count == 1) {
        struct wend_str only = value(x, template->parts);

        return only.ptr == NULL ? WEND_STR("") : only;
    }
    wend_buffer_init_arena(&text, &x->task->arena, WEND_TEMPLATE_BYTES_MAX);
    for (size_t i = 0; i < template->count; i++)
        wend_buffer_add(&text, value(x, &template->parts[i]));
    wend_buffer_add_byte(&text, '\0'); /* for those that hand it to the system */
    if (text.overflow) {
        wend_edge_log(x, WEND_LOG_ERROR, 0, "\"%.*s\" grew beyond %u bytes",
                      WEND_STR_ARG(template->source), WEND_TEMPLATE_BYTES_MAX);
        return WEND_STR_NULL;
    }
    return wend_str_make(text.ptr, text.len - 1);
}

struct wend_str wend_template_value(struct wend_exchange *x, const struct wend_template *template)
{
    return join(x, template, part_value);
}

struct wend_str wend_template_args(struct wend_exchange *x, const struct wend_template *template)
{
    return join(x, template, args_part_value);
}

enum wend_code wend_set_template(struct wend_conf *conf, const struct wend_directive *row,
                                 void *slot)
{
    struct wend_template *template = slot;

    (void)row;
    if (wend_template_set(template))
        return wend_conf_bad(conf, "\"%.*s\" directive is duplicate",
                             WEND_STR_ARG(conf->statement->args[0]));
    return wend_template_compile(conf, conf->statement->args[1], template);
}
