#!/bin/bash
# The Debian packages the project needs, by purpose, and how they come onto the machine.
#
#   tools/packages.sh PURPOSE...     installs what is missing of: build run test bench lint cross
#
# Says what it installs. Uses sudo when not root. With WEND_NO_INSTALL=1 it installs nothing and
# fails with the command to type. Daemons that come along are not started.
set -eu

declare -A packages=(
    [build]="gcc libc6-dev make meson ninja-build pkg-config python3 python3.11 libpython3.11-dev
             libpcre2-dev libexpat1-dev libssl-dev zlib1g-dev"
    [run]="python3.11-venv"
    [test]="python3.11-venv libcmocka-dev libhttp-parser-dev clang llvm libclang-rt-14-dev nginx-light
            uwsgi-core uwsgi-plugin-python3 curl chromium mandoc procps strace"
    [bench]="python3.11-venv wrk nginx-light h2o lighttpd uwsgi-core uwsgi-plugin-python3 strace valgrind"
    [lint]="clang-format clang-tidy"
    [cross]="gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user"
)

installed() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

missing=()
for purpose in "$@"; do
    for package in ${packages[$purpose]:?"no such purpose: $purpose"}; do
        installed "$package" || missing+=("$package")
    done
done
[ ${#missing[@]} = 0 ] && exit 0

sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
command="$sudo apt-get install -y --no-install-recommends ${missing[*]}"
if [ "${WEND_NO_INSTALL:-}" = 1 ]; then
    echo "Debian packages are missing and WEND_NO_INSTALL=1 says not to install them. Type:" >&2
    echo "    ${command# }" >&2
    exit 1
fi
if ! command -v apt-get >/dev/null; then
    echo "These Debian packages are missing, and there is no apt-get here: ${missing[*]}" >&2
    exit 1
fi

echo "Installing the Debian packages for '$*' that are missing: ${missing[*]}"
# invoke-rc.d asks this file before it starts a daemon; it is ours only where there was none.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
    $sudo chmod 755 $policy
    trap '$sudo rm -f $policy' EXIT
fi
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { $sudo apt-get update && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y \
        --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null; then
    tail -20 "$log" >&2
    echo "The packages could not be installed. Type: ${command# }" >&2
    exit 1
fi
rm -f "$log"
