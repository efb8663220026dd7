/* gateway/uwsgi_test.c */
#include "gateway/uwsgi.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void start(struct wend_buffer *packet)
{
    wend_buffer_init(packet, WEND_UWSGI_HEAD_BYTES + WEND_UWSGI_VARS_BYTES_MAX);
    wend_uwsgi_packet_start(packet, 0, 0);
}

static void a_packet_reads_back_as_it_was_written(void **state)
{
    static const char wire[] = "\0\x1b\0\0\x0e\0REQUEST_METHOD\3\0GET\2\0QS\0\0";
    struct wend_buffer packet;
    struct wend_uwsgi_head head;
    struct wend_str vars, key, value;
    size_t offset;

    (void)state;
    start(&packet);
    wend_uwsgi_packet_add(&packet, WEND_STR("REQUEST_METHOD"), WEND_STR("GET"));
    wend_uwsgi_packet_add(&packet, WEND_STR("QS"), WEND_STR(""));
    assert_int_equal(wend_uwsgi_packet_end(&packet, 0), WEND_OK);
    assert_int_equal(packet.len, sizeof(wire) - 1);
    assert_memory_equal(packet.ptr, wire, packet.len);

    wend_uwsgi_head_parse(packet.ptr, &head);
    assert_int_equal(head.size, packet.len - 4);
    vars = wend_str_from(wend_buffer_str(&packet), 4);
    assert_int_equal(wend_uwsgi_vars_check(vars, &offset), WEND_OK);
    assert_true(wend_uwsgi_vars_next(&vars, &key, &value));
    assert_true(wend_str_eq(key, WEND_STR("REQUEST_METHOD")));
    assert_true(wend_str_eq(value, WEND_STR("GET")));
    assert_true(wend_uwsgi_vars_next(&vars, &key, &value));
    assert_int_equal(value.len, 0);
    assert_false(wend_uwsgi_vars_next(&vars, &key, &value));
    wend_buffer_release(&packet);
}

static void every_cut_packet_is_refused(void **state)
{
    static const char vars[] = "\1\0A\1\0b\1\0C\2\0dd";
    size_t offset;

    (void)state;
    for (size_t len = 0; len < sizeof(vars) - 1; len++) {
        char *copy = malloc(len + 1); /* its own block, so that a sanitizer sees a read beyond */
        enum wend_code expected = len == 0 || len == 6 ? WEND_OK : WEND_E_SYNTAX;

        memcpy(copy, vars, len);
        copy = realloc(copy, len == 0 ? 1 : len);
        assert_int_equal(wend_uwsgi_vars_check((struct wend_str){copy, len}, &offset), expected);
        assert_int_equal(offset, len < 6 ? 0 : 6);
        free(copy);
    }
}

static void wrong_lengths_are_refused(void **state)
{
    size_t offset;

    (void)state;
    assert_int_equal(wend_uwsgi_vars_check(WEND_STR("\0\0\1\0b"), &offset), WEND_E_SYNTAX);
    assert_int_equal(wend_uwsgi_vars_check(WEND_STR("\xff\xff"
                                                    "A\0\0"),
                                           &offset),
                     WEND_E_SYNTAX);
    assert_int_equal(wend_uwsgi_vars_check(WEND_STR("\1\0A\2\0b"), &offset), WEND_E_SYNTAX);
}

static void too_many_pairs_are_refused(void **state)
{
    struct wend_buffer packet;
    size_t offset;

    (void)state;
    start(&packet);
    for (int i = 0; i < WEND_UWSGI_VARS_MAX; i++)
        wend_uwsgi_packet_add(&packet, WEND_STR("K"), WEND_STR("v"));
    assert_int_equal(wend_uwsgi_vars_check(wend_str_from(wend_buffer_str(&packet), 4), &offset),
                     WEND_OK);
    wend_uwsgi_packet_add(&packet, WEND_STR("K"), WEND_STR("v"));
    assert_int_equal(wend_uwsgi_vars_check(wend_str_from(wend_buffer_str(&packet), 4), &offset),
                     WEND_E_LIMIT);
    wend_buffer_release(&packet);
}

static void a_packet_that_is_too_big_says_so(void **state)
{
    static char value[70000];
    struct wend_buffer packet;

    (void)state;
    memset(value, 'v', sizeof(value));
    start(&packet);
    wend_uwsgi_packet_add(&packet, WEND_STR("K"), wend_str_make(value, 65530));
    assert_int_equal(wend_uwsgi_packet_end(&packet, 0), WEND_OK);
    wend_uwsgi_packet_add(&packet, WEND_STR("K"), WEND_STR("v"));
    assert_int_equal(wend_uwsgi_packet_end(&packet, 0), WEND_E_LIMIT);
    wend_buffer_release(&packet);

    start(&packet);
    wend_uwsgi_packet_add(&packet, WEND_STR("K"), wend_str_make(value, sizeof(value)));
    assert_int_equal(wend_uwsgi_packet_end(&packet, 0), WEND_E_LIMIT);
    wend_buffer_release(&packet);
}

static void http_spoken_to_the_socket_is_recognised(void **state)
{
    struct wend_uwsgi_head head;

    (void)state;
    wend_uwsgi_head_parse("GET ", &head);
    assert_int_equal(head.modifier1, 71);
    assert_int_equal(head.size, 21573);
    assert_true(wend_uwsgi_head_is_http(&head));
    wend_uwsgi_head_parse("\0\x20\1\0", &head);
    assert_false(wend_uwsgi_head_is_http(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_packet_reads_back_as_it_was_written),
        cmocka_unit_test(every_cut_packet_is_refused),
        cmocka_unit_test(wrong_lengths_are_refused),
        cmocka_unit_test(too_many_pairs_are_refused),
        cmocka_unit_test(a_packet_that_is_too_big_says_so),
        cmocka_unit_test(http_spoken_to_the_socket_is_recognised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
