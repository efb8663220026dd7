/* gateway/rendezvous.h - how an edge worker and a process of a pool get a connection without an
 * address.
 *
 * What it is for. The master makes a rendezvous per slot of a pool, a SOCK_SEQPACKET pair: a worker
 * makes a stream pair of its own and sends one end through it. What nobody has taken yet waits
 * there while a crashed process is replaced, and both sides learn when the last process of the
 * other kind is gone. (A listening socket needs a path, and a path needs permissions that suit two
 * users; an abstract name has none.)
 *
 * Who owns what. A descriptor that was sent is the kernel's until it is taken; the sender closes
 * its own copy.
 *
 * What it promises. Nothing here waits.
 */
#ifndef WEND_GATEWAY_RENDEZVOUS_H
#define WEND_GATEWAY_RENDEZVOUS_H

#include "base/code.h"
#include "base/str.h"

/* *edge's and *pool's end, close-on-exec. WEND_E_LIMIT with errno. */
enum wend_code wend_rendezvous_open(int *edge, int *pool) WEND_MUST_CHECK;

/* WEND_E_LIMIT: as many wait as may; WEND_E_REFUSED: nobody can take it any more (errno). */
enum wend_code wend_rendezvous_send(int edge, int fd) WEND_MUST_CHECK;

/* WEND_DECLINED: none waits; WEND_E_CLOSED: nobody can send one any more. A message without a
 * descriptor is passed over. */
enum wend_code wend_rendezvous_take(int pool, int *fd) WEND_MUST_CHECK;

#endif
