/* The engine in a process of its own, asked through real connections: what the application sees
 * and what the client gets. An application is the text of a Python function in a table's row;
 * python_test_app.py makes it one. Every answer is compared whole, without its Date. */
#include "app/python/python.h"

#include "app/host.h"
#include "app/python/engine.h"
#include "fiber/io.h"
#include "http/h1_server.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define MOUNT "/shop"
#define BODY_MEMORY 1024 /* larger request bodies go to a file */
#define TRUSTED "10.0.0.1"
#define STRANGER "192.0.2.9"
#define ROOM (256u << 10) /* of a request and of an answer */
#define BALANCE_WARM_UP 10000
#define BALANCE_CALLS 40000
/* Caches of the library's come and go, by 400 blocks. One block lost in each call of one of the
 * applications would be 1,600. */
#define BALANCE_SLACK 1000

static struct wend_loop *loop;
static struct wend_app_host *host;
static struct wend_h1_server server;
static PyObject *module;

/* --- a client --------------------------------------------------------------------------------- */

struct client {
    struct wend_io io;
    size_t len;
    char got[ROOM];
};

static struct client client;

/* To the connection's end. A reset is one: it is how a torn answer ends here. */
static void read_answer(struct wend_io *io)
{
    ssize_t got;

    do {
        got = read(io->fd, client.got + client.len, sizeof(client.got) - client.len);
        client.len += got > 0 ? (size_t)got : 0;
        assert_true(client.len < sizeof(client.got));
    } while (got > 0);
    io->readable = false;
    if (got < 0 && errno == EAGAIN)
        return;
    wend_io_close(io);
    wend_loop_stop(loop);
}

/* What came, without CRs and the Date. */
static char *legible(void)
{
    size_t len = 0;
    char *date;

    for (size_t i = 0; i < client.len; i++)
        if (client.got[i] != '\r')
            client.got[len++] = client.got[i];
    client.got[len] = '\0';
    date = strstr(client.got, "\nDate: ");
    if (date != NULL)
        memmove(date, strchr(date + 1, '\n'), strlen(strchr(date + 1, '\n')) + 1);
    return client.got;
}

static struct wend_address address_of(const char *text, uint16_t port)
{
    struct wend_address address = {.family = AF_UNIX};

    if (text != NULL)
        assert_true(wend_address_parse_host(wend_str_of(text), port, &address));
    return address;
}

static void add_line(char *request, size_t *len, struct wend_str line)
{
    int added = snprintf(request + *len, ROOM - *len, "%.*s\r\n", WEND_STR_ARG(line));

    *len += (size_t)added;
    assert_true(*len < ROOM);
}

/* A request on a connection of its own: `head` is lines ended by \n. A peer of NULL is a unix
 * socket's. The answer is valid until the next one. */
static char *ask_as(const char *peer_text, const char *head, struct wend_str body)
{
    static char request[ROOM];
    struct wend_address peer = address_of(peer_text, 4711), local = address_of("127.0.0.1", 8080);
    struct wend_str rest = wend_str_of(head), line;
    size_t len = 0;
    int pair[2];

    while (rest.len != 0 && wend_str_split(&rest, '\n', &line))
        add_line(request, &len, line);
    add_line(request, &len, WEND_STR("Connection: close"));
    add_line(request, &len, WEND_STR(""));
    assert_true(len + body.len <= sizeof(request));
    if (body.len != 0)
        memcpy(request + len, body.ptr, body.len);
    len += body.len;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    client.len = 0;
    assert_int_equal(wend_io_open(&client.io, loop, pair[1], false), WEND_OK);
    client.io.on_ready = read_answer;
    assert_int_equal(write(pair[1], request, len), len);
    wend_h1_serve(loop, &server, pair[0], &peer, &local, wend_clock_ticks());
    wend_loop_run(loop);
    return legible();
}

static char *ask(void)
{
    return ask_as(STRANGER, "GET / HTTP/1.1\nHost: a\n", WEND_STR_NULL);
}

static const char *body_of(const char *answer)
{
    const char *end = strstr(answer, "\n\n");

    return end == NULL ? "no answer" : end + 2;
}

/* --- the application -------------------------------------------------------------------------- */

static void become(const char *source)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *none = PyObject_CallMethod(module, "become", "s", source);

    if (none == NULL)
        PyErr_Print();
    Py_XDECREF(none);
    PyGILState_Release(state);
    assert_non_null(none);
}

/* The application answers with ascii() of an expression. */
static void become_plain(const char *expression)
{
    char source[2048];

    snprintf(source, sizeof(source), "return plain(start_response, %s)", expression);
    become(source);
}

static void set_body(struct wend_str body)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *bytes = PyBytes_FromStringAndSize(body.ptr, (Py_ssize_t)body.len);

    assert_int_equal(PyObject_SetAttrString(module, "body", bytes), 0);
    Py_DECREF(bytes);
    PyGILState_Release(state);
}

/* --- environ ---------------------------------------------------------------------------------- */

#define GET "GET / HTTP/1.1\nHost: a\n"
#define A64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define FORWARDED                                                                                  \
    GET "X-Forwarded-For: 6.6.6.6, 198.51.100.7, 10.0.0.2\nX-Forwarded-Proto: https\n"             \
        "X-Forwarded-Host: shop.example\n"
#define PARTY "[environ.get(k) for k in ('wsgi.url_scheme', 'HTTPS', 'REMOTE_ADDR', 'HTTP_HOST')]"
#define NAMED(key) "environ.get('" key "')"
#define PLACE "(environ['SCRIPT_NAME'], environ['PATH_INFO'], environ['QUERY_STRING'])"
#define HAS_HTTP "[k for k in environ if k.startswith('HTTP_')]"

static const struct {
    const char *peer, *head, *body, *expression, *value;
} environ_rows[] = {
    /* keys and types */
    {STRANGER, GET, "", "sorted(k for k in environ if k[:5] not in ('wsgi.', 'HTTP_'))",
     "['GATEWAY_INTERFACE', 'PATH_INFO', 'QUERY_STRING', 'REMOTE_ADDR', 'REMOTE_PORT', "
     "'REQUEST_METHOD', 'REQUEST_SCHEME', 'REQUEST_URI', 'SCRIPT_NAME', 'SERVER_NAME', "
     "'SERVER_PORT', 'SERVER_PROTOCOL', 'SERVER_SOFTWARE']"},
    {STRANGER, GET, "", "{k[5:]: type(v).__name__ for k, v in environ.items() if k[:5] == 'wsgi.'}",
     "{'version': 'tuple', 'url_scheme': 'str', 'input': 'Input', 'errors': 'Errors', "
     "'multithread': 'bool', 'multiprocess': 'bool', 'run_once': 'bool', 'file_wrapper': 'type', "
     "'input_terminated': 'bool'}"},
    {STRANGER, GET, "", "{type(v) for k, v in environ.items() if k[:5] != 'wsgi.'} == {str}",
     "True"},
    {STRANGER, GET, "", "(type(environ) is dict, environ['wsgi.version'])", "(True, (1, 0))"},
    {STRANGER, GET, "", "[environ['wsgi.' + k] for k in ('multithread', 'multiprocess')]",
     "[False, True]"},
    {STRANGER, GET, "", "[environ[k] for k in ('SERVER_NAME', 'SERVER_PORT')]",
     "['127.0.0.1', '8080']"},
    {STRANGER, GET, "", "[environ[k] for k in ('REMOTE_ADDR', 'REMOTE_PORT')]",
     "['192.0.2.9', '4711']"},
    {NULL, GET, "", "[environ[k] for k in ('REMOTE_ADDR', 'REMOTE_PORT')]", "['', '']"},
    {STRANGER, "GET / HTTP/1.0\n", "", NAMED("SERVER_PROTOCOL"), "'HTTP/1.0'"},
    {STRANGER, "BREW / HTTP/1.1\nHost: a\n", "", NAMED("REQUEST_METHOD"), "'BREW'"},
    /* places */
    {STRANGER, "GET /shop/cart?a=%20 HTTP/1.1\nHost: a\n", "", PLACE,
     "('/shop', '/cart', 'a=%20')"},
    {STRANGER, "GET /shop HTTP/1.1\nHost: a\n", "", PLACE, "('/shop', '', '')"},
    {STRANGER, "GET /shopping HTTP/1.1\nHost: a\n", "", PLACE, "('', '/shopping', '')"},
    {STRANGER, "GET /else?? HTTP/1.1\nHost: a\n", "", PLACE, "('', '/else', '?')"},
    {STRANGER, "GET /caf%C3%A9/%2f HTTP/1.1\nHost: a\n", "",
     "(environ['PATH_INFO'], environ['REQUEST_URI'])", "('/caf\\xc3\\xa9//', '/caf%C3%A9/%2f')"},
    /* fields */
    {STRANGER, GET "X-Thing: caf\xe9\n", "", NAMED("HTTP_X_THING"), "'caf\\xe9'"},
    {STRANGER, GET "x-low-er: 1\n", "", NAMED("HTTP_X_LOW_ER"), "'1'"},
    {STRANGER, GET "Accept: a\nAccept: b\n", "", NAMED("HTTP_ACCEPT"), "'a, b'"},
    {STRANGER, GET "X-A: 1\nX-B: 2\nX-A: 3\n", "", NAMED("HTTP_X_A"), "'1, 3'"},
    {STRANGER, GET "Cookie: a=1\nCookie: b=2\n", "", NAMED("HTTP_COOKIE"), "'a=1; b=2'"},
    {STRANGER, GET "Content-Type: x/y\n", "",
     "(environ.get('CONTENT_TYPE'), environ.get('HTTP_CONTENT_TYPE'))", "('x/y', None)"},
    {STRANGER, GET "Proxy: http://evil/\n", "", HAS_HTTP, "['HTTP_HOST', 'HTTP_CONNECTION']"},
    {STRANGER, GET A64 A64 A64 A64 "a: long\n", "", HAS_HTTP, "['HTTP_HOST', 'HTTP_CONNECTION']"},
    /* the body's length */
    {STRANGER, GET, "", NAMED("CONTENT_LENGTH"), "None"},
    {STRANGER, GET "Content-Length: 0\n", "", NAMED("CONTENT_LENGTH"), "'0'"},
    {STRANGER, GET "Content-Length: 003\n", "abc", NAMED("CONTENT_LENGTH"), "'3'"},
    {STRANGER, GET "Transfer-Encoding: chunked\n", "5\r\nhello\r\n0\r\n\r\n",
     "(environ['CONTENT_LENGTH'], environ.get('HTTP_TRANSFER_ENCODING'))", "('5', None)"},
    {STRANGER, GET "Content-Length: 3\n", "abc", HAS_HTTP, "['HTTP_HOST', 'HTTP_CONNECTION']"},
    /* whose word counts */
    {STRANGER, FORWARDED, "", PARTY, "['http', None, '192.0.2.9', 'a']"},
    {TRUSTED, FORWARDED, "", PARTY, "['https', 'on', '198.51.100.7', 'shop.example']"},
    {NULL, FORWARDED, "", PARTY, "['https', 'on', '198.51.100.7', 'shop.example']"},
    {TRUSTED, FORWARDED, "", NAMED("REMOTE_PORT"), "''"},
    {TRUSTED, GET "X-Forwarded-For: unknown\n", "", PARTY, "['http', None, '10.0.0.1', 'a']"},
};

static void the_environ_is_what_pep_3333_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEND_COUNT(environ_rows); i++) {
        become_plain(environ_rows[i].expression);
        assert_string_equal(body_of(ask_as(environ_rows[i].peer, environ_rows[i].head,
                                           wend_str_of(environ_rows[i].body))),
                            environ_rows[i].value);
    }
}

/* The template is copied: what one request writes into its environ is not in the next one's. */
static void no_request_sees_what_another_wrote(void **state)
{
    (void)state;
    become("environ['HTTPS'] = environ['LEFT'] = 'x'; environ.pop('SERVER_SOFTWARE')\n"
           "return plain(start_response, 1)");
    assert_string_equal(body_of(ask()), "1");
    become_plain("(environ.get('HTTPS'), environ.get('LEFT'), 'SERVER_SOFTWARE' in environ)");
    assert_string_equal(body_of(ask()), "(None, None, True)");
}

/* --- start_response --------------------------------------------------------------------------- */

#define REFUSED(arguments) "return plain(start_response, outcome(start_response, " arguments "))"
#define OK_CLOSE(length) "HTTP/1.1 200 OK\nContent-Length: " length "\nConnection: close\n\n"
#define FAILED "HTTP/1.1 500 Internal Server Error\n"

struct answer_row {
    const char *source, *answer; /* without an empty line it is the answer's beginning */
    const char *events;          /* afterwards; NULL: none */
};

static const struct answer_row start_rows[] = {
    {"start_response('200 OK', [('Content-Type', 'a/b'), ('X-A', '1')]); return [b'hi']",
     "HTTP/1.1 200 OK\nContent-Type: a/b\nContent-Length: 2\nConnection: close\nX-A: 1\n\nhi"},
    {"start_response(status='299', response_headers=[]); return (b'a', b'', b'b')",
     "HTTP/1.1 299 \nContent-Length: 2\nConnection: close\n\nab"},
    {"start_response('200 Fein', []); return []",
     "HTTP/1.1 200 Fein\nContent-Length: 0\nConnection: close\n\n"},
    /* what is refused, and that a refusal leaves nothing behind */
    {REFUSED("'20', []"), OK_CLOSE("12") "'ValueError'"},
    {REFUSED("'100 Continue', []"), OK_CLOSE("12") "'ValueError'"},
    {REFUSED("'2000 X', []"), OK_CLOSE("12") "'ValueError'"},
    {REFUSED("'200 O\\r\\nK', []"), OK_CLOSE("12") "'ValueError'"},
    {REFUSED("'200 \\u20ac', []"), OK_CLOSE("12") "'ValueError'"},
    {REFUSED("b'200 OK', []"), OK_CLOSE("11") "'TypeError'"},
    {REFUSED("'200 OK'"), OK_CLOSE("11") "'TypeError'"},
    {REFUSED("'200 OK', ()"), OK_CLOSE("11") "'TypeError'"},
    {REFUSED("'200 OK', [['a', 'b']]"), OK_CLOSE("11") "'TypeError'"},
    {REFUSED("'200 OK', [('a', 1)]"), OK_CLOSE("11") "'TypeError'"},
    {REFUSED("'200 OK', [('X', '1'), ('a b', 'c')]"), OK_CLOSE("12") "'ValueError'"},
    {REFUSED("'200 OK', [('X', '1'), ('a', 'b\\r\\nc: d')]"), OK_CLOSE("12") "'ValueError'"},
    {REFUSED("'200 OK', [('a', 'b\\n')]"), OK_CLOSE("12") "'ValueError'"},
    {REFUSED("'200 OK', [('a', '\\u20ac')]"), OK_CLOSE("12") "'ValueError'"},
    {REFUSED("'200 OK', [('Content-Length', '1x')]"), OK_CLOSE("12") "'ValueError'"},
    {REFUSED("'200 OK', [('Content-Length', '1'), ('content-length', '2')]"),
     OK_CLOSE("12") "'ValueError'"},
    {REFUSED("'200 OK', [], (1, 2)"), OK_CLOSE("11") "'TypeError'"},
    /* hop by hop: left out; close is obeyed */
    {"start_response('200 OK', [(n, 'x') for n in ('Connection', 'Keep-Alive', 'TE', 'Trailer', "
     "'Upgrade', 'Transfer-Encoding', 'Proxy-Connection')]); return [b'hi']",
     OK_CLOSE("2") "hi"},
    /* twice */
    {"start_response('200 OK', [])\nstart_response('201 Created', [])", FAILED},
    {"start_response('200 OK', [('X', '1')])\n"
     "start_response('503 Later', [('Y', '2')], failure()); return [b'no']",
     "HTTP/1.1 503 Later\nContent-Length: 2\nConnection: close\nY: 2\n\nno"},
    {"start_response('200 OK', [], None)(b'some')\n"
     "start_response('500 No', [], failure()); return [b'more']",
     "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nConnection: close\n\n4\nsome\n"},
    {"start_response('200 OK', [])(b'some')\n"
     "return [outcome(start_response, '500 No', [], failure()).encode()]",
     "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nConnection: close\n\n4\nsome\n"},
    /* the body */
    {"return [b'no head']", FAILED},
    {"start_response('200 OK', []); return 'text'", FAILED},
    {"start_response('200 OK', []); return [b'a', 'b']", FAILED},
    {"start_response('200 OK', [])\nyield b''\nyield b'a'\nyield b'bc'",
     "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nConnection: close\n\n1\na\n2\nbc\n0\n\n"},
    {"start_response('200 OK', [('Content-Length', '2')])\nyield b'abc'", OK_CLOSE("2") "ab"},
    {"start_response('200 OK', [('Content-Length', '2')]); return [b'abc']", OK_CLOSE("2") "ab"},
    {"start_response('200 OK', [('Content-Length', '4')]); return [b'abc']", OK_CLOSE("4") "abc"},
    {"start_response('200 OK', [])(b'a'); return [b'b']",
     "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nConnection: close\n\n1\na\n1\nb\n0\n\n"},
    {"start_response('200 OK', []); return Told(b'a\\n')",
     "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nConnection: close\n\n2\na\n\n0\n\n",
     "['closed']"},
    {"start_response('204 No Content', [('Content-Length', '0')]); return []",
     "HTTP/1.1 204 No Content\nConnection: close\n\n"},
};

/* An assertion that failed with the GIL held would leave the engine's thread waiting for it. */
static void take_events(const char *expected)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *events = PyObject_GetAttrString(module, "events"), *text = PyObject_ASCII(events);
    char got[256];
    int cleared = PyList_SetSlice(events, 0, PyList_GET_SIZE(events), NULL);

    snprintf(got, sizeof(got), "%s", PyUnicode_AsUTF8(text));
    Py_DECREF(text);
    Py_DECREF(events);
    PyGILState_Release(state);
    assert_int_equal(cleared, 0);
    assert_string_equal(got, expected != NULL ? expected : "[]");
}

static void check_answers(const struct answer_row *rows, size_t count)
{
    for (const struct answer_row *row = rows; row < rows + count; row++) {
        char *answer;

        become(row->source);
        answer = ask();
        if (strstr(row->answer, "\n\n") == NULL)
            answer[strlen(row->answer)] = '\0';
        assert_string_equal(answer, row->answer);
        take_events(row->events);
    }
}

static void start_response_refuses_what_is_no_head(void **state)
{
    (void)state;
    check_answers(start_rows, WEND_COUNT(start_rows));
}

/* --- wsgi.input ------------------------------------------------------------------------------- */

/* Each is evaluated with the input and with a BytesIO of the same bytes: they agree. */
static const char *const input_rows[] = {
    "stream.read()",
    "stream.read(0), stream.read(1), stream.read(-1), stream.read(), stream.read(3)",
    "stream.read(None)",
    "stream.read(7), stream.read(9), stream.read(1 << 40)",
    "outcome(stream.read, 'x'), outcome(stream.read, 1, 2), stream.read(4)",
    "stream.readline(), stream.readline(), stream.read(5), stream.readline()",
    "stream.readline(0), stream.readline(3), stream.readline(-1), stream.readline(None)",
    "stream.read(16380), stream.readline(), stream.readline(2), stream.readline()",
    "stream.readlines()",
    "stream.readlines(1), stream.readlines(20000), stream.readlines(0), stream.readlines()",
    "stream.readline(), list(stream), next(stream, None), stream.read()",
    "next(stream, None), stream.read(2), next(stream, None)",
};

static void compare_with_bytesio(struct wend_str body)
{
    char head[128], source[1024];

    snprintf(head, sizeof(head), "POST / HTTP/1.1\nHost: a\nContent-Length: %zu\n", body.len);
    set_body(body);
    for (size_t i = 0; i < WEND_COUNT(input_rows); i++) {
        snprintf(source, sizeof(source),
                 "look = lambda stream: (%s)\n"
                 "ours, theirs = look(environ['wsgi.input']), look(io.BytesIO(body))\n"
                 "return plain(start_response, 'same' if ours == theirs else (ours, theirs))",
                 input_rows[i]);
        become(source);
        assert_string_equal(body_of(ask_as(STRANGER, head, body)), "'same'");
    }
}

/* Lines that end on a window's last byte, behind it, and far behind it. */
static void the_input_reads_as_a_file_does(void **state)
{
    static const size_t ends[] = {5, 16383, 16384, 16390, 32767, 52000};
    static char large[60000];

    (void)state;
    compare_with_bytesio(WEND_STR("one\ntwo\r\n\n\nlast line"));
    compare_with_bytesio(WEND_STR("\n\n"));
    for (size_t i = 0; i < sizeof(large); i++)
        large[i] = (char)('a' + i % 23);
    for (size_t i = 0; i < WEND_COUNT(ends); i++)
        large[ends[i]] = '\n';
    compare_with_bytesio(wend_str_make(large, sizeof(large)));
}

/* Objects of a request that outlive it say so, and do nothing to the next one. */
static void what_is_kept_is_of_no_use_afterwards(void **state)
{
    (void)state;
    become("kept[:] = [environ['wsgi.input'], start_response, start_response('200 OK', [])]\n"
           "return [b'first']");
    assert_string_equal(body_of(ask()), "first");
    become_plain("[outcome(f, *a) for f, a in ((kept[0].read, ()), (kept[0].readline, ()), "
                 "(kept[0].readlines, ()), (next, (kept[0],)), (kept[1], ('200 OK', [])), "
                 "(kept[2], (b'x',)))]");
    assert_string_equal(body_of(ask()), "['ValueError', 'ValueError', 'ValueError', 'ValueError', "
                                        "'RuntimeError', 'RuntimeError']");
}

/* --- wsgi.file_wrapper ------------------------------------------------------------------------ */

#define WRAP(file) "start_response('200 OK', [])\nreturn environ['wsgi.file_wrapper'](" file ")"
#define CHUNKED "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\nConnection: close\n\n"

static const struct answer_row wrapper_rows[] = {
    {WRAP("stored(b'0123456789', 0)"), OK_CLOSE("10") "0123456789"},
    {WRAP("stored(b'0123456789', 4)"), OK_CLOSE("6") "456789"},
    {WRAP("stored(b'0123456789', 40)"), OK_CLOSE("0")},
    {"file = stored(b'0123456789', 0); file.read(3); kept.append(file)\n" WRAP("file"),
     OK_CLOSE("7") "3456789"},
    {"start_response('200 OK', [('Content-Length', '3')])\n"
     "return environ['wsgi.file_wrapper'](stored(b'0123456789', 2))",
     OK_CLOSE("3") "234"},
    {WRAP("io.BytesIO(b'abcde'), 3"), CHUNKED "3\nabc\n2\nde\n0\n\n"},
    {WRAP("zipped(b'plain')"), CHUNKED "5\nplain\n0\n\n"},
    {WRAP("Told(b'abc'), blksize=0"), CHUNKED "3\nabc\n0\n\n", "['closed']"},
    {"return environ['wsgi.file_wrapper'](Told(b'abc'))", FAILED, "['closed']"},
    {WRAP("Broken('read')"), FAILED},
    {WRAP("object()"), FAILED},
    {"return plain(start_response, outcome(environ['wsgi.file_wrapper']))",
     OK_CLOSE("11") "'TypeError'"},
};

static void a_file_goes_out_from_where_it_is(void **state)
{
    (void)state;
    check_answers(wrapper_rows, WEND_COUNT(wrapper_rows));
}

/* --- balance ---------------------------------------------------------------------------------- */

/* One request of each, in turn, again and again. */
static const char *const balance_rows[] = {
    "return plain(start_response, environ['wsgi.input'].read())",
    "start_response('200 OK', [('Content-Type', 'a/b'), ('X', 'y')])\nyield b'a'\nyield b'b'",
    "environ['self'] = environ; environ['wsgi.errors'].write('a\\nb')\n"
    "kept[:] = [start_response, start_response('200 OK', [])]; return [b'a']",
    WRAP("stored(b'0123456789', 4)"),
    "events.clear()\n" WRAP("Told(b'abc')"),
    /* it raises, from the first moment to the last */
    "raise LookupError(environ)",
    "raise SystemExit(1)",
    "environ['wsgi.input'].read('x')",
    "start_response('20', [])",
    "start_response('200 OK', [('a', 'b'), ('c', 'd\\n')])",
    "start_response('200 OK', []); raise LookupError",
    "start_response('200 OK', [], failure()); start_response('200 OK', [])",
    "start_response('200 OK', [])(b'a'); start_response('500 No', [], failure())",
    "start_response('200 OK', [])('text')",
    "start_response('200 OK', []); return None",
    "start_response('200 OK', []); return [b'a', 'b']",
    "start_response('200 OK', []); return Broken('iter')",
    "start_response('200 OK', []); return Broken('next 2')",
    "start_response('200 OK', []); return Broken('next 1')",
    "start_response('200 OK', []); return Broken('next 0')",
    "start_response('200 OK', []); return Broken('close')",
    WRAP("Broken('read')"),
    WRAP("Broken('close')"),
    "start_response('200 OK', [('Content-Length', '1')])\nyield b'ab'\nyield b'c'",
};

struct live {
    Py_ssize_t objects, blocks, references;
};

static struct live count_live(void)
{
    PyGILState_STATE state = PyGILState_Ensure();
    PyObject *counts = PyObject_CallMethod(module, "live", NULL);
    struct live live;

    assert_non_null(counts);
    assert_true(PyArg_ParseTuple(counts, "nnn", &live.objects, &live.blocks, &live.references) !=
                0);
    Py_DECREF(counts);
    PyGILState_Release(state);
    return live;
}

static void call_often(size_t calls)
{
    for (size_t i = 0; i < calls; i++) {
        const size_t rows = WEND_COUNT(balance_rows), each = calls / rows + 1;

        if (i % each == 0)
            become(balance_rows[i / each]);
        assert_memory_equal(ask(), "HTTP/1.1 ", 9);
    }
}

static void many_calls_leave_nothing_behind(void **state)
{
    struct live before, after;

    (void)state;
    call_often(BALANCE_WARM_UP);
    become(balance_rows[0]);
    ask();
    before = count_live();
    call_often(BALANCE_CALLS);
    become(balance_rows[0]);
    ask();
    after = count_live();
    assert_in_range(after.objects, 0, before.objects + BALANCE_SLACK);
    assert_in_range(after.blocks, 0, before.blocks + BALANCE_SLACK);
    assert_in_range(after.references, 0, before.references + BALANCE_SLACK);
}

/* --- all of it -------------------------------------------------------------------------------- */

static void drop_line(struct wend_log *log, enum wend_log_level level, struct wend_str line)
{
    (void)log;
    (void)level;
    (void)line;
}

static int start(void **state)
{
    static struct wend_app_settings settings = {
        .name = WEND_STR_INIT("test"),
        .module = WEND_STR_INIT("python_test_app"),
        .script_name = WEND_STR_INIT(MOUNT),
        .pythonpath = {WEND_STR_INIT(TEST_FOLDER)},
        .pythonpath_count = 1,
        .env = {WEND_STR_INIT("PYTHONDONTWRITEBYTECODE=1")},
        .env_count = 1,
        .trusted_count = 1,
        .threads = 1,
        .processes = 2,
        .body_memory_bytes = BODY_MEMORY,
    };
    static struct wend_exchange_policy policy;
    PyGILState_STATE gil;

    (void)state;
    policy = wend_exchange_policy_default;
    policy.server = WEND_STR_NULL;
    wend_log_process->sink = drop_line;
    assert_true(wend_app_network_parse(WEND_STR("10.0.0.0/8"), &settings.trusted[0]));
    loop = wend_loop_new(0);
    assert_int_equal(wend_app_host_start(&settings, &wend_python_engine, loop, &host), WEND_OK);
    server = (struct wend_h1_server){.handler = wend_app_host_handler(host),
                                     .policy = WEND_H1_STRICT,
                                     .limits = wend_h1_limits_default,
                                     .policy_default = &policy,
                                     .head_timeout_ms = 60000,
                                     .requests_max = 1000};
    gil = PyGILState_Ensure();
    module = PyImport_ImportModule("python_test_app");
    PyGILState_Release(gil);
    return module == NULL;
}

static int stop(void **state)
{
    (void)state;
    assert_true(wend_loop_end_tasks(loop, 10000));
    while (wend_h1_close_idlest(loop))
        continue;
    assert_true(wend_app_host_stop(host, 10000));
    wend_h1_thread_release();
    wend_loop_free(loop);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environ_is_what_pep_3333_says),
        cmocka_unit_test(no_request_sees_what_another_wrote),
        cmocka_unit_test(start_response_refuses_what_is_no_head),
        cmocka_unit_test(the_input_reads_as_a_file_does),
        cmocka_unit_test(what_is_kept_is_of_no_use_afterwards),
        cmocka_unit_test(a_file_goes_out_from_where_it_is),
        cmocka_unit_test(many_calls_leave_nothing_behind),
    };

    return cmocka_run_group_tests(tests, start, stop);
}
