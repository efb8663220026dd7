/* edge/error_log.c - the process's error log: a file, or stderr. */
#include "base/log.h"
#include "edge/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct {
    struct wend_log log;
    char path[4096];
    int fd;
} file = {.fd = -1};

static void write_line(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log;
    (void)level;
    (void)!write(file.fd >= 0 ? file.fd : STDERR_FILENO, line.ptr, line.len);
}

static int open_path(void)
{
    return open(file.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

enum wend_code wend_edge_open_error_log(struct wend_str path, enum wend_log_level level)
{
    int fd;

    file.log = (struct wend_log){.level = level, .sink = write_line};
    if (path.len == 0 || path.len >= sizeof(file.path) || wend_str_eq(path, WEND_STR("stderr"))) {
        wend_log_process = &file.log;
        return WEND_OK;
    }
    if (file.fd >= 0 && wend_str_eq(path, wend_str_of(file.path)))
        return WEND_OK;
    memcpy(file.path, path.ptr, path.len);
    file.path[path.len] = '\0';
    fd = open_path();
    if (fd < 0)
        return wend_code_of_errno(errno);
    if (file.fd >= 0)
        close(file.fd);
    file.fd = fd;
    wend_log_process = &file.log;
    return WEND_OK;
}

void wend_edge_reopen_error_log(void)
{
    int fd;

    if (file.fd < 0)
        return;
    fd = open_path();
    if (fd < 0) {
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, errno, "open() \"%s\" failed", file.path);
        return;
    }
    dup3(fd, file.fd, O_CLOEXEC);
    close(fd);
}

void wend_edge_emerg(const struct wend_edge_options *options, const char *text)
{
    fprintf(stderr, "%s: [emerg] %s\n", options->as_nginx ? "nginx" : "wend", text);
    if (file.fd >= 0)
        wend_log(wend_log_process, WEND_LOG_EMERG, 0, 0, "%s", text);
}
