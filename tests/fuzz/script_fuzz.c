/* tests/fuzz/script_fuzz.c - a small program of rewrite steps: compiled, and when it is accepted,
 * run on a request.
 *
 * The first line is the request's target. Each other line is one directive: a letter for its name,
 * then its arguments between bars. The arguments are any bytes, but are written quoted, and there
 * is no letter for a directive that opens files or connections: so a fuzzer that tries everything
 * does no harm.
 *
 *   r PATTERN|TEXT|FLAG   i VARIABLE|OPERATOR|TEXT {   l MODIFIER|NAME {   s NAME|TEXT
 *   t STATUS|TEXT         m SOURCE|KEY|TEXT...         e }                 b
 *
 * What must hold: the reader accepts or refuses, and an answer's head is lines of visible bytes,
 * whatever a path or a variable carried into it. */
#include "base/buffer.h"
#include "edge/asked_test.h"

#include <stdio.h>

#define INPUT_MAX 4096
#define LINES_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What is written so far: maps belong to the http block, all others to the server. */
struct script {
    struct wend_buffer http, server;
    unsigned open; /* blocks */
    unsigned maps;
};

static void add(struct wend_buffer *to, const char *text)
{
    wend_buffer_add(to, wend_str_of(text));
}

static void add_quoted(struct wend_buffer *to, struct wend_str arg)
{
    add(to, " \"");
    for (size_t i = 0; i < arg.len; i++) {
        bool last = i + 1 == arg.len;
        char byte = arg.ptr[i];

        if (byte == '"' || byte == '\0')
            byte = '\'';
        if (byte == '\\' && last)
            byte = '/'; /* it would take the closing quote away */
        wend_buffer_add_byte(to, byte);
    }
    add(to, "\"");
}

static void add_args(struct wend_buffer *to, struct wend_str args)
{
    struct wend_str arg;

    while (wend_str_split(&args, '|', &arg))
        add_quoted(to, arg);
}

static void add_map(struct script *script, struct wend_str args)
{
    struct wend_str key = WEND_STR(""), value;
    char name[32];

    if (!wend_str_split(&args, '|', &key))
        return;
    add(&script->http, "map");
    add_quoted(&script->http, key);
    snprintf(name, sizeof(name), " $m%u {", script->maps++);
    add(&script->http, name);
    while (wend_str_split(&args, '|', &key)) {
        if (wend_str_eq(key, WEND_STR("include")))
            continue; /* any file of the machine */
        add_quoted(&script->http, key);
        if (wend_str_split(&args, '|', &value))
            add_quoted(&script->http, value);
        add(&script->http, ";");
    }
    add(&script->http, "}\n");
}

static void add_statement(struct script *script, const char *name, struct wend_str args)
{
    add(&script->server, name);
    add_args(&script->server, args);
    add(&script->server, ";\n");
}

static void add_line(struct script *script, struct wend_str line)
{
    struct wend_str args = line.len > 2 ? wend_str_from(line, 2) : WEND_STR_NULL;

    switch (line.len == 0 ? '\0' : line.ptr[0]) {
    case 'r':
        add_statement(script, "rewrite", args);
        break;
    case 's':
        add_statement(script, "set", args);
        break;
    case 't':
        add_statement(script, "return", args);
        break;
    case 'b':
        add(&script->server, "break;\n");
        break;
    case 'm':
        add_map(script, args);
        break;
    case 'i':
        add(&script->server, "if (");
        add_args(&script->server, args);
        add(&script->server, " ) {\n");
        script->open++;
        break;
    case 'l':
        add(&script->server, "location");
        add_args(&script->server, args);
        add(&script->server, " {\n");
        script->open++;
        break;
    case 'e':
        add(&script->server, script->open != 0 ? "}\n" : "");
        script->open -= script->open != 0;
        break;
    default:
        break;
    }
}

static struct wend_str write_conf(struct wend_arena *arena, struct wend_str rest)
{
    struct script script = {.open = 0};
    struct wend_str line;
    struct wend_buffer all;

    wend_buffer_init_arena(&script.http, arena, 1 << 20);
    wend_buffer_init_arena(&script.server, arena, 1 << 20);
    wend_buffer_init_arena(&all, arena, 1 << 20);
    for (unsigned i = 0; i < LINES_MAX && wend_str_split(&rest, '\n', &line); i++)
        add_line(&script, line);
    for (; script.open != 0; script.open--)
        add(&script.server, "}\n");
    add(&all, "events {} http { wend_trace off; access_log off; default_type text/plain;\n");
    wend_buffer_add(&all, wend_buffer_str(&script.http));
    add(&all, "server { listen 127.0.0.1:1; root " WEND_FUZZ_FILES ";\n");
    wend_buffer_add(&all, wend_buffer_str(&script.server));
    add(&all, "} }");
    return wend_buffer_str(&all);
}

static void check_answer(struct wend_str answer)
{
    ptrdiff_t end = wend_str_find(answer, WEND_STR("\r\n\r\n"));

    if (answer.len == 0)
        return; /* return 444 */
    WEND_ASSERT(wend_str_starts(answer, WEND_STR("HTTP/1.1 ")) && end > 0);
    for (ptrdiff_t i = 0; i < end; i++) {
        unsigned char byte = (unsigned char)answer.ptr[i];

        WEND_ASSERT(byte >= ' ' || byte == '\t' || (byte == '\r' && answer.ptr[i + 1] == '\n') ||
                    (byte == '\n' && i > 0 && answer.ptr[i - 1] == '\r'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct asked asked;
    struct wend_arena scratch;
    struct wend_str rest = wend_str_make((const char *)bytes, len), target = WEND_STR("");

    if (len == 0 || len > INPUT_MAX)
        return 0;
    wend_arena_init(&scratch, 8 << 20);
    (void)!wend_str_split(&rest, '\n', &target);
    if (asked_open(&asked, write_conf(&scratch, rest)))
        check_answer(asked_bytes(
            &asked,
            wend_arena_printf(&scratch, "GET /%.*s HTTP/1.0\r\nHost: h\r\nX-A: %.*s\r\n\r\n",
                              WEND_STR_ARG(target), WEND_STR_ARG(target))));
    asked_close(&asked);
    wend_arena_release(&scratch);
    return 0;
}
