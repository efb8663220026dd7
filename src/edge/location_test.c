/* edge/location_test.c - which location serves a path, said as tables of paths. */
#include "edge/location.c"

#include "edge/asked_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct asked asked;

static void open_locations(const char *locations)
{
    static char conf[1 << 16];

    snprintf(conf, sizeof(conf),
             "events {} http { wend_trace off; access_log off; "
             "server { listen 127.0.0.1:1; %s } }",
             locations);
    if (!asked_open(&asked, wend_str_of(conf)))
        fail_msg("%s", asked.error.text);
}

/* The location as it is written: "= /a". */
static const char *found_for(const char *path, bool *slash)
{
    static const char *const marks[] = {
        [WEND_LOCATION_SERVER] = "server", [WEND_LOCATION_PREFIX] = "",
        [WEND_LOCATION_EXACT] = "= ",      [WEND_LOCATION_FIRST] = "^~ ",
        [WEND_LOCATION_REGEX] = "~ ",      [WEND_LOCATION_NAMED] = "named ",
    };
    static char text[256];
    struct wend_regex_match match;
    const struct wend_edge_core_location *found =
        wend_location_find(asked.edge->servers, wend_str_of(path), &match, slash);

    snprintf(text, sizeof(text), "%s%.*s", marks[found->kind], WEND_STR_ARG(found->name));
    return text;
}

struct row {
    const char *path, *location;
};

static void assert_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        bool slash;
        const char *found = found_for(rows[i].path, &slash);

        if (strcmp(found, rows[i].location) != 0 || slash)
            fail_msg("%s: \"%s\" instead of \"%s\"", rows[i].path, found, rows[i].location);
    }
    asked_close(&asked);
}

static void the_longest_prefix_serves(void **state)
{
    static const struct row rows[] = {
        {"/", "/"},
        {"/a", "/a"},
        {"/ab", "/ab"},
        {"/abc", "/ab"},
        {"/abd", "/ab"},
        {"/abcd", "/abcd"},
        {"/abcde", "/abcd"},
        {"/abce", "/ab"},
        {"/ac", "/a"},
        {"/a/", "/a/"},
        {"/a/b", "/a/"},
        {"/a/b/c", "/a/b/c"},
        {"/a/b/cd", "/a/b/c"},
        {"/a/b/d", "/a/"},
        {"/b", "/"},
        {"/~", "/"},
        {"/a!", "/a"},
        {"/A", "/"}, /* prefixes mind the case */
    };

    (void)state;
    open_locations("location /abcd {} location /a/b/c {} location / {} location /ab {} "
                   "location /a/ {} location /a {}");
    assert_rows(rows, WEND_COUNT(rows));
}

static void an_exact_one_is_for_its_very_path_alone(void **state)
{
    static const struct row rows[] = {
        {"/", "= /"},  {"/x", "/"},      {"/a", "= /a"},     {"/a/", "/a"},
        {"/ab", "/a"}, {"/b", "= /b"},   {"/bc", "/"},       {"/b/c", "/b/c"},
        {"/b/d", "/"}, {"/re", "= /re"}, {"/re/", "~ ^/re"},
    };

    (void)state;
    open_locations("location / {} location = / {} location /a {} location = /a {} "
                   "location = /b {} location /b/c {} location ~ ^/re {} location = /re {}");
    assert_rows(rows, WEND_COUNT(rows));
}

static void expressions_come_in_their_order_before_prefixes(void **state)
{
    static const struct row rows[] = {
        {"/x.gif", "~ \\.GIF$"},           {"/x.GIF", "~ \\.GIF$"},        {"/x.png", "~ \\.png$"},
        {"/x.PNG", "~ \\.PNG?"},           {"/x.PN", "~ \\.PNG?"},         {"/plain", "/"},
        {"/long/x.png", "~ \\.png$"},      {"/first/x.png", "^~ /first/"}, {"/first", "/"},
        {"/first/in/x.png", "/first/in/"}, /* nested in the protected one */
    };

    (void)state;
    open_locations("location ~* \\.GIF$ {} location ~ \\.png$ {} location ~ \\.PNG? {} "
                   "location / {} location /long/ {} location ^~ /first/ { "
                   "location /first/in/ {} }");
    assert_rows(rows, WEND_COUNT(rows));
}

static void a_longer_prefix_takes_the_protection_of_a_shorter_one_away(void **state)
{
    static const struct row rows[] = {
        {"/first/x.png", "^~ /first/"},
        {"/first/in/x.png", "~ \\.png$"},
        {"/first/in/x", "/first/in/"},
    };

    (void)state;
    open_locations("location ~ \\.png$ {} location ^~ /first/ {} location /first/in/ {}");
    assert_rows(rows, WEND_COUNT(rows));
}

static void nested_ones_are_searched_inside_first(void **state)
{
    static const struct row rows[] = {
        {"/a/", "/a/"},
        {"/a/x", "/a/"},
        {"/a/b/x", "/a/b/"},
        {"/a/only", "= /a/only"},
        {"/a/x.php", "~ \\.php$"},      /* of two expressions the inner one, */
        {"/a/x.html", "~ \\.html$"},    /* then the outer one */
        {"/a/b/x.php", "~ ^/a/b/.*p$"}, /* the innermost */
        {"/a/b/x.html", "~ \\.html$"},
        {"/x.php", "/"}, /* inner ones are not for those outside */
        {"/re/1/deep", "~ deep"},
        {"/re/1/flat", "~ ^/re/\\d+/"},
    };

    (void)state;
    open_locations("location / {} location /a/ { location = /a/only {} location ~ \\.php$ {} "
                   "location /a/b/ { location ~ ^/a/b/.*p$ {} } } "
                   "location ~ \\.html$ {} location ~ ^/re/\\d+/ { location ~ deep {} }");
    assert_rows(rows, WEND_COUNT(rows));
}

static void without_a_location_the_server_itself_serves(void **state)
{
    static const struct row rows[] = {{"/", "server"}, {"/b", "server"}, {"/ab", "/a"}};

    (void)state;
    open_locations("location /a {}");
    assert_rows(rows, WEND_COUNT(rows));
}

static void a_path_never_finds_a_named_one(void **state)
{
    static const struct row rows[] = {{"@n", "server"}, {"/@n", "/"}, {"n", "server"}};
    static const char locations[] = "location @n { return 200 named; } location / {}";
    const struct wend_edge_core_location *named;

    (void)state;
    open_locations(locations);
    named = wend_location_named(asked.edge->servers, WEND_STR("@n"));
    assert_non_null(named);
    assert_int_equal(named->kind, WEND_LOCATION_NAMED);
    assert_null(wend_location_named(asked.edge->servers, WEND_STR("@other")));
    assert_null(wend_location_named(asked.edge->servers, WEND_STR("/")));
    assert_rows(rows, WEND_COUNT(rows));
}

static void a_proxied_folder_asked_without_its_slash_is_redirected(void **state)
{
    static const struct {
        const char *path;
        bool slash;
    } rows[] = {
        {"/p", true},     {"/p/", false},    {"/px", false},
        {"/", false},     {"/plain", false},                  /* nothing is passed on there */
        {"/both", false},                                     /* it has a location of its own */
        {"/only", false}, {"/u", true},      {"/p/in", true}, /* also when nested */
        {"/re", true},                                        /* before expressions */
    };

    (void)state;
    open_locations("location / {} location /p/ { proxy_pass http://127.0.0.1:9; "
                   "location /p/in/ { proxy_pass http://127.0.0.1:9; } } location /plain/ {} "
                   "location /both/ { proxy_pass http://127.0.0.1:9; } location /both {} "
                   "location = /only/ { proxy_pass http://127.0.0.1:9; } "
                   "location /u/ { uwsgi_pass 127.0.0.1:9; } "
                   "location /re/ { proxy_pass http://127.0.0.1:9; } location ~ ^/re {}");
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        bool slash;

        found_for(rows[i].path, &slash);
        if (slash != rows[i].slash)
            fail_msg("%s is %sredirected", rows[i].path, slash ? "" : "not ");
    }
    asked_close(&asked);
}

static void the_redirect_keeps_arguments_and_escapes_the_path(void **state)
{
    struct wend_str answer;

    (void)state;
    open_locations("location \"/a b/\" { proxy_pass http://127.0.0.1:9; }");
    answer = asked_bytes(&asked, WEND_STR("GET /a%20b?x=%26&y HTTP/1.0\r\nHost: h\r\n\r\n"));
    assert_true(wend_str_starts(answer, WEND_STR("HTTP/1.1 301 ")));
    assert_true(wend_str_find(answer, WEND_STR("\r\nLocation: http://h:1/a%20b/?x=%26&y\r\n")) > 0);
    asked_close(&asked);
}

static void many_prefixes_are_found_as_a_plain_search_finds_them(void **state)
{
    char names[200][16], conf[8192] = "";
    size_t used = 0, count = 0;
    unsigned random = 1;

    (void)state;
    /* Short words over two letters: nearly every one starts others. */
    for (unsigned word = 0; word < 126; word++) {
        char *name = names[count];
        unsigned bits = word + 2;
        size_t len = 0;

        random = random * 1103515245u + 12345u;
        if ((random >> 16) % 2 == 0)
            continue;
        name[len++] = '/';
        for (; bits > 1; bits >>= 1)
            name[len++] = (char)('a' + bits % 2);
        name[len] = '\0';
        used += (size_t)snprintf(conf + used, sizeof(conf) - used, "location %s {} ", name);
        count++;
    }
    open_locations(conf);
    for (unsigned word = 1; word < 512; word++) {
        char path[16] = "/";
        const char *longest = "server";
        size_t len = 1, best = 0;
        bool slash;

        for (unsigned bits = word; bits > 1; bits >>= 1)
            path[len++] = (char)('a' + bits % 2);
        for (size_t i = 0; i < count; i++)
            if (strncmp(path, names[i], strlen(names[i])) == 0 && strlen(names[i]) > best) {
                best = strlen(names[i]);
                longest = names[i];
            }
        assert_string_equal(found_for(path, &slash), longest);
    }
    asked_close(&asked);
}

/* Many folders whose names sort differently with and without their slash. */
static void many_proxied_folders_are_redirected_and_nothing_else(void **state)
{
    static char locations[1 << 15];
    static const char *const tails[] = {"", "-a", ".b", "z", "/c"};
    enum { FOLDERS = 100 };
    size_t len = 0;
    char path[64];
    bool slash;

    (void)state;
    for (int i = FOLDERS - 1; i >= 0; i--)
        for (size_t t = 0; t < WEND_COUNT(tails); t++)
            len += (size_t)snprintf(locations + len, sizeof(locations) - len,
                                    t % 2 == 0 ? "location /f%d%s/ { proxy_pass http://[::1]:2; }"
                                               : "location /f%d%s/ {}",
                                    i, tails[t]);
    open_locations(locations);
    for (int i = 0; i < FOLDERS; i++)
        for (size_t t = 0; t < WEND_COUNT(tails); t++) {
            snprintf(path, sizeof(path), "/f%d%s", i, tails[t]);
            (void)found_for(path, &slash);
            if (slash != (t % 2 == 0))
                fail_msg("%s: %sredirected", path, slash ? "" : "not ");
            snprintf(path, sizeof(path), "/f%d%sx", i, tails[t]);
            (void)found_for(path, &slash);
            assert_false(slash);
        }
    asked_close(&asked);
}

static void locations_that_cannot_be_are_refused(void **state)
{
    static const struct {
        const char *locations, *error;
    } rows[] = {
        {"location /a {} location /a {}", "duplicate location \"/a\""},
        {"location /a {} location ^~ /a {}", "duplicate location \"/a\""},
        {"location = /a {} location = /a {}", "duplicate location \"/a\""},
        {"location /a { location /b {} }", "location \"/b\" is outside location \"/a\""},
        {"location = /a { location /a/b {} }", "cannot be inside the exact location \"/a\""},
        {"location @a { location /b {} }", "cannot be inside the named location \"@a\""},
        {"location /a { location @b {} }", "can be on the server level only"},
        {"location ! /a {}", "invalid location modifier \"!\""},
        {"location ~ ( {}", "missing closing parenthesis"},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(rows); i++) {
        char conf[512];

        snprintf(conf, sizeof(conf), "events {} http { access_log off; server { %s } }",
                 rows[i].locations);
        assert_false(asked_open(&asked, wend_str_of(conf)));
        if (strstr(asked.error.text, rows[i].error) == NULL)
            fail_msg("%s: %s", rows[i].locations, asked.error.text);
        asked_close(&asked);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_serves),
        cmocka_unit_test(an_exact_one_is_for_its_very_path_alone),
        cmocka_unit_test(expressions_come_in_their_order_before_prefixes),
        cmocka_unit_test(a_longer_prefix_takes_the_protection_of_a_shorter_one_away),
        cmocka_unit_test(nested_ones_are_searched_inside_first),
        cmocka_unit_test(without_a_location_the_server_itself_serves),
        cmocka_unit_test(a_path_never_finds_a_named_one),
        cmocka_unit_test(a_proxied_folder_asked_without_its_slash_is_redirected),
        cmocka_unit_test(the_redirect_keeps_arguments_and_escapes_the_path),
        cmocka_unit_test(many_prefixes_are_found_as_a_plain_search_finds_them),
        cmocka_unit_test(many_proxied_folders_are_redirected_and_nothing_else),
        cmocka_unit_test(locations_that_cannot_be_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
