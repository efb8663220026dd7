/* net/channel.h - words between master and worker, one byte each.
 *
 * A SOCK_SEQPACKET pair says when the other side is gone, and never mixes two words up. */
#ifndef WEND_NET_CHANNEL_H
#define WEND_NET_CHANNEL_H

#include "net/process.h"

enum wend_channel_kind {
    WEND_CHANNEL_DRAIN = 'D', /* to the worker */
    WEND_CHANNEL_STOP = 'S',
    WEND_CHANNEL_REOPEN = 'O',
    WEND_CHANNEL_READY = 'R', /* to the master */
    WEND_CHANNEL_RELOAD = 'L'
};

/* Never waits. WEND_E_IO: the other side is gone, or does not read. */
enum wend_code wend_channel_send(int channel, enum wend_channel_kind kind) WEND_MUST_CHECK;
/* Never waits. WEND_OK, WEND_DECLINED: none there; WEND_E_CLOSED: the other side is gone. */
enum wend_code wend_channel_recv(int channel, enum wend_channel_kind *kind) WEND_MUST_CHECK;

#endif
