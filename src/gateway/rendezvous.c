/* gateway/rendezvous.c - see gateway/rendezvous.h. A descriptor travels with one byte, which says
 * nothing. */
#include "gateway/rendezvous.h"

#include <errno.h>
#include <sys/socket.h>

enum wend_code wend_rendezvous_open(int *edge, int *pool)
{
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return WEND_E_LIMIT;
    *edge = pair[0];
    *pool = pair[1];
    return WEND_OK;
}

enum wend_code wend_rendezvous_send(int edge, int fd)
{
    char byte = 'c', control[CMSG_SPACE(sizeof(fd))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);

    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    if (sendmsg(edge, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1)
        return WEND_OK;
    return errno == EAGAIN ? WEND_E_LIMIT : WEND_E_REFUSED;
}

/* One message; *fd stays -1 when it held no descriptor. */
static enum wend_code take_message(int pool, int *fd)
{
    char byte, control[CMSG_SPACE(sizeof(*fd))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof(control)};
    struct cmsghdr *head;
    ssize_t got;

    do
        got = recvmsg(pool, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return got < 0 && errno == EAGAIN ? WEND_DECLINED : WEND_E_CLOSED;
    head = CMSG_FIRSTHDR(&message);
    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS &&
        head->cmsg_len == CMSG_LEN(sizeof(*fd)))
        memcpy(fd, CMSG_DATA(head), sizeof(*fd));
    return WEND_OK;
}

enum wend_code wend_rendezvous_take(int pool, int *fd)
{
    enum wend_code code;

    *fd = -1;
    do
        code = take_message(pool, fd);
    while (code == WEND_OK && *fd < 0);
    return code;
}
