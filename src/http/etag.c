/* http/etag.c - entity tags; see http/etag.h. */
#include "http/etag.h"

static size_t write_hex(uint64_t value, char *out)
{
    static const char digits[] = "0123456789abcdef";
    char reversed[16];
    size_t len = 0;

    do {
        reversed[len++] = digits[value & 15];
        value >>= 4;
    } while (value != 0);
    for (size_t i = 0; i < len; i++)
        out[i] = reversed[len - 1 - i];
    return len;
}

size_t wend_etag_write_file(int64_t mtime_s, int64_t size, char out[WEND_ETAG_FILE_MAX])
{
    size_t len = 0;

    out[len++] = '"';
    len += write_hex((uint64_t)mtime_s, out + len);
    out[len++] = '-';
    len += write_hex((uint64_t)size, out + len);
    out[len++] = '"';
    out[len] = '\0';
    return len;
}

/* Without "W/". */
static struct wend_str opaque(struct wend_str tag)
{
    return wend_etag_weak(tag) ? wend_str_from(tag, 2) : tag;
}

/* One entity-tag off the front of *rest: [W/]"...", where a comma may stand between the quotes; or
 * whatever stands before the next comma when it is no tag. */
static struct wend_str take_tag(struct wend_str *rest)
{
    struct wend_str all = *rest, tag;
    size_t at = wend_etag_weak(all) ? 2 : 0;
    ptrdiff_t comma;

    if (at < all.len && all.ptr[at] == '"') {
        ptrdiff_t quote = wend_str_find_byte(wend_str_from(all, at + 1), '"');

        if (quote >= 0)
            at += (size_t)quote + 2;
    }
    comma = wend_str_find_byte(wend_str_from(all, at), ',');
    tag = comma < 0 ? all : wend_str_slice(all, 0, at + (size_t)comma);
    *rest = comma < 0 ? WEND_STR_NULL : wend_str_from(all, at + (size_t)comma + 1);
    return wend_str_trim(tag);
}

bool wend_etag_in_list(struct wend_str list, struct wend_str tag, bool weak)
{
    list = wend_str_trim(list);
    if (list.len == 1 && list.ptr[0] == '*')
        return true;
    if (tag.len == 0)
        return false;
    while (list.len > 0) {
        struct wend_str one = take_tag(&list);

        if (weak ? wend_str_eq(opaque(one), opaque(tag))
                 : wend_str_eq(one, tag) && !wend_etag_weak(tag))
            return true;
        list = wend_str_trim(list);
    }
    return false;
}
