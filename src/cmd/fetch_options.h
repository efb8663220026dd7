/* cmd/fetch_options.h - the options `wend get` and `wend trace` share, spelled as curl's.
 *
 * Who owns what. Texts are slices of argv; what was read from files is on the heap until
 * wend_fetch_options_release().
 */
#ifndef WEND_CMD_FETCH_OPTIONS_H
#define WEND_CMD_FETCH_OPTIONS_H

#include "client/fetch.h"
#include "cmd/options.h"

#define WEND_FETCH_HEADERS_MAX 256
#define WEND_FETCH_DATA_MAX ((size_t)1 << 30) /* bytes of -d, held in memory */

struct wend_fetch_options {
    const char *program; /* "wend get" */
    const char *url, *output;
    const char *method, *user, *agent, *referer, *cookie;
    struct wend_str headers[WEND_FETCH_HEADERS_MAX];
    size_t header_count;
    struct wend_buffer data; /* all -d joined */
    bool have_data, data_in_query;
    bool include, head_only, fail, silent, show_error, verbose, location, http10;
    bool json, ascii, color, no_color; /* wend trace */
    int refused;                       /* the exit code of a value that was refused; 0: 2 */
    unsigned redirects_max;
    int64_t max_time_ms, connect_timeout_ms; /* 0: not said */
};

/* Fills `options` from argv. -1: go on; else the exit code (help was printed: 0, usage error: 2, a
 * file that cannot be read: 26).
 * `for_trace` admits its own options and refuses those of output. */
int wend_fetch_options_parse(struct wend_fetch_options *options, const char *program, int argc,
                             char **argv, bool for_trace);
void wend_fetch_options_release(struct wend_fetch_options *options);

/* The rows of either command, for cmd/options.h. */
bool wend_fetch_option_row(size_t index, bool for_trace, struct wend_option *out);

#endif
