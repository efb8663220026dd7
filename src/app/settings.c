/* app/settings.c - words and values of an application's settings: one row each. */
#include "app/app.h"

enum kind { TEXT, CSTR, LIST, SIZE, COUNT_OF_THREADS, COUNT, SWITCH, NETWORKS };

struct row {
    struct wend_app_word is;
    enum kind kind;
    size_t offset;
    size_t count_offset; /* of LIST */
};

#define ROW(word, kind, member, fallback, help)                                                    \
    {                                                                                              \
        {WEND_STR_INIT(word), fallback, help}, kind, offsetof(struct wend_app_settings, member), 0 \
    }
#define LIST_ROW(word, member, fallback, help)                                                     \
    {                                                                                              \
        {WEND_STR_INIT(word), fallback, help}, LIST, offsetof(struct wend_app_settings, member),   \
            offsetof(struct wend_app_settings, member##_count)                                     \
    }

static const struct row rows[] = {
    ROW("name", TEXT, name, "the block's name", "what logs and traces call it"),
    ROW("module", TEXT, module, NULL,
        "the WSGI application's module, `shop.wsgi` or `shop.wsgi:application`"),
    ROW("callable", TEXT, callable, "application, then app", "the application's name in it"),
    ROW("wsgi_file", TEXT, wsgi_file, NULL, "instead of a module: the path of a file"),
    ROW("project", TEXT, project, NULL, "instead of a module: the folder of a Django project"),
    ROW("chdir", TEXT, chdir, NULL, "go there before the application is imported"),
    ROW("home", TEXT, home, "the system's Python", "the virtualenv"),
    ROW("mount", TEXT, script_name, "the root",
        "the part of the path that is SCRIPT_NAME: `/shop`"),
    ROW("threads", COUNT_OF_THREADS, threads, "8", "Python threads per process"),
    ROW("processes", COUNT, processes, "one per CPU",
        "of a pool: processes that run the application"),
    ROW("queue", SIZE, queue_max, "1024",
        "requests that wait for a thread of a process; 503 beyond"),
    ROW("body_memory", SIZE, body_memory_bytes, "131072",
        "bytes of a request body kept in memory; a file has larger ones"),
    ROW("body_directory", CSTR, body_directory, "/tmp", "where that file is, without a name"),
    ROW("development", SWITCH, development, "off",
        "traceback pages, static files of the application's packages"),
    ROW("static", SWITCH, static_files, "off",
        "Django's static files are answered without asking the application"),
    ROW("reload", SWITCH, reload, "off", "a changed source file starts new processes"),
    LIST_ROW("pythonpath", pythonpath, NULL, "a folder to import from; may be repeated"),
    LIST_ROW("env", env, NULL, "`KEY=VALUE` of its environment; may be repeated"),
    ROW("trust", NETWORKS, trusted, "nobody",
        "a network whose X-Forwarded-* fields are believed; may be repeated"),
};

#define LIST_IS_FULL "at most 64 of it" /* WEND_APP_LIST_MAX */

static enum wend_code add_to_list(void *list, size_t *count, struct wend_str value,
                                  const char **error)
{
    *error = LIST_IS_FULL;
    if (*count == WEND_APP_LIST_MAX)
        return WEND_E_CONFIG;
    ((struct wend_str *)list)[(*count)++] = value;
    return WEND_OK;
}

static enum wend_code add_network(struct wend_app_settings *settings, struct wend_str value,
                                  const char **error)
{
    *error = LIST_IS_FULL;
    if (settings->trusted_count == WEND_APP_LIST_MAX)
        return WEND_E_CONFIG;
    *error = "must be an address, a network such as 10.0.0.0/8, or *";
    if (!wend_app_network_parse(value, &settings->trusted[settings->trusted_count]))
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

    while (row < rows + WEND_COUNT(rows) && !wend_str_eq(row->is.word, word))
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

bool wend_app_settings_word(size_t index, struct wend_app_word *out)
{
    if (index >= WEND_COUNT(rows))
        return false;
    *out = rows[index].is;
    return true;
}
