/* edge/browser.c - see edge/browser.h. */
#include "edge/browser.h"

static bool names(struct wend_str agent, struct wend_str word)
{
    return wend_str_find(agent, word) >= 0;
}

/* `version` is what follows "MSIE ": "6.0; Windows NT 5.1; SV1)". */
static unsigned explorer(struct wend_str version)
{
    char major = version.ptr[0];

    if (version.ptr[1] != '.')
        return WEND_BROWSER_MSIE;
    if (major == '4' || major == '5')
        return WEND_BROWSER_MSIE | WEND_BROWSER_MSIE6;
    if (major == '6' && !names(version, WEND_STR("SV1")))
        return WEND_BROWSER_MSIE | WEND_BROWSER_MSIE6;
    return WEND_BROWSER_MSIE;
}

unsigned wend_browser_of(const struct wend_exchange *x)
{
    struct wend_str agent = wend_fields_value(&x->request.fields, WEND_FIELD_USER_AGENT);
    ptrdiff_t at = wend_str_find(agent, WEND_STR("MSIE "));

    if (names(agent, WEND_STR("Opera")))
        return 0;
    if (at >= 0 && (size_t)at + 7 < agent.len)
        return explorer(wend_str_from(agent, (size_t)at + 5));
    if (names(agent, WEND_STR("Gecko/")))
        return 0;
    if (names(agent, WEND_STR("Chrome/")))
        return WEND_BROWSER_CHROME;
    return names(agent, WEND_STR("Safari/")) && names(agent, WEND_STR("Mac OS X"))
               ? WEND_BROWSER_SAFARI
               : 0;
}
