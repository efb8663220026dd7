/* http/fields.h - the fields of a head or a trailer section, in the order they came.
 *
 * Who owns what. Names and values are slices: of the received bytes, of literals, of the arena.
 * They live as long as the task. The array grows in the arena.
 *
 * What it promises. At most `max` fields. A known name carries its id (http/field_names.def); for
 * an unknown one the id is WEND_FIELD_UNKNOWN and names compare without case. `present` has a bit
 * for every id below 64 that occurs, so "is there a Range?" costs one test.
 */
#ifndef WEND_HTTP_FIELDS_H
#define WEND_HTTP_FIELDS_H

#include "base/arena.h"
#include "base/code.h"

enum wend_field_id {
    WEND_FIELD_UNKNOWN,
#define WEND_FIELD(id, name) WEND_FIELD_##id,
#include "http/field_names.def"
#undef WEND_FIELD
    WEND_FIELDS_KNOWN
};

struct wend_field {
    struct wend_str name; /* as received, or as it shall be sent */
    struct wend_str value;
    uint16_t id;     /* enum wend_field_id */
    uint16_t hidden; /* not zero: the field is not passed on (a hop-by-hop one, a hidden one) */
};

struct wend_fields {
    struct wend_field *at;
    unsigned count, room, max;
    uint64_t present; /* bit id for ids < 64 */
};

#define WEND_FIELDS_MAX 1000

void wend_fields_init(struct wend_fields *fields, struct wend_field *first_room, unsigned room,
                      unsigned max);

/* The id of a name; WEND_FIELD_UNKNOWN when it is not in the table. Constant time. */
enum wend_field_id wend_field_lookup(struct wend_str name);
struct wend_str wend_field_name(enum wend_field_id id);

/* WEND_E_LIMIT beyond max, WEND_E_MEMORY from the arena. Slices are not copied. */
enum wend_code wend_fields_add(struct wend_fields *fields, struct wend_arena *arena,
                               enum wend_field_id id, struct wend_str value);
enum wend_code wend_fields_add_name(struct wend_fields *fields, struct wend_arena *arena,
                                    struct wend_str name, struct wend_str value);
/* The id is known already: the name is kept as it was received. */
enum wend_code wend_fields_add_row(struct wend_fields *fields, struct wend_arena *arena,
                                   enum wend_field_id id, struct wend_str name,
                                   struct wend_str value);
/* Replaces every field of that name by one. */
enum wend_code wend_fields_set(struct wend_fields *fields, struct wend_arena *arena,
                               enum wend_field_id id, struct wend_str value);
void wend_fields_remove(struct wend_fields *fields, enum wend_field_id id);
void wend_fields_remove_name(struct wend_fields *fields, struct wend_str name);

/* The first one, or NULL. */
struct wend_field *wend_fields_find(const struct wend_fields *fields, enum wend_field_id id);
struct wend_field *wend_fields_find_name(const struct wend_fields *fields, struct wend_str name);
static inline struct wend_field *wend_fields_get(const struct wend_fields *fields,
                                                 enum wend_field_id id)
{
    if (id < 64 && (fields->present & (UINT64_C(1) << id)) == 0)
        return NULL;
    return wend_fields_find(fields, id);
}
/* The first one's value; a null slice when absent. */
struct wend_str wend_fields_value(const struct wend_fields *fields, enum wend_field_id id);
/* All values of that name as one, joined by `separator` (", " or "; "), in the arena if several. */
struct wend_str wend_fields_joined(const struct wend_fields *fields, struct wend_arena *arena,
                                   struct wend_str name, struct wend_str separator);

/* Walks a comma-separated list (RFC 9110 5.6.1), quoted strings respected, empty elements skipped.
 * Start with *rest = the value. False at the end. */
bool wend_field_list_next(struct wend_str *rest, struct wend_str *element);
/* Whether `token` is an element of the list, without case. */
bool wend_field_list_has(struct wend_str value, struct wend_str token);

/* The content of a quoted string (RFC 9110 5.6.4), in the arena if it had escapes; anything else as
 * it is. */
struct wend_str wend_field_unquote(struct wend_arena *arena, struct wend_str s);

/* Walks "a; b=c; d=\"e\"" at its semicolons (RFC 9110 5.6.6), empty parts skipped. The first part
 * is the value itself, with *value null; values keep their quotes. Start with *rest = the element.
 */
bool wend_field_param_next(struct wend_str *rest, struct wend_str *name, struct wend_str *value);

/* tchar+ (RFC 9110 5.6.2) and field-content without CR, LF, NUL and other controls but HTAB. */
bool wend_field_name_valid(struct wend_str name);
bool wend_field_value_valid(struct wend_str value);

#endif
