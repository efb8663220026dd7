/* edge/browser.h - the few browsers that some settings treat apart.
 *
 * What it is for. keepalive_disable and msie_padding. Told by User-Agent with nginx's rules, old as
 * they are: who relies on them relies on these. Asked only where such a setting may matter.
 */
#ifndef WEND_EDGE_BROWSER_H
#define WEND_EDGE_BROWSER_H

#include "http/exchange.h"

enum {
    WEND_BROWSER_MSIE = 1,
    WEND_BROWSER_MSIE6 = 2, /* 4, 5, and 6 without its second service pack */
    WEND_BROWSER_SAFARI = 4,
    WEND_BROWSER_CHROME = 8
};

/* 0: any other. */
unsigned wend_browser_of(const struct wend_exchange *x);

#endif
