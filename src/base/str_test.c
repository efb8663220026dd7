/* base/str_test.c */
#include "base/str.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void compares(void **state)
{
    (void)state;
    assert_true(wend_str_eq(WEND_STR_NULL, WEND_STR("")));
    assert_true(wend_str_eq_nocase(WEND_STR("HoSt"), WEND_STR("hOsT")));
    assert_false(wend_str_eq_nocase(WEND_STR("\xc4"), WEND_STR("\xe4")));
    assert_false(wend_str_eq_nocase(WEND_STR("@"), WEND_STR("`")));
    assert_true(wend_str_compare(WEND_STR("ab"), WEND_STR("abc")) < 0);
    assert_true(wend_str_compare(WEND_STR("b"), WEND_STR("abc")) > 0);
    assert_int_equal(wend_str_compare(WEND_STR_NULL, WEND_STR_NULL), 0);
    assert_int_equal(wend_str_compare_nocase(WEND_STR("AB"), WEND_STR("ab")), 0);
    assert_true(wend_str_compare_nocase(WEND_STR("a\xff"), WEND_STR("az")) > 0);
}

static void starts_and_ends(void **state)
{
    (void)state;
    assert_true(wend_str_starts(WEND_STR("abc"), WEND_STR("ab")));
    assert_true(wend_str_starts(WEND_STR_NULL, WEND_STR_NULL));
    assert_false(wend_str_starts(WEND_STR("a"), WEND_STR("ab")));
    assert_true(wend_str_starts_nocase(WEND_STR("ABc"), WEND_STR("ab")));
    assert_true(wend_str_ends(WEND_STR("abc"), WEND_STR("bc")));
    assert_true(wend_str_ends(WEND_STR("abc"), WEND_STR_NULL));
    assert_false(wend_str_ends(WEND_STR("abc"), WEND_STR("zabc")));
    assert_true(wend_str_ends_nocase(WEND_STR("x.HTML"), WEND_STR(".html")));
}

static void finds(void **state)
{
    struct wend_str s = WEND_STR("one,two,two");

    (void)state;
    assert_int_equal(wend_str_find_byte(s, ','), 3);
    assert_int_equal(wend_str_rfind_byte(s, ','), 7);
    assert_int_equal(wend_str_find_byte(WEND_STR_NULL, 'x'), -1);
    assert_int_equal(wend_str_rfind_byte(WEND_STR_NULL, 'x'), -1);
    assert_int_equal(wend_str_find(s, WEND_STR("two")), 4);
    assert_int_equal(wend_str_find(s, WEND_STR("twp")), -1);
    assert_int_equal(wend_str_find(s, WEND_STR_NULL), 0);
    assert_int_equal(wend_str_find(WEND_STR_NULL, WEND_STR("x")), -1);
    assert_int_equal(wend_str_find_nocase(s, WEND_STR("TWO")), 4);
    assert_int_equal(wend_str_find_nocase(s, WEND_STR("two,two,two,two")), -1);
    assert_int_equal(wend_str_find_nocase(WEND_STR_NULL, WEND_STR("x")), -1);
}

static void trims_only_spaces_and_tabs(void **state)
{
    (void)state;
    assert_true(wend_str_eq(wend_str_trim(WEND_STR(" \t a b\t ")), WEND_STR("a b")));
    assert_int_equal(wend_str_trim(WEND_STR(" \t ")).len, 0);
    assert_int_equal(wend_str_trim(WEND_STR("\r")).len, 1);
}

static void splits_keeping_empty_parts(void **state)
{
    struct wend_str rest = WEND_STR("a,,b"), part;

    (void)state;
    assert_true(wend_str_split(&rest, ',', &part) && wend_str_eq(part, WEND_STR("a")));
    assert_true(wend_str_split(&rest, ',', &part) && part.len == 0);
    assert_true(wend_str_split(&rest, ',', &part) && wend_str_eq(part, WEND_STR("b")));
    assert_false(wend_str_split(&rest, ',', &part));
    rest = WEND_STR("x,");
    assert_true(wend_str_split(&rest, ',', &part) && wend_str_eq(part, WEND_STR("x")));
    assert_true(wend_str_split(&rest, ',', &part) && part.len == 0);
    assert_false(wend_str_split(&rest, ',', &part));
    rest = WEND_STR("");
    assert_true(wend_str_split(&rest, ',', &part) && part.len == 0);
    assert_false(wend_str_split(&rest, ',', &part));
}

static void reads_and_writes_numbers(void **state)
{
    uint64_t n;
    char out[20];

    (void)state;
    assert_true(wend_str_to_u64(WEND_STR("18446744073709551615"), &n) && n == UINT64_MAX);
    assert_false(wend_str_to_u64(WEND_STR("18446744073709551616"), &n));
    assert_false(wend_str_to_u64(WEND_STR("99999999999999999999"), &n));
    assert_true(wend_str_to_u64(WEND_STR("000000000000000000000007"), &n) && n == 7);
    assert_false(wend_str_to_u64(WEND_STR(""), &n));
    assert_false(wend_str_to_u64(WEND_STR("+1"), &n));
    assert_false(wend_str_to_u64(WEND_STR(" 1"), &n));
    assert_false(wend_str_to_u64(WEND_STR("1\0"), &n));
    assert_true(wend_str_hex_to_u64(WEND_STR("fFFFffffffffffff"), &n) && n == UINT64_MAX);
    assert_false(wend_str_hex_to_u64(WEND_STR("10000000000000000"), &n));
    assert_false(wend_str_hex_to_u64(WEND_STR("0x1"), &n));
    assert_false(wend_str_hex_to_u64(WEND_STR(""), &n));
    assert_int_equal(wend_str_from_u64(0, out), 1);
    assert_int_equal(out[0], '0');
    assert_int_equal(wend_str_from_u64(UINT64_MAX, out), 20);
    assert_memory_equal(out, "18446744073709551615", 20);
}

static void hashes(void **state)
{
    (void)state;
    assert_int_equal(wend_str_hash(WEND_STR("")), 2166136261u);
    assert_int_equal(wend_str_hash(WEND_STR("a")), 0xe40c292cu);
}

static void slices_are_clamped(void **state)
{
    struct wend_str s = WEND_STR("abc");

    (void)state;
    assert_true(wend_str_eq(wend_str_slice(s, 1, 99), WEND_STR("bc")));
    assert_int_equal(wend_str_slice(s, 7, 9).len, 0);
    assert_int_equal(wend_str_slice(s, 2, 1).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(starts_and_ends),
        cmocka_unit_test(finds),
        cmocka_unit_test(trims_only_spaces_and_tabs),
        cmocka_unit_test(splits_keeping_empty_parts),
        cmocka_unit_test(reads_and_writes_numbers),
        cmocka_unit_test(hashes),
        cmocka_unit_test(slices_are_clamped),
    };

    return cmocka_run_group_tests_name("base.str", tests, NULL, NULL);
}
