/* tests/conformance/h1_probe.c - what the nginx policy makes of requests, for http1_nginx.py.
 *
 * Reads a request in hexadecimal per line; writes a line of status, path, host and query, the last
 * three in hexadecimal, or the status and the reason of a refusal. Status 0: more bytes are needed.
 */
#include "http/h1_parse.h"
#include "http/path.h"

#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES_MAX 262144

static size_t read_hex(const char *text, char *out)
{
    size_t len = 0;
    unsigned byte;

    while (sscanf(text + 2 * len, "%2x", &byte) == 1)
        out[len++] = (char)byte;
    return len;
}

static void write_hex(struct wend_str s)
{
    putchar('|');
    for (size_t i = 0; i < s.len; i++)
        printf("%02x", (unsigned)(uint8_t)s.ptr[i]);
}

static enum wend_code read_chunks(const char *bytes, size_t len)
{
    struct wend_h1_chunks chunks = {0};
    enum wend_code code = WEND_MORE;

    for (size_t at = 0, used; code == WEND_MORE && at < len; at += used) {
        struct wend_str data;

        code = wend_h1_chunks_decode(&chunks, bytes + at, len - at, &used, &data, NULL);
    }
    return code;
}

static void probe(struct wend_arena *arena, const char *bytes, size_t len)
{
    struct wend_request request;
    struct wend_h1_error error;
    struct wend_str path;
    size_t seen = 0, used;
    enum wend_code code = wend_h1_parse_request(
        arena, bytes, len, WEND_H1_NGINX, &wend_h1_limits_default, &seen, &request, &used, &error);

    if (code != WEND_OK && code != WEND_MORE) {
        printf("%d|%s\n", error.status == 494 ? 400 : error.status, error.text);
        return;
    }
    if (code == WEND_OK && wend_path_normalise(arena, request.path_raw, true, &path) != WEND_OK) {
        puts("400|a malformed path");
        return;
    }
    if (code == WEND_OK && request.chunked)
        code = read_chunks(bytes + used, len - used);
    if (code == WEND_MORE) {
        puts("0|");
    } else if (code != WEND_OK) {
        puts("400|malformed chunks");
    } else {
        printf("200");
        write_hex(path);
        write_hex(request.host);
        write_hex(request.query);
        putchar('\n');
    }
}

int main(void)
{
    static char line[LINE_BYTES_MAX], bytes[LINE_BYTES_MAX / 2];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        struct wend_arena arena;

        wend_arena_init(&arena, 1 << 22);
        probe(&arena, bytes, read_hex(line, bytes));
        wend_arena_release(&arena);
    }
    return 0;
}
