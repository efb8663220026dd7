/* edge/core_levels_test.c - what a place takes from the ones around it, read from real
 * configurations. */
#include "edge/core_levels.c"

#include "edge/asked_test.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct asked asked;

static void open_conf(const char *http)
{
    static char conf[1 << 14];

    snprintf(conf, sizeof(conf), "events {} http { wend_trace off; access_log off; %s }", http);
    if (!asked_open(&asked, wend_str_of(conf)))
        fail_msg("%s", asked.error.text);
}

/* The location of that name, at whatever depth. */
static const struct wend_edge_core_location *find_below(const struct wend_edge_core_location *place,
                                                        struct wend_str name)
{
    for (; place != NULL; place = place->next) {
        const struct wend_edge_core_location *below = find_below(place->children, name);

        if (wend_str_eq(place->name, name))
            return place;
        if (below != NULL)
            return below;
    }
    return NULL;
}

static const struct wend_edge_core_location *place(const char *name)
{
    const struct wend_edge_core_location *found =
        find_below(asked.edge->servers->root->children, wend_str_of(name));

    if (found == NULL)
        fail_msg("there is no %s", name);
    return found;
}

static int status_of(const char *path)
{
    char request[256];
    struct wend_str answer;

    snprintf(request, sizeof(request), "GET %s HTTP/1.0\r\nHost: h\r\n\r\n", path);
    answer = asked_bytes(&asked, wend_str_of(request));
    assert_true(answer.len > 12);
    return atoi(answer.ptr + strlen("HTTP/1.1 "));
}

static void nothing_said_is_nginxs_default(void **state)
{
    const struct wend_edge_core_location *l;

    (void)state;
    open_conf("server { listen 127.0.0.1:1; location /a { } }");
    l = place("/a");
    assert_int_equal(l->keepalive_timeout_ms, 75000);
    assert_int_equal(l->keepalive_requests, 1000);
    assert_int_equal(l->client_max_body_size, 1 << 20);
    assert_int_equal(l->client_body_timeout_ms, 60000);
    assert_int_equal(l->send_timeout_ms, 60000);
    assert_int_equal(l->sendfile, 0);
    assert_int_equal(l->tcp_nodelay, 1);
    assert_int_equal(l->internal, 0);
    assert_false(l->alias);
    assert_true(wend_str_eq(l->default_type, WEND_STR("text/plain")));
    assert_non_null(wend_map_get(l->types, WEND_STR("html")));
    assert_null(wend_map_get(l->types, WEND_STR("css"))); /* three types, no more */
    assert_true(wend_str_ends(l->root.source, WEND_STR("/html")));
    asked_close(&asked);
}

static void a_place_has_what_its_nearest_outer_one_says(void **state)
{
    (void)state;
    open_conf("send_timeout 1s; sendfile on; keepalive_timeout 5s; default_type a/http; "
              "types { a/b abc; } root /http; "
              "server { listen 127.0.0.1:1; send_timeout 2s; "
              "  location /a { send_timeout 3s; sendfile off; root /a; "
              "    location /a/b { default_type a/b; types { a/c abd; } } } "
              "  location /c { etag off; } }");
    assert_int_equal(place("/a")->send_timeout_ms, 3000);
    assert_int_equal(place("/a/b")->send_timeout_ms, 3000);
    assert_int_equal(place("/c")->send_timeout_ms, 2000);
    assert_int_equal(place("/a/b")->sendfile, 0);
    assert_int_equal(place("/c")->sendfile, 1);
    assert_int_equal(place("/c")->keepalive_timeout_ms, 5000);
    assert_true(wend_str_eq(place("/a/b")->root.source, WEND_STR("/a")));
    assert_true(wend_str_eq(place("/c")->root.source, WEND_STR("/http")));
    assert_true(wend_str_eq(place("/a")->default_type, WEND_STR("a/http")));
    assert_true(wend_str_eq(place("/a/b")->default_type, WEND_STR("a/b")));
    /* types { } replaces, it does not add. */
    assert_null(wend_map_get(place("/a/b")->types, WEND_STR("abc")));
    assert_non_null(wend_map_get(place("/a/b")->types, WEND_STR("abd")));
    assert_ptr_equal(place("/a")->types, place("/c")->types);
    assert_null(wend_map_get(place("/c")->types, WEND_STR("html")));
    asked_close(&asked);
}

static void the_policy_of_an_answer_follows(void **state)
{
    const struct wend_exchange_policy *policy;

    (void)state;
    open_conf("server { listen 127.0.0.1:1; send_timeout 7s; client_body_timeout 8s; "
              "location /a { keepalive_timeout 9s 10s; tcp_nodelay off; server_tokens off; "
              "lingering_close off; chunked_transfer_encoding off; sendfile on; } }");
    policy = &place("/a")->policy;
    assert_int_equal(policy->send_timeout_ms, 7000);
    assert_int_equal(policy->body_timeout_ms, 8000);
    assert_int_equal(policy->keepalive_timeout_ms, 9000);
    assert_int_equal(policy->keepalive_header_s, 10);
    assert_false(policy->tcp_nodelay);
    assert_false(policy->chunked);
    assert_true(policy->sendfile);
    assert_int_equal(policy->lingering, WEND_LINGERING_OFF);
    assert_true(wend_str_eq(policy->server, WEND_STR("wend")));
    asked_close(&asked);
}

static void error_pages_are_replaced_as_a_whole(void **state)
{
    (void)state;
    open_conf("error_page 404 =201 /page; server { listen 127.0.0.1:1; "
              "location = /page { return 200 page; } location /a/ { return 404; } "
              "location /b/ { error_page 403 =202 /page; return 404; } "
              "location /c/ { error_page 403 =202 /page; return 403; } }");
    assert_int_equal(status_of("/a/"), 201);
    assert_int_equal(status_of("/b/"), 404); /* its own list says nothing of 404 */
    assert_int_equal(status_of("/c/"), 202);
    asked_close(&asked);
}

/* An if is part of its location; a location inside another one is a place of its own. */
static void internal_is_an_ifs_but_not_a_nested_locations(void **state)
{
    (void)state;
    open_conf("server { listen 127.0.0.1:1; "
              "location /a { internal; if ($arg_q) { set $x 1; } return 200 a; "
              "  location /a/open { return 200 open; } } }");
    assert_int_equal(status_of("/a"), 404);
    assert_int_equal(status_of("/a?q=1"), 404);
    assert_int_equal(status_of("/a/open"), 200);
    asked_close(&asked);
}

static void below_an_alias_as_much_of_the_path_is_taken_off(void **state)
{
    (void)state;
    open_conf("server { listen 127.0.0.1:1; location /a/ { alias /x/; location /a/b/ { } "
              "location /a/c/ { root /y; location /a/c/d { } } "
              "location /a/e/ { alias /z/; location /a/e/f { } } } }");
    assert_true(place("/a/b/")->alias);
    assert_true(wend_str_eq(place("/a/b/")->alias_name, WEND_STR("/a/")));
    assert_false(place("/a/c/")->alias);
    assert_false(place("/a/c/d")->alias);
    assert_true(wend_str_eq(place("/a/e/f")->alias_name, WEND_STR("/a/e/")));
    asked_close(&asked);
    open_conf("server { listen 127.0.0.1:1; location ~ ^/(.*)$ { alias /x/$1; } }");
    assert_true(asked.edge->servers->root->alias == false);
    assert_null(place("^/(.*)$")->alias_name.ptr);
    assert_true(place("^/(.*)$")->alias);
    asked_close(&asked);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_is_nginxs_default),
        cmocka_unit_test(a_place_has_what_its_nearest_outer_one_says),
        cmocka_unit_test(the_policy_of_an_answer_follows),
        cmocka_unit_test(error_pages_are_replaced_as_a_whole),
        cmocka_unit_test(internal_is_an_ifs_but_not_a_nested_locations),
        cmocka_unit_test(below_an_alias_as_much_of_the_path_is_taken_off),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    if (asked_loop != NULL)
        wend_loop_free(asked_loop);
    wend_h1_thread_release();
    wend_arena_thread_release();
    return failed;
}
