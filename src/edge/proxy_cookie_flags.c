/* edge/proxy_cookie_flags.c - Secure, HttpOnly and SameSite of an upstream's cookies.
 *
 * The first rule that names a cookie counts. A cookie it changes is written anew, its attributes
 * set off by "; "; all others stay as they came. What sets a flag wins over what takes it away.
 */
#include "edge/proxy_settings.h"

enum flag {
    SECURE = 1 << 0,
    NO_SECURE = 1 << 1,
    HTTPONLY = 1 << 2,
    NO_HTTPONLY = 1 << 3,
    SAMESITE_STRICT = 1 << 4,
    SAMESITE_LAX = 1 << 5,
    SAMESITE_NONE = 1 << 6,
    SAMESITE = 1 << 7, /* a word without a value says nothing, as in nginx */
    NO_SAMESITE = 1 << 8
};

static unsigned flag_of(struct wend_str word)
{
    static const struct {
        struct wend_str word;
        unsigned flag;
    } rows[] = {
        {WEND_STR_INIT("secure"), SECURE},
        {WEND_STR_INIT("nosecure"), NO_SECURE},
        {WEND_STR_INIT("httponly"), HTTPONLY},
        {WEND_STR_INIT("nohttponly"), NO_HTTPONLY},
        {WEND_STR_INIT("samesite"), SAMESITE},
        {WEND_STR_INIT("samesite=strict"), SAMESITE_STRICT},
        {WEND_STR_INIT("samesite=lax"), SAMESITE_LAX},
        {WEND_STR_INIT("samesite=none"), SAMESITE_NONE},
        {WEND_STR_INIT("nosamesite"), NO_SAMESITE},
    };

    for (size_t i = 0; i < WEND_COUNT(rows); i++)
        if (wend_str_eq_nocase(word, rows[i].word))
            return rows[i].flag;
    return 0;
}

static enum wend_code read_rule(struct wend_conf *conf, struct proxy_cookie_rule *rule)
{
    const struct wend_statement *s = conf->statement;
    struct wend_str name = s->args[1];
    enum wend_code code;

    if (wend_str_starts(name, WEND_STR("~")))
        code = wend_edge_regex(conf, wend_str_from(name, 1), true, &rule->regex);
    else
        code = wend_template_compile(conf, name, &rule->name);
    for (unsigned i = 2; i < s->count && code == WEND_OK; i++) {
        if (!wend_template_has_variables(s->args[i]) && flag_of(s->args[i]) == 0)
            return wend_conf_bad(conf, "invalid parameter \"%.*s\"", WEND_STR_ARG(s->args[i]));
        code = wend_template_compile(conf, s->args[i], &rule->flags[rule->count++]);
    }
    return code;
}

enum wend_code proxy_set_cookie_flags(struct wend_conf *conf, const struct wend_directive *row,
                                      void *slot)
{
    struct proxy_location *location = slot;
    struct proxy_cookie_rule **last = &location->cookie_flags;
    bool off = conf->statement->count == 2;

    (void)row;
    if (location->cookie_flags_off || (off && *last != NULL))
        return wend_conf_bad(conf, "\"proxy_cookie_flags\" directive is duplicate");
    if (off && !wend_str_eq(conf->statement->args[1], WEND_STR("off")))
        return wend_conf_bad(conf, "invalid parameter \"%.*s\"",
                             WEND_STR_ARG(conf->statement->args[1]));
    location->cookie_flags_off = off;
    if (off)
        return WEND_OK;
    while (*last != NULL)
        last = &(*last)->next;
    *last = WEND_NEW(conf->arena, struct proxy_cookie_rule);
    return *last == NULL ? WEND_E_MEMORY : read_rule(conf, *last);
}

static bool names(struct wend_exchange *x, const struct proxy_cookie_rule *rule,
                  struct wend_str name)
{
    struct wend_edge_request *r = wend_edge_of(x);

    if (rule->regex == NULL)
        return wend_str_eq_nocase(name, wend_template_value(x, &rule->name));
    if (wend_regex_run(rule->regex, name, &r->captures) != WEND_OK)
        return false;
    wend_edge_keep_captures(x, rule->regex, name);
    return true;
}

static unsigned flags_of(struct wend_exchange *x, const struct proxy_cookie_rule *rule)
{
    unsigned flags = 0;

    for (unsigned i = 0; i < rule->count; i++) {
        struct wend_str word = wend_template_value(x, &rule->flags[i]);

        if (word.len != 0 && flag_of(word) == 0)
            wend_edge_log(x, WEND_LOG_ERROR, 0, "invalid proxy_cookie_flags flag \"%.*s\"",
                          WEND_STR_ARG(word));
        flags |= flag_of(word);
    }
    return flags;
}

static const char *samesite_text(unsigned flags)
{
    if ((flags & SAMESITE_STRICT) != 0)
        return "SameSite=Strict";
    return (flags & SAMESITE_LAX) != 0 ? "SameSite=Lax" : "SameSite=None";
}

/* One attribute of the cookie as it goes on; marks in *flags what needs not be added any more. */
static void add_attribute(struct wend_buffer *out, struct wend_str part, unsigned *flags)
{
    const unsigned samesite = SAMESITE_STRICT | SAMESITE_LAX | SAMESITE_NONE;
    ptrdiff_t equals = wend_str_find_byte(part, '=');
    struct wend_str key = equals < 0 ? part : wend_str_slice(part, 0, (size_t)equals);
    unsigned on = 0, off = 0;

    if (wend_str_eq_nocase(key, WEND_STR("secure"))) {
        on = SECURE;
        off = NO_SECURE;
    } else if (wend_str_eq_nocase(key, WEND_STR("httponly"))) {
        on = HTTPONLY;
        off = NO_HTTPONLY;
    } else if (wend_str_eq_nocase(key, WEND_STR("samesite"))) {
        on = samesite;
        off = NO_SAMESITE;
    }
    if ((*flags & on) == 0 && (*flags & off) != 0)
        return;
    wend_buffer_add(out, WEND_STR("; "));
    if (on == samesite && (*flags & on) != 0)
        wend_buffer_add(out, wend_str_of(samesite_text(*flags)));
    else
        wend_buffer_add(out, part);
    *flags &= ~on;
}

static struct wend_str edit(struct wend_exchange *x, struct wend_str cookie, unsigned flags)
{
    struct wend_str rest = cookie, part;
    struct wend_buffer out;

    /* Each attribute may grow by a space, and three of ours come. */
    wend_buffer_init_arena(&out, &x->task->arena, 2 * cookie.len + 64);
    (void)wend_str_split(&rest, ';', &part);
    wend_buffer_add(&out, wend_str_trim(part));
    while (wend_str_split(&rest, ';', &part))
        add_attribute(&out, wend_str_trim(part), &flags);
    if ((flags & SECURE) != 0)
        wend_buffer_add(&out, WEND_STR("; Secure"));
    if ((flags & HTTPONLY) != 0)
        wend_buffer_add(&out, WEND_STR("; HttpOnly"));
    if ((flags & (SAMESITE_STRICT | SAMESITE_LAX | SAMESITE_NONE)) != 0)
        wend_buffer_printf(&out, "; %s", samesite_text(flags));
    return out.overflow ? cookie : wend_buffer_str(&out);
}

struct wend_str proxy_cookie_flags(struct wend_exchange *x, const struct proxy_cookie_rule *rules,
                                   struct wend_str cookie)
{
    struct wend_str rest = cookie, first;
    ptrdiff_t equals;

    if (rules == NULL || !wend_str_split(&rest, ';', &first))
        return cookie;
    equals = wend_str_find_byte(first, '=');
    if (equals < 0)
        return cookie; /* no cookie */
    first = wend_str_trim(wend_str_slice(first, 0, (size_t)equals));
    for (; rules != NULL; rules = rules->next)
        if (names(x, rules, first)) {
            unsigned flags = flags_of(x, rules);

            return (flags & ~(unsigned)SAMESITE) == 0 ? cookie : edit(x, cookie, flags);
        }
    return cookie;
}
