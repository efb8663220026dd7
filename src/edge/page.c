/* edge/page.c - see edge/page.h. */
#include "edge/page.h"

#include "edge/browser.h"
#include "edge/request.h"

#define PADDING "<!-- a padding to disable MSIE and Chrome friendly error page -->\r\n"

/* Where a page says something else than the status line. */
static const struct {
    int status, shown;
    struct wend_str title, heading, more; /* more: below the heading */
} special_pages[] = {
    {302, 302, WEND_STR_INIT("302 Found"), WEND_STR_INIT("302 Found"), {NULL, 0}},
    {401,
     401,
     WEND_STR_INIT("401 Authorization Required"),
     WEND_STR_INIT("401 Authorization Required"),
     {NULL, 0}},
    {494, 400, WEND_STR_INIT("400 Request Header Or Cookie Too Large"),
     WEND_STR_INIT("400 Bad Request"), WEND_STR_INIT("Request Header Or Cookie Too Large")},
    {495, 400, WEND_STR_INIT("400 The SSL certificate error"), WEND_STR_INIT("400 Bad Request"),
     WEND_STR_INIT("The SSL certificate error")},
    {496, 400, WEND_STR_INIT("400 No required SSL certificate was sent"),
     WEND_STR_INIT("400 Bad Request"), WEND_STR_INIT("No required SSL certificate was sent")},
    {497, 400, WEND_STR_INIT("400 The plain HTTP request was sent to HTTPS port"),
     WEND_STR_INIT("400 Bad Request"),
     WEND_STR_INIT("The plain HTTP request was sent to HTTPS port")},
    {498, 498, WEND_STR_INIT("404 Not Found"), WEND_STR_INIT("404 Not Found"), {NULL, 0}},
};

static bool has_page(const struct wend_edge_request *r, int status)
{
    if (r->server->strict)
        return status < 400 || wend_reason_phrase(status).len != 0 || status >= 494;
    return (status >= 301 && status <= 303) || status == 307 || status == 308 ||
           (status >= 400 && status <= 416) || status == 421 || status == 429 ||
           (status >= 494 && status <= 498) || (status >= 500 && status <= 505) || status == 507;
}

static struct wend_str signature(const struct wend_exchange *x)
{
    return x->policy->server.ptr == NULL ? WEND_STR("wend") : x->policy->server;
}

static const char *padding(const struct wend_exchange *x, int status)
{
    const unsigned friendly = WEND_BROWSER_MSIE | WEND_BROWSER_CHROME;

    if (status < 400 || wend_edge_of(x)->location->msie_padding == 0 ||
        x->request.version < WEND_HTTP_10 || (wend_browser_of(x) & friendly) == 0)
        return "";
    return PADDING PADDING PADDING PADDING PADDING PADDING;
}

static struct wend_str page_text(struct wend_exchange *x, int status, int *shown)
{
    struct wend_arena *arena = &x->task->arena;
    struct wend_str title = WEND_STR_NULL, heading, more = WEND_STR_NULL;

    *shown = status;
    for (size_t i = 0; i < WEND_COUNT(special_pages); i++)
        if (special_pages[i].status == status) {
            title = special_pages[i].title;
            heading = special_pages[i].heading;
            more = special_pages[i].more;
            *shown = special_pages[i].shown;
        }
    if (title.ptr == NULL) {
        title =
            wend_arena_printf(arena, "%d %.*s", status, WEND_STR_ARG(wend_reason_phrase(status)));
        heading = title;
    }
    return wend_arena_printf(
        arena,
        "<html>\r\n<head><title>%.*s</title></head>\r\n<body>\r\n"
        "<center><h1>%.*s</h1></center>\r\n%s%.*s%s<hr><center>%.*s</center>\r\n"
        "</body>\r\n</html>\r\n%s",
        WEND_STR_ARG(title), WEND_STR_ARG(heading), more.len != 0 ? "<center>" : "",
        WEND_STR_ARG(more), more.len != 0 ? "</center>\r\n" : "", WEND_STR_ARG(signature(x)),
        padding(x, status));
}

bool wend_edge_page(struct wend_exchange *x, int status, struct wend_str *body)
{
    struct wend_response *response = &x->response;

    *body = WEND_STR("");
    response->status = status;
    response->content_length = 0;
    if (!has_page(wend_edge_of(x), status))
        return false;
    *body = page_text(x, status, &response->status);
    response->content_type = WEND_STR("text/html");
    response->content_length = (int64_t)body->len;
    return true;
}

/* --- for browsers that do not follow a redirect ----------------------------------------------- */

static bool stands_for_itself(unsigned char c)
{
    return c > ' ' && c < 0x7f && strchr("\"'<>\\^`{|}", c) == NULL;
}

static struct wend_str escape(struct wend_arena *arena, struct wend_str url)
{
    static const char digits[] = "0123456789ABCDEF";
    char *out = wend_arena_alloc(arena, 3 * url.len + 1);
    size_t len = 0;

    for (size_t i = 0; out != NULL && i < url.len; i++) {
        unsigned char c = (unsigned char)url.ptr[i];

        if (stands_for_itself(c)) {
            out[len++] = (char)c;
            continue;
        }
        out[len++] = '%';
        out[len++] = digits[c >> 4];
        out[len++] = digits[c & 15];
    }
    return wend_str_make(out, len);
}

bool wend_edge_refresh_page(struct wend_exchange *x, int status, struct wend_str target,
                            struct wend_str *body)
{
    struct wend_response *response = &x->response;

    if ((status != 301 && status != 302) || wend_edge_of(x)->location->msie_refresh != 1 ||
        (wend_browser_of(x) & WEND_BROWSER_MSIE) == 0)
        return false;
    *body = wend_arena_printf(&x->task->arena,
                              "<html><head><meta http-equiv=\"Refresh\" content=\"0; URL=%.*s\">"
                              "</head><body></body></html>\r\n",
                              WEND_STR_ARG(escape(&x->task->arena, target)));
    if (body->ptr == NULL)
        return false;
    wend_fields_remove(&response->fields, WEND_FIELD_LOCATION);
    response->status = 200;
    response->content_type = WEND_STR("text/html");
    response->content_length = (int64_t)body->len;
    return true;
}

/* --- in the place of a body ------------------------------------------------------------------- */

struct page {
    struct wend_str text;
    bool sent;
};

void *wend_edge_page_state(struct wend_exchange *x, int status)
{
    struct page *page = WEND_NEW(&x->task->arena, struct page);

    if (page == NULL)
        x->response.content_length = 0;
    else
        wend_edge_page(x, status, &page->text);
    return page;
}

enum wend_code wend_edge_page_body(struct wend_exchange *x, struct wend_filter_link *link,
                                   void *state)
{
    struct page *page = state;
    struct wend_piece piece;

    if (page == NULL)
        return wend_filter_next(x, link, NULL, 0, true);
    if (page->sent)
        return WEND_OK;
    page->sent = true;
    piece = wend_piece_of(page->text);
    return wend_filter_next(x, link, &piece, 1, true);
}
