#include "http/h1_scan.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* Every byte at every place of buffers of every length around the widths of the registers. */
static void the_wide_scans_find_what_the_plain_one_finds(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 80; len++) {
        char *bytes = malloc(len + 1); /* a sanitizer sees a read beyond `len` at an odd start */

        memset(bytes, 'a', len);
        for (size_t at = 0; at < len; at++) {
            for (int byte = 0; byte < 256; byte++) {
                const char *plain;

                bytes[at] = (char)byte;
                plain = wend_h1_scan_value_plain(bytes, bytes + len);
                assert_ptr_equal(wend_h1_scan_value(bytes, bytes + len), plain);
                assert_ptr_equal(wend_h1_find_control(bytes, bytes + len), plain);
#ifdef __SSE2__
                assert_ptr_equal(scan_value_sse2(bytes, bytes + len), plain);
#endif
            }
            bytes[at] = 'a';
        }
        assert_ptr_equal(wend_h1_scan_value(bytes, bytes + len), bytes + len);
        free(bytes);
    }
}

static void a_target_ends_at_controls_spaces_and_del(void **state)
{
    char bytes[64];

    (void)state;
    for (size_t at = 0; at < sizeof(bytes); at++) {
        for (int byte = 0; byte < 256; byte++) {
            bool ends = byte <= 0x20 || byte == 0x7f;

            memset(bytes, '/', sizeof(bytes));
            bytes[at] = (char)byte;
            assert_ptr_equal(wend_h1_find_blank(bytes, bytes + sizeof(bytes)),
                             ends ? bytes + at : bytes + sizeof(bytes));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_wide_scans_find_what_the_plain_one_finds),
        cmocka_unit_test(a_target_ends_at_controls_spaces_and_del),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
