"""The part of the Python host that is better said in Python: what runs before the first request and
after a failure, and never during a request. Compiled into the worker; imported as _wend_host."""

import ast
import difflib
import gc
import html
import importlib
import importlib.machinery
import importlib.util
import io
import linecache
import os
import re
import sys
import time
import traceback

sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
# print() and logging belong into the log as they happen, not when a buffer is full.
sys.stdout = io.TextIOWrapper(open(2, "wb", 0, closefd=False), encoding="utf-8",
                              errors="backslashreplace", line_buffering=True, write_through=True)
sys.stderr = sys.stdout

PATIENT_LINES = 12  # of sys.path and of suggestions


class LoadError(Exception):
    """Its text is the whole message; no traceback is wanted."""


# --- finding the application ----------------------------------------------------------------------

def load(module, name, wsgi_file, project, pythonpath):
    _prepend(os.getcwd())
    for path in reversed(pythonpath):
        _prepend(os.path.abspath(path))
    if project:
        return _check(_load_project(os.path.abspath(project)), "the project's WSGI application")
    if wsgi_file:
        loaded, label = _load_file(wsgi_file), wsgi_file
    else:
        if ":" in module and name is None:
            module, name = module.split(":", 1)
        loaded, label = _import(module), module
    return _check(_attribute(loaded, label, name), f"{label}:{name or 'application'}")


def _prepend(path):
    if path in sys.path:
        sys.path.remove(path)
    sys.path.insert(0, path)


def _import(module):
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # Missing is the module itself or a parent of it, not something that it imports.
        if error.name is None or not (module + ".").startswith(error.name + "."):
            raise
        raise LoadError(_not_found(module, error.name)) from None


def _not_found(module, missing):
    lines = [f'there is no module "{missing}"'
             + (f' (wanted: "{module}")' if missing != module else "")]
    near = _near_modules(module, missing)
    if near:
        lines.append("did you mean " + " or ".join(f'"{name}"' for name in near) + "?")
    if module.endswith(".py") or "/" in module:
        guess = module.removesuffix(".py").strip("./").replace("/", ".")
        lines.append(f'a module is named as in an import statement: "{guess}"')
    lines.append(f"searched, from {os.getcwd()}:")
    lines += [f"  {path or '.'}" + ("" if os.path.exists(path or ".") else "  (is not there)")
              for path in sys.path[:PATIENT_LINES]]
    if len(sys.path) > PATIENT_LINES:
        lines.append(f"  and {len(sys.path) - PATIENT_LINES} more")
    return "\n".join(lines)


def _near_modules(module, missing):
    """Names beside the missing one that look like it."""
    parent, _, last = missing.rpartition(".")
    folders = [os.getcwd()]
    if parent in sys.modules:
        folders = list(getattr(sys.modules[parent], "__path__", []))
    names = set()
    for folder in folders:
        try:
            for entry in os.listdir(folder):
                stem, ext = os.path.splitext(entry)
                if ext == ".py" or (not ext and os.path.isdir(os.path.join(folder, entry))):
                    names.add(stem)
        except OSError:
            pass
    prefix = parent + "." if parent else ""
    return [prefix + name + module[len(missing):]
            for name in difflib.get_close_matches(last, sorted(names), 2)]


def _load_file(path):
    """A file is a module without a name that anybody would import."""
    full = os.path.abspath(path)
    if not os.path.isfile(full):
        raise LoadError(f'there is no file "{full}"')
    _prepend(os.path.dirname(full))
    name = "wend_file_" + re.sub(r"\W", "_", os.path.splitext(os.path.basename(full))[0])
    loader = importlib.machinery.SourceFileLoader(name, full)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    sys.modules[name] = module
    loader.exec_module(module)
    return module


def _attribute(module, label, name):
    for candidate in [name] if name else ["application", "app"]:
        value = _walk(module, candidate)
        if value is not None:
            return value
    raise LoadError(_no_attribute(module, label, name or "application"))


def _walk(module, expression):
    """`app`, `sites.main`, `create_app()` or `create_app("test", debug=True)`."""
    try:
        tree = ast.parse(expression, mode="eval").body
    except SyntaxError:
        raise LoadError(f'"{expression}" is neither a name nor a call such as create_app()') from None
    call = tree if isinstance(tree, ast.Call) else None
    names, node = [], call.func if call else tree
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise LoadError(f'"{expression}" is neither a name nor a call such as create_app()')
    value = module
    for part in [node.id, *reversed(names)]:
        value = getattr(value, part, None)
        if value is None:
            return None
    if call is None:
        return value
    try:
        args = [ast.literal_eval(arg) for arg in call.args]
        keywords = {arg.arg: ast.literal_eval(arg.value) for arg in call.keywords}
    except ValueError:
        raise LoadError(f'the arguments in "{expression}" must be literals') from None
    return value(*args, **keywords)


def _no_attribute(module, label, name):
    own = [key for key, value in vars(module).items()
           if callable(value) and not key.startswith("_")]
    lines = [f'"{label}" has nothing named "{name}"']
    near = difflib.get_close_matches(name, own, 1)
    apps = [key for key in own if not isinstance(vars(module)[key], type)]
    factories = [key for key in apps if key.startswith(("create_app", "make_app", "get_app"))]
    if near:
        lines.append(f'did you mean "{label}:{near[0]}"?')
    elif factories:
        lines.append(f'if {factories[0]} makes the application, say "{label}:{factories[0]}()"')
    lines.append("callable there: " + (", ".join(apps[:PATIENT_LINES]) or "nothing"))
    if getattr(module, "__file__", None):
        lines.append(f"the module is {module.__file__}")
    return "\n".join(lines)


def _check(application, label):
    import inspect
    call = getattr(type(application), "__call__", None)
    if inspect.iscoroutinefunction(application) or inspect.iscoroutinefunction(call):
        raise LoadError(f"{label} is an ASGI application; this server runs WSGI applications "
                        "so far (Django: take the wsgi module instead of asgi)")
    if not callable(application):
        raise LoadError(f"{label} is {type(application).__name__}, which cannot be called; a WSGI "
                        "application is a callable with the arguments (environ, start_response)")
    return application


# --- Django projects ------------------------------------------------------------------------------

def _load_project(folder):
    _prepend(folder)
    manage = os.path.join(folder, "manage.py")
    try:
        with open(manage, encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        raise LoadError(f"no Django project: {error}") from None
    found = re.search(r"""DJANGO_SETTINGS_MODULE["'\s,=\]]+["']([\w.]+)["']""", text)
    if found:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", found.group(1))
    elif "DJANGO_SETTINGS_MODULE" not in os.environ:
        raise LoadError(f"{manage} does not say DJANGO_SETTINGS_MODULE; set it with --env")
    try:
        from django.conf import settings
    except ModuleNotFoundError as error:
        if error.name != "django":
            raise
        raise LoadError("Django is not installed for this Python.\n" + _not_found("django", "django")
                        + "\nif the project has a virtualenv, name it with --home DIR") from None
    _import(os.environ["DJANGO_SETTINGS_MODULE"])
    path = getattr(settings, "WSGI_APPLICATION", None)
    if path:
        module, _, name = path.rpartition(".")
        return _attribute(_import(module), module, name)
    from django.core.wsgi import get_wsgi_application
    return get_wsgi_application()


def static_folders(development):
    """[(URL prefix, folder)] of Django's staticfiles; [] for everything else. What is not collected
    yet is found where `manage.py runserver` finds it, in development and with DEBUG."""
    if "django.conf" not in sys.modules:
        return []
    from django.conf import settings
    if not settings.configured or not getattr(settings, "STATIC_URL", None):
        return []
    prefix = "/" + settings.STATIC_URL.lstrip("/")
    if "://" in settings.STATIC_URL or prefix == "/":
        return []
    folders = []
    found = development or settings.DEBUG
    root = getattr(settings, "STATIC_ROOT", None)
    if root and (not found or os.path.isdir(root)):
        folders.append((prefix, str(root)))
    if found and "django.contrib.staticfiles" in settings.INSTALLED_APPS:
        from django.contrib.staticfiles import finders
        for finder in finders.get_finders():
            for sub, folder in getattr(finder, "locations", []):
                folders.append((prefix + (sub + "/" if sub else ""), str(folder)))
            for storage in getattr(finder, "storages", {}).values():
                if os.path.isdir(getattr(storage, "location", "")):
                    folders.append((prefix, str(storage.location)))
    return folders


# --- saying what went wrong -----------------------------------------------------------------------

def _own_frames(trace):
    """Without the frames of this file and of the import machinery above the application's."""
    skip = ("<wend host.py>", "<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>")
    while trace is not None and (trace.tb_frame.f_code.co_filename in skip
                                 or trace.tb_frame.f_code.co_filename == importlib.__file__):
        trace = trace.tb_next
    return trace


def traceback_text(error):
    return "".join(traceback.format_exception(type(error), error, _own_frames(error.__traceback__)))


def load_failure(error):
    if isinstance(error, LoadError):
        text = str(error)
    else:
        text = "the application failed while it was imported:\n" + traceback_text(error)
        if isinstance(error, ModuleNotFoundError):
            text += "the Python is " + sys.prefix + "; a virtualenv is named with --home DIR\n"
    return text.encode("utf-8", "backslashreplace")


def where(frame):
    """Where an import that does not end is: its innermost line, and the ones that led there."""
    stack = [entry for entry in traceback.extract_stack(frame)
             if not entry.filename.startswith("<")] if frame is not None else []
    lines = ["the import is at:"] + [
        f"  {entry.filename}, line {entry.lineno}, in {entry.name}: {entry.line}"
        for entry in reversed(stack[-6:])]
    return "\n".join(lines).encode("utf-8", "backslashreplace")


_STYLE = """body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem;
color:#1c1e21;background:#fff}h1{font-size:1.4rem;margin:0}h2{font-size:1.05rem;margin:2rem 0 .5rem}
.what{color:#b3261e;white-space:pre-wrap;font-family:ui-monospace,monospace}
details{border:1px solid #d8dbe0;border-radius:6px;margin:.4rem 0;padding:.3rem .8rem}
summary{cursor:pointer}pre{margin:.5rem 0;overflow:auto}.here{background:#fdecea;display:block}
table{border-collapse:collapse;font:13px ui-monospace,monospace}td{padding:.1rem .8rem .1rem 0;
vertical-align:top;word-break:break-all}.quiet{color:#667}
@media(prefers-color-scheme:dark){body{background:#16181c;color:#e6e8eb}.here{background:#4a2320}
details{border-color:#3a3e45}.what{color:#ff8a80}.quiet{color:#9aa}}"""
_SECRET = re.compile(r"pass|secret|token|api.?key|signature|authorization|cookie|session", re.I)
_VALUE_CHARS = 300


def _shown(key, value):
    if _SECRET.search(str(key)):
        return "********"
    try:
        text = repr(value)
    except Exception as error:
        text = f"<repr failed: {type(error).__name__}>"
    return text if len(text) <= _VALUE_CHARS else text[:_VALUE_CHARS] + " ..."


def _table(pairs):
    rows = "".join(f"<tr><td>{html.escape(str(key))}</td><td>{html.escape(_shown(key, value))}</td>"
                   "</tr>" for key, value in pairs)
    return f"<table>{rows}</table>"


def _frame_html(frame, line_number, is_open):
    code = frame.f_code
    lines = []
    for number in range(max(1, line_number - 4), line_number + 5):
        text = linecache.getline(code.co_filename, number, frame.f_globals)
        if text:
            shown = html.escape(f"{number:5} {text.rstrip()}")
            lines.append(f'<span class="here">{shown}</span>' if number == line_number
                         else shown + "\n")
    variables = [(key, value) for key, value in frame.f_locals.items() if not key.startswith("__")]
    return (f'<details{" open" if is_open else ""}><summary><b>{html.escape(code.co_name)}</b> '
            f'<span class="quiet">{html.escape(code.co_filename)}:{line_number}</span></summary>'
            f'<pre>{"".join(lines)}</pre>{_table(variables[:40])}</details>')


def traceback_page(error, environ):
    frames = list(traceback.walk_tb(_own_frames(error.__traceback__)))
    body = [_frame_html(frame, number, index == 0)
            for index, (frame, number) in enumerate(reversed(frames[-40:]))]
    what = "".join(traceback.format_exception_only(type(error), error)).strip()
    title = html.escape(what.splitlines()[0][:150])
    request = ""
    if environ:
        line = f"{environ.get('REQUEST_METHOD', '')} {environ.get('REQUEST_URI', '')}"
        request = (f'<p class="quiet">{html.escape(line)}</p>',
                   "<h2>environ</h2>" + _table(sorted(environ.items(), key=lambda pair: str(pair[0]))))
    page = ["<!doctype html><meta charset=utf-8><meta name=viewport content='width=device-width'>",
            f"<title>{title}</title><style>{_STYLE}</style>",
            "<h1>The application raised an exception</h1>", request[0] if request else "",
            f'<p class="what">{html.escape(what)}</p><h2>traceback, innermost first</h2>',
            *body, request[1] if request else "", "<h2>as text</h2><pre>",
            html.escape(traceback_text(error)), "</pre>",
            "<p class=quiet>This page is shown in development only.</p>"]
    return "".join(page).encode("utf-8", "backslashreplace")


# --- changed files and the end --------------------------------------------------------------------

def _watched():
    """The files behind the modules that may change while somebody works on them."""
    installed = (os.path.realpath(os.path.dirname(os.__file__)) + os.sep,)
    for module in list(sys.modules.values()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or path.startswith("<"):
            continue
        real = os.path.realpath(path)
        if not real.startswith(installed) and "site-packages" not in real \
                and "dist-packages" not in real:
            yield path


_seen = {}


def changed_file():
    """The path of a watched file that is not what it was at the last look; None."""
    found = None
    for path in _watched():
        try:
            status = os.stat(path)
            now = (status.st_mtime_ns, status.st_size)
        except OSError:
            now = None
        if _seen.setdefault(path, now) != now:
            _seen[path] = now
            found = found or path
    return found


def wait_for_change(interval=0.5):
    while True:
        time.sleep(interval)
        path = changed_file()
        if path:
            return path


def thread_names():
    """Of the threads there are beside this one; a native one has no name."""
    threading = sys.modules.get("threading")
    if threading is None:
        return "native"
    names = [t.name for t in threading.enumerate() if t is not threading.main_thread()]
    return ", ".join(names) or "native"


def freeze():
    gc.collect()
    gc.freeze()


def finish():
    """What threading and atexit would do at the end of a program."""
    import atexit
    import threading
    try:
        threading._shutdown()
    finally:
        atexit._run_exitfuncs()
