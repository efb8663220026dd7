/* net/channel.c - one word out, one word in. */
#include "net/channel.h"

#include <errno.h>
#include <sys/socket.h>

enum wend_code wend_channel_send(int channel, enum wend_channel_kind kind)
{
    char byte = (char)kind;
    ssize_t sent;

    do
        sent = send(channel, &byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? WEND_E_IO : WEND_OK;
}

enum wend_code wend_channel_recv(int channel, enum wend_channel_kind *kind)
{
    ssize_t got;
    char byte;

    do
        got = recv(channel, &byte, 1, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0 && errno == EAGAIN)
        return WEND_DECLINED;
    if (got <= 0)
        return WEND_E_CLOSED;
    *kind = (enum wend_channel_kind)byte;
    return WEND_OK;
}
