/* cmd/uwsgi_ini.h - uWSGI's ini files as a list of options. Pure.
 *
 *     [uwsgi]                        ; one section counts
 *     base = /srv/shop               ; no option, but %(base) is asked for: a placeholder
 *     chdir = %(base)/app
 *     socket = $(RUN)/%n.sock        ; the environment; the file's name without .ini
 *     master                         ; as good as "master = true"
 *
 * What it promises. uWSGI's rules as measured with 2.0.21: comments only at the start of a line,
 * keys may repeat and keep their order, placeholders may be used before they are defined. %d folder
 * (with its slash), %p path, %s file name, %n the same without its extension, %e the extension, %c
 * the folder's name, %h host, %k processors, %u uid, %U user, %g gid, %G group, %% a percent sign.
 *
 * What it does otherwise. Where uWSGI passes over (an unknown %x, an unset $(NAME), an undefined
 * %(name), a line outside of its sections, a section that is not there) this is an error with its
 * line. `for`, `if-env`, @(file) and inclusion are errors that name themselves.
 *
 * Who owns what. Results are slices of the text or lie in the arena.
 */
#ifndef WEND_CMD_UWSGI_INI_H
#define WEND_CMD_UWSGI_INI_H

#include "base/arena.h"
#include "base/code.h"

#define WEND_UWSGI_INI_BYTES_MAX (1u << 20) /* of a file */
#define WEND_UWSGI_INI_OPTIONS_MAX 512      /* lines of the section */
#define WEND_UWSGI_INI_VALUE_MAX 8192       /* bytes of a value, placeholders filled in */
#define WEND_UWSGI_INI_DEPTH_MAX 8          /* placeholders inside placeholders */
#define WEND_UWSGI_INI_ASKED_MAX 4096       /* placeholders filled in, all values together */
#define WEND_UWSGI_INI_ERROR_MAX 240

struct wend_uwsgi_ini_option {
    struct wend_str key, value; /* placeholders filled in; a key alone has a null value */
    unsigned line;
    bool placeholder; /* somebody asked for %(key); nothing needs to know it otherwise */
};

struct wend_uwsgi_ini {
    struct wend_uwsgi_ini_option *options;
    size_t count;
    unsigned error_line; /* of the failure; 0: of the file as a whole */
    char error[WEND_UWSGI_INI_ERROR_MAX];
};

/* What the text does not say itself. */
struct wend_uwsgi_ini_place {
    struct wend_str path;                 /* absolute */
    struct wend_str section;              /* null: uwsgi */
    const char *(*env)(const char *name); /* getenv() */
};

/* WEND_OK, or WEND_E_SYNTAX / WEND_E_LIMIT with error and error_line. */
enum wend_code wend_uwsgi_ini_parse(struct wend_arena *arena, struct wend_str text,
                                    const struct wend_uwsgi_ini_place *place,
                                    struct wend_uwsgi_ini *out) WEND_MUST_CHECK;

/* uWSGI's idea of a switch: everything but false, off, no and 0 is on; a key alone too. */
bool wend_uwsgi_ini_is_true(struct wend_str value);

#endif
