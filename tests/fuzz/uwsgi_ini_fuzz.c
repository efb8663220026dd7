/* A file of any bytes ends as a list of options or as an error with its line. */
#include "base/assert.h"
#include "cmd/uwsgi_ini.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static const char *fake_env(const char *name)
{
    return name[0] == 'A' ? "value" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_uwsgi_ini_place place = {WEND_STR("/srv/site/uwsgi.ini"), WEND_STR_NULL, fake_env};
    struct wend_uwsgi_ini ini;
    struct wend_arena arena;
    enum wend_code code;

    wend_arena_init(&arena, WEND_ARENA_UNLIMITED);
    code = wend_uwsgi_ini_parse(&arena, wend_str_make((const char *)bytes, len), &place, &ini);
    WEND_ASSERT(code == WEND_OK || ini.error[0] != '\0');
    for (size_t i = 0; code == WEND_OK && i < ini.count; i++) {
        const struct wend_uwsgi_ini_option *option = &ini.options[i];

        WEND_ASSERT(option->key.len > 0 && option->line > 0);
        WEND_ASSERT(option->value.len <= WEND_UWSGI_INI_VALUE_MAX);
        WEND_ASSERT(memchr(option->key.ptr, '\n', option->key.len) == NULL);
        (void)wend_uwsgi_ini_is_true(option->value);
    }
    wend_arena_release(&arena);
    return 0;
}
