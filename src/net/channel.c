/* net/channel.c - one packet out, one packet in. */
#include "net/channel.h"

#include <errno.h>

enum wend_code wend_channel_send(int channel, enum wend_channel_kind kind, struct wend_str message)
{
    struct wend_channel_packet packet = {.kind = (char)kind};
    ssize_t sent;

    if (message.len > sizeof(packet.bytes))
        return WEND_E_LIMIT;
    if (message.len > 0)
        memcpy(packet.bytes, message.ptr, message.len);
    do
        sent = send(channel, &packet, 1 + message.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? WEND_E_IO : WEND_OK;
}

enum wend_code wend_channel_recv(int channel, enum wend_channel_kind *kind,
                                 struct wend_channel_packet *packet, struct wend_str *message)
{
    ssize_t got;

    do
        got = recv(channel, packet, sizeof(*packet), MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN)
        return WEND_DECLINED;
    if (got <= 0)
        return WEND_E_CLOSED;
    *kind = (enum wend_channel_kind)packet->kind;
    *message = wend_str_make(packet->bytes, (size_t)got - 1);
    return WEND_OK;
}
