/* edge/template.h - texts with variables and captures in them, compiled once.
 *
 * What it is for. Every argument that may hold $variables: return, rewrite, root, add_header,
 * proxy_pass, log_format ... It is compiled to a list of parts when the configuration is read, and
 * made in ONE pass into a growing buffer with a maximum: a value is asked for once, so no length
 * computed earlier can disagree with the bytes copied later.
 */
#ifndef WEND_EDGE_TEMPLATE_H
#define WEND_EDGE_TEMPLATE_H

#include "edge/variable.h"

#define WEND_TEMPLATE_BYTES_MAX (1u << 20)

enum wend_part_kind { WEND_PART_TEXT, WEND_PART_VARIABLE, WEND_PART_CAPTURE };

struct wend_template_part {
    enum wend_part_kind kind;
    struct wend_str text;
    const struct wend_variable *variable;
    unsigned capture; /* $1 .. */
};

struct wend_template {
    struct wend_str source; /* as written */
    struct wend_template_part *parts;
    size_t count;
    bool constant; /* no variables: its value is `text` */
    struct wend_str text;
};

/* `$name`, `${name}`, `$1`; "$" followed by anything else is an error in nginx's words. */
enum wend_code wend_template_compile(struct wend_conf *conf, struct wend_str source,
                                     struct wend_template *out);
/* The value, in the request's arena. A null slice when it grew beyond WEND_TEMPLATE_BYTES_MAX. */
struct wend_str wend_template_value(struct wend_exchange *x, const struct wend_template *template);
/* The same for the arguments of a rewritten request: captures of a path that was escaped are
 * escaped. */
struct wend_str wend_template_args(struct wend_exchange *x, const struct wend_template *template);

/* How many variables and captures a text has, without compiling. */
bool wend_template_has_variables(struct wend_str source);

/* A setter for rows: the slot is a struct wend_template. */
enum wend_code wend_set_template(struct wend_conf *, const struct wend_directive *, void *);
static inline bool wend_template_set(const struct wend_template *template)
{
    return template->source.ptr != NULL;
}

#endif
