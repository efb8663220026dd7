/* tests/fuzz/h1_server_fuzz.c - a whole connection: what a client sends, in parts that end
 * anywhere, against handlers that read all of a body, some of it or nothing.
 *
 * The first byte chooses policy and the lengths of the parts; the rest is what the client says
 * before it closes. What is checked: the sanitizers' opinion, that every answer starts as one, and
 * that nothing is left when the client has gone.
 */
#include "base/assert.h"
#include "http/h1_server.h"
#include "turns.h"

#define ANSWERS_ROOM (1u << 20)
#define BODY_ROOM (256u << 10)
#define TURNS_AT_THE_END 200

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct wend_exchange_policy policy;
static int connections_open;

static enum wend_code read_body(struct wend_exchange *x, size_t most)
{
    char block[3001];
    size_t got = 1, sum = 0;
    enum wend_code code = WEND_OK;

    while (code == WEND_OK && got != 0 && sum < most) {
        code = wend_body_read(x, block, sizeof(block), &got);
        sum += got;
    }
    return code;
}

/* By the path's second byte. */
static enum wend_code serve(const struct wend_handler *self, struct wend_exchange *x)
{
    struct wend_str path = x->request.path_raw;
    struct wend_piece piece = wend_piece_of(WEND_STR("some"));
    enum wend_code code = WEND_OK;

    (void)self;
    switch (path.len > 1 ? path.ptr[1] : 0) {
    case 'a':
        code = read_body(x, BODY_ROOM);
        break;
    case 's':
        code = read_body(x, 1);
        break;
    case 'y':
        code = wend_task_yield(x->task);
        break;
    case 'n':
        return WEND_OK;
    case 't':
        (void)wend_h1_take_input(x);
        break;
    case 'p':
        x->response.status = 200;
        code = wend_respond(x, &piece, 1, false);
        return code == WEND_OK ? wend_respond(x, &piece, 1, true) : code;
    default:
        break;
    }
    if (code != WEND_OK)
        return code;
    return wend_respond_text(x, 200, WEND_STR("text/plain"), WEND_STR("ok"));
}

static void connections(const struct wend_h1_server *server, int change)
{
    (void)server;
    connections_open += change;
}

static const struct wend_handler handler = {"fuzz", serve};
static struct wend_h1_server servers[] = {
    {.handler = &handler, .connections = connections, .policy = WEND_H1_STRICT},
    {.handler = &handler, .connections = connections, .policy = WEND_H1_NGINX},
};

static void set_up(void)
{
    loop = wend_loop_new(16);
    policy = wend_exchange_policy_default;
    policy.body_timeout_ms = policy.lingering_timeout_ms = policy.lingering_time_ms = 1000;
    for (size_t i = 0; i < WEND_COUNT(servers); i++) {
        servers[i].policy_default = &policy;
        servers[i].limits = wend_h1_limits_default;
        servers[i].head_timeout_ms = 1000;
        servers[i].requests_max = 1000;
    }
}

static size_t hear(int fd, char *into, size_t room)
{
    ssize_t got = recv(fd, into, room, MSG_DONTWAIT);

    return got > 0 ? (size_t)got : 0;
}

static void check_answers(const char *answers, size_t len)
{
    static const char start[] = "HTTP/1.";

    WEND_ASSERT(memcmp(answers, start, len < sizeof(start) - 1 ? len : sizeof(start) - 1) == 0);
}

static void talk(int fd, const uint8_t *bytes, size_t len, unsigned step, bool strict)
{
    static char answers[ANSWERS_ROOM];
    size_t heard = 0;

    for (size_t at = 0; at < len;) {
        size_t part = part_at(at, len - at, step);
        ssize_t sent;

        sent = send(fd, bytes + at, part, MSG_NOSIGNAL | MSG_DONTWAIT);
        turn();
        heard += hear(fd, answers + heard, sizeof(answers) - heard);
        if (sent < 0) /* it has closed, or does not read while it has much to say */
            break;
        at += (size_t)sent;
    }
    for (int i = 0; i < 3; i++) {
        turn();
        heard += hear(fd, answers + heard, sizeof(answers) - heard);
    }
    if (strict) /* nginx answers HTTP/0.9, which is a body alone */
        check_answers(answers, heard);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct wend_address nobody = {.in = {.sin_family = AF_UNIX}};
    int ends[2];

    if (len < 2)
        return 0;
    if (loop == NULL)
        set_up();
    make_pair(ends);
    wend_h1_serve(loop, &servers[bytes[0] & 1], ends[0], &nobody, &nobody, wend_clock_ticks());
    talk(ends[1], bytes + 1, len - 1, bytes[0] >> 4,
         servers[bytes[0] & 1].policy == WEND_H1_STRICT);
    close(ends[1]);
    for (int i = 0; connections_open != 0 && i < TURNS_AT_THE_END; i++)
        turn();
    WEND_ASSERT(connections_open == 0);
    return 0;
}
