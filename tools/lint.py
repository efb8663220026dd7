#!/usr/bin/python3
"""clang-tidy over every C file of the tree: what it finds, once each, and nothing else.

    tools/lint.py                         all of src/, tests/ and bench/ that build/ compiles
    tools/lint.py src/http/h1_parse.c     one file, or several: seconds instead of minutes
    tools/lint.py --build build-asan      as another build directory compiles them

A header is seen from many files and X_test.c includes X.c, so one slip is found many times: it is
printed the first time. The checks, and why some are off, are in .clang-tidy. Exits 1 on findings.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("src", "tests", "bench")
FILE_SECONDS_MAX = 900
# The build may be gcc's: clang is to say nothing about the warnings only gcc has.
CLANG_TIDY = ["clang-tidy", "-quiet", "--extra-arg=-Wno-unknown-warning-option"]
CLANG_TIDY += [f"--extra-arg-before=-I{TOP / 'tests/clang_tidy'}"]  # assertions it can follow
PLACE = re.compile(r"^(\S+?)(:\d+:\d+: (?:warning|error|fatal error|note): .*)$")


def compile_commands(build):
    """path -> its compile command; a file compiled twice (tests/fuzz/replay.c) is looked at once."""
    database = build / "compile_commands.json"
    if not database.exists():
        sys.exit(f"lint: {database} is missing; `make` writes it")
    commands = {}
    for entry in json.loads(database.read_text()):
        path = pathlib.Path(os.path.normpath(os.path.join(entry["directory"], entry["file"])))
        if path.suffix == ".c" and path.is_relative_to(TOP) and path.relative_to(TOP).parts[0] in FOLDERS:
            commands.setdefault(path, entry | {"file": str(path)})
    return commands


def chosen(commands, names):
    """The compile commands of the files named, or all."""
    if not names:
        return [commands[path] for path in sorted(commands)]
    paths = {pathlib.Path(os.path.abspath(name)) for name in names}
    for path in paths - set(commands):
        sys.exit(f"lint: nothing compiles {path} (a header is seen from the files that include it)")
    return [commands[path] for path in sorted(paths)]


def from_top(line, directory):
    """clang-tidy names a file as the compiler was told, or through build/..: name it from the top."""
    place = PLACE.match(line)
    if not place:
        return line
    path = pathlib.Path(os.path.normpath(os.path.join(directory, place.group(1))))
    if path.is_relative_to(TOP):
        path = path.relative_to(TOP)
    return f"{path}{place.group(2)}".replace(",-warnings-as-errors]", "]")


def findings_of(text, directory):
    """Cut clang-tidy's text into findings: a list of lines each, the piece of source and the notes too."""
    found = []
    for line in text.splitlines():
        place = PLACE.match(line)
        if place and ": note: " not in line:
            found.append([])
        if found:
            found[-1].append(from_top(line, directory))
    return found


def tidy(command, database):
    """Look at one file: its findings, and a complaint when clang-tidy itself went wrong."""
    try:
        done = subprocess.run([*CLANG_TIDY, "-p", database, command["file"]], capture_output=True,
                              text=True, errors="replace", timeout=FILE_SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return [], f"clang-tidy took more than {FILE_SECONDS_MAX} s"
    found = findings_of(done.stdout, command["directory"])
    if done.returncode != 0 and not found:
        return [], f"clang-tidy ended with {done.returncode}: {(done.stdout + done.stderr).strip()}"
    return found, None


class Progress:
    """One line that overwrites itself on a terminal; a line per 20 files in a log."""

    def __init__(self, total):
        self.total = total
        self.terminal = sys.stderr.isatty()

    def show(self, done):
        if self.terminal:
            print(f"\r\033[Klint: {done} of {self.total} files", end="", file=sys.stderr, flush=True)
        elif done % 20 == 0:
            print(f"lint: {done} of {self.total} files", file=sys.stderr, flush=True)

    def clear(self):
        if self.terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def lint(commands, database, jobs):
    """Look at every file; print what is new. -> how many findings, counting complaints."""
    seen = set()
    complaints = 0
    progress = Progress(len(commands))
    progress.show(0)
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(tidy, command, database): command for command in commands}
        for done, future in enumerate(concurrent.futures.as_completed(running), 1):
            found, complaint = future.result()
            progress.clear()
            if complaint:
                complaints += 1
                print(f"{running[future]['file']}: {complaint}", flush=True)
            for lines in found:
                if lines[0] not in seen:
                    seen.add(lines[0])
                    print("\n".join(lines), flush=True)
            progress.show(done)
    progress.clear()
    return len(seen) + complaints


def main():
    about, _, usage = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(description=about, epilog=usage,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="C files to look at (default: all)")
    parser.add_argument("--build", default=str(TOP / "build"), help="the build directory (default: build)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="files at a time (default: one per CPU)")
    args = parser.parse_args()
    if shutil.which(CLANG_TIDY[0]) is None:
        sys.exit("lint: clang-tidy is missing; `tools/packages.sh lint` installs it")
    commands = chosen(compile_commands(pathlib.Path(args.build)), args.files)
    with tempfile.TemporaryDirectory(prefix="wend-lint-") as database:
        (pathlib.Path(database) / "compile_commands.json").write_text(
            json.dumps(commands))
        count = lint(commands, database, args.jobs)
    files = f"{len(commands)} file{'s' * (len(commands) != 1)}"
    print(f"lint: {files}, {count} finding{'s' * (count != 1)}" if count else f"lint: {files}, no findings")
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
