/* conf/known.h - the directives and variables of nginx, whether built here or not.
 *
 * What it is for. A configuration that uses something we do not have yet must not be told "unknown
 * directive": the name is known, and the message says whose it is and what becomes of it.
 */
#ifndef WEND_CONF_KNOWN_H
#define WEND_CONF_KNOWN_H

#include "base/str.h"

struct wend_known_directive {
    const char *name, *module, *arguments, *fallback, *contexts;
    bool paid; /* nginx sells it */
};

extern const struct wend_known_directive wend_known_directives[];
extern const size_t wend_known_directives_count;

/* Why a directive that no module here has is refused, to stand after its name in quotes: `"gzip" is
 * ...`. NULL: nobody knows it. A static text, or one valid until the thread's next call. */
const char *wend_known_explain(struct wend_str name);

/* The same for a variable, to stand after `variable "$name"`. NULL: nginx has none of that name. */
const char *wend_known_explain_variable(struct wend_str name);

#endif
