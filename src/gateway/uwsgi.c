/* gateway/uwsgi.c - reading and writing uwsgi packets.
 *
 * Every length is compared with what is left before it is used, in one place (take_text), so that a
 * reader cannot be talked past the end. The packet is checked whole before its first variable is
 * looked at: a request is either understood or refused, never half applied.
 */
#include "gateway/uwsgi.h"

static void put_u16(char *at, size_t value)
{
    at[0] = (char)(value & 0xff);
    at[1] = (char)(value >> 8);
}

static size_t get_u16(const char *at)
{
    return (size_t)(unsigned char)at[0] | (size_t)(unsigned char)at[1] << 8;
}

void wend_uwsgi_packet_start(struct wend_buffer *packet, uint8_t modifier1, uint8_t modifier2)
{
    char head[WEND_UWSGI_HEAD_BYTES] = {(char)modifier1, 0, 0, (char)modifier2};

    wend_buffer_add(packet, (struct wend_str){head, sizeof(head)});
}

void wend_uwsgi_packet_add(struct wend_buffer *packet, struct wend_str key, struct wend_str value)
{
    size_t bytes;
    char *at;

    if (key.len > UINT16_MAX || value.len > UINT16_MAX) {
        packet->overflow = true;
        return;
    }
    bytes = 4 + key.len + value.len;
    at = wend_buffer_reserve(packet, bytes);
    if (at == NULL)
        return;
    put_u16(at, key.len);
    if (key.len > 0)
        memcpy(at + 2, key.ptr, key.len);
    put_u16(at + 2 + key.len, value.len);
    if (value.len > 0)
        memcpy(at + 4 + key.len, value.ptr, value.len);
    packet->len += bytes;
}

enum wend_code wend_uwsgi_packet_end(struct wend_buffer *packet, size_t start)
{
    size_t size;

    if (packet->overflow)
        return WEND_E_LIMIT;
    size = packet->len - start - WEND_UWSGI_HEAD_BYTES;
    if (size > WEND_UWSGI_VARS_BYTES_MAX)
        return WEND_E_LIMIT;
    put_u16(packet->ptr + start + 1, size);
    return WEND_OK;
}

void wend_uwsgi_head_parse(const char bytes[WEND_UWSGI_HEAD_BYTES], struct wend_uwsgi_head *out)
{
    out->modifier1 = (uint8_t)bytes[0];
    out->size = (uint16_t)get_u16(bytes + 1);
    out->modifier2 = (uint8_t)bytes[3];
}

bool wend_uwsgi_head_is_http(const struct wend_uwsgi_head *head)
{
    static const char starts[][WEND_UWSGI_HEAD_BYTES + 1] = {
        "GET ", "HEAD", "POST", "PUT ", "DELE", "OPTI", "PATC", "TRAC", "CONN", "PRI "};
    char bytes[WEND_UWSGI_HEAD_BYTES];

    bytes[0] = (char)head->modifier1;
    put_u16(bytes + 1, head->size);
    bytes[3] = (char)head->modifier2;
    for (size_t i = 0; i < WEND_COUNT(starts); i++)
        if (memcmp(bytes, starts[i], sizeof(bytes)) == 0)
            return true;
    return false;
}

/* A length and as many bytes; false when they are not there. */
static bool take_text(struct wend_str *rest, struct wend_str *text)
{
    size_t len;

    if (rest->len < 2)
        return false;
    len = get_u16(rest->ptr);
    if (len > rest->len - 2)
        return false;
    *text = (struct wend_str){rest->ptr + 2, len};
    *rest = wend_str_from(*rest, 2 + len);
    return true;
}

bool wend_uwsgi_vars_next(struct wend_str *rest, struct wend_str *key, struct wend_str *value)
{
    return take_text(rest, key) && key->len > 0 && take_text(rest, value);
}

enum wend_code wend_uwsgi_vars_check(struct wend_str vars, size_t *offset)
{
    struct wend_str rest = vars, before = vars, key, value;
    size_t count = 0;

    while (wend_uwsgi_vars_next(&rest, &key, &value)) {
        count++;
        before = rest;
        if (count > WEND_UWSGI_VARS_MAX)
            break;
    }
    *offset = vars.len - before.len;
    if (count > WEND_UWSGI_VARS_MAX)
        return WEND_E_LIMIT;
    return before.len == 0 ? WEND_OK : WEND_E_SYNTAX;
}
