/* Any bytes as a configuration: parsed, applied with every directive there is, merged and indexed.
 * What is accepted must be whole: each server has a place for each path. */
#include "base/assert.h"
#include "base/log.h"
#include "edge/location.h"

static void silent(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log;
    (void)level;
    (void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wend_log quiet = {.level = WEND_LOG_EMERG, .sink = silent};
    struct wend_edge_options options = {.prefix = WEND_STR_INIT("/nonexistent/"),
                                        .conf_path = WEND_STR_INIT("/nonexistent/conf"),
                                        .access_log = WEND_STR_INIT("/dev/null"),
                                        .testing = true};
    struct wend_conf_error error = {""};
    struct wend_arena arena;
    struct wend_edge *edge;
    struct wend_str text = wend_str_make((const char *)data, size);

    /* Logs are files and includes may be any file: the rest of the language is enough here. */
    if (wend_str_find(text, WEND_STR("log")) >= 0 ||
        wend_str_find(text, WEND_STR("include")) >= 0 || wend_str_find(text, WEND_STR("user")) >= 0)
        return 0;
    wend_log_process = &quiet;
    wend_arena_init(&arena, 16 << 20);
    if (wend_edge_parse(&arena, &options, WEND_STR("fuzz"), text, &edge, &error) != WEND_OK)
        WEND_ASSERT(error.text[0] != '\0');
    else
        for (struct wend_edge_server *s = edge->servers; s != NULL; s = s->next) {
            struct wend_regex_match match;
            bool slash;

            WEND_ASSERT(wend_location_find(s, WEND_STR("/a/b.php"), &match, &slash) != NULL);
        }
    wend_edge_free(edge);
    wend_arena_release(&arena);
    return 0;
}
