"""A Django site in one file: a page with one query and a template.

`python benchsite.py prepare` makes the database. /loop?n=N calls the application N times in a bare
loop, in the interpreter that serves, and answers with the microseconds of CPU per call: what no
server can beat.
"""
import io
import os
import pathlib
import sys
import time

import django
from django.conf import settings

HERE = pathlib.Path(__file__).resolve().parent
DATABASE = os.environ.get("BENCH_DATABASE", "/tmp/wend-bench.sqlite3")

if not settings.configured:
    settings.configure(
        SECRET_KEY="a benchmark keeps no secrets",
        ALLOWED_HOSTS=["*"],
        DEBUG=False,
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": DATABASE,
                "CONN_MAX_AGE": None,
            }
        },
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [HERE / "templates"],
            }
        ],
        LOGGING_CONFIG=None,
        USE_TZ=True,
    )
    django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connection, models  # noqa: E402
from django.http import HttpResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import path  # noqa: E402


class Entry(models.Model):
    title = models.CharField(max_length=80)
    body = models.TextField()

    class Meta:
        app_label = "benchsite"


def page(request):
    return render(request, "page.html", {"entries": Entry.objects.order_by("-id")[:10]})


def loop(request):
    return HttpResponse(str(bare_loop(int(request.GET["n"]))))


urlpatterns = [path("", page), path("loop", loop)]
application = get_wsgi_application()


def prepare():
    with connection.schema_editor() as editor:
        editor.create_model(Entry)
    Entry.objects.bulk_create(
        Entry(title=f"Entry {n} <ü>", body="Some words of an entry. " * 4) for n in range(50)
    )


def bare_loop(count):
    def environ():
        return {
            "REQUEST_METHOD": "GET",
            "SCRIPT_NAME": "",
            "PATH_INFO": "/",
            "QUERY_STRING": "",
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_HOST": "127.0.0.1",
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
        }

    def call():
        result = application(environ(), lambda status, fields, exc_info=None: None)
        try:
            for _ in result:
                pass
        finally:
            result.close()

    start = time.thread_time()
    for _ in range(count):
        call()
    return (time.thread_time() - start) / count * 1e6


if __name__ == "__main__":
    prepare()
