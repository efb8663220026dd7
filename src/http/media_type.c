/* http/media_type.c - the tables of http/media_type.h.
 *
 * Types as registered at IANA, chosen for what sites are made of. No charset: text/html and
 * text/css say theirs inside, and a wrong one here could not be taken back. */
#include "http/media_type.h"

#define TYPE(extension, type)                                                                      \
    {                                                                                              \
        WEND_STR_INIT(extension), WEND_STR_INIT(type)                                              \
    }

/* Of what people write in an editor. */
#define UTF_8 "; charset=utf-8"

const struct wend_media_type wend_media_types_nginx[WEND_MEDIA_TYPES_NGINX] = {
    TYPE("html", "text/html"),
    TYPE("gif", "image/gif"),
    TYPE("jpg", "image/jpeg"),
};

/* Sorted by extension: it is searched by halves. */
static const struct wend_media_type types[] = {
    TYPE("3gp", "video/3gpp"),
    TYPE("7z", "application/x-7z-compressed"),
    TYPE("aac", "audio/aac"),
    TYPE("ai", "application/postscript"),
    TYPE("apng", "image/apng"),
    TYPE("atom", "application/atom+xml"),
    TYPE("avi", "video/x-msvideo"),
    TYPE("avif", "image/avif"),
    TYPE("bin", "application/octet-stream"),
    TYPE("bmp", "image/bmp"),
    TYPE("br", "application/octet-stream"),
    TYPE("bz2", "application/x-bzip2"),
    TYPE("cjs", "text/javascript" UTF_8),
    TYPE("css", "text/css" UTF_8),
    TYPE("csv", "text/csv" UTF_8),
    TYPE("deb", "application/vnd.debian.binary-package"),
    TYPE("dmg", "application/octet-stream"),
    TYPE("doc", "application/msword"),
    TYPE("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    TYPE("eot", "application/vnd.ms-fontobject"),
    TYPE("eps", "application/postscript"),
    TYPE("epub", "application/epub+zip"),
    TYPE("exe", "application/octet-stream"),
    TYPE("flac", "audio/flac"),
    TYPE("geojson", "application/geo+json"),
    TYPE("gif", "image/gif"),
    TYPE("gz", "application/gzip"),
    TYPE("heic", "image/heic"),
    TYPE("htm", "text/html" UTF_8),
    TYPE("html", "text/html" UTF_8),
    TYPE("ico", "image/vnd.microsoft.icon"),
    TYPE("ics", "text/calendar"),
    TYPE("img", "application/octet-stream"),
    TYPE("iso", "application/octet-stream"),
    TYPE("jar", "application/java-archive"),
    TYPE("jfif", "image/jpeg"),
    TYPE("jpeg", "image/jpeg"),
    TYPE("jpg", "image/jpeg"),
    TYPE("js", "text/javascript" UTF_8),
    TYPE("json", "application/json"),
    TYPE("jsonld", "application/ld+json"),
    TYPE("jxl", "image/jxl"),
    TYPE("kml", "application/vnd.google-earth.kml+xml"),
    TYPE("m3u8", "application/vnd.apple.mpegurl"),
    TYPE("m4a", "audio/mp4"),
    TYPE("m4v", "video/mp4"),
    TYPE("map", "application/json"),
    TYPE("md", "text/markdown" UTF_8),
    TYPE("mid", "audio/midi"),
    TYPE("mjs", "text/javascript" UTF_8),
    TYPE("mkv", "video/matroska"),
    TYPE("mov", "video/quicktime"),
    TYPE("mp3", "audio/mpeg"),
    TYPE("mp4", "video/mp4"),
    TYPE("mpd", "application/dash+xml"),
    TYPE("mpeg", "video/mpeg"),
    TYPE("mpg", "video/mpeg"),
    TYPE("odp", "application/vnd.oasis.opendocument.presentation"),
    TYPE("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    TYPE("odt", "application/vnd.oasis.opendocument.text"),
    TYPE("oga", "audio/ogg"),
    TYPE("ogg", "audio/ogg"),
    TYPE("ogv", "video/ogg"),
    TYPE("opus", "audio/ogg"),
    TYPE("otf", "font/otf"),
    TYPE("pdf", "application/pdf"),
    TYPE("png", "image/png"),
    TYPE("ppt", "application/vnd.ms-powerpoint"),
    TYPE("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    TYPE("ps", "application/postscript"),
    TYPE("rar", "application/vnd.rar"),
    TYPE("rss", "application/rss+xml"),
    TYPE("rtf", "application/rtf"),
    TYPE("svg", "image/svg+xml"),
    TYPE("svgz", "image/svg+xml"),
    TYPE("tar", "application/x-tar"),
    TYPE("tgz", "application/gzip"),
    TYPE("tif", "image/tiff"),
    TYPE("tiff", "image/tiff"),
    TYPE("ts", "video/mp2t"),
    TYPE("ttc", "font/collection"),
    TYPE("ttf", "font/ttf"),
    TYPE("txt", "text/plain" UTF_8),
    TYPE("vcf", "text/vcard"),
    TYPE("vtt", "text/vtt"),
    TYPE("wasm", "application/wasm"),
    TYPE("wav", "audio/vnd.wave"),
    TYPE("weba", "audio/webm"),
    TYPE("webm", "video/webm"),
    TYPE("webmanifest", "application/manifest+json"),
    TYPE("webp", "image/webp"),
    TYPE("woff", "font/woff"),
    TYPE("woff2", "font/woff2"),
    TYPE("xht", "application/xhtml+xml"),
    TYPE("xhtml", "application/xhtml+xml"),
    TYPE("xls", "application/vnd.ms-excel"),
    TYPE("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    TYPE("xml", "text/xml"),
    TYPE("xsl", "text/xsl"),
    TYPE("xz", "application/x-xz"),
    TYPE("yaml", "application/yaml"),
    TYPE("yml", "application/yaml"),
    TYPE("zip", "application/zip"),
    TYPE("zst", "application/zstd"),
};

struct wend_str wend_media_extension(struct wend_str path)
{
    for (size_t i = path.len; i > 1 && path.ptr[i - 1] != '/'; i--) {
        if (path.ptr[i - 1] == '.')
            return path.ptr[i - 2] == '/' ? WEND_STR("") : wend_str_from(path, i);
    }
    return WEND_STR("");
}

struct wend_str wend_media_type_of(struct wend_str extension)
{
    size_t low = 0, high = WEND_COUNT(types);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = wend_str_compare_nocase(extension, types[middle].extension);

        if (order == 0)
            return types[middle].type;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return WEND_STR_NULL;
}

const struct wend_media_type *wend_media_type_at(size_t index)
{
    return index < WEND_COUNT(types) ? &types[index] : NULL;
}
