/* edge/syslog.h - log lines to a syslog server over UDP or a unix datagram socket (RFC 3164).
 *
 * "syslog:server=HOST[:PORT]|unix:PATH[,facility=NAME][,severity=NAME][,tag=TEXT][,nohostname]", as
 * access_log and error_log take it. A host name is looked up once, when the configuration is read.
 *
 * Who owns what. A wend_syslog is the configuration's; each process that inherits it opens its own
 * socket on first use.
 *
 * What it promises. Sending never waits: what the socket does not take is lost, and the process's
 * log hears of it once a minute. A message is cut at WEND_SYSLOG_MAX bytes.
 */
#ifndef WEND_EDGE_SYSLOG_H
#define WEND_EDGE_SYSLOG_H

#include "base/arena.h"
#include "base/code.h"

#define WEND_SYSLOG_MAX 8192
#define WEND_SYSLOG_TAG_MAX 32

struct wend_syslog;

/* `parameters` is what follows "syslog:". On WEND_E_CONFIG *problem is a sentence for the person
 * who wrote it. */
enum wend_code wend_syslog_parse(struct wend_arena *arena, struct wend_str parameters,
                                 struct wend_syslog **out,
                                 struct wend_str *problem) WEND_MUST_CHECK;

/* `line` without its newline. `severity` below 0: the configured one (info without any). */
void wend_syslog_send(struct wend_syslog *to, int severity, struct wend_str line);

/* Closes the socket; the memory is the arena's. */
void wend_syslog_close(struct wend_syslog *to);

#endif
