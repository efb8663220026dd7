/* tests/fuzz/field_list_fuzz.c - lists, parameters, quoted strings and name lookup. */
#include "base/assert.h"
#include "http/fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void check_inside(struct wend_str part, struct wend_str whole)
{
    WEND_ASSERT(part.len == 0 ||
                (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_str whole = wend_str_make((const char *)bytes, len), rest = whole, element;
    struct wend_arena arena;
    size_t total = 0;
    enum wend_field_id id;

    wend_arena_init(&arena, 1 << 24);
    while (wend_field_list_next(&rest, &element)) {
        struct wend_str params = element, name, value;

        WEND_ASSERT(element.len > 0);
        check_inside(element, whole);
        total += element.len;
        while (wend_field_param_next(&params, &name, &value)) {
            check_inside(name, element);
            check_inside(value, element);
            WEND_ASSERT(wend_field_unquote(&arena, value).len <= value.len);
        }
    }
    WEND_ASSERT(total <= len);
    id = wend_field_lookup(whole);
    WEND_ASSERT(id == WEND_FIELD_UNKNOWN || wend_str_eq_nocase(wend_field_name(id), whole));
    wend_arena_release(&arena);
    return 0;
}
