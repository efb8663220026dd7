/* bench/h1_parse_bench.c - nanoseconds per parsed request head, best of several rounds.
 *
 * Three heads: what wrk sends, what curl sends, and what Chromium sends for a page with cookies. */
#include "base/clock.h"
#include "http/h1_parse.h"

#include <stdio.h>

#define ROUNDS 20
#define PARSES 20000

static const char wrk_head[] = "GET /index.html HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

static const char curl_head[] = "GET /static/site.css?v=3 HTTP/1.1\r\nHost: www.example.org\r\n"
                                "User-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";

static const char chromium_head[] =
    "GET /admin/library/book/?q=walk&page=2 HTTP/1.1\r\n"
    "Host: 127.0.0.1:8000\r\n"
    "Connection: keep-alive\r\n"
    "sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/130.0.0.0 Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
    "image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-User: ?1\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Referer: http://127.0.0.1:8000/admin/library/book/\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Cookie: csrftoken=qbl0Wc4Rk9cS5iNE1LjQvFy3uTzX7aHd; "
    "sessionid=1kq7d0p2m5x8z3v6b9n4c1l0\r\n\r\n";

static double best_ns(const char *head, size_t len, enum wend_h1_policy policy)
{
    double best = 1e9;
    struct wend_arena arena;

    wend_arena_init(&arena, 1 << 20);
    for (int round = 0; round < ROUNDS; round++) {
        int64_t start = wend_clock_monotonic_ns();
        double ns;

        for (int i = 0; i < PARSES; i++) {
            struct wend_arena_mark mark = wend_arena_mark(&arena);
            struct wend_request request;
            struct wend_h1_error error;
            size_t seen = 0, used;

            if (wend_h1_parse_request(&arena, head, len, policy, &wend_h1_limits_default, &seen,
                                      &request, &used, &error) != WEND_OK)
                return -1;
            __asm__ volatile("" : : "r"(&request) : "memory");
            wend_arena_rewind(&arena, mark);
        }
        ns = (double)(wend_clock_monotonic_ns() - start) / PARSES;
        best = ns < best ? ns : best;
    }
    wend_arena_release(&arena);
    return best;
}

int main(void)
{
    static const struct {
        const char *name, *head;
        size_t len;
    } rows[] = {
        {"wrk", wrk_head, sizeof(wrk_head) - 1},
        {"curl", curl_head, sizeof(curl_head) - 1},
        {"chromium", chromium_head, sizeof(chromium_head) - 1},
    };

    for (size_t i = 0; i < WEND_COUNT(rows); i++)
        printf("%-10s %4zu bytes  nginx %6.0f ns  strict %6.0f ns\n", rows[i].name, rows[i].len,
               best_ns(rows[i].head, rows[i].len, WEND_H1_NGINX),
               best_ns(rows[i].head, rows[i].len, WEND_H1_STRICT));
    return 0;
}
