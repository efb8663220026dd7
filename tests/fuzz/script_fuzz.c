/* tests/fuzz/script_fuzz.c - texts with variables, expressions and rewrites, compiled from any
 * bytes and run on a request.
 *
 * Four lines: the expression of a rewrite, its replacement, a text that is returned, the request's
 * target. Quotes and backslashes are the language's own affair (conf_fuzz.c): a line with one is
 * passed over. What was compiled must end, within its limits, in an answer. */
#include "base/assert.h"
#include "base/log.h"
#include "edge/request.h"
#include "fiber/loop.h"

#include <stdio.h>

enum { PATTERN, REPLACEMENT, TEXT, TARGET, LINES };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void silent(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log;
    (void)level;
    (void)line;
}

static enum wend_code no_body(struct wend_exchange *x, void *into, size_t room, size_t *got)
{
    (void)x, (void)into, (void)room;
    *got = 0;
    return WEND_OK;
}

static enum wend_code count_pieces(struct wend_exchange *x, const struct wend_piece *pieces,
                                   size_t count, bool last)
{
    (void)x, (void)last;
    for (size_t i = 0; i < count; i++)
        WEND_ASSERT(pieces[i].len <= 2 * WEND_TEMPLATE_BYTES_MAX);
    return WEND_OK;
}

static const struct wend_codec codec = {.name = "fuzz", .read_body = no_body, .send = count_pieces};

struct asked {
    struct wend_edge *edge;
    struct wend_str target;
};

static void serve(struct wend_task *task, void *arg)
{
    const struct asked *asked = arg;
    struct wend_exchange *x = WEND_NEW(&task->arena, struct wend_exchange);
    struct wend_conn conn = {.io.fd = -1};
    ptrdiff_t mark = wend_str_find_byte(asked->target, '?');

    *x = (struct wend_exchange){.task = task,
                                .codec = &codec,
                                .conn = &conn,
                                .body_read = true,
                                .body_max = -1,
                                .listener = &asked->edge->listens->h1,
                                .policy = &wend_exchange_policy_default};
    x->request = (struct wend_request){.method = WEND_GET,
                                       .method_text = WEND_STR("GET"),
                                       .version = WEND_HTTP_11,
                                       .target = asked->target,
                                       .path_raw = asked->target,
                                       .host = WEND_STR("fuzz.test"),
                                       .scheme = WEND_STR("http"),
                                       .port = -1,
                                       .content_length = -1};
    if (mark >= 0) {
        x->request.path_raw.len = (size_t)mark;
        x->request.query = wend_str_from(asked->target, (size_t)mark + 1);
    }
    wend_fields_init(&x->response.fields, NULL, 0, 100);
    x->response.content_length = x->response.last_modified = -1;
    if (wend_edge_handler.serve(&wend_edge_handler, x) == WEND_OK)
        WEND_ASSERT(x->response.status != 0);
    wend_defer_unwind(task, NULL);
}

static bool split_lines(struct wend_str input, struct wend_str lines[LINES])
{
    for (size_t i = 0; i < LINES; i++) {
        if (!wend_str_split(&input, '\n', &lines[i]))
            return false;
        for (size_t k = 0; k < lines[i].len; k++)
            if (lines[i].ptr[k] == '\'' || lines[i].ptr[k] == '\\' || lines[i].ptr[k] == '\0')
                return false;
    }
    return lines[TARGET].len != 0 && lines[TARGET].ptr[0] == '/';
}

/* An expression may be slow up to PCRE2's limit; short ones keep the fuzzer quick. */
static struct wend_str configuration(struct wend_arena *arena, const struct wend_str lines[LINES])
{
    return wend_arena_printf(
        arena,
        "events {} http { access_log off; server { listen 127.0.0.1:1; default_type text/plain;\n"
        "set $x '%.*s'; location / { rewrite '%.*s' '%.*s' last; if ($uri ~ '%.*s') {\n"
        "return 201 '%.*s $1'; } return 200 '%.*s'; } } }\n",
        WEND_STR_ARG(lines[TEXT]), WEND_STR_ARG(lines[PATTERN]), WEND_STR_ARG(lines[REPLACEMENT]),
        WEND_STR_ARG(lines[PATTERN]), WEND_STR_ARG(lines[TEXT]), WEND_STR_ARG(lines[TEXT]));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static struct wend_log quiet = {.level = WEND_LOG_EMERG, .sink = silent};
    static struct wend_loop *loop;
    const struct wend_edge_options options = {.prefix = WEND_STR_INIT("/nonexistent/"),
                                              .conf_path = WEND_STR_INIT("/nonexistent/conf"),
                                              .testing = true};
    struct wend_conf_error error = {""};
    struct wend_str lines[LINES];
    struct wend_arena arena;
    struct wend_edge *edge;

    if (len > 2000 || !split_lines(wend_str_make((const char *)bytes, len), lines))
        return 0;
    wend_log_process = &quiet;
    if (loop == NULL)
        loop = wend_loop_new(0);
    wend_arena_init(&arena, 16 << 20);
    if (wend_edge_parse(&arena, &options, WEND_STR("fuzz"), configuration(&arena, lines), &edge,
                        &error) == WEND_OK) {
        struct asked asked = {edge, lines[TARGET]};

        wend_task_start(loop, serve, &asked);
        wend_loop_run_until_idle(loop);
    } else {
        WEND_ASSERT(error.text[0] != '\0');
    }
    wend_edge_free(edge);
    wend_arena_release(&arena);
    return 0;
}
