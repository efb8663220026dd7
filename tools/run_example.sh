#!/bin/sh
# `make run`: a real Django site, ready to log in, served by wend alone. Works on a copy below the
# build directory, so that its database and uploads stay out of the sources.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
build=$root/${1:-build}
site=$build/example-site
python=$build/venv/bin/python

mkdir -p "$site"
cp -rp "$root/examples/django-site/." "$site/"
cd "$site"
"$python" manage.py migrate --verbosity 0
DJANGO_SUPERUSER_PASSWORD=admin "$python" manage.py createsuperuser --noinput --username admin \
    --email admin@localhost >/dev/null 2>&1 || true # it is there already
echo "The site is http://127.0.0.1:${WEND_PORT:-8000}/ and its admin http://127.0.0.1:${WEND_PORT:-8000}/admin/"
echo "(user admin, password admin: for development only)."
exec "$build/wend" serve --development --home "$build/venv" -b "127.0.0.1:${WEND_PORT:-8000}" "$site"
