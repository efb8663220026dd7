#include "http/fields.c"

#include "base/arena_test.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define assert_str(s, literal)                                                                     \
    do {                                                                                           \
        struct wend_str got_ = (s);                                                                \
        assert_int_equal(got_.len, strlen(literal));                                               \
        assert_memory_equal(got_.len == 0 ? "" : got_.ptr, literal, strlen(literal));              \
    } while (0)

static void every_known_name_is_found_in_any_case(void **state)
{
    char text[FIELD_NAME_MAX];

    (void)state;
    for (unsigned id = 1; id < WEND_FIELDS_KNOWN; id++) {
        struct wend_str name = wend_field_name((enum wend_field_id)id);

        assert_int_equal(wend_field_lookup(name), id);
        for (size_t i = 0; i < name.len; i++)
            text[i] = (char)toupper(name.ptr[i]);
        assert_int_equal(wend_field_lookup(wend_str_make(text, name.len)), id);
        for (size_t i = 0; i < name.len; i++)
            text[i] = (char)tolower(name.ptr[i]);
        assert_int_equal(wend_field_lookup(wend_str_make(text, name.len)), id);
    }
}

/* Every name with one byte changed, to any value but the other case, is not that name. */
static void a_name_with_one_other_byte_is_another_name(void **state)
{
    char text[FIELD_NAME_MAX];

    (void)state;
    for (unsigned id = 1; id < WEND_FIELDS_KNOWN; id++) {
        struct wend_str name = wend_field_name((enum wend_field_id)id);

        memcpy(text, name.ptr, name.len);
        for (size_t i = 0; i < name.len; i++) {
            for (int byte = 0; byte < 256; byte++) {
                text[i] = (char)byte;
                if (tolower(byte) != tolower(name.ptr[i]))
                    assert_int_not_equal(wend_field_lookup(wend_str_make(text, name.len)), id);
            }
            text[i] = name.ptr[i];
        }
        assert_int_not_equal(wend_field_lookup(wend_str_slice(name, 0, name.len - 1)), id);
    }
    assert_int_equal(wend_field_lookup(WEND_STR("")), WEND_FIELD_UNKNOWN);
    assert_int_equal(wend_field_lookup(WEND_STR_NULL), WEND_FIELD_UNKNOWN);
    assert_int_equal(wend_field_lookup(WEND_STR("X-Something-Else-That-Is-Quite-Long-Indeed")),
                     WEND_FIELD_UNKNOWN);
}

static void fields_are_added_found_replaced_and_removed(void **state)
{
    struct wend_fields fields;

    (void)state;
    wend_fields_init(&fields, NULL, 0, 100);
    assert_int_equal(wend_fields_add(&fields, &arena, WEND_FIELD_HOST, WEND_STR("a")), WEND_OK);
    assert_int_equal(wend_fields_add_name(&fields, &arena, WEND_STR("x-a"), WEND_STR("1")),
                     WEND_OK);
    assert_int_equal(wend_fields_add_name(&fields, &arena, WEND_STR("X-A"), WEND_STR("2")),
                     WEND_OK);
    assert_int_equal(wend_fields_add_name(&fields, &arena, WEND_STR("vary"), WEND_STR("b")),
                     WEND_OK);
    assert_int_equal(wend_fields_add(&fields, &arena, WEND_FIELD_VARY, WEND_STR("c")), WEND_OK);
    assert_str(wend_fields_value(&fields, WEND_FIELD_HOST), "a");
    assert_null(wend_fields_get(&fields, WEND_FIELD_RANGE));
    assert_str(wend_fields_find_name(&fields, WEND_STR("X-a"))->value, "1");
    assert_str(wend_fields_joined(&fields, &arena, WEND_STR("x-a"), WEND_STR(", ")), "1, 2");
    assert_str(wend_fields_joined(&fields, &arena, WEND_STR("Vary"), WEND_STR("; ")), "b; c");
    assert_null(wend_fields_joined(&fields, &arena, WEND_STR("none"), WEND_STR(", ")).ptr);
    assert_int_equal(wend_fields_set(&fields, &arena, WEND_FIELD_VARY, WEND_STR("d")), WEND_OK);
    assert_int_equal(fields.count, 4);
    assert_str(wend_fields_value(&fields, WEND_FIELD_VARY), "d");
    wend_fields_remove_name(&fields, WEND_STR("x-A"));
    wend_fields_remove(&fields, WEND_FIELD_HOST);
    assert_int_equal(fields.count, 1);
    assert_null(wend_fields_get(&fields, WEND_FIELD_HOST));
    assert_null(wend_fields_find_name(&fields, WEND_STR("x-a")));
}

static void the_list_ends_at_its_maximum(void **state)
{
    struct wend_fields fields;
    struct wend_field room[2];

    (void)state;
    wend_fields_init(&fields, room, 2, 19);
    for (int i = 0; i < 19; i++)
        assert_int_equal(wend_fields_add(&fields, &arena, WEND_FIELD_VIA, WEND_STR("")), WEND_OK);
    assert_int_equal(wend_fields_add(&fields, &arena, WEND_FIELD_VIA, WEND_STR("")), WEND_E_LIMIT);
    assert_int_equal(fields.count, 19);
}

static void lists_are_walked_at_commas_outside_of_quotes(void **state)
{
    struct wend_str rest = WEND_STR(" a ,, \t, \"b, \\\" c\" ;d=\",\" ,e,\"not closed, f");
    struct wend_str element;

    (void)state;
    assert_true(wend_field_list_next(&rest, &element));
    assert_str(element, "a");
    assert_true(wend_field_list_next(&rest, &element));
    assert_str(element, "\"b, \\\" c\" ;d=\",\"");
    assert_true(wend_field_list_next(&rest, &element));
    assert_str(element, "e");
    assert_true(wend_field_list_next(&rest, &element));
    assert_str(element, "\"not closed, f");
    assert_false(wend_field_list_next(&rest, &element));
    assert_true(wend_field_list_has(WEND_STR("Keep-Alive, upgrade"), WEND_STR("Upgrade")));
    assert_false(wend_field_list_has(WEND_STR("closed"), WEND_STR("close")));
    assert_false(wend_field_list_has(WEND_STR_NULL, WEND_STR("close")));
}

static void quoted_strings_and_parameters_are_read(void **state)
{
    struct wend_str rest = WEND_STR("text/html; charset=\"a;\\\"b\" ;; q = 0.5;flag");
    struct wend_str name, value;

    (void)state;
    assert_true(wend_field_param_next(&rest, &name, &value));
    assert_str(name, "text/html");
    assert_null(value.ptr);
    assert_true(wend_field_param_next(&rest, &name, &value));
    assert_str(name, "charset");
    assert_str(wend_field_unquote(&arena, value), "a;\"b");
    assert_true(wend_field_param_next(&rest, &name, &value));
    assert_str(name, "q");
    assert_str(wend_field_unquote(&arena, value), "0.5");
    assert_true(wend_field_param_next(&rest, &name, &value));
    assert_str(name, "flag");
    assert_null(value.ptr);
    assert_false(wend_field_param_next(&rest, &name, &value));
    assert_str(wend_field_unquote(&arena, WEND_STR("\"a\\\"")), "\"a\\\"");
    assert_str(wend_field_unquote(&arena, WEND_STR("\"")), "\"");
    assert_str(wend_field_unquote(&arena, WEND_STR("\"\"")), "");
}

static void names_and_values_are_checked(void **state)
{
    (void)state;
    assert_true(wend_field_name_valid(WEND_STR("X-a_1.~!")));
    assert_false(wend_field_name_valid(WEND_STR("")));
    assert_false(wend_field_name_valid(WEND_STR("a b")));
    assert_false(wend_field_name_valid(WEND_STR("a:")));
    assert_false(wend_field_name_valid(WEND_STR("\xc3\xa4")));
    assert_true(wend_field_value_valid(WEND_STR("a\tb \xc3\xa4")));
    assert_true(wend_field_value_valid(WEND_STR("")));
    assert_false(wend_field_value_valid(WEND_STR("a\r\nb")));
    assert_false(wend_field_value_valid(WEND_STR("a\0b")));
    assert_false(wend_field_value_valid(WEND_STR("\x7f")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_known_name_is_found_in_any_case),
        cmocka_unit_test(a_name_with_one_other_byte_is_another_name),
        cmocka_unit_test(fields_are_added_found_replaced_and_removed),
        cmocka_unit_test(the_list_ends_at_its_maximum),
        cmocka_unit_test(lists_are_walked_at_commas_outside_of_quotes),
        cmocka_unit_test(quoted_strings_and_parameters_are_read),
        cmocka_unit_test(names_and_values_are_checked),
    };

    return cmocka_run_group_tests(tests, open_arena, close_arena);
}
