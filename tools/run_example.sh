#!/bin/sh
# make run: a real Django site, served by wend alone.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
site=$root/build/example-site
venv=$root/build/venv-site
dpkg-query -W -f '${Status}' python3.11-venv 2>/dev/null | grep -q 'ok installed' || "$root/tools/packages.sh" test
if [ ! -x "$venv/bin/django-admin" ]; then
    echo "making $venv with Django ..."
    /usr/bin/python3.11 -m venv "$venv"
    "$venv/bin/pip" install -q --disable-pip-version-check -r "$root/examples/django-site/requirements.txt"
fi
rm -rf "$site.new"
mkdir -p "$site"
cp -r "$root/examples/django-site/." "$site/"
cd "$site"
"$venv/bin/python" manage.py migrate -v 0
DJANGO_SUPERUSER_PASSWORD=admin "$venv/bin/python" manage.py createsuperuser --noinput \
    --username admin --email admin@localhost >/dev/null 2>&1 || true
echo "The admin is at http://127.0.0.1:8000/admin/ (user admin, password admin: for development only)."
VIRTUAL_ENV=$venv exec "$root/build/wend" serve "$site" -b 127.0.0.1:8000
