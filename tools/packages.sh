#!/bin/sh
# packages.sh build|test|bench: installs the Debian packages that are missing for it.
# WEND_NO_INSTALL=1: only says what to type.
set -eu
build="meson ninja-build gcc libc6-dev pkg-config libpcre2-dev python3 python3.11-dev libpython3.11-dev libexpat1-dev zlib1g-dev"
test="clang libclang-rt-14-dev libcmocka-dev libhttp-parser-dev python3.11-venv python3-venv nginx-light uwsgi-core uwsgi-plugin-python3 curl chromium chromium-driver procps"
bench="wrk h2o lighttpd nginx-light uwsgi-core uwsgi-plugin-python3 strace valgrind python3.11-venv"
lint="clang-tidy clang-format"
case "${1:-build}" in
build) want=$build ;;
test) want="$build $test" ;;
bench) want="$build $bench" ;;
lint) want="$build $lint" ;;
*) echo "usage: packages.sh build|test|bench|lint" >&2; exit 2 ;;
esac
missing=
for package in $want; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -z "$missing" ] && exit 0
echo "These Debian packages are missing:$missing"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
if [ "${WEND_NO_INSTALL:-0}" = 1 ]; then
    echo "WEND_NO_INSTALL is set. Install them with: $sudo apt-get install --no-install-recommends$missing" >&2
    exit 1
fi
echo "Installing them (WEND_NO_INSTALL=1 refuses) ..."
export DEBIAN_FRONTEND=noninteractive
$sudo apt-get update -qq
# Peers are started by the tests, never by the system.
RUNLEVEL=1 $sudo -E apt-get install -y -qq --no-install-recommends $missing >/dev/null
