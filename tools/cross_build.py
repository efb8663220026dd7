#!/usr/bin/python3
"""Builds the unit tests for the other processor with Debian's cross compiler, to be run under
qemu-user, and prints their names. tools/check.py runs them as its part `cross`.

The libraries of arm64 that the tests link come from Debian too, into build-aarch64/root and nowhere
else: this machine's dpkg learns no foreign architecture.
"""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build-aarch64"
LIBRARIES = ["libcmocka-dev", "libcmocka0", "libpcre2-dev", "libpcre2-8-0", "zlib1g-dev",
             "zlib1g", "libssl-dev"]
# What needs a kernel of its own kind or another program's wall clock is no test of the processor.
NOT_HERE = ("base.assert",)  # reads what a process says as it aborts, and qemu adds a line
FOLDERS = ("base.", "trace.", "conf.", "fiber.", "url.", "http.", "gateway.")
CROSS = """[binaries]
c = 'aarch64-linux-gnu-gcc'
ar = 'aarch64-linux-gnu-ar'
strip = 'aarch64-linux-gnu-strip'
pkgconfig = 'pkg-config'
exe_wrapper = ['qemu-aarch64', '-L', '/usr/aarch64-linux-gnu', '-E', 'LD_LIBRARY_PATH=ROOT/usr/lib/aarch64-linux-gnu']
[properties]
sys_root = 'ROOT'
pkg_config_libdir = 'ROOT/usr/lib/aarch64-linux-gnu/pkgconfig'
[built-in options]
c_link_args = ['-Wl,-rpath-link,ROOT/usr/lib/aarch64-linux-gnu']
[host_machine]
system = 'linux'
cpu_family = 'aarch64'
cpu = 'aarch64'
endian = 'little'
"""


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL,
                          **options)


def fetch_libraries(root):
    state = BUILD / "apt"
    for folder in ("state/lists/partial", "cache/archives/partial", "packages"):
        (state / folder).mkdir(parents=True, exist_ok=True)
    (state / "state/status").touch()
    options = ["-o", f"Dir::State={state}/state", "-o", f"Dir::State::status={state}/state/status",
               "-o", f"Dir::Cache={state}/cache", "-o", "APT::Architecture=arm64",
               "-o", "APT::Architectures=arm64", "-o", "APT::Sandbox::User=root", "-qq"]
    run("apt-get", *options, "update")
    run("apt-get", *options, "download", *LIBRARIES, cwd=state / "packages")
    for package in (state / "packages").glob("*.deb"):
        run("dpkg", "-x", package, root)


def main():
    root = BUILD / "root"
    BUILD.mkdir(exist_ok=True)
    if not (root / "usr").exists():
        fetch_libraries(root)
    tree = BUILD / "meson"
    if not (tree / "build.ninja").exists():
        (BUILD / "cross.ini").write_text(CROSS.replace("ROOT", str(root)))
        run("meson", "setup", tree, "--cross-file", BUILD / "cross.ini", cwd=ROOT,
            stdout=subprocess.DEVNULL)
    tests = json.loads(run("meson", "introspect", tree, "--tests", capture_output=True).stdout)
    chosen = [test for test in tests if test["name"].startswith(FOLDERS)
              and test["name"] not in NOT_HERE]
    programs = {os.path.relpath(word, tree) for test in chosen for word in test["cmd"]
                if word.startswith(str(tree))}
    run("ninja", "-C", tree, *sorted(programs), stdout=subprocess.DEVNULL)
    print(*[test["name"] for test in chosen])


if __name__ == "__main__":
    main()
