/* http/names.c - methods, reason phrases and the status a failure stands for, as tables. */
#include "http/handler.h"

/* A method per row of enum wend_method. Looking one up compares at most the rows of its length. */
static const struct wend_str methods[] = {
    [WEND_METHOD_OTHER] = {NULL, 0},
    [WEND_GET] = WEND_STR_INIT("GET"),
    [WEND_HEAD] = WEND_STR_INIT("HEAD"),
    [WEND_POST] = WEND_STR_INIT("POST"),
    [WEND_PUT] = WEND_STR_INIT("PUT"),
    [WEND_DELETE] = WEND_STR_INIT("DELETE"),
    [WEND_OPTIONS] = WEND_STR_INIT("OPTIONS"),
    [WEND_PATCH] = WEND_STR_INIT("PATCH"),
    [WEND_TRACE] = WEND_STR_INIT("TRACE"),
    [WEND_CONNECT] = WEND_STR_INIT("CONNECT"),
    [WEND_PROPFIND] = WEND_STR_INIT("PROPFIND"),
    [WEND_PROPPATCH] = WEND_STR_INIT("PROPPATCH"),
    [WEND_MKCOL] = WEND_STR_INIT("MKCOL"),
    [WEND_COPY] = WEND_STR_INIT("COPY"),
    [WEND_MOVE] = WEND_STR_INIT("MOVE"),
    [WEND_LOCK] = WEND_STR_INIT("LOCK"),
    [WEND_UNLOCK] = WEND_STR_INIT("UNLOCK"),
    [WEND_ACL] = WEND_STR_INIT("ACL"),
    [WEND_BASELINE_CONTROL] = WEND_STR_INIT("BASELINE-CONTROL"),
    [WEND_BIND] = WEND_STR_INIT("BIND"),
    [WEND_CHECKIN] = WEND_STR_INIT("CHECKIN"),
    [WEND_CHECKOUT] = WEND_STR_INIT("CHECKOUT"),
    [WEND_LABEL] = WEND_STR_INIT("LABEL"),
    [WEND_LINK] = WEND_STR_INIT("LINK"),
    [WEND_DAV_MERGE] = WEND_STR_INIT("MERGE"),
    [WEND_MKACTIVITY] = WEND_STR_INIT("MKACTIVITY"),
    [WEND_MKCALENDAR] = WEND_STR_INIT("MKCALENDAR"),
    [WEND_MKREDIRECTREF] = WEND_STR_INIT("MKREDIRECTREF"),
    [WEND_MKWORKSPACE] = WEND_STR_INIT("MKWORKSPACE"),
    [WEND_ORDERPATCH] = WEND_STR_INIT("ORDERPATCH"),
    [WEND_QUERY] = WEND_STR_INIT("QUERY"),
    [WEND_REBIND] = WEND_STR_INIT("REBIND"),
    [WEND_REPORT] = WEND_STR_INIT("REPORT"),
    [WEND_SEARCH] = WEND_STR_INIT("SEARCH"),
    [WEND_UNBIND] = WEND_STR_INIT("UNBIND"),
    [WEND_UNCHECKOUT] = WEND_STR_INIT("UNCHECKOUT"),
    [WEND_UNLINK] = WEND_STR_INIT("UNLINK"),
    [WEND_UPDATE] = WEND_STR_INIT("UPDATE"),
    [WEND_UPDATEREDIRECTREF] = WEND_STR_INIT("UPDATEREDIRECTREF"),
    [WEND_VERSION_CONTROL] = WEND_STR_INIT("VERSION-CONTROL"),
};

/* Methods are case-sensitive (RFC 9110 9.1). GET is nearly every request, so it is asked first. */
enum wend_method wend_method_of(struct wend_str text)
{
    if (text.len == 3 && memcmp(text.ptr, "GET", 3) == 0)
        return WEND_GET;
    for (size_t i = WEND_HEAD; i < WEND_COUNT(methods); i++) {
        if (wend_str_eq(methods[i], text))
            return (enum wend_method)i;
    }
    return WEND_METHOD_OTHER;
}

struct wend_str wend_method_text(enum wend_method method)
{
    return (size_t)method < WEND_COUNT(methods) ? methods[method] : WEND_STR_NULL;
}

/* nginx's wording where it has one of its own (302, 405, 408, 413, 414, 416, 503, 504): logs,
 * monitors and people's eyes know it. IANA's registry for the others. */
#define STATUSES(X)                                                                                \
    X(100, "Continue")                                                                             \
    X(101, "Switching Protocols")                                                                  \
    X(102, "Processing")                                                                           \
    X(103, "Early Hints")                                                                          \
    X(200, "OK")                                                                                   \
    X(201, "Created")                                                                              \
    X(202, "Accepted")                                                                             \
    X(203, "Non-Authoritative Information")                                                        \
    X(204, "No Content")                                                                           \
    X(205, "Reset Content")                                                                        \
    X(206, "Partial Content")                                                                      \
    X(207, "Multi-Status")                                                                         \
    X(208, "Already Reported")                                                                     \
    X(226, "IM Used")                                                                              \
    X(300, "Multiple Choices")                                                                     \
    X(301, "Moved Permanently")                                                                    \
    X(302, "Moved Temporarily")                                                                    \
    X(303, "See Other")                                                                            \
    X(304, "Not Modified")                                                                         \
    X(305, "Use Proxy")                                                                            \
    X(307, "Temporary Redirect")                                                                   \
    X(308, "Permanent Redirect")                                                                   \
    X(400, "Bad Request")                                                                          \
    X(401, "Unauthorized")                                                                         \
    X(402, "Payment Required")                                                                     \
    X(403, "Forbidden")                                                                            \
    X(404, "Not Found")                                                                            \
    X(405, "Not Allowed")                                                                          \
    X(406, "Not Acceptable")                                                                       \
    X(407, "Proxy Authentication Required")                                                        \
    X(408, "Request Time-out")                                                                     \
    X(409, "Conflict")                                                                             \
    X(410, "Gone")                                                                                 \
    X(411, "Length Required")                                                                      \
    X(412, "Precondition Failed")                                                                  \
    X(413, "Request Entity Too Large")                                                             \
    X(414, "Request-URI Too Large")                                                                \
    X(415, "Unsupported Media Type")                                                               \
    X(416, "Requested Range Not Satisfiable")                                                      \
    X(417, "Expectation Failed")                                                                   \
    X(421, "Misdirected Request")                                                                  \
    X(422, "Unprocessable Content")                                                                \
    X(423, "Locked")                                                                               \
    X(424, "Failed Dependency")                                                                    \
    X(425, "Too Early")                                                                            \
    X(426, "Upgrade Required")                                                                     \
    X(428, "Precondition Required")                                                                \
    X(429, "Too Many Requests")                                                                    \
    X(431, "Request Header Fields Too Large")                                                      \
    X(451, "Unavailable For Legal Reasons")                                                        \
    X(500, "Internal Server Error")                                                                \
    X(501, "Not Implemented")                                                                      \
    X(502, "Bad Gateway")                                                                          \
    X(503, "Service Temporarily Unavailable")                                                      \
    X(504, "Gateway Time-out")                                                                     \
    X(505, "HTTP Version Not Supported")                                                           \
    X(506, "Variant Also Negotiates")                                                              \
    X(507, "Insufficient Storage")                                                                 \
    X(508, "Loop Detected")                                                                        \
    X(510, "Not Extended")                                                                         \
    X(511, "Network Authentication Required")

struct wend_str wend_reason_phrase(int status)
{
    switch (status) {
#define STATUS_CASE(number, text)                                                                  \
    case number:                                                                                   \
        return WEND_STR(text);
        STATUSES(STATUS_CASE)
#undef STATUS_CASE
    default:
        return WEND_STR_NULL;
    }
}

/* What a handler's failure means to the client: whose fault it is, and whether asking again may
 * help. 499 is never sent: the client is gone, the log shows it. */
int wend_status_of(enum wend_code code)
{
    switch (code) {
    case WEND_OK:
        return 200;
    case WEND_DECLINED:
    case WEND_E_NOT_FOUND:
        return 404;
    case WEND_E_SYNTAX:
    case WEND_E_PROTOCOL:
    case WEND_E_URL:
        return 400;
    case WEND_E_DENIED:
        return 403;
    case WEND_E_EXISTS:
        return 409;
    case WEND_E_LIMIT:
        return 413;
    case WEND_E_CLOSED:
    case WEND_E_RESET:
    case WEND_E_CANCELLED:
        return 499;
    case WEND_E_UNSUPPORTED:
        return 501;
    case WEND_E_REFUSED:
    case WEND_E_UNREACHABLE:
    case WEND_E_DNS_NAME:
    case WEND_E_DNS_NONE:
    case WEND_E_DNS_REFUSED:
        return 502;
    case WEND_E_DEADLINE:
        return 504;
    default:
        return 500;
    }
}
