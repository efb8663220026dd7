#include "http/names.c"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void every_method_reads_back_as_itself(void **state)
{
    (void)state;
    for (size_t i = WEND_GET; i < WEND_COUNT(methods); i++)
        assert_int_equal(wend_method_of(wend_method_text((enum wend_method)i)), i);
}

static void other_texts_are_no_known_method(void **state)
{
    static const char *texts[] = {"", "get", "GETS", "GE", "PURGE", "UNLOCKED"};

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(texts); i++)
        assert_int_equal(wend_method_of(wend_str_of(texts[i])), WEND_METHOD_OTHER);
    assert_null(wend_method_text(WEND_METHOD_OTHER).ptr);
    assert_null(wend_method_text((enum wend_method)1000).ptr);
}

static void phrases_are_those_nginx_users_know(void **state)
{
    static const struct {
        int status;
        const char *phrase;
    } rows[] = {
        {200, "OK"},
        {302, "Moved Temporarily"},
        {405, "Not Allowed"},
        {408, "Request Time-out"},
        {413, "Request Entity Too Large"},
        {414, "Request-URI Too Large"},
        {503, "Service Temporarily Unavailable"},
        {504, "Gateway Time-out"},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++)
        assert_true(wend_str_eq(wend_reason_phrase(rows[i].status), wend_str_of(rows[i].phrase)));
    assert_null(wend_reason_phrase(299).ptr);
    assert_null(wend_reason_phrase(-1).ptr);
}

static void failures_become_the_status_of_whose_fault_it_is(void **state)
{
    (void)state;
    assert_int_equal(wend_status_of(WEND_E_LIMIT), 413);
    assert_int_equal(wend_status_of(WEND_E_DEADLINE), 504);
    assert_int_equal(wend_status_of(WEND_E_CLOSED), 499);
    assert_int_equal(wend_status_of(WEND_E_REFUSED), 502);
    for (int code = WEND_MORE; code < WEND_CODES_COUNT; code++) {
        int status = wend_status_of((enum wend_code)code);

        assert_true(status >= 400 && status < 600);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_method_reads_back_as_itself),
        cmocka_unit_test(other_texts_are_no_known_method),
        cmocka_unit_test(phrases_are_those_nginx_users_know),
        cmocka_unit_test(failures_become_the_status_of_whose_fault_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
