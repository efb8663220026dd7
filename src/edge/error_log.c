/* edge/error_log.c - the process's error log: a file, or stderr. */
#include "edge/serve.h"

#include "base/log.h"
#include "edge/log_file.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    struct wend_log log;
    struct wend_log_file *file; /* NULL: stderr; reopened with all the others */
} process_log;

static void write_line(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log;
    (void)level;
    (void)!write(process_log.file != NULL ? wend_log_file_descriptor(process_log.file) : STDERR_FILENO,
                 line.ptr, line.len);
}

enum wend_code wend_edge_open_error_log(struct wend_str path, enum wend_log_level level)
{
    struct wend_log_file *file = NULL;

    process_log.log = (struct wend_log){.level = level, .sink = write_line};
    if (path.len != 0 && !wend_str_eq(path, WEND_STR("stderr"))) {
        if (wend_log_file_open(path, &file) != WEND_OK)
            return wend_code_of_errno(errno);
        if (process_log.file != NULL)
            wend_log_file_unref(process_log.file);
        process_log.file = file;
    }
    wend_log_process = &process_log.log;
    return WEND_OK;
}

void wend_edge_emerg(const struct wend_edge_options *options, const char *text)
{
    fprintf(stderr, "%s: [emerg] %s\n", options->as_nginx ? "nginx" : "wend", text);
    if (process_log.file != NULL)
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "%s", text);
}
