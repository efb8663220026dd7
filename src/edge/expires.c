/* edge/expires.c - Expires and Cache-Control from one setting; see edge/expires.h. */
#include "edge/expires.h"

#include "conf/directive.h"

#include <time.h>

#define DAY_S 86400
#define SECONDS_MAX (INT64_C(1) << 40)

bool wend_status_takes_fields(int status)
{
    switch (status) {
    case 200:
    case 201:
    case 204:
    case 206:
    case 301:
    case 302:
    case 303:
    case 304:
    case 307:
    case 308:
        return true;
    default:
        return false;
    }
}

/* --- the setting ----------------------------------------------------------------------------- */

static bool parse_seconds(struct wend_str text, int64_t *out)
{
    *out = wend_conf_sec(text);
    return *out >= 0 && *out <= SECONDS_MAX;
}

bool wend_expires_parse(struct wend_str text, bool modified, struct wend_expires *out)
{
    static const struct {
        struct wend_str word;
        enum wend_expires_kind kind;
    } words[] = {
        {WEND_STR_INIT("epoch"), WEND_EXPIRES_EPOCH},
        {WEND_STR_INIT("max"), WEND_EXPIRES_MAX},
        {WEND_STR_INIT("off"), WEND_EXPIRES_OFF},
    };
    bool minus, daily;

    *out = (struct wend_expires){.kind = modified ? WEND_EXPIRES_MODIFIED : WEND_EXPIRES_ACCESS};
    for (size_t i = 0; i < WEND_COUNT(words) && !modified; i++) {
        if (wend_str_eq(text, words[i].word)) {
            out->kind = words[i].kind;
            return true;
        }
    }
    daily = text.len > 0 && text.ptr[0] == '@';
    minus = text.len > 0 && text.ptr[0] == '-';
    if (daily && modified)
        return false;
    if (daily)
        out->kind = WEND_EXPIRES_DAILY;
    if (daily || minus || (text.len > 0 && text.ptr[0] == '+'))
        text = wend_str_from(text, 1);
    if (!parse_seconds(text, &out->seconds) || (daily && out->seconds > DAY_S))
        return false;
    if (minus)
        out->seconds = -out->seconds;
    return true;
}

/* --- the fields ------------------------------------------------------------------------------ */

static int64_t next_local_time(int64_t now_s, int64_t of_day)
{
    time_t now = (time_t)now_s;
    struct tm tm;
    time_t next;

    localtime_r(&now, &tm);
    tm.tm_hour = (int)(of_day / 3600);
    tm.tm_min = (int)(of_day / 60 % 60);
    tm.tm_sec = (int)(of_day % 60);
    next = mktime(&tm);
    if (next > now)
        return next;
    tm.tm_mday++;
    return mktime(&tm);
}

static enum wend_code set(struct wend_exchange *x, int64_t at_s, struct wend_str cache_control)
{
    struct wend_arena *arena = &x->task->arena;
    char date[WEND_CLOCK_HTTP_LEN + 1];
    struct wend_str kept;
    enum wend_code code;

    wend_clock_write_http(at_s, date);
    kept = wend_arena_keep(arena, wend_str_make(date, WEND_CLOCK_HTTP_LEN));
    if (kept.ptr == NULL || cache_control.ptr == NULL)
        return WEND_E_MEMORY;
    code = wend_fields_set(&x->response.fields, arena, WEND_FIELD_EXPIRES, kept);
    if (code != WEND_OK)
        return code;
    return wend_fields_set(&x->response.fields, arena, WEND_FIELD_CACHE_CONTROL, cache_control);
}

static enum wend_code set_age(struct wend_exchange *x, int64_t at_s, int64_t age_s, bool negative)
{
    if (negative || age_s < 0)
        return set(x, at_s, WEND_STR("no-cache"));
    return set(x, at_s, wend_arena_printf(&x->task->arena, "max-age=%lld", (long long)age_s));
}

enum wend_code wend_expires_apply(struct wend_exchange *x, const struct wend_expires *expires,
                                  int64_t now_s)
{
    int64_t seconds = expires->seconds, at;

    switch (expires->kind) {
    case WEND_EXPIRES_OFF:
        return WEND_OK;
    case WEND_EXPIRES_EPOCH:
        return set(x, 1, WEND_STR("no-cache"));
    case WEND_EXPIRES_MAX:
        return set(x, INT64_C(2145916555), WEND_STR("max-age=315360000"));
    case WEND_EXPIRES_DAILY:
        at = next_local_time(now_s, seconds);
        return set_age(x, at, at - now_s, false);
    case WEND_EXPIRES_MODIFIED:
        if (seconds != 0 && x->response.last_modified != -1) {
            at = x->response.last_modified + seconds;
            return set_age(x, at, at - now_s, seconds < 0);
        }
        break;
    case WEND_EXPIRES_ACCESS:
        break;
    }
    return set_age(x, now_s + seconds, seconds, seconds < 0);
}
