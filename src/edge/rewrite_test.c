/* edge/rewrite_test.c - what rewrite, if, set, return and break do to a request, as tables of a
 * server's steps, a path and the answer. Where nginx answers otherwise the row says so. */
#include "edge/rewrite.c"

#include "edge/asked_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SAME NULL /* the steps of the row above */

static struct asked asked;

struct row {
    const char *steps, *path, *answer; /* a status, then a Location or a text of its own */
};

static bool open_steps(const char *steps)
{
    char conf[4096];

    snprintf(conf, sizeof(conf),
             "events {} http { wend_trace off; access_log off; "
             "server { listen 127.0.0.1:1; %s } }",
             steps);
    return asked_open(&asked, wend_str_of(conf));
}

static const char *answer_to(const char *path)
{
    static char text[1024];
    char request[1024];
    struct wend_str answer, head, body, location;
    ptrdiff_t end, at;

    snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: h\r\n\r\n", path);
    answer = asked_bytes(&asked, wend_str_of(request));
    end = wend_str_find(answer, WEND_STR("\r\n\r\n"));
    if (end < 0)
        return "closed";
    head = wend_str_slice(answer, 0, (size_t)end);
    body = wend_str_from(answer, (size_t)end + 4);
    at = wend_str_find(head, WEND_STR("\r\nLocation: "));
    if (at >= 0) {
        location = wend_str_from(head, (size_t)at + 12);
        at = wend_str_find(location, WEND_STR("\r\n"));
        body = at < 0 ? location : wend_str_slice(location, 0, (size_t)at);
    } else if (wend_str_starts(body, WEND_STR("<html"))) {
        body = WEND_STR("");
    }
    snprintf(text, sizeof(text), "%.*s%s%.*s", 3, answer.ptr + strlen("HTTP/1.1 "),
             body.len != 0 ? " " : "", WEND_STR_ARG(body));
    return text;
}

static void assert_rows(const struct row *cases, size_t count)
{
    const char *steps = NULL;

    for (size_t i = 0; i < count; i++) {
        const char *answer;

        if (cases[i].steps != SAME) {
            if (steps != NULL)
                asked_close(&asked);
            steps = cases[i].steps;
            if (!open_steps(steps))
                fail_msg("%s: %s", steps, asked.error.text);
        }
        answer = answer_to(cases[i].path);
        if (strcmp(answer, cases[i].answer) != 0)
            fail_msg("%s\n%s: \"%s\" instead of \"%s\"", steps, cases[i].path, answer,
                     cases[i].answer);
    }
    asked_close(&asked);
}

static void conditions_hold_or_not(void **state)
{
    static const struct row cases[] = {
        {"if ($arg_a) { return 200 yes; } return 200 no;", "/?a=1", "200 yes"},
        {SAME, "/?a=0", "200 no"},
        {SAME, "/?a=", "200 no"},
        {SAME, "/", "200 no"},
        {SAME, "/?a=00", "200 yes"},
        {SAME, "/?a=%30", "200 yes"},
        {"if ($arg_a = b) { return 200 yes; } return 200 no;", "/?a=b", "200 yes"},
        {SAME, "/?a=B", "200 no"},
        {SAME, "/?a=bb", "200 no"},
        {SAME, "/", "200 no"},
        {"if ($arg_a != b) { return 200 yes; } return 200 no;", "/?a=b", "200 no"},
        {SAME, "/?a=c", "200 yes"},
        {SAME, "/", "200 yes"},
        {"if ($arg_a = $arg_b) { return 200 yes; } return 200 no;", "/?a=1&b=1", "200 yes"},
        {SAME, "/?a=1&b=2", "200 no"},
        {SAME, "/", "200 yes"},
        {"if ($arg_a = \"\") { return 200 yes; } return 200 no;", "/", "200 yes"},
        {SAME, "/?a=1", "200 no"},
        {"if ($arg_a ~ ^b) { return 200 yes; } return 200 no;", "/?a=bc", "200 yes"},
        {SAME, "/?a=Bc", "200 no"},
        {"if ($arg_a ~* ^b) { return 200 yes; } return 200 no;", "/?a=Bc", "200 yes"},
        {SAME, "/?a=c", "200 no"},
        {"if ($arg_a !~ ^b) { return 200 yes; } return 200 no;", "/?a=bc", "200 no"},
        {SAME, "/?a=Bc", "200 yes"},
        {"if ($arg_a !~* ^b) { return 200 yes; } return 200 no;", "/?a=Bc", "200 no"},
        {SAME, "/?a=c", "200 yes"},
        {"if (-f /etc/passwd) { return 200 yes; } return 200 no;", "/", "200 yes"},
        {"if (-f /etc) { return 200 yes; } return 200 no;", "/", "200 no"},
        {"if (!-f /etc) { return 200 yes; } return 200 no;", "/", "200 yes"},
        {"if (-d /etc) { return 200 yes; } return 200 no;", "/", "200 yes"},
        {"if (-d /etc/passwd) { return 200 yes; } return 200 no;", "/", "200 no"},
        {"if (!-d /etc$uri) { return 200 yes; } return 200 no;", "/none", "200 yes"},
        {"if (-e /etc$uri) { return 200 yes; } return 200 no;", "/passwd", "200 yes"},
        {SAME, "/none", "200 no"},
        {"if (!-e /etc$uri) { return 200 yes; } return 200 no;", "/none", "200 yes"},
        {"if (-x /bin/sh) { return 200 yes; } return 200 no;", "/", "200 yes"},
        {"if (-x /etc/passwd) { return 200 yes; } return 200 no;", "/", "200 no"},
        {"if (!-x /etc/passwd) { return 200 yes; } return 200 no;", "/", "200 yes"},
        {"if ( $arg_a = b ) { return 200 yes; } return 200 no;", "/?a=b", "200 yes"},
        {SAME, "/", "200 no"},
    };

    (void)state;
    assert_rows(cases, WEND_COUNT(cases));
}

static void captures_are_the_last_expressions(void **state)
{
    static const struct row cases[] = {
        {"if ($arg_a ~ ^(.)(.)) { return 200 $2$1$3; } return 200 no;", "/?a=xyz", "200 yx"},
        {"if ($arg_a ~ ^(?<first>.)(?<other>.)?) { return 200 $first-$other-$2; }  return 200 no;",
         "/?a=xy", "200 x-y-y"},
        {SAME, "/?a=x", "200 x--"},
        {SAME, "/", "200 no"},
        {"if ($arg_a ~ ^(x)|(y)) { return 200 [$1][$2]; } return 200 no;", "/?a=x", "200 [x][]"},
        {SAME, "/?a=y", "200 [][y]"},
        {"if ($arg_a ~ (.)(.)(.)(.)(.)(.)(.)(.)(.)(.)) { return 200 $9$8$1$20$10; } return 200 no;",
         "/?a=abcdefghij", "200 ihab0a0"},
        {"location ~ ^/(.)(.) { if ($arg_a ~ none) { return 200 x; } return 200 [$1]; }", "/ab",
         "200 []"},
        {"location ~ ^/(.)(.) { if ($arg_a ~ (o)) { set $b 1; } return 200 [$1]; }", "/ab?a=o",
         "200 [o]"},
        {"location ~ ^/(?<kept>.) { if ($arg_a ~ (o)) { set $b 1; } return 200 [$kept]; }",
         "/ab?a=o", "200 [a]"},
        {"location ~ ^/(.)(.) { set $b $2; rewrite ^/a(.*)$ /x$1$b last; return 200 [$1]$b; }  "
         "location /x { return 200 $uri; }",
         "/abc", "200 []b"},
        {SAME, "/bca", "200 []c"},
    };

    (void)state;
    assert_rows(cases, WEND_COUNT(cases));
}

static void variables_are_set_in_order(void **state)
{
    static const struct row cases[] = {
        {"set $a 1; set $b $a-$a; set $a 2; return 200 \"$a $b\";", "/", "200 2 1-1"},
        {"set $a \"\"; if ($a) { return 200 yes; } return 200 \"[$a]\";", "/", "200 []"},
        {"return 200 \"[$later]\"; set $later 1;", "/", "200 []"},
        {"set $a $arg_a$arg_b; set $a \"$a$a\"; return 200 ${a}x;", "/?a=1&b=2", "200 1212x"},
        {"set $args x=1; return 200 $args|$arg_x|$is_args;", "/?a=1", "200 x=1|1|?"},
        {"if ($arg_a) { set $seen a; } if ($arg_b) { set $seen \"${seen}b\"; } return 200 "
         "\"[$seen]\";",
         "/?a=1&b=1", "200 [ab]"},
        {SAME, "/?b=1", "200 [b]"},
        {SAME, "/", "200 []"},
    };

    (void)state;
    assert_rows(cases, WEND_COUNT(cases));
}

static void rewrites_go_on_or_stop_as_their_flag_says(void **state)
{
    static const struct row cases[] = {
        {"rewrite ^/a /b; rewrite ^/b /c; location / { return 200 $uri|$args; }", "/a", "200 /c|"},
        {SAME, "/b", "200 /c|"},
        {SAME, "/d", "200 /d|"},
        {"rewrite ^/a /b last; rewrite ^/b /c; location / { return 200 $uri|$args; }", "/a",
         "200 /b|"},
        {SAME, "/b", "200 /c|"},
        {"rewrite ^/a /b break; rewrite ^/b /c; location / { return 200 $uri|$args; }", "/a",
         "200 /b|"},
        {SAME, "/b", "200 /c|"},
        {"rewrite ^/a /b; break; rewrite ^/b /c; location / { return 200 $uri|$args; }", "/a",
         "200 /b|"},
        {SAME, "/b", "200 /b|"},
        {"location /a { rewrite ^ /b last; return 200 no; } location / { return 200 $uri|$args; }",
         "/a", "200 /b|"},
        {"location /a { rewrite ^ /b; return 200 on; } location / { return 200 $uri|$args; }", "/a",
         "200 on"},
        {"location /a { rewrite ^ /b; } location / { return 200 $uri|$args; }", "/a", "200 /b|"},
        {"root /none; location /a { rewrite ^ /b break; return 200 no; } location / { return 200 "
         "$uri|$args; }",
         "/a", "404"},
        {"root /none; location /a { rewrite ^ /b; break; } location / { return 200 $uri|$args; }",
         "/a", "404"},
        {"location /a { rewrite ^/a(.*) /a$1x last; }", "/a", "500"},
        {"location /a { if ($arg_x) { rewrite ^ /b last; } return 200 a; } location / { return 200 "
         "$uri|$args; }",
         "/a?x=1", "200 /b|x=1"},
        {SAME, "/a", "200 a"},
        {"location /a { if ($arg_x) { break; } return 200 a; }", "/a?x=1", "404"},
        {SAME, "/a", "200 a"},
        {"location ~ ^/n/(?<id>\\d+)$ { rewrite ^ /item?id=$id last; } location / { return 200 "
         "$uri|$args; }",
         "/n/42", "200 /item|id=42"},
        {SAME, "/n/42?z", "200 /item|id=42&z"},
        {"rewrite ^/Case$ /b last; location / { return 200 $uri|$args; }", "/case", "200 /case|"},
        {SAME, "/Case", "200 /b|"},
        {"rewrite \"^/a{2}$\" /b last; location / { return 200 $uri|$args; }", "/aa", "200 /b|"},
        {SAME, "/aaa", "200 /aaa|"},
    };

    (void)state;
    assert_rows(cases, WEND_COUNT(cases));
}

static void arguments_are_joined_and_captures_in_them_escaped(void **state)
{
    static const struct row cases[] = {
        {"rewrite ^/a/(.*)$ /b?x=$1 last; location / { return 200 $uri|$args; }", "/a/1",
         "200 /b|x=1"},
        {SAME, "/a/1?y=2", "200 /b|x=1&y=2"},
        {SAME, "/a/1?", "200 /b|x=1"},
        {SAME, "/a/", "200 /b|x="},
        {SAME, "/a/x&y", "200 /b|x=x&y"},
        {SAME, "/a/x%26y", "200 /b|x=x%26y"},
        {SAME, "/a/x%20y%3Fz", "200 /b|x=x%20y%3Fz"},
        {SAME, "/a/1+2", "200 /b|x=1%2B2"},
        {SAME, "/a/%25", "200 /b|x=%25"},
        {SAME, "/a/%23", "200 /b|x=%23"},
        {SAME, "/a/%C3%A9", "200 /b|x=%C3%A9"},
        {SAME, "/a/%2B", "200 /b|x=%2B"},
        {"rewrite ^/a/(.*)$ /b?x=$1? last; location / { return 200 $uri|$args; }", "/a/1?y=2",
         "200 /b|x=1"},
        {"rewrite ^/a/(.*)$ /b? last; location / { return 200 $uri|$args; }", "/a/1?y=2",
         "200 /b|"},
        {"rewrite ^/a/(.*)$ /b/$1 last; location / { return 200 $uri|$args; }", "/a/1?y=2",
         "200 /b/1|y=2"},
        {SAME, "/a/x%26y%20z", "200 /b/x&y z|"},
        {SAME, "/a/q%3Fq", "200 /b/q?q|"},
        {"rewrite ^/a/(?<n>.*)$ /b?x=$n&u=$uri last; location / { return 200 $uri|$args; }",
         "/a/x%26y", "200 /b|x=x&y&u=/a/x&y"},
        {"rewrite ^/a/(.*)$ /b?x=$1&$args? last; location / { return 200 $uri|$args; }", "/a/1?y=2",
         "200 /b|x=1&y=2"},
    };

    (void)state;
    assert_rows(cases, WEND_COUNT(cases));
}

static void redirects_are_escaped_once(void **state)
{
    static const struct row cases[] = {
        {"rewrite ^/a/(.*)$ /b/$1 redirect;", "/a/1", "302 http://h:1/b/1"},
        {SAME, "/a/1?y=2", "302 http://h:1/b/1?y=2"},
        {SAME, "/a/x%20y", "302 http://h:1/b/x%20y"},
        {SAME, "/a/x%26y", "302 http://h:1/b/x&y"},
        {SAME, "/a/q%3Fq", "302 http://h:1/b/q?q"},
        {SAME, "/a/q%3Fq?y=2", "302 http://h:1/b/q?q?y=2"},
        {SAME, "/a/%25", "302 http://h:1/b/%25"},
        {SAME, "/a/%0d%0aX:y", "404"},
        {SAME, "/a/%C3%A9", "302 http://h:1/b/%C3%A9"},
        {SAME, "/a/1+2", "302 http://h:1/b/1+2"},
        {SAME, "/a/%23", "302 http://h:1/b/%23"},
        {"rewrite ^/a/(.*)$ /b/$1 permanent;", "/a/1", "301 http://h:1/b/1"},
        {"rewrite ^/a/(.*)$ /b/$1? permanent;", "/a/1?y=2", "301 http://h:1/b/1"},
        {"rewrite ^/a/(.*)$ /b?x=$1 redirect;", "/a/1?y=2", "302 http://h:1/b?x=1&y=2"},
        {SAME, "/a/x%26y", "302 http://h:1/b?x=x%26y"},
        {SAME, "/a/x%20y", "302 http://h:1/b?x=x%20y"},
        {"rewrite ^/a/(.*)$ http://o.test/$1;", "/a/1?y=2", "302 http://o.test/1?y=2"},
        {SAME, "/a/x%20y", "302 http://o.test/x%20y"},
        {SAME, "/a/%0d%0aX:y", "404"},
        {SAME, "/a/%25", "302 http://o.test/%25"},
        {SAME, "/a/q%3Fq", "302 http://o.test/q?q"},
        {SAME, "/a/%C3%A9", "302 http://o.test/%C3%A9"},
        {"rewrite ^/a/(.*)$ https://o.test/$1 permanent;", "/a/1", "301 https://o.test/1"},
        {"rewrite ^/a/(.*)$ $scheme://o.test/$1;", "/a/1", "302 http://o.test/1"},
        {"rewrite ^/a/(.*)$ http://o.test/?x=$1;", "/a/x%20y?y=2",
         "302 http://o.test/?x=x%20y&y=2"},
        {"rewrite ^/a(.*)$ /b$uri redirect;", "/a/x%20y",
         "302 http://h:1/b/a/x%20y"}, /* nginx: a bare space */
        {"rewrite \"(?s)^/a/(.*)$\" http://o.test/$1;", "/a/%0d%0aX:y",
         "302 http://o.test/%0D%0AX:y"},
        {SAME, "/a/+%2B%26%3D%2525", "302 http://o.test/++&=%2525"},
        {SAME, "/a/q%3Fq%3Fr%20s%26", "302 http://o.test/q?q%3Fr%20s%26"},
        {"rewrite \"(?s)^/a/(.*)$\" /b/$1 redirect;", "/a/%0d%0aX:y", "302 http://h:1/b/%0D%0AX:y"},
        {"rewrite ^/a /b%20c redirect;", "/a", "302 http://h:1/b%20c"},
        {"rewrite ^/a/(.*)$ http://o.test/%26/%20/$1;", "/a/x", "302 http://o.test/&/%20/x"},
        {SAME, "/a/%20", "302 http://o.test/&/%20/%20"},
        {"rewrite ^/a/(.*)$ /b/$1/e?z=$1 redirect;", "/a/q%3Fq?y=2",
         "302 http://h:1/b/q?q/e?z=q%3Fq&y=2"},
    };

    (void)state;
    assert_rows(cases, WEND_COUNT(cases));
}

static void returns_end_the_request(void **state)
{
    static const struct row cases[] = {
        {"return 200;", "/", "200"},
        {"return 204;", "/", "204"},
        {"return 404;", "/", "404"},
        {"return 404 text;", "/", "404 text"},
        {"return 403 \"\";", "/", "403"},
        {"return 301 /x?$args;", "/?a=1", "301 http://h:1/x?a=1"},
        {"return 302 http://o.test$request_uri;", "/a%20b?c", "302 http://o.test/a%20b?c"},
        {"return http://o.test/;", "/", "302 http://o.test/"},
        {"return https://o.test$uri;", "/a", "302 https://o.test/a"},
        {"return $scheme://o.test$uri;", "/a", "302 http://o.test/a"},
        {"return 307 /x;", "/", "307 http://h:1/x"},
        {"return 308 /x;", "/", "308 http://h:1/x"},
        {"return 303 /x;", "/", "303 http://h:1/x"},
        {"return 302 $uri;", "/a%0d%0aX:y", "500"}, /* never a second field */
        {"return 301 /b$uri;", "/a%20b", "301 http://h:1/b/a b"},
        {"return 200 ${arg_a}b;", "/?a=1", "200 1b"},
        {"return 444;", "/", "closed"},
        {"return 999 x;", "/", "999 x"},
        {"return 0 x;", "/", "closed"},
        {"if ($arg_a) { return 100; } return 101;", "/?a=1", "100"},
        {SAME, "/", "101"},
        {"return 0;", "/", "closed"}, /* no status to say */
        {"return 499;", "/", "closed"},
        {"return 200 $arg_1$uri;", "/", "200 /"},
    };

    (void)state;
    assert_rows(cases, WEND_COUNT(cases));
}

static void a_path_that_changes_for_ever_is_an_error(void **state)
{
    static const struct row cases[] = {
        {"location / { rewrite ^/(.*)$ /x$1 last; }", "/a", "500"},
        {"location /a { rewrite ^ /b; } location /b { rewrite ^ /a; }", "/a", "500"},
    };

    (void)state;
    assert_rows(cases, WEND_COUNT(cases));
}

static void a_map_of_itself_ends_empty(void **state)
{
    (void)state;
    assert_true(
        asked_open(&asked, WEND_STR("events {} http { wend_trace off; access_log off; "
                                    "map $mine $mine { default $mine; } "
                                    "map $tick $tock { volatile; default t$tick; } "
                                    "map $tock $tick { volatile; default t$tock; } "
                                    "server { listen 127.0.0.1:1; return 200 [$mine]$tick; } }")));
    assert_true(strncmp(answer_to("/"), "200 []t", 7) == 0);
    asked_close(&asked);
}

/* Each step doubles the text: without a limit 30 short lines would be 16 gigabytes. */
static void a_text_that_grows_beyond_its_limit_is_empty(void **state)
{
    char steps[2048] = "set $a 0123456789abcdef; ";
    size_t used = strlen(steps);

    (void)state;
    for (int i = 0; i < 15; i++)
        used += (size_t)snprintf(steps + used, sizeof(steps) - used, "set $a $a$a; ");
    snprintf(steps + used, sizeof(steps) - used, "if ($a) { return 200 kept; } return 200 no;");
    assert_true(open_steps(steps));
    assert_string_equal(answer_to("/"), "200 kept"); /* half a megabyte */
    asked_close(&asked);
    for (int i = 0; i < 15; i++)
        used += (size_t)snprintf(steps + used, sizeof(steps) - used, "set $a $a$a; ");
    snprintf(steps + used, sizeof(steps) - used, "if ($a) { return 200 kept; } return 200 no;");
    assert_true(open_steps(steps));
    assert_string_equal(answer_to("/"), "200 no");
    asked_close(&asked);
}

static void steps_that_mean_nothing_are_refused(void **state)
{
    static const struct {
        const char *steps, *error;
    } cases[] = {
        {"rewrite ^ /a first;", "invalid parameter \"first\""},
        {"rewrite ( /a;", "missing closing parenthesis"},
        {"rewrite ^ \"\";", "empty replacement"},
        {"rewrite ^ /$;", "invalid variable name"},
        {"rewrite ^ /${a;", "the closing bracket in \"a\" variable is missing"},
        {"rewrite ^ /?$unheard_of;", "unknown \"unheard_of\" variable"},
        {"rewrite ^;", "invalid number of arguments in \"rewrite\" directive"},
        {"return 1000;", "invalid return code \"1000\""},
        {"return -1;", "invalid return code \"-1\""},
        {"return text;", "invalid return code \"text\""},
        {"return text text;", "invalid return code \"text\""},
        {"return 200 $unheard_of;", "unknown \"unheard_of\" variable"},
        {"set a 1;", "invalid variable name \"a\""},
        {"set $ 1;", "invalid variable name \"$\""},
        {"set $host 1;", "the duplicate \"host\" variable"},
        {"set $a;", "invalid number of arguments in \"set\" directive"},
        {"if $a { }", "invalid condition \"$a\""},
        {"if () { }", "invalid condition"},
        {"if (a) { }", "invalid condition \"a\""},
        {"if ($uri = a b) { }", "invalid condition \"$uri\""},
        {"if ($uri == a) { }", "unexpected \"==\" in condition"},
        {"if ($uri =) { }", "invalid condition \"$uri\""},
        {"if ($uri ~ () { }", "missing closing parenthesis"},
        {"if (-f) { }", "invalid condition \"-f\""},
        {"if (-q /a) { }", "invalid condition \"-q\""},
        {"if ($unheard_of) { }", "unknown \"unheard_of\" variable"},
        {"if ($uri) { if ($uri) { } }", "\"if\" directive is not allowed here"},
    };

    (void)state;
    for (size_t i = 0; i < WEND_COUNT(cases); i++) {
        if (open_steps(cases[i].steps))
            fail_msg("%s is accepted", cases[i].steps);
        if (strstr(asked.error.text, cases[i].error) == NULL)
            fail_msg("%s: %s", cases[i].steps, asked.error.text);
        asked_close(&asked);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_hold_or_not),
        cmocka_unit_test(captures_are_the_last_expressions),
        cmocka_unit_test(variables_are_set_in_order),
        cmocka_unit_test(rewrites_go_on_or_stop_as_their_flag_says),
        cmocka_unit_test(arguments_are_joined_and_captures_in_them_escaped),
        cmocka_unit_test(redirects_are_escaped_once),
        cmocka_unit_test(returns_end_the_request),
        cmocka_unit_test(a_path_that_changes_for_ever_is_an_error),
        cmocka_unit_test(a_map_of_itself_ends_empty),
        cmocka_unit_test(a_text_that_grows_beyond_its_limit_is_empty),
        cmocka_unit_test(steps_that_mean_nothing_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
