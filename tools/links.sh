#!/bin/sh
# links.sh BUILD: build/wend, build/wend-python3.11, and the names of the programs we stand in for.
set -eu
cd "$1"
ln -sf src/cmd/wend wend
[ ! -e src/cmd/wend-python3.11 ] || ln -sf src/cmd/wend-python3.11 wend-python3.11
mkdir -p compat
for name in nginx uwsgi gunicorn; do
    ln -sf ../src/cmd/wend "compat/$name"
done
