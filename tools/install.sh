#!/bin/sh
# install.sh DESTDIR PREFIX BUILD: programs, man pages, a systemd unit, a logrotate file.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
to=$1$2
build=$root/$3
install -Dm755 "$build/src/cmd/wend" "$to/bin/wend"
[ ! -e "$build/src/cmd/wend-python3.11" ] || install -Dm755 "$build/src/cmd/wend-python3.11" "$to/bin/wend-python3.11"
for name in nginx uwsgi gunicorn; do
    mkdir -p "$to/lib/wend/compat"
    ln -sf "$2/bin/wend" "$to/lib/wend/compat/$name"
done
for page in "$root"/docs/man/*.[18]; do
    [ -e "$page" ] || continue
    install -Dm644 "$page" "$to/share/man/man${page##*.}/${page##*/}"
done
mkdir -p "$to/lib/systemd/system"
sed "s|@PREFIX@|$2|g" "$root/packaging/wend.service" > "$to/lib/systemd/system/wend.service"
install -Dm644 "$root/packaging/logrotate" "$to/share/wend/logrotate"
echo "installed below $to; put $2/lib/wend/compat first on PATH to be nginx, uwsgi and gunicorn"
