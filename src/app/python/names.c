/* app/python/names.c - str objects that are made once and used in every request.
 *
 * Interned keys hash and compare in an instruction; a browser's User-Agent is the same bytes in
 * request after request, so the last value of each known field is kept and found again by memcmp.
 * Values that are secrets or change each time (Cookie, Authorization, ...) are not kept.
 */
#include "app/python/python.h"

#define CACHED_BYTES_MAX 512

struct wend_py_names wend_py_names;

static PyObject *last_value[WEND_PY_SLOTS];

static PyObject *intern(const char *text)
{
    return PyUnicode_InternFromString(text);
}

/* "X-Real-IP" is HTTP_X_REAL_IP. */
static PyObject *field_key(struct wend_str name)
{
    char key[128] = "HTTP_";

    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        key[5 + i] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    key[5 + name.len] = '\0';
    return intern(key);
}

int wend_py_names_init(void)
{
    struct wend_py_names *n = &wend_py_names;

#define WEND_PY_NAME(name_) n->name_ = intern(#name_);
    WEND_PY_NAMES(WEND_PY_NAME)
#undef WEND_PY_NAME
    n->wsgi_version = intern("wsgi.version");
    n->wsgi_url_scheme = intern("wsgi.url_scheme");
    n->wsgi_input = intern("wsgi.input");
    n->wsgi_errors = intern("wsgi.errors");
    n->wsgi_multithread = intern("wsgi.multithread");
    n->wsgi_multiprocess = intern("wsgi.multiprocess");
    n->wsgi_run_once = intern("wsgi.run_once");
    n->wsgi_file_wrapper = intern("wsgi.file_wrapper");
    n->wsgi_input_terminated = intern("wsgi.input_terminated");
    n->http_0_9 = intern("HTTP/0.9");
    n->http_1_0 = intern("HTTP/1.0");
    n->http_1_1 = intern("HTTP/1.1");
    n->http_2 = intern("HTTP/2");
    n->scheme_http = intern("http");
    n->scheme_https = intern("https");
    n->on = intern("on");
    n->empty = intern("");
    n->empty_bytes = PyBytes_FromStringAndSize(NULL, 0);
    for (unsigned i = WEND_GET; i < WEND_COUNT(n->methods); i++)
        n->methods[i] = wend_py_latin1(wend_method_text((enum wend_method)i));
    for (unsigned i = 1; i < WEND_FIELDS_KNOWN; i++)
        n->fields[i] = field_key(wend_field_name((enum wend_field_id)i));
    return PyErr_Occurred() != NULL ? -1 : 0;
}

static bool worth_keeping(unsigned slot)
{
    switch (slot) {
    case WEND_FIELD_COOKIE:
    case WEND_FIELD_AUTHORIZATION:
    case WEND_FIELD_CONTENT_LENGTH:
    case WEND_FIELD_TRACEPARENT:
    case WEND_FIELD_UNKNOWN:
        return false;
    default:
        return true;
    }
}

PyObject *wend_py_cached(unsigned slot, struct wend_str s)
{
    PyObject *last = last_value[slot];

    if (!worth_keeping(slot) || s.len > CACHED_BYTES_MAX)
        return wend_py_latin1(s);
    if (last != NULL && PyUnicode_GET_LENGTH(last) == (Py_ssize_t)s.len &&
        memcmp(PyUnicode_1BYTE_DATA(last), s.ptr, s.len) == 0)
        return Py_NewRef(last);
    last = wend_py_latin1(s);
    if (last != NULL)
        Py_XSETREF(last_value[slot], Py_NewRef(last));
    return last;
}
