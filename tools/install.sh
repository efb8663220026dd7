#!/bin/sh
# `make install`: BUILD, DESTDIR and PREFIX come from the Makefile.
set -eu
cd "$(dirname "$0")/.."
to=${DESTDIR:-}$PREFIX

# wend looks for wend-python3.11 beside itself, so both live in bin.
install -d "$to/bin" "$to/share/man/man1" "$to/share/man/man8" "$to/share/doc/wend" \
    "$to/lib/systemd/system" "${DESTDIR:-}/etc/logrotate.d" "$to/lib/wend/compat"
install -m 755 "$BUILD/src/cmd/wend" "$to/bin/wend"
if [ -e "$BUILD/src/cmd/wend-python3.11" ]; then
    install -m 755 "$BUILD/src/cmd/wend-python3.11" "$to/bin/wend-python3.11"
fi
# Not in bin: there they would hide the programs whose names they carry.
for name in nginx uwsgi gunicorn; do
    ln -sf ../../../bin/wend "$to/lib/wend/compat/$name"
done
install -m 644 docs/man/wend.1 "$to/share/man/man1/"
# The pages of the commands come from the tables their options are parsed with, and say which section
# they belong in.
date=$(date -u +'%B %e, %Y' -r "$BUILD/src/cmd/wend")
for command in serve edge app gunicorn get trace help; do
    page=$("$BUILD/wend" help --man $command | sed "1s/.*/.Dd $date/")
    section=$(printf '%s\n' "$page" | sed -n 's/^\.Dt .* //p')
    printf '%s\n' "$page" >"$to/share/man/man$section/wend-$command.$section"
    chmod 644 "$to/share/man/man$section/wend-$command.$section"
done
sed -i "1s/.*/.Dd $date/" "$to/share/man/man1/wend.1"
sed "s|@PREFIX@|$PREFIX|g" packaging/wend.service >"$to/lib/systemd/system/wend.service"
chmod 644 "$to/lib/systemd/system/wend.service"
install -m 644 packaging/logrotate "${DESTDIR:-}/etc/logrotate.d/wend"
install -m 644 LICENSE README.md "$to/share/doc/wend/"
