/* app/settings.c - words and values of an application's settings: one row each. */
#include "app/app.h"

enum kind { TEXT, CSTR, LIST, SIZE, COUNT_OF_THREADS, COUNT, SWITCH, NETWORKS };

struct row {
    struct wend_str word;
    enum kind kind;
    size_t offset;
    size_t count_offset; /* of LIST */
};

#define ROW(word, kind, member)                                                                    \
    {                                                                                              \
        WEND_STR_INIT(word), kind, offsetof(struct wend_app_settings, member), 0                   \
    }
#define LIST_ROW(word, member)                                                                     \
    {                                                                                              \
        WEND_STR_INIT(word), LIST, offsetof(struct wend_app_settings, member),                     \
            offsetof(struct wend_app_settings, member##_count)                                     \
    }

static const struct row rows[] = {
    ROW("name", TEXT, name),
    ROW("module", TEXT, module),
    ROW("callable", TEXT, callable),
    ROW("wsgi_file", TEXT, wsgi_file),
    ROW("project", TEXT, project),
    ROW("chdir", TEXT, chdir),
    ROW("home", TEXT, home),
    ROW("mount", TEXT, script_name),
    ROW("threads", COUNT_OF_THREADS, threads),
    ROW("processes", COUNT, processes),
    ROW("queue", SIZE, queue_max),
    ROW("body_memory", SIZE, body_memory_bytes),
    ROW("body_directory", CSTR, body_directory),
    ROW("development", SWITCH, development),
    ROW("static", SWITCH, static_files),
    ROW("reload", SWITCH, reload),
    LIST_ROW("pythonpath", pythonpath),
    LIST_ROW("env", env),
    ROW("trust", NETWORKS, trusted),
};

static enum wend_code add_to_list(void *list, size_t *count, struct wend_str value,
                                  const char **error)
{
    *error = "at most 64 of it";
    if (*count == WEND_APP_LIST_MAX)
        return WEND_E_CONFIG;
    ((struct wend_str *)list)[(*count)++] = value;
    return WEND_OK;
}

static enum wend_code add_network(struct wend_app_settings *settings, struct wend_str value,
                                  const char **error)
{
    *error = "must be an address, a network such as 10.0.0.0/8, or *";
    if (settings->trusted_count == WEND_APP_LIST_MAX ||
        !wend_app_network_parse(value, &settings->trusted[settings->trusted_count]))
        return WEND_E_CONFIG;
    settings->trusted_count++;
    return WEND_OK;
}

static enum wend_code set_number(void *place, enum kind kind, struct wend_str value,
                                 const char **error)
{
    uint64_t most = kind == COUNT_OF_THREADS ? WEND_APP_THREADS_MAX : 1u << 30, number;

    *error =
        kind == COUNT_OF_THREADS ? "must be a number from 1 to 512" : "must be a number above 0";
    if (!wend_str_to_u64(value, &number) || number == 0 || number > most)
        return WEND_E_CONFIG;
    if (kind == SIZE)
        *(size_t *)place = (size_t)number;
    else
        *(unsigned *)place = (unsigned)number;
    return WEND_OK;
}

static enum wend_code set_switch(bool *place, struct wend_str value, const char **error)
{
    *error = "must be on or off";
    *place = wend_str_eq(value, WEND_STR("on"));
    return *place || wend_str_eq(value, WEND_STR("off")) ? WEND_OK : WEND_E_CONFIG;
}

enum wend_code wend_app_settings_set(struct wend_app_settings *settings, struct wend_str word,
                                     struct wend_str value, const char **error)
{
    const struct row *row = rows;
    void *place;

    while (row < rows + WEND_COUNT(rows) && !wend_str_eq(row->word, word))
        row++;
    if (row == rows + WEND_COUNT(rows))
        return WEND_E_NOT_FOUND;
    place = (char *)settings + row->offset;
    switch (row->kind) {
    case TEXT:
        *(struct wend_str *)place = value;
        return WEND_OK;
    case CSTR:
        *(const char **)place = value.ptr;
        return WEND_OK;
    case LIST:
        return add_to_list(place, (size_t *)((char *)settings + row->count_offset), value, error);
    case SWITCH:
        return set_switch(place, value, error);
    case NETWORKS:
        return add_network(settings, value, error);
    default:
        return set_number(place, row->kind, value, error);
    }
}
