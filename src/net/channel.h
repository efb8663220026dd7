/* net/channel.h - messages between master and worker: one byte of kind, then text.
 *
 * A SOCK_SEQPACKET pair keeps messages whole and says when the other side is gone. */
#ifndef WEND_NET_CHANNEL_H
#define WEND_NET_CHANNEL_H

#include "net/process.h"

enum wend_channel_kind {
    WEND_CHANNEL_DRAIN = 'D', /* to the worker */
    WEND_CHANNEL_STOP = 'S',
    WEND_CHANNEL_REOPEN = 'O',
    WEND_CHANNEL_READY = 'R', /* to the master */
    WEND_CHANNEL_RELOAD = 'L',
    WEND_CHANNEL_MESSAGE = 'M' /* both ways: the policy's own */
};

struct wend_channel_packet {
    char kind;
    char bytes[WEND_MESSAGE_MAX];
};

/* Never waits. WEND_E_LIMIT: too long; WEND_E_IO: the other side is gone, or does not read. */
enum wend_code wend_channel_send(int channel, enum wend_channel_kind kind,
                                 struct wend_str message) WEND_MUST_CHECK;
/* Never waits. WEND_OK, WEND_DECLINED: none there; WEND_E_CLOSED: the other side is gone. */
enum wend_code wend_channel_recv(int channel, enum wend_channel_kind *kind,
                                 struct wend_channel_packet *packet,
                                 struct wend_str *message) WEND_MUST_CHECK;

#endif
