/* cmd/trace.c - `wend trace URL`: the life of one request, drawn.
 *
 * The fetch of `wend get`, but the body is counted and dropped; what is printed is the list of
 * spans: ours, and inside each `wait` what the server told about itself.
 */
#include "client/fetch.h"
#include "client/server_spans.h"
#include "client/terminal.h"
#include "cmd/commands.h"
#include "cmd/fetch_end.h"
#include "cmd/fetch_options.h"
#include "cmd/fetch_request.h"
#include "fiber/offload.h"
#include "trace/print.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define OUTPUT_MAX (4u << 20)
#define COLUMNS_DEFAULT 98

struct told_hops {
    struct wend_server_told at[WEND_FETCH_REDIRECTS_MAX + 1];
    size_t count;
};

struct tracing {
    struct wend_fetch_options options;
    struct wend_fetch fetch;
    struct wend_task *task;
    struct told_hops told;
    struct wend_view view;
    int exit_code;
};

/* --- what the server tells -------------------------------------------------------------------- */

/* Adds what the Server-Timing fields say; false when there are none. */
static bool take_metrics(struct tracing *tracing, const struct wend_fields *fields,
                         struct wend_server_told *told)
{
    bool any = false;

    for (unsigned i = 0; i < fields->count; i++) {
        struct wend_str rest = fields->at[i].value;

        if (fields->at[i].id != WEND_FIELD_SERVER_TIMING)
            continue;
        any = true;
        while (told->count < WEND_SERVER_TIMING_MAX &&
               wend_server_timing_next(&tracing->task->arena, &rest, &told->metrics[told->count]))
            told->count++;
    }
    return any;
}

static enum wend_code on_head(struct wend_fetch *fetch, const struct wend_h1_response_head *head)
{
    struct tracing *tracing = fetch->owner;
    struct wend_server_told *told = &tracing->told.at[tracing->told.count];

    if (head->status < 200 || tracing->told.count == WEND_COUNT(tracing->told.at))
        return WEND_OK;
    told->wait_span = fetch->wait_span;
    told->count = 0;
    (void)take_metrics(tracing, &head->fields, told);
    tracing->told.count++;
    return WEND_OK;
}

/* After the last body: a server that told in its trailer told everything once more, as it ended. */
static void take_trailers(struct tracing *tracing)
{
    struct wend_server_told *told, again = {0};

    if (tracing->told.count == 0)
        return;
    told = &tracing->told.at[tracing->told.count - 1];
    again.wait_span = told->wait_span;
    if (take_metrics(tracing, &tracing->fetch.trailers, &again))
        *told = again;
}

/* Asks for them: a field of this connection alone, RFC 9110 10.1.4. */
static enum wend_code accept_trailers(struct wend_task *task, struct wend_fetch *fetch)
{
    enum wend_code code =
        wend_fields_add_name(&fetch->fields, &task->arena, WEND_STR("TE"), WEND_STR("trailers"));

    return code == WEND_OK ? wend_fields_add(&fetch->fields, &task->arena, WEND_FIELD_CONNECTION,
                                             WEND_STR("TE"))
                           : code;
}

static const struct wend_fetch_hooks hooks = {.head = on_head};

/* --- printing --------------------------------------------------------------------------------- */

static bool locale_is_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < WEND_COUNT(names); i++) {
        const char *value = getenv(names[i]);

        if (value != NULL && value[0] != '\0')
            return wend_str_find_nocase(wend_str_of(value), WEND_STR("utf-8")) >= 0 ||
                   wend_str_find_nocase(wend_str_of(value), WEND_STR("utf8")) >= 0;
    }
    return false;
}

static int terminal_columns(void)
{
    const char *columns = getenv("COLUMNS");
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return columns != NULL && atoi(columns) > 0 ? atoi(columns) : COLUMNS_DEFAULT;
}

static struct wend_print_style choose_style(const struct wend_fetch_options *options)
{
    bool terminal = isatty(STDOUT_FILENO) == 1;
    const char *no_color = getenv("NO_COLOR");

    return (struct wend_print_style){
        .columns = terminal_columns(),
        .color = options->color ||
                 (terminal && !options->no_color && (no_color == NULL || no_color[0] == '\0')),
        .ascii = options->ascii || (terminal && !locale_is_utf8()),
    };
}

static void add_size(struct wend_buffer *out, uint64_t bytes)
{
    if (bytes < 1000)
        wend_buffer_printf(out, "%llu B", (unsigned long long)bytes);
    else if (bytes < 1000000)
        wend_buffer_printf(out, "%.1f kB", (double)bytes / 1e3);
    else
        wend_buffer_printf(out, "%.1f MB", (double)bytes / 1e6);
}

/* "GET http://127.0.0.1:8000/  200 OK  21.4 ms  5.3 kB" */
static void add_summary(struct wend_buffer *out, const struct tracing *tracing)
{
    const struct wend_fetch *fetch = &tracing->fetch;
    struct wend_terminal terminal = {0};

    wend_terminal_add(&terminal, tracing->view.subject, out);
    if (fetch->head.status != 0) {
        wend_buffer_printf(out, "  %d ", fetch->head.status);
        wend_terminal_add(&terminal, fetch->head.reason, out);
    }
    if (fetch->hops > 1)
        wend_buffer_printf(out, "  %u requests", fetch->hops);
    wend_buffer_add(out, WEND_STR("  "));
    wend_print_duration(out, tracing->view.duration_ns);
    wend_buffer_add(out, WEND_STR("  "));
    add_size(out, fetch->body_bytes);
    wend_buffer_printf(out, "\ntrace %016llx%016llx\n\n", (unsigned long long)tracing->view.id[0],
                       (unsigned long long)tracing->view.id[1]);
}

static void print_trace(struct tracing *tracing)
{
    struct wend_print_style style = choose_style(&tracing->options);
    struct wend_str url = wend_url_write_public(&tracing->task->arena, &tracing->fetch.url);
    struct wend_buffer out;

    wend_server_spans_merge(tracing->task->trace, tracing->told.at, tracing->told.count,
                            &tracing->view);
    tracing->view.subject = wend_arena_printf(
        &tracing->task->arena, "%.*s %.*s", WEND_STR_ARG(tracing->fetch.method), WEND_STR_ARG(url));
    wend_buffer_init(&out, OUTPUT_MAX);
    if (tracing->options.json) {
        wend_print_json(&out, &tracing->view);
        wend_buffer_add_byte(&out, '\n');
    } else {
        add_summary(&out, tracing);
        wend_print_waterfall(&out, &tracing->view, &style);
    }
    fwrite(out.ptr, 1, out.len, stdout);
    wend_buffer_release(&out);
    if (fflush(stdout) != 0 && tracing->exit_code == 0)
        tracing->exit_code = 23;
}

/* --- the command ------------------------------------------------------------------------------ */

static void run(struct wend_task *task, void *arg)
{
    struct tracing *tracing = arg;
    enum wend_code code;

    tracing->task = task;
    wend_trace_start(task->trace, 0, wend_clock_wall_ns());
    wend_fetch_init(&tracing->fetch, &hooks, tracing);
    wend_trace_identify(task->trace);
    tracing->fetch.traceparent = true;
    code = wend_fetch_request_fill(&tracing->options, task, &tracing->fetch);
    if (code == WEND_OK)
        code = accept_trailers(task, &tracing->fetch);
    if (code == WEND_OK)
        code = wend_fetch_run(task, &tracing->fetch);
    take_trailers(tracing);
    tracing->exit_code = wend_fetch_exit_code(&tracing->fetch, code);
    if (tracing->fetch.phase != WEND_FETCH_URL)
        print_trace(tracing);
    if (code != WEND_OK)
        wend_fetch_complain(&tracing->options, task, &tracing->fetch, code);
}

int wend_cmd_trace(int argc, char **argv)
{
    static struct tracing tracing;
    struct wend_loop *loop;

    tracing.exit_code = wend_fetch_options_parse(&tracing.options, "wend trace", argc, argv, true);
    if (tracing.exit_code >= 0)
        return tracing.exit_code;
    signal(SIGPIPE, SIG_IGN);
    loop = wend_loop_new(2);
    wend_task_start(loop, run, &tracing);
    wend_loop_run_until_idle(loop);
    wend_offload_stop();
    wend_loop_free(loop);
    wend_fetch_options_release(&tracing.options);
    return tracing.exit_code;
}
