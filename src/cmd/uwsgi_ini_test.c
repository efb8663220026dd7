#include "cmd/uwsgi_ini.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct wend_arena arena;
static struct wend_uwsgi_ini ini;

static const char *fake_env(const char *name)
{
    return strcmp(name, "RUN") == 0 ? "/run" : NULL;
}

static enum wend_code parse_section(const char *text, const char *section)
{
    struct wend_uwsgi_ini_place place = {WEND_STR("/srv/shop/uwsgi.ini"), wend_str_of(section),
                                         fake_env};

    return wend_uwsgi_ini_parse(&arena, wend_str_of(text), &place, &ini);
}

static enum wend_code parse(const char *text)
{
    return parse_section(text, NULL);
}

static void is(size_t index, const char *key, const char *value)
{
    assert_true(index < ini.count);
    assert_true(wend_str_eq(ini.options[index].key, wend_str_of(key)));
    assert_true(wend_str_eq(ini.options[index].value, wend_str_of(value)));
}

static void fails(const char *text, unsigned line, const char *part)
{
    assert_int_not_equal(parse(text), WEND_OK);
    assert_int_equal(ini.error_line, line);
    if (strstr(ini.error, part) == NULL)
        fail_msg("\"%s\" does not contain \"%s\"", ini.error, part);
}

static void lines_become_options(void **state)
{
    (void)state;
    assert_int_equal(
        parse("; one\n# two\n[uwsgi]\r\n  master  \nchdir =  /srv \r\n\nenv=A=b ; c\n"), WEND_OK);
    assert_int_equal(ini.count, 3);
    is(0, "master", "");
    assert_null(ini.options[0].value.ptr);
    assert_int_equal(ini.options[1].line, 5);
    is(1, "chdir", "/srv");
    is(2, "env", "A=b ; c"); /* comments only at the start of a line */
}

static void one_section_counts(void **state)
{
    static const char text[] = "[a]\nx=1\n[uwsgi]\ny=2\n[b]\nz=3\n[uwsgi]\nw=4\n";

    (void)state;
    assert_int_equal(parse(text), WEND_OK);
    assert_int_equal(ini.count, 2);
    is(0, "y", "2");
    is(1, "w", "4");
    assert_int_equal(parse_section(text, "b"), WEND_OK);
    is(0, "z", "3");
}

static void the_file_names_itself(void **state)
{
    (void)state;
    assert_int_equal(parse("[uwsgi]\na = %d|%p|%s|%n|%e|%c|100%%\n"), WEND_OK);
    is(0, "a", "/srv/shop/|/srv/shop/uwsgi.ini|uwsgi.ini|uwsgi|ini|shop|100%");
}

static void placeholders_may_come_later(void **state)
{
    (void)state;
    assert_int_equal(parse("[uwsgi]\nsocket = $(RUN)/%(name).sock\nname = %(base)-1\nbase = shop\n"
                           "price = 5$ a@b\n"),
                     WEND_OK);
    is(0, "socket", "/run/shop-1.sock");
    is(1, "name", "shop-1");
    assert_true(ini.options[1].placeholder && ini.options[2].placeholder);
    assert_false(ini.options[0].placeholder);
    is(3, "price", "5$ a@b");
}

static void faults_have_a_line(void **state)
{
    (void)state;
    fails("master = true\n", 1, "before any [section]");
    fails("[other]\nmaster = true\n", 0, "no section [uwsgi]");
    fails("", 0, "no section [uwsgi]");
    fails("[uwsgi\n", 1, "[name]");
    fails("[uwsgi]\n\n = 4\n", 3, "name is missing");
    fails("[uwsgi]\na = %q\n", 2, "%q");
    fails("[uwsgi]\na = 50%\n", 2, "%%");
    fails("[uwsgi]\na = $(NOT_SET)\n", 2, "NOT_SET");
    fails("[uwsgi]\nb=1\na = %(nothing)\n", 3, "nothing");
    fails("[uwsgi]\na = @(/etc/passwd)\n", 2, "@(file)");
    fails("[uwsgi]\na = %(b\n", 2, "missing");
}

static void circles_and_multiplication_end(void **state)
{
    (void)state;
    fails("[uwsgi]\na = %(b)\nb = %(a)\n", 2, "deep");
    fails("[uwsgi]\na =\nb = %(a)%(a)%(a)%(a)%(a)%(a)%(a)%(a)%(a)%(a)%(a)%(a)%(a)%(a)%(a)%(a)\n"
          "c = %(b)%(b)%(b)%(b)%(b)%(b)%(b)%(b)%(b)%(b)%(b)%(b)%(b)%(b)%(b)%(b)\n"
          "d = %(c)%(c)%(c)%(c)%(c)%(c)%(c)%(c)%(c)%(c)%(c)%(c)%(c)%(c)%(c)%(c)\n",
          5, "placeholders");
}

static void limits_hold(void **state)
{
    static char text[WEND_UWSGI_INI_OPTIONS_MAX * 4 + 64] = "[uwsgi]\n";
    static char large[WEND_UWSGI_INI_VALUE_MAX + 64] = "[uwsgi]\na = ";
    char *end = text + strlen(text);

    (void)state;
    for (size_t i = 0; i <= WEND_UWSGI_INI_OPTIONS_MAX; i++)
        end = stpcpy(end, "a\n");
    fails(text, WEND_UWSGI_INI_OPTIONS_MAX + 2, "options");
    memset(large + strlen(large), 'x', WEND_UWSGI_INI_VALUE_MAX + 1);
    fails(large, 2, "bytes");
}

static void switches(void **state)
{
    (void)state;
    assert_true(wend_uwsgi_ini_is_true(WEND_STR_NULL));
    assert_true(wend_uwsgi_ini_is_true(WEND_STR("true")));
    assert_true(wend_uwsgi_ini_is_true(WEND_STR("1")));
    assert_true(wend_uwsgi_ini_is_true(WEND_STR("false ; x")));
    assert_false(wend_uwsgi_ini_is_true(WEND_STR("false")));
    assert_false(wend_uwsgi_ini_is_true(WEND_STR("0")));
    assert_false(wend_uwsgi_ini_is_true(WEND_STR("off")));
    assert_false(wend_uwsgi_ini_is_true(WEND_STR("no")));
}

static int begin(void **state)
{
    (void)state;
    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    return 0;
}

static int end(void **state)
{
    (void)state;
    wend_arena_release(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines_become_options, begin, end),
        cmocka_unit_test_setup_teardown(one_section_counts, begin, end),
        cmocka_unit_test_setup_teardown(the_file_names_itself, begin, end),
        cmocka_unit_test_setup_teardown(placeholders_may_come_later, begin, end),
        cmocka_unit_test_setup_teardown(faults_have_a_line, begin, end),
        cmocka_unit_test_setup_teardown(circles_and_multiplication_end, begin, end),
        cmocka_unit_test_setup_teardown(limits_hold, begin, end),
        cmocka_unit_test_setup_teardown(switches, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
