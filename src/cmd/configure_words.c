/* cmd/configure_words.c - nginx's modules and the directives they are known by. */
#include "cmd/configure_words.h"

#include "cmd/config_words.h"

struct known_module {
    const char *word, *directive;
};

/* nginx's configure builds these unless it is told not to. */
static const struct known_module by_default[] = {
    {"http-cache", "proxy_cache_path"},
    {"http_access_module", "allow"},
    {"http_auth_basic_module", "auth_basic"},
    {"http_autoindex_module", "autoindex"},
    {"http_browser_module", "modern_browser"},
    {"http_charset_module", "charset"},
    {"http_empty_gif_module", "empty_gif"},
    {"http_fastcgi_module", "fastcgi_pass"},
    {"http_geo_module", "geo"},
    {"http_grpc_module", "grpc_pass"},
    {"http_gzip_module", "gzip"},
    {"http_limit_conn_module", "limit_conn"},
    {"http_limit_req_module", "limit_req"},
    {"http_map_module", "map"},
    {"http_memcached_module", "memcached_pass"},
    {"http_mirror_module", "mirror"},
    {"http_proxy_module", "proxy_pass"},
    {"http_referer_module", "valid_referers"},
    {"http_rewrite_module", "rewrite"},
    {"http_scgi_module", "scgi_pass"},
    {"http_split_clients_module", "split_clients"},
    {"http_ssi_module", "ssi"},
    {"http_tunnel_module", "tunnel_pass"},
    {"http_upstream_hash_module", "hash"},
    {"http_upstream_ip_hash_module", "ip_hash"},
    {"http_upstream_keepalive_module", "keepalive"},
    {"http_upstream_least_conn_module", "least_conn"},
    {"http_upstream_random_module", "random"},
    {"http_upstream_sticky_module", "sticky"},
    {"http_upstream_zone_module", "zone"},
    {"http_userid_module", "userid"},
    {"http_uwsgi_module", "uwsgi_pass"},
};

/* And these when it is told to. */
static const struct known_module on_request[] = {
    {"http_addition_module", "add_before_body"},
    {"http_auth_request_module", "auth_request"},
    {"http_dav_module", "dav_methods"},
    {"http_flv_module", "flv"},
    {"http_geoip_module", "geoip_country"},
    {"http_gunzip_module", "gunzip"},
    {"http_gzip_static_module", "gzip_static"},
    {"http_image_filter_module", "image_filter"},
    {"http_mp4_module", "mp4"},
    {"http_random_index_module", "random_index"},
    {"http_realip_module", "set_real_ip_from"},
    {"http_secure_link_module", "secure_link"},
    {"http_slice_module", "slice"},
    {"http_ssl_module", "ssl_certificate"},
    {"http_stub_status_module", "stub_status"},
    {"http_sub_module", "sub_filter"},
    {"http_v2_module", "http2"},
    {"http_v3_module", "http3"},
    {"http_xslt_module", "xslt_stylesheet"},
    {"stream", "stream"},
};

static bool is_there(const struct known_module *known)
{
    const struct wend_edge_module *module;
    const struct wend_directive *row;

    for (size_t i = 0;; i++) {
        row = wend_config_directive(i, &module);
        if (row == NULL)
            return false;
        if (strcmp(row->name, known->directive) == 0)
            return row->set != wend_set_ignored;
    }
}

void wend_configure_words_write(FILE *to)
{
    for (size_t i = 0; i < WEND_COUNT(on_request); i++) {
        if (is_there(&on_request[i]))
            fprintf(to, " --with-%s", on_request[i].word);
    }
    for (size_t i = 0; i < WEND_COUNT(by_default); i++) {
        if (!is_there(&by_default[i]))
            fprintf(to, " --without-%s", by_default[i].word);
    }
}
