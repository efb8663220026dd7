/* base/code_test.c */
#include "base/code.c"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void every_code_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int code = 0; code < WEND_CODES_COUNT; code++) {
        assert_true(strlen(wend_code_name((enum wend_code)code)) > 0);
        assert_true(strlen(wend_code_text((enum wend_code)code)) > 0);
    }
    assert_int_equal(WEND_OK, 0);
    assert_string_equal(wend_code_name(WEND_E_DEADLINE), "E_DEADLINE");
    assert_string_equal(wend_code_name(WEND_CODES_COUNT), "?");
    assert_string_equal(wend_code_text((enum wend_code) - 1), "?");
}

static void errnos_become_codes(void **state)
{
    (void)state;
    assert_int_equal(wend_code_of_errno(EPIPE), WEND_E_RESET);
    assert_int_equal(wend_code_of_errno(ECONNREFUSED), WEND_E_REFUSED);
    assert_int_equal(wend_code_of_errno(ENOENT), WEND_E_NOT_FOUND);
    assert_int_equal(wend_code_of_errno(EACCES), WEND_E_DENIED);
    assert_int_equal(wend_code_of_errno(EMFILE), WEND_E_LIMIT);
    assert_int_equal(wend_code_of_errno(123456), WEND_E_IO);
}

static void a_failure_without_an_errno_is_one(void **state)
{
    (void)state;
    assert_int_equal(wend_code_of_errno(0), WEND_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_has_a_name_and_a_sentence),
        cmocka_unit_test(errnos_become_codes),
        cmocka_unit_test(a_failure_without_an_errno_is_one),
    };

    return cmocka_run_group_tests_name("base.code", tests, NULL, NULL);
}
