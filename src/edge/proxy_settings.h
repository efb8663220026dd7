/* edge/proxy_settings.h - the settings of proxy_pass, shared by its three files: the directives
 * (proxy.c), the request (proxy_request.c) and the rewriting of answers (proxy_rewrite.c). */
#ifndef WEND_EDGE_PROXY_SETTINGS_H
#define WEND_EDGE_PROXY_SETTINGS_H

#include "edge/proxy.h"
#include "edge/upstream_settings.h"

/* `field value` of proxy_set_header. */
struct proxy_header {
    struct wend_str name;
    enum wend_field_id id;
    struct wend_template value;
    struct proxy_header *next;
};

/* proxy_redirect, proxy_cookie_domain and proxy_cookie_path. */
struct proxy_rewrite {
    struct wend_template from;      /* a prefix (of a cookie's domain: all of it) */
    const struct wend_regex *regex; /* not NULL: instead of `from`; `to` replaces all */
    struct wend_template to;
    bool by_default; /* neither: from where proxy_pass leads to the location's name */
    struct proxy_rewrite *next;
};

/* proxy_cookie_flags. */
#define PROXY_COOKIE_FLAGS_MAX 4
struct proxy_cookie_rule {
    struct wend_template name;
    const struct wend_regex *regex; /* not NULL: instead of `name` */
    struct wend_template flags[PROXY_COOKIE_FLAGS_MAX];
    unsigned count;
    struct proxy_cookie_rule *next;
};

/* What follows "proxy_pass". */
struct proxy_pass {
    struct wend_template url; /* with variables; else the rest is known */
    struct wend_upstream_target target;
    struct wend_str uri;        /* null: none was given */
    struct wend_str host_field; /* $proxy_host */
    struct wend_str prefix;     /* "http://host:port", as written */
    struct wend_str location;   /* the name that `uri` replaces */
};

struct proxy_location {
    struct wend_upstream_location common; /* first: see WEND_UPSTREAM_ROWS */
    struct proxy_pass *pass;
    struct proxy_header *headers;
    struct proxy_rewrite *redirects, *cookie_domains, *cookie_paths;
    int redirect_mode; /* WEND_UNSET, or one of enum redirect_mode */
    int cookie_domains_off, cookie_paths_off;
    struct proxy_cookie_rule *cookie_flags;
    bool cookie_flags_off;
    int http_version;
    struct wend_template method, body;
};

enum redirect_mode { PROXY_REDIRECT_OFF, PROXY_REDIRECT_DEFAULT, PROXY_REDIRECT_LIST };

/* One call of the handler: what variables and rewriting need of it. */
struct proxy_call {
    struct wend_upstream upstream; /* first */
    struct wend_upstream_settings settings;
    struct wend_body_settings body_settings;
    const struct proxy_location *location;
    struct wend_upstream_target target;
    struct wend_str host_field, port, url_prefix, location_name, uri;
    struct wend_h1_client_request request;
    struct wend_fields fields;
};

/* proxy_request.c. Suspends (names of variables are resolved). */
enum wend_code proxy_request_prepare(struct wend_exchange *x, struct proxy_call *call);
enum wend_code proxy_request_send(struct wend_task *task, struct wend_upstream *upstream,
                                  struct wend_h1_client *client);

/* Takes "http://host:port" off the front of a URL. NULL: it was; else what is wrong. */
const char *proxy_url_parse(struct wend_arena *arena, struct wend_str url, struct proxy_pass *out);
/* The sentence about it. */
struct wend_str proxy_url_problem(struct wend_arena *arena, const char *wrong, struct wend_str url);

/* proxy_cookie_flags.c */
enum wend_code proxy_set_cookie_flags(struct wend_conf *conf, const struct wend_directive *row,
                                      void *slot);
struct wend_str proxy_cookie_flags(struct wend_exchange *x, const struct proxy_cookie_rule *rules,
                                   struct wend_str cookie);

/* proxy_rewrite.c */
struct wend_str proxy_rewrite_field(struct wend_upstream *upstream, enum wend_field_id id,
                                    struct wend_str value);
enum wend_code proxy_set_redirect(struct wend_conf *, const struct wend_directive *, void *);
enum wend_code proxy_set_cookie_rewrite(struct wend_conf *, const struct wend_directive *, void *);

#endif
