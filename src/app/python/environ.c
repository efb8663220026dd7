/* app/python/environ.c - the request as the dict PEP 3333 describes.
 *
 * Each request gets a copy of a template: the constants are there, and the usual keys have their
 * places, so that filling in is replacing. Measured, 24 variables: 3.4 us with fresh keys, 1.2 us
 * this way.
 */
#include "app/python/python.h"

#include "gateway/uwsgi_server.h"
#include "http/path.h"

#define KEY_BYTES_MAX 256 /* of a field name; longer ones are not passed on */
#define ROOM_FOR_KEYS 40

#define N wend_py_names

static int put(PyObject *dict, PyObject *key, PyObject *value)
{
    int result;

    if (value == NULL)
        return -1;
    result = PyDict_SetItem(dict, key, value);
    Py_DECREF(value);
    return result;
}

static int put_str(PyObject *dict, PyObject *key, struct wend_str s)
{
    return put(dict, key, wend_py_latin1(s));
}

static PyObject *boolean(bool value)
{
    return Py_NewRef(value ? Py_True : Py_False);
}

/* The order is the one in which a person would read it. */
PyObject *wend_py_environ_template(const struct wend_app_settings *settings)
{
    PyObject *dict = _PyDict_NewPresized(ROOM_FOR_KEYS);
    PyObject *places[] = {N.REQUEST_METHOD, N.SCRIPT_NAME,     N.PATH_INFO,   N.QUERY_STRING,
                          N.REQUEST_URI,    N.SERVER_PROTOCOL, N.SERVER_NAME, N.SERVER_PORT,
                          N.REMOTE_ADDR,    N.REMOTE_PORT};
    int bad = dict == NULL;

    for (size_t i = 0; i < WEND_COUNT(places) && !bad; i++)
        bad |= PyDict_SetItem(dict, places[i], N.empty);
    if (bad)
        return NULL;
    bad |= put(dict, N.SERVER_SOFTWARE, PyUnicode_FromString("wend/" WEND_VERSION));
    bad |= put(dict, N.GATEWAY_INTERFACE, PyUnicode_FromString("CGI/1.1"));
    bad |= PyDict_SetItem(dict, N.REQUEST_SCHEME, N.scheme_http);
    bad |= put(dict, N.wsgi_version, Py_BuildValue("(ii)", 1, 0));
    bad |= PyDict_SetItem(dict, N.wsgi_url_scheme, N.scheme_http);
    bad |= PyDict_SetItem(dict, N.wsgi_input, Py_None);
    bad |= PyDict_SetItem(dict, N.wsgi_errors, Py_None);
    bad |= put(dict, N.wsgi_multithread, boolean(settings->threads != 1));
    bad |= put(dict, N.wsgi_multiprocess, boolean(settings->processes > 1));
    bad |= PyDict_SetItem(dict, N.wsgi_run_once, Py_False);
    bad |= PyDict_SetItem(dict, N.wsgi_file_wrapper, (PyObject *)&wend_py_file_wrapper_type);
    bad |= PyDict_SetItem(dict, N.wsgi_input_terminated, Py_True);
    if (bad)
        Py_CLEAR(dict);
    return dict;
}

/* --- who speaks, and to whom ------------------------------------------------------------------ */

struct party {
    struct wend_str scheme, remote, server_name, host; /* host: null unless a proxy replaced it */
    bool secure, remote_forwarded;
};

static void believe_proxy(const struct wend_app_settings *settings, const struct wend_exchange *x,
                          struct party *party)
{
    struct wend_arena *arena = &x->task->arena;
    const struct wend_fields *fields = &x->request.fields;
    struct wend_str proto =
        wend_app_forwarded_last(wend_fields_value(fields, WEND_FIELD_X_FORWARDED_PROTO));
    struct wend_str client;

    if (wend_str_eq_nocase(proto, WEND_STR("https")))
        party->secure = true;
    else if (wend_str_eq_nocase(proto, WEND_STR("http")))
        party->secure = false;
    client = wend_app_forwarded_client(
        settings, wend_fields_joined(fields, arena, WEND_STR("X-Forwarded-For"), WEND_STR(", ")));
    if (client.len != 0) {
        party->remote = client;
        party->remote_forwarded = true;
    }
    party->host = wend_app_forwarded_last(wend_fields_value(fields, WEND_FIELD_X_FORWARDED_HOST));
}

static bool has_forwarded(const struct wend_exchange *x)
{
    const uint64_t any = UINT64_C(1) << WEND_FIELD_X_FORWARDED_FOR |
                         UINT64_C(1) << WEND_FIELD_X_FORWARDED_PROTO |
                         UINT64_C(1) << WEND_FIELD_X_FORWARDED_HOST;

    _Static_assert(WEND_FIELD_X_FORWARDED_HOST < 64, "the field has a bit in wend_fields.present");
    return (x->request.fields.present & any) != 0;
}

static int put_port(PyObject *dict, PyObject *key, uint16_t port)
{
    static PyObject *texts[4];
    static uint16_t ports[4];
    unsigned slot = port % WEND_COUNT(ports);
    char digits[24];

    if (texts[slot] == NULL || ports[slot] != port) {
        PyObject *text = wend_py_latin1(wend_str_make(digits, wend_str_from_u64(port, digits)));

        if (text == NULL)
            return -1;
        Py_XSETREF(texts[slot], text);
        ports[slot] = port;
    }
    return PyDict_SetItem(dict, key, texts[slot]);
}

static int put_party(PyObject *dict, const struct wend_app_settings *settings,
                     const struct wend_exchange *x, const struct wend_app_place *place)
{
    const struct wend_address *peer = &x->conn->peer, *local = &x->conn->local;
    bool local_named = local->family == AF_INET || local->family == AF_INET6;
    bool peer_named = peer->family == AF_INET || peer->family == AF_INET6;
    struct party party = {.secure = wend_str_eq(x->request.scheme, WEND_STR("https"))};
    char local_text[WEND_ADDRESS_TEXT_MAX], peer_text[WEND_ADDRESS_TEXT_MAX];
    int bad = 0;

    party.remote = wend_str_make(peer_text, wend_address_write_host(peer, peer_text));
    if (!peer_named)
        party.remote = WEND_STR("");
    party.server_name = place->server_name;
    if (party.server_name.len == 0 && local_named)
        party.server_name = wend_str_make(local_text, wend_address_write_host(local, local_text));
    if (party.server_name.len == 0)
        party.server_name = x->request.host.len != 0 ? x->request.host : WEND_STR("localhost");
    if (has_forwarded(x) && wend_app_trusts(settings, peer))
        believe_proxy(settings, x, &party);
    bad |= put(dict, N.SERVER_NAME, wend_py_cached(WEND_PY_SLOT_SERVER, party.server_name));
    bad |= put_port(dict, N.SERVER_PORT,
                    local_named ? wend_address_port(local) : (uint16_t)(party.secure ? 443 : 80));
    bad |= put(dict, N.REMOTE_ADDR, wend_py_cached(WEND_PY_SLOT_REMOTE, party.remote));
    if (peer_named && !party.remote_forwarded)
        bad |= put_port(dict, N.REMOTE_PORT, wend_address_port(peer));
    if (party.secure) {
        bad |= PyDict_SetItem(dict, N.wsgi_url_scheme, N.scheme_https);
        bad |= PyDict_SetItem(dict, N.REQUEST_SCHEME, N.scheme_https);
        bad |= PyDict_SetItem(dict, N.HTTPS, N.on);
    }
    if (party.host.len != 0 && wend_field_value_valid(party.host))
        bad |= put_str(dict, N.fields[WEND_FIELD_HOST], party.host);
    return bad;
}

/* --- the fields ------------------------------------------------------------------------------- */

/* "X-Thing" becomes HTTP_X_THING; NULL without an exception: it is not passed on. A name with an
 * underscore would look like another one with a hyphen (and has passed filters that knew that one).
 */
static PyObject *unknown_key(struct wend_str name)
{
    char key[KEY_BYTES_MAX + 5];

    if (name.len > KEY_BYTES_MAX)
        return NULL;
    memcpy(key, "HTTP_", 5);
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];

        if (c == '_')
            return NULL;
        key[5 + i] = c == '-' ? '_' : c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    return wend_py_latin1(wend_str_make(key, name.len + 5));
}

/* A name that came before: RFC 9110 5.2, and RFC 9113 8.2.3 for cookies. */
static int join(PyObject *dict, PyObject *key, PyObject *value, uint16_t id)
{
    PyObject *before = PyDict_GetItemWithError(dict, key);

    if (before == NULL)
        return -1;
    return put(dict, key,
               PyUnicode_FromFormat(id == WEND_FIELD_COOKIE ? "%U; %U" : "%U, %U", before, value));
}

static int put_field(PyObject *dict, PyObject *key, PyObject *value, uint16_t id)
{
    Py_ssize_t size = PyDict_GET_SIZE(dict);
    int bad = -1;

    if (value == NULL)
        return -1;
    if (PyDict_SetDefault(dict, key, value) != NULL)
        bad = PyDict_GET_SIZE(dict) == size ? join(dict, key, value, id) : 0;
    Py_DECREF(value);
    return bad;
}

static int put_one_field(PyObject *dict, const struct wend_field *field)
{
    PyObject *key;
    int bad;

    switch (field->id) {
    case WEND_FIELD_PROXY:             /* would be HTTP_PROXY, which HTTP clients obey */
    case WEND_FIELD_CONTENT_LENGTH:    /* said once, by what was received */
    case WEND_FIELD_TRANSFER_ENCODING: /* taken off already */
        return 0;
    case WEND_FIELD_CONTENT_TYPE:
        return put(dict, N.CONTENT_TYPE, wend_py_cached(field->id, field->value));
    case WEND_FIELD_UNKNOWN:
        key = unknown_key(field->name);
        if (key == NULL)
            return PyErr_Occurred() != NULL ? -1 : 0;
        bad = put_field(dict, key, wend_py_latin1(field->value), field->id);
        Py_DECREF(key);
        return bad;
    default:
        return put_field(dict, N.fields[field->id], wend_py_cached(field->id, field->value),
                         field->id);
    }
}

/* --- all of it -------------------------------------------------------------------------------- */

static PyObject *method_text(const struct wend_request *request)
{
    if (request->method != WEND_METHOD_OTHER)
        return Py_NewRef(N.methods[request->method]);
    return wend_py_latin1(request->method_text);
}

static PyObject *protocol_text(enum wend_version version)
{
    switch (version) {
    case WEND_HTTP_11:
        return N.http_1_1;
    case WEND_HTTP_20:
        return N.http_2;
    case WEND_HTTP_09:
        return N.http_0_9;
    default:
        return N.http_1_0;
    }
}

/* "/shop/cart" below the mount "/shop" is SCRIPT_NAME "/shop" and PATH_INFO "/cart". */
static void split_mount(struct wend_str mount, struct wend_str path, struct wend_app_place *place)
{
    place->path_info = path;
    if (mount.len == 0 || !wend_str_starts(path, mount) ||
        (path.len != mount.len && path.ptr[mount.len] != '/'))
        return;
    place->script_name = mount;
    place->path_info = wend_str_from(path, mount.len);
}

/* Whoever routed the request may have said where it is; a uwsgi packet does; else the path does. */
static void find_place(const struct wend_app_settings *settings, const struct wend_exchange *x,
                       struct wend_app_place *place)
{
    struct wend_str path;

    if (place->path_info.ptr != NULL) {
        split_mount(settings->script_name, place->path_info, place);
        return;
    }
    path = wend_percent_decode(&x->task->arena, x->request.path_raw);
    if (path.ptr == NULL)
        path = WEND_STR("");
    if (!wend_uwsgi_exchange(x)) {
        split_mount(settings->script_name, path, place);
        return;
    }
    place->path_info = path;
    place->script_name = wend_uwsgi_variable(x, WEND_STR("SCRIPT_NAME"));
    place->server_name = wend_uwsgi_variable(x, WEND_STR("SERVER_NAME"));
}

static int put_body_length(PyObject *dict, const struct wend_exchange *x,
                           const struct wend_body *body)
{
    char digits[24];

    if (x->request.content_length < 0 && !x->request.chunked)
        return 0;
    return put_str(dict, N.CONTENT_LENGTH,
                   wend_str_make(digits, wend_str_from_u64((uint64_t)body->bytes, digits)));
}

/* What a front server adds with uwsgi_param is the application's, unless we say it ourselves. The
 * variables that would tell uWSGI to load code or to change the process are nobody's. */
static int put_variables(PyObject *dict, struct wend_str rest)
{
    struct wend_str key, value;
    int bad = 0;

    while (bad == 0 && wend_uwsgi_vars_next(&rest, &key, &value)) {
        bool replaces = wend_str_eq(key, WEND_STR("SERVER_PORT")) && value.len != 0;
        PyObject *name, *text;

        if (wend_str_starts(key, WEND_STR("HTTP_")) || wend_str_starts(key, WEND_STR("UWSGI_")) ||
            wend_str_starts(key, WEND_STR("wsgi.")) || key.len > KEY_BYTES_MAX ||
            wend_str_starts(key, WEND_STR("CONTENT_")))
            continue;
        name = wend_py_latin1(key);
        text = wend_py_latin1(value);
        if (name == NULL || text == NULL)
            bad = -1;
        else if (replaces)
            bad = PyDict_SetItem(dict, name, text);
        else
            bad = PyDict_SetDefault(dict, name, text) == NULL ? -1 : 0;
        Py_XDECREF(name);
        Py_XDECREF(text);
    }
    return bad;
}

PyObject *wend_py_environ_new(struct wend_py_call *call, PyObject *input)
{
    const struct wend_app_settings *settings = call->app->settings;
    const struct wend_app_job *job = call->job;
    const struct wend_exchange *x = job->x;
    const struct wend_request *request = &x->request;
    struct wend_app_place place = job->place;
    PyObject *dict = PyDict_Copy(call->app->environ);
    int bad;

    if (dict == NULL)
        return NULL;
    bad = put(dict, N.REQUEST_METHOD, method_text(request));
    find_place(settings, x, &place);
    if (place.script_name.len != 0)
        bad |= put_str(dict, N.SCRIPT_NAME, place.script_name);
    bad |= put(dict, N.PATH_INFO, wend_py_cached(WEND_PY_SLOT_PATH, place.path_info));
    if (request->query.len != 0)
        bad |= put_str(dict, N.QUERY_STRING, request->query);
    bad |= put_str(dict, N.REQUEST_URI, request->target);
    bad |= PyDict_SetItem(dict, N.SERVER_PROTOCOL, protocol_text(request->version));
    bad |= PyDict_SetItem(dict, N.wsgi_input, input);
    bad |= PyDict_SetItem(dict, N.wsgi_errors, call->thread->errors);
    bad |= put_body_length(dict, x, &job->body);
    for (unsigned i = 0; i < request->fields.count && bad == 0; i++)
        bad |= put_one_field(dict, &request->fields.at[i]);
    bad |= put_party(dict, settings, x, &place);
    if (wend_uwsgi_exchange(x))
        bad |= put_variables(dict, wend_uwsgi_variables(x));
    else if (place.variables.len != 0)
        bad |= put_variables(dict, place.variables);
    if (place.remote_user.len != 0)
        bad |= put_str(dict, N.REMOTE_USER, place.remote_user);
    if (bad != 0)
        Py_CLEAR(dict);
    return dict;
}
