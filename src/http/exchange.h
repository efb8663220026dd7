/* http/exchange.h - one request and its response (RFC 9110 3): the centre of the house.
 *
 * What it is for. The neutral form every protocol is a codec around. The serving side makes an
 * exchange from a connection; a handler (http/handler.h) reads the request, sets the response's
 * status and fields and pushes its body. HTTP/1, and later HTTP/2, uwsgi, FastCGI and SCGI on the
 * serving side each are a struct wend_codec.
 *
 * Who owns what. Everything in an exchange lives in its task's memory and dies with the task.
 * Pieces name memory or a file range that stays valid until the sending call returns (memory) or
 * until the exchange ends (nothing is kept longer than the call, in fact).
 *
 * What it promises. Lengths and field rules are decided once: request.content_length and
 * request.chunked cannot contradict each other; the body functions end exactly where the body
 * does. On the way out the codec alone writes Content-Length, Transfer-Encoding and Connection;
 * handlers say response.content_length (or -1) and never set those fields. No more than
 * content_length bytes ever leave; fewer close the connection. HEAD, 204 and 304 send no body.
 *
 * Order. A handler may read the body before, while or after it sends the response. What it did
 * not read is drained or the connection closed, as the server's settings say.
 *
 * What it does not do. It opens no socket and knows no configuration.
 *
 * Trace. head, request body, respond.
 */
#ifndef WEND_HTTP_EXCHANGE_H
#define WEND_HTTP_EXCHANGE_H

#include "fiber/task.h"
#include "http/fields.h"
#include "net/conn.h"

/* IANA's registry of methods. Those up to WEND_UNLOCK are the ones nginx has names for. */
enum wend_method {
    WEND_METHOD_OTHER,
    WEND_GET,
    WEND_HEAD,
    WEND_POST,
    WEND_PUT,
    WEND_DELETE,
    WEND_OPTIONS,
    WEND_PATCH,
    WEND_TRACE,
    WEND_CONNECT,
    WEND_PROPFIND,
    WEND_PROPPATCH,
    WEND_MKCOL,
    WEND_COPY,
    WEND_MOVE,
    WEND_LOCK,
    WEND_UNLOCK,
    WEND_ACL,
    WEND_BASELINE_CONTROL,
    WEND_BIND,
    WEND_CHECKIN,
    WEND_CHECKOUT,
    WEND_LABEL,
    WEND_LINK,
    WEND_DAV_MERGE,
    WEND_MKACTIVITY,
    WEND_MKCALENDAR,
    WEND_MKREDIRECTREF,
    WEND_MKWORKSPACE,
    WEND_ORDERPATCH,
    WEND_QUERY,
    WEND_REBIND,
    WEND_REPORT,
    WEND_SEARCH,
    WEND_UNBIND,
    WEND_UNCHECKOUT,
    WEND_UNLINK,
    WEND_UPDATE,
    WEND_UPDATEREDIRECTREF,
    WEND_VERSION_CONTROL,
    WEND_METHODS
};

enum wend_version { WEND_HTTP_09 = 9, WEND_HTTP_10 = 10, WEND_HTTP_11 = 11, WEND_HTTP_20 = 20 };

struct wend_request {
    enum wend_method method;
    enum wend_version version;
    struct wend_str method_text;
    struct wend_str line;      /* the request line as received; $request */
    struct wend_str target;    /* path and query as received (of an absolute-form: after the
                                  authority); "*" for OPTIONS *; $request_uri */
    struct wend_str path_raw;  /* target up to '?', not decoded */
    struct wend_str query;     /* after '?'; ptr NULL: no '?' */
    struct wend_str authority; /* host[:port] from the absolute-form or Host; ptr NULL: none */
    struct wend_str host;      /* its host, lower case, no port; $host without the fallback */
    int port;                  /* the port in the authority; -1: none */
    struct wend_str scheme;    /* "http" or "https": how the client reached us */
    struct wend_fields fields;
    struct wend_fields trailers; /* filled when the chunked body has been read to its end */
    int64_t content_length;      /* -1: no Content-Length */
    bool chunked;
    bool expects_continue;
    bool keep_alive; /* the client allows another request */
    size_t head_bytes;
};

struct wend_response {
    int status;                  /* 0 until decided */
    struct wend_str reason;      /* null: the standard phrase of the status */
    struct wend_fields fields;   /* without Date, Server, Content-Length, Transfer-Encoding,
                                    Connection unless the handler insists on its own Date/Server */
    struct wend_fields trailers; /* sent after a chunked body if the client takes them */
    int64_t content_length;      /* body bytes; -1: not known */
    /* what conditional requests and ranges need to know */
    struct wend_str etag;  /* with quotes and W/; null: none. Sent as ETag */
    int64_t last_modified; /* unix seconds; -1: none. Sent as Last-Modified */
    bool allow_ranges;
    struct wend_str content_type; /* sent as Content-Type; null: none */
    bool close;                   /* the connection ends after this response */
    bool no_body_framing;         /* 101 and CONNECT: what follows is a tunnel */
};

/* A piece of a body. */
enum wend_piece_kind { WEND_PIECE_MEMORY, WEND_PIECE_FILE };
struct wend_piece {
    enum wend_piece_kind kind;
    int file;           /* FILE: a regular file, pread-able and sendfile-able */
    const char *memory; /* MEMORY */
    off_t offset;       /* FILE */
    size_t len;
};
static inline struct wend_piece wend_piece_of(struct wend_str s)
{
    return (struct wend_piece){.kind = WEND_PIECE_MEMORY, .memory = s.ptr, .len = s.len};
}

struct wend_exchange;

/* What a protocol does for an exchange. All may suspend. */
struct wend_codec {
    const char *name;
    /* *got == 0: the body's end. Sends 100 (Continue) first if the client waits for it. */
    enum wend_code (*read_body)(struct wend_exchange *x, void *into, size_t room, size_t *got);
    /* Sends the head unless it is gone, then the pieces; `last` ends the response. */
    enum wend_code (*send)(struct wend_exchange *x, const struct wend_piece *pieces, size_t count,
                           bool last);
    /* An interim response (1xx, RFC 9110 15.2) with these fields. */
    enum wend_code (*inform)(struct wend_exchange *x, int status, const struct wend_fields *fields);
};

struct wend_filter; /* http/filter.h */
struct wend_filter_link;

/* How the connection is treated while this exchange lasts and until the next one. Whoever routes
 * the request points x->policy at the settings of the place it was routed to; one store switches
 * them all. Times are milliseconds without progress unless said otherwise. */
enum wend_lingering { WEND_LINGERING_OFF, WEND_LINGERING_ON, WEND_LINGERING_ALWAYS };
struct wend_exchange_policy {
    struct wend_str server;   /* the Server field's value; null: none is sent */
    int body_timeout_ms;      /* between two reads of the request body: 408 */
    int send_timeout_ms;      /* between two writes of the response */
    int keepalive_timeout_ms; /* an idle connection is kept so long; 0: not at all */
    int keepalive_header_s;   /* Keep-Alive: timeout=N; 0: the field is not sent */
    enum wend_lingering lingering;
    int lingering_time_ms;    /* at most, in all */
    int lingering_timeout_ms; /* between two reads */
    bool keepalive;           /* this place allows it (keepalive_disable, drain: false) */
    bool chunked;             /* chunked_transfer_encoding */
    bool sendfile;            /* false: files are read and written */
    bool tcp_nopush;
    bool tcp_nodelay;
};
extern const struct wend_exchange_policy wend_exchange_policy_default;

enum wend_exchange_state {
    WEND_X_REQUEST, /* nothing sent */
    WEND_X_HEAD,    /* response head decided and handed to the codec */
    WEND_X_DONE,    /* response complete */
    WEND_X_TORN     /* it cannot be completed; the connection is cut */
};

struct wend_exchange {
    struct wend_task *task;
    const struct wend_codec *codec;
    void *codec_state;
    struct wend_conn *conn; /* the client's; addresses, secure */
    struct wend_request request;
    struct wend_response response;
    enum wend_exchange_state state;
    bool header_only; /* HEAD or a status without a body: pieces are dropped */
    bool body_read;   /* the request body was read to its end */
    int64_t body_max; /* 413 beyond; -1: no limit. Set before the first read */
    int64_t body_received;
    int64_t body_sent;  /* bytes of response body handed to the kernel, chunk framing included */
    int64_t bytes_sent; /* head, framing and body; $bytes_sent */
    int64_t started_ns; /* monotonic, first byte of the head */
    int64_t started_wall_ns;
    uint64_t arrived; /* a mark of the loop by which the request was here; 0: not known. What was
                         asked after it may answer this request; see edge/file_cache.h */
    const struct wend_filter *const *filters;  /* http/filter.h's ordered table; NULL: none */
    struct wend_filter_link *links;            /* the ones that take part in the body */
    const struct wend_exchange_policy *policy; /* never NULL */
    const void *listener;   /* the struct wend_h1_server (or its like) it came through */
    void *edge;             /* src/edge's per-request state */
    struct wend_loan *loan; /* while a foreign thread has it; http/lend.c's */
};

/* Suspends. As codec->read_body, plus limits: WEND_E_LIMIT beyond body_max (413),
 * WEND_E_PROTOCOL for broken framing (400), WEND_E_CLOSED when the client left (499). */
enum wend_code wend_body_read(struct wend_exchange *x, void *into, size_t room,
                              size_t *got) WEND_MUST_CHECK;

/* Suspends. Sends (the head first) through the filters. `last`: the response ends with these. Once
 * state is WEND_X_HEAD, status and fields must not change any more. */
enum wend_code wend_respond(struct wend_exchange *x, const struct wend_piece *pieces, size_t count,
                            bool last) WEND_MUST_CHECK;

/* Suspends. A complete response of `status` with this type and body; content_length is set. */
enum wend_code wend_respond_text(struct wend_exchange *x, int status, struct wend_str content_type,
                                 struct wend_str body) WEND_MUST_CHECK;

/* The response cannot be completed: the connection will be cut so that the client sees it. */
void wend_respond_torn(struct wend_exchange *x);

/* "Not Found"; nginx's phrases ("302 Moved Temporarily", ...); null slice for unknown ones. */
struct wend_str wend_reason_phrase(int status);

enum wend_method wend_method_of(struct wend_str text);
struct wend_str wend_method_text(enum wend_method method);

#endif
