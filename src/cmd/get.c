/* cmd/get.c - `wend get URL`: the body on stdout, curl's options and exit codes.
 *
 * What goes to a terminal is made fit for it (client/terminal.h); what goes to a file or a pipe is
 * the server's bytes as they are.
 */
#include "client/fetch.h"
#include "client/terminal.h"
#include "cmd/commands.h"
#include "cmd/fetch_end.h"
#include "cmd/fetch_options.h"
#include "cmd/fetch_request.h"
#include "fiber/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ESCAPED_MAX (256u << 10) /* a received slice, made fit for a terminal */

struct get {
    struct wend_fetch_options options;
    struct wend_fetch fetch;
    struct wend_terminal terminal;
    int out; /* -1: the file is not open yet */
    bool out_is_terminal;
    int exit_code;
};

/* --- output ----------------------------------------------------------------------------------- */

static bool write_all(int fd, struct wend_str bytes)
{
    while (bytes.len > 0) {
        ssize_t wrote = write(fd, bytes.ptr, bytes.len);

        if (wrote >= 0) {
            bytes = wend_str_from(bytes, (size_t)wrote);
        } else if (errno == EAGAIN) {
            struct pollfd ready = {.fd = fd, .events = POLLOUT};

            (void)poll(&ready, 1, -1);
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

static bool open_output(struct get *get)
{
    if (get->out >= 0)
        return true;
    get->out = open(get->options.output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (get->out < 0)
        return false;
    get->out_is_terminal = isatty(get->out) == 1;
    return true;
}

static enum wend_code put(struct get *get, struct wend_str bytes)
{
    struct wend_buffer fit;
    bool wrote;

    if (!open_output(get))
        return wend_code_of_errno(errno);
    if (!get->out_is_terminal)
        return write_all(get->out, bytes) ? WEND_OK : wend_code_of_errno(errno);
    wend_buffer_init(&fit, ESCAPED_MAX);
    wend_terminal_add(&get->terminal, bytes, &fit);
    wrote = write_all(get->out, wend_buffer_str(&fit));
    wend_buffer_release(&fit);
    return wrote ? WEND_OK : wend_code_of_errno(errno);
}

/* The head as text, lines ended as on the wire. */
static void write_head(struct wend_buffer *out, const struct wend_h1_response_head *head,
                       const char *start)
{
    wend_buffer_printf(out, "%sHTTP/%d.%d %03d %.*s\r\n", start, head->version / 10,
                       head->version % 10, head->status, WEND_STR_ARG(head->reason));
    for (unsigned i = 0; i < head->fields.count; i++)
        wend_buffer_printf(out, "%s%.*s: %.*s\r\n", start, WEND_STR_ARG(head->fields.at[i].name),
                           WEND_STR_ARG(head->fields.at[i].value));
    wend_buffer_printf(out, "%s\r\n", start);
}

/* --verbose: each line with its mark, made fit for a terminal whatever stderr is. */
static void tell(struct get *get, const char *mark, struct wend_str text)
{
    struct wend_terminal terminal = {0};
    struct wend_buffer fit;
    struct wend_str line;

    if (!get->options.verbose)
        return;
    while (text.len > 0) {
        size_t end = 0;

        while (end < text.len && text.ptr[end] != '\n')
            end++;
        line = wend_str_slice(text, 0, end);
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
        wend_buffer_init(&fit, ESCAPED_MAX);
        wend_terminal_add(&terminal, line, &fit);
        fprintf(stderr, "%s%.*s\n", mark, WEND_STR_ARG(fit));
        wend_buffer_release(&fit);
        text = wend_str_from(text, end + 1);
    }
}

/* --- hooks ------------------------------------------------------------------------------------ */

static void on_connected(struct wend_fetch *fetch, const struct wend_conn *conn)
{
    char text[WEND_ADDRESS_TEXT_MAX + 16] = "connected to ";
    char address[WEND_ADDRESS_TEXT_MAX];

    wend_address_write(&conn->peer, address);
    snprintf(text, sizeof(text), "connected to %s", address);
    tell(fetch->owner, "* ", wend_str_of(text));
}

static void on_sending(struct wend_fetch *fetch, struct wend_str head)
{
    tell(fetch->owner, "> ", head);
}

static enum wend_code on_head(struct wend_fetch *fetch, const struct wend_h1_response_head *head)
{
    struct get *get = fetch->owner;
    struct wend_buffer text;
    enum wend_code code = WEND_OK;

    if (!get->options.include && !get->options.verbose)
        return WEND_OK;
    wend_buffer_init(&text, 1u << 20);
    write_head(&text, head, "");
    if (head->bare_lf)
        tell(get, "* ", WEND_STR("the server ends its lines with LF alone"));
    tell(get, "< ", wend_buffer_str(&text));
    if (get->options.include)
        code = put(get, wend_buffer_str(&text));
    wend_buffer_release(&text);
    return code;
}

static bool has_failed(const struct get *get)
{
    return get->options.fail && get->fetch.head.status >= 400;
}

static enum wend_code on_body(struct wend_fetch *fetch, struct wend_str data)
{
    struct get *get = fetch->owner;

    return has_failed(get) ? WEND_OK : put(get, data);
}

static const struct wend_fetch_hooks hooks = {
    .connected = on_connected,
    .sending = on_sending,
    .head = on_head,
    .body = on_body,
};

/* --include shows the fields after the last chunk where they came. */
static enum wend_code put_trailers(struct get *get)
{
    const struct wend_fields *trailers = &get->fetch.trailers;
    struct wend_buffer text;
    enum wend_code code = WEND_OK;

    if (!get->options.include || trailers->count == 0)
        return WEND_OK;
    wend_buffer_init(&text, 1u << 20);
    for (unsigned i = 0; i < trailers->count; i++)
        wend_buffer_printf(&text, "%.*s: %.*s\r\n", WEND_STR_ARG(trailers->at[i].name),
                           WEND_STR_ARG(trailers->at[i].value));
    code = put(get, wend_buffer_str(&text));
    wend_buffer_release(&text);
    if (code != WEND_OK)
        get->fetch.phase = WEND_FETCH_WRITE;
    return code;
}

/* --- the command ------------------------------------------------------------------------------ */

static void finish_output(struct get *get)
{
    struct wend_buffer fit;

    wend_buffer_init(&fit, ESCAPED_MAX);
    wend_terminal_end(&get->terminal, &fit);
    if (fit.len > 0)
        (void)write_all(get->out, wend_buffer_str(&fit));
    wend_buffer_release(&fit);
}

static void run(struct wend_task *task, void *arg)
{
    struct get *get = arg;
    enum wend_code code;

    wend_fetch_init(&get->fetch, &hooks, get);
    code = wend_fetch_request_fill(&get->options, task, &get->fetch);
    if (code == WEND_OK)
        code = wend_fetch_run(task, &get->fetch);
    if (code == WEND_OK)
        code = put_trailers(get);
    if (code == WEND_OK && !has_failed(get) &&
        !open_output(get)) { /* an empty answer is a file too */
        get->fetch.phase = WEND_FETCH_WRITE;
        code = wend_code_of_errno(errno);
    }
    finish_output(get);
    get->exit_code = wend_fetch_exit_code(&get->fetch, code);
    if (code != WEND_OK)
        wend_fetch_complain(&get->options, task, &get->fetch, code);
    if (code == WEND_OK && has_failed(get)) {
        get->exit_code = 22;
        if (!get->options.silent || get->options.show_error)
            fprintf(stderr, "wend get: (22) the server answered %d\n", get->fetch.head.status);
    }
}

int wend_cmd_get(int argc, char **argv)
{
    static struct get get;
    struct wend_loop *loop;

    get.exit_code = wend_fetch_options_parse(&get.options, "wend get", argc, argv, false);
    if (get.exit_code >= 0)
        return get.exit_code;
    signal(SIGPIPE, SIG_IGN);
    get.out =
        get.options.output == NULL || strcmp(get.options.output, "-") == 0 ? STDOUT_FILENO : -1;
    get.out_is_terminal = get.out >= 0 && isatty(get.out) == 1;
    loop = wend_loop_new(2);
    wend_task_start(loop, run, &get);
    wend_loop_run_until_idle(loop);
    wend_offload_stop();
    wend_loop_free(loop);
    wend_fetch_options_release(&get.options);
    if (get.options.output != NULL && get.out > STDERR_FILENO && close(get.out) != 0)
        get.exit_code = 23;
    return get.exit_code;
}
