#include "conf/known.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void rows_are_sorted_and_all_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < wend_known_directives_count; i++) {
        struct wend_str name = wend_str_of(wend_known_directives[i].name);

        assert_non_null(find_first(name));
        if (i > 0)
            assert_true(wend_str_compare(wend_str_of(wend_known_directives[i - 1].name), name) <=
                        0);
    }
    assert_null(find_first(WEND_STR("")));
    assert_null(find_first(WEND_STR("zzz")));
    assert_null(find_first(WEND_STR("serve")));
}

static void explain(const char *name, const char *wanted)
{
    const char *text = wend_known_explain(wend_str_of(name));

    if (wanted == NULL)
        assert_null(text);
    else
        assert_true(wend_str_find(wend_str_of(text), wend_str_of(wanted)) >= 0);
}

static void every_kind_has_its_message(void **state)
{
    (void)state;
    explain("gzip", "ngx_http_gzip_module that is not built");
    explain("auth_jwt", "sold with nginx");
    explain("js_content", "njs");
    explain("perl_set", "Perl");
    explain("smtp_auth", "mail");
    explain("content_by_lua_block", "Lua");
    explain("lua_shared_dict", "Lua");
    explain("gzipp", NULL);
}

static void every_variable_is_known(void **state)
{
    (void)state;
    assert_int_equal(WEND_COUNT(known_variables), 173);
    for (size_t i = 1; i < WEND_COUNT(known_variables); i++)
        assert_true(strcmp(known_variables[i - 1].name, known_variables[i].name) < 0);
    assert_string_equal(wend_known_explain_variable(WEND_STR("ssl_protocol")),
                        "is a variable of ngx_http_ssl_module that is not built into wend yet");
    assert_non_null(wend_known_explain_variable(WEND_STR("jwt_claim_sub")));
    assert_null(wend_known_explain_variable(WEND_STR("ssl_protocols")));
    assert_null(wend_known_explain_variable(WEND_STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_sorted_and_all_found),
        cmocka_unit_test(every_kind_has_its_message),
        cmocka_unit_test(every_variable_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
