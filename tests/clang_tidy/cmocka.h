/* cmocka.h - what tools/lint.py shows clang-tidy in the place of cmocka's assertions.
 *
 * cmocka's are functions that return when all is well and jump out of the test when not. The
 * analyzer sees neither: to it a test goes on after a failed assertion, with what a failed call
 * left unwritten. Here they are conditions it can follow. No build includes this file.
 */
#include_next <cmocka.h>

#undef assert_true
#undef assert_false
#undef assert_null
#undef assert_non_null
#undef assert_ptr_equal
#undef assert_int_equal
#undef assert_int_not_equal

#define test_goes_on_if(condition) ((condition) ? (void)0 : __builtin_trap())

#define assert_true(condition) test_goes_on_if(condition)
#define assert_false(condition) test_goes_on_if(!(condition))
#define assert_null(pointer) test_goes_on_if((pointer) == NULL)
#define assert_non_null(pointer) test_goes_on_if((pointer) != NULL)
#define assert_ptr_equal(a, b) test_goes_on_if((const void *)(a) == (const void *)(b))
#define assert_int_equal(a, b)                                                                     \
    test_goes_on_if(cast_to_largest_integral_type(a) == cast_to_largest_integral_type(b))
#define assert_int_not_equal(a, b)                                                                 \
    test_goes_on_if(cast_to_largest_integral_type(a) != cast_to_largest_integral_type(b))
