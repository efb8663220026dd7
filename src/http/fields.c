/* http/fields.c - field lists and the names known by number.
 *
 * A name becomes its number by one multiplication per looked-at byte, one table read and one
 * comparison: tools/field_names.py found factors without collisions for exactly these names. */
#include "http/fields.h"

#include "http/chars.h"

#define FIELD_NAME_MAX 32

struct field_row {
    uint8_t len;
    char lower[FIELD_NAME_MAX];
    char fold[FIELD_NAME_MAX];
};

#include "field_table.h"

#define FIELDS_ROOM_FIRST 8

static const struct wend_str names[WEND_FIELDS_KNOWN] = {
#define WEND_FIELD(id, name) [WEND_FIELD_##id] = WEND_STR_INIT(name),
#include "http/field_names.def"
#undef WEND_FIELD
};

/* Whether 8 bytes are the row's, letters in either case. */
static inline bool same8(const char *text, const struct field_row *row, size_t at)
{
    uint64_t t, lower, fold;

    memcpy(&t, text + at, 8);
    memcpy(&lower, row->lower + at, 8);
    memcpy(&fold, row->fold + at, 8);
    return (t | fold) == lower;
}

/* Lengths are equal. Long names are compared in words, the last one overlapping. */
static bool same_name(const char *text, size_t len, const struct field_row *row)
{
    size_t at = 0;

    if (len >= 8) {
        for (; at + 8 <= len; at += 8) {
            if (!same8(text, row, at))
                return false;
        }
        return same8(text, row, len - 8);
    }
    for (; at < len; at++) {
        if ((text[at] | row->fold[at]) != row->lower[at])
            return false;
    }
    return true;
}

enum wend_field_id wend_field_lookup(struct wend_str name)
{
    uint32_t hash;
    unsigned id;

    if (name.len - 1 >= FIELD_NAME_MAX) /* 0 wraps */
        return WEND_FIELD_UNKNOWN;
    hash = (uint32_t)name.len * FIELD_HASH_LEN + ((uint8_t)name.ptr[0] | 0x20) * FIELD_HASH_FIRST +
           ((uint8_t)name.ptr[name.len * 3 / 4] | 0x20) * FIELD_HASH_LATE +
           ((uint8_t)name.ptr[name.len - 1] | 0x20) * FIELD_HASH_LAST;
    id = field_slots[(hash >> FIELD_HASH_SHIFT) % FIELD_HASH_SLOTS];
    if (field_rows[id].len != name.len || !same_name(name.ptr, name.len, &field_rows[id]))
        return WEND_FIELD_UNKNOWN;
    return (enum wend_field_id)id;
}

struct wend_str wend_field_name(enum wend_field_id id)
{
    return (size_t)id < WEND_FIELDS_KNOWN ? names[id] : WEND_STR_NULL;
}

void wend_fields_init(struct wend_fields *fields, struct wend_field *first_room, unsigned room,
                      unsigned max)
{
    *fields = (struct wend_fields){.at = first_room, .room = room, .max = max};
}

/* Room for one more. */
static enum wend_code grow(struct wend_fields *fields, struct wend_arena *arena)
{
    unsigned room = fields->room == 0 ? FIELDS_ROOM_FIRST : fields->room * 2;
    struct wend_field *at;

    if (fields->count >= fields->max)
        return WEND_E_LIMIT;
    if (room > fields->max)
        room = fields->max;
    at = wend_arena_array(arena, room, sizeof(*at));
    if (at == NULL)
        return WEND_E_MEMORY;
    if (fields->count > 0)
        memcpy(at, fields->at, fields->count * sizeof(*at));
    fields->at = at;
    fields->room = room;
    return WEND_OK;
}

static uint64_t bit_of(enum wend_field_id id)
{
    return id < 64 ? UINT64_C(1) << id : 0;
}

enum wend_code wend_fields_add_row(struct wend_fields *fields, struct wend_arena *arena,
                                   enum wend_field_id id, struct wend_str name,
                                   struct wend_str value)
{
    if (WEND_UNLIKELY(fields->count >= fields->room)) {
        enum wend_code code = grow(fields, arena);

        if (code != WEND_OK)
            return code;
    }
    fields->at[fields->count++] = (struct wend_field){name, value, (uint16_t)id, 0};
    fields->present |= bit_of(id);
    return WEND_OK;
}

enum wend_code wend_fields_add(struct wend_fields *fields, struct wend_arena *arena,
                               enum wend_field_id id, struct wend_str value)
{
    return wend_fields_add_row(fields, arena, id, wend_field_name(id), value);
}

enum wend_code wend_fields_add_name(struct wend_fields *fields, struct wend_arena *arena,
                                    struct wend_str name, struct wend_str value)
{
    return wend_fields_add_row(fields, arena, wend_field_lookup(name), name, value);
}

enum wend_code wend_fields_set(struct wend_fields *fields, struct wend_arena *arena,
                               enum wend_field_id id, struct wend_str value)
{
    wend_fields_remove(fields, id);
    return wend_fields_add(fields, arena, id, value);
}

static bool is_named(const struct wend_field *field, enum wend_field_id id, struct wend_str name)
{
    if (id != WEND_FIELD_UNKNOWN || field->id != WEND_FIELD_UNKNOWN)
        return field->id == id;
    return wend_str_eq_nocase(field->name, name);
}

/* By id, and by name where the id is WEND_FIELD_UNKNOWN. */
static void remove_named(struct wend_fields *fields, enum wend_field_id id, struct wend_str name)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < fields->count; i++) {
        if (!is_named(&fields->at[i], id, name))
            fields->at[kept++] = fields->at[i];
    }
    fields->count = kept;
    if (id != WEND_FIELD_UNKNOWN)
        fields->present &= ~bit_of(id);
}

void wend_fields_remove(struct wend_fields *fields, enum wend_field_id id)
{
    if (id != WEND_FIELD_UNKNOWN && (id >= 64 || (fields->present & bit_of(id)) != 0))
        remove_named(fields, id, WEND_STR_NULL);
}

void wend_fields_remove_name(struct wend_fields *fields, struct wend_str name)
{
    remove_named(fields, wend_field_lookup(name), name);
}

struct wend_field *wend_fields_find(const struct wend_fields *fields, enum wend_field_id id)
{
    for (unsigned i = 0; i < fields->count; i++) {
        if (fields->at[i].id == id)
            return &fields->at[i];
    }
    return NULL;
}

struct wend_field *wend_fields_find_name(const struct wend_fields *fields, struct wend_str name)
{
    enum wend_field_id id = wend_field_lookup(name);

    if (id != WEND_FIELD_UNKNOWN)
        return wend_fields_get(fields, id);
    for (unsigned i = 0; i < fields->count; i++) {
        if (is_named(&fields->at[i], id, name))
            return &fields->at[i];
    }
    return NULL;
}

struct wend_str wend_fields_value(const struct wend_fields *fields, enum wend_field_id id)
{
    const struct wend_field *field = wend_fields_get(fields, id);

    return field == NULL ? WEND_STR_NULL : field->value;
}

struct wend_str wend_fields_joined(const struct wend_fields *fields, struct wend_arena *arena,
                                   struct wend_str name, struct wend_str separator)
{
    enum wend_field_id id = wend_field_lookup(name);
    struct wend_str joined = WEND_STR_NULL;
    size_t len = 0, count = 0;
    char *at;

    for (unsigned i = 0; i < fields->count; i++) {
        if (!is_named(&fields->at[i], id, name))
            continue;
        joined = fields->at[i].value;
        len += joined.len + separator.len;
        count++;
    }
    if (count < 2)
        return joined;
    at = wend_arena_alloc(arena, len);
    if (at == NULL)
        return WEND_STR_NULL;
    joined = wend_str_make(at, len - separator.len);
    for (unsigned i = 0; i < fields->count; i++) {
        const struct wend_field *field = &fields->at[i];

        if (!is_named(field, id, name))
            continue;
        if (field->value.len > 0)
            memcpy(at, field->value.ptr, field->value.len);
        at += field->value.len;
        if (--count == 0)
            break;
        memcpy(at, separator.ptr, separator.len);
        at += separator.len;
    }
    return joined;
}

/* One past the quoted string that starts at `at` (RFC 9110 5.6.4); s.len + 1 when it is not closed.
 */
static size_t skip_quoted(struct wend_str s, size_t at)
{
    for (at++; at < s.len && s.ptr[at] != '"'; at++) {
        if (s.ptr[at] == '\\')
            at++;
    }
    return at < s.len ? at + 1 : s.len + 1;
}

bool wend_field_list_next(struct wend_str *rest, struct wend_str *element)
{
    while (rest->len > 0) {
        size_t at = 0;

        while (at < rest->len && rest->ptr[at] != ',')
            at = rest->ptr[at] == '"' ? skip_quoted(*rest, at) : at + 1;
        *element = wend_str_trim(wend_str_slice(*rest, 0, at));
        *rest = wend_str_from(*rest, at + 1);
        if (element->len > 0)
            return true;
    }
    return false;
}

bool wend_field_list_has(struct wend_str value, struct wend_str token)
{
    struct wend_str element;

    while (wend_field_list_next(&value, &element)) {
        if (wend_str_eq_nocase(element, token))
            return true;
    }
    return false;
}

struct wend_str wend_field_unquote(struct wend_arena *arena, struct wend_str s)
{
    char *out;
    size_t len = 0;

    if (s.len < 2 || s.ptr[0] != '"' || skip_quoted(s, 0) != s.len)
        return s;
    s = wend_str_slice(s, 1, s.len - 1);
    if (wend_str_find_byte(s, '\\') < 0)
        return s;
    out = wend_arena_alloc(arena, s.len);
    if (out == NULL)
        return WEND_STR_NULL;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\\' && i + 1 < s.len)
            i++;
        out[len++] = s.ptr[i];
    }
    return wend_str_make(out, len);
}

bool wend_field_param_next(struct wend_str *rest, struct wend_str *name, struct wend_str *value)
{
    while (rest->len > 0) {
        size_t at = 0;
        struct wend_str part;
        ptrdiff_t equals;

        while (at < rest->len && rest->ptr[at] != ';')
            at = rest->ptr[at] == '"' ? skip_quoted(*rest, at) : at + 1;
        part = wend_str_trim(wend_str_slice(*rest, 0, at));
        *rest = wend_str_from(*rest, at + 1);
        if (part.len == 0)
            continue;
        equals = wend_str_find_byte(part, '=');
        *name = equals < 0 ? part : wend_str_trim(wend_str_slice(part, 0, (size_t)equals));
        *value =
            equals < 0 ? WEND_STR_NULL : wend_str_trim(wend_str_from(part, (size_t)equals + 1));
        return true;
    }
    return false;
}

bool wend_field_name_valid(struct wend_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!wend_char_is(name.ptr[i], WEND_CHAR_TOKEN))
            return false;
    }
    return name.len > 0;
}

bool wend_field_value_valid(struct wend_str value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.ptr[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}
