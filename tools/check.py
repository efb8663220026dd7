#!/usr/bin/env python3
"""check.py [--all] [--asan] [--quick] [--fuzz SECONDS]: every test there is, one tally at the end.

Parts: build, include rule, unit tests (meson), end-to-end tests (pytest, real peers), fuzz targets.
The last line is "N passed, N failed, N skipped"; before it, when something failed, the command that
repeats the failing test.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as xml

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUZZ_SECONDS = 5


class Tally:
    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.repeat = []
        self.minutes = []

    def part(self, name, seconds, passed, failed, skipped):
        self.passed += passed
        self.failed += failed
        self.skipped += skipped
        self.minutes.append((name, seconds / 60))
        print(f"-- {name}: {passed} passed, {failed} failed, {skipped} skipped "
              f"({seconds / 60:.1f} minutes)", flush=True)

    def close(self):
        for command in self.repeat[:1]:
            print(f"\nTo repeat the first failure:\n    {command}\n")
        print("minutes: " + ", ".join(f"{name} {minutes:.1f}" for name, minutes in self.minutes))
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped")
        return 1 if self.failed else 0


def run(command, **options):
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", **options)


def build(tally, folder, flags, env=None):
    """Sets up and builds; a failure ends everything, for there is nothing to test."""
    start = time.time()
    if not (ROOT / folder / "build.ninja").exists():
        done = run(["meson", "setup", folder, *flags], env=env)
        if done.returncode:
            sys.exit(done.stdout[-3000:] + "\n0 passed, 1 failed, 0 skipped")
    else:
        run(["meson", "configure", folder, *[f for f in flags if f.startswith("-D")]])
    done = run(["ninja", "-C", folder])
    if done.returncode:
        print(done.stdout[-6000:])
        print(f"\nTo repeat the failure:\n    ninja -C {folder}\n")
        print("0 passed, 1 failed, 0 skipped")
        sys.exit(1)
    subprocess.run([ROOT / "tools/links.sh", folder], cwd=ROOT, check=True)
    tally.minutes.append((f"build {folder}", (time.time() - start) / 60))


def include_rule(tally):
    start = time.time()
    done = run([sys.executable, "tools/include_rule.py"])
    if done.returncode:
        print(done.stdout)
        tally.repeat.append("tools/include_rule.py")
    tally.part("include rule", time.time() - start, int(not done.returncode), int(bool(done.returncode)), 0)


def unit(tally, folder, env=None):
    start = time.time()
    done = run(["meson", "test", "-C", folder, "--no-rebuild", "--print-errorlogs", "-t", "4"], env=env)
    counts = {key: int(value) for key, value in re.findall(r"^(Ok|Fail|Timeout|Skipped):\s+(\d+)", done.stdout, re.M)}
    failed = counts.get("Fail", 0) + counts.get("Timeout", 0)
    if not counts:
        print(done.stdout[-2000:])
        failed = 1
    if failed:
        for name in re.findall(r"^\s*\d+/\d+ (\S+)\s+(?:FAIL|TIMEOUT)", done.stdout, re.M):
            tally.repeat.append(f"meson test -C {folder} --print-errorlogs {name}")
        print(done.stdout[-5000:])
    tally.part(f"unit tests in {folder}", time.time() - start, counts.get("Ok", 0), failed, counts.get("Skipped", 0))


def venv():
    """The Python the tests run in, with what tests/requirements.txt names."""
    folder = ROOT / "build" / "venv"
    wanted = (ROOT / "tests" / "requirements.txt").read_text()
    stamp = folder / "requirements.txt"
    if not stamp.exists() or stamp.read_text() != wanted:
        print("making build/venv ...", flush=True)
        subprocess.run(["/usr/bin/python3.11", "-m", "venv", folder], check=True)
        done = run([folder / "bin/pip", "install", "-q", "--disable-pip-version-check", "-r", "tests/requirements.txt"])
        if done.returncode:
            sys.exit(done.stdout[-3000:] + "\n0 passed, 1 failed, 0 skipped")
        stamp.write_text(wanted)
    return folder / "bin/python"


def end_to_end(tally, folder, python, every, chosen=()):
    start = time.time()
    report = ROOT / folder / "e2e.xml"
    report.unlink(missing_ok=True)
    env = dict(os.environ, WEND=str(ROOT / folder / "wend"), WEND_BUILD=str(ROOT / folder))
    if every:
        env["WEND_CHECK_ALL"] = "1"
    command = [python, "-m", "pytest", "-q", "-x" if os.environ.get("WEND_FAIL_FAST") else "-q", "-p",
               "no:cacheprovider", "--timeout=120", f"--junitxml={report}", "-rs", "--tb=short",
               *(chosen or ["tests/e2e"])]
    done = run(command, env=env)
    passed = failed = skipped = 0
    if report.exists():
        for case in xml.parse(report).iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failed += 1
                path = case.get("classname").replace(".", "/") + ".py"
                tally.repeat.append(f"WEND={folder}/wend build/venv/bin/python -m pytest {path} -k '{case.get('name')}'")
            elif case.find("skipped") is not None:
                skipped += 1
                print(f"skipped {case.get('classname')}::{case.get('name')}: {case.find('skipped').get('message')}")
            else:
                passed += 1
    if not report.exists() or (done.returncode and not failed):
        failed += 1
    if failed:
        print(done.stdout[-8000:])
    tally.part(f"end to end with {folder}", time.time() - start, passed, failed, skipped)


def fuzz_one(target, seconds):
    corpus = ROOT / "tests/fuzz/corpus" / target.name.removesuffix("_fuzz")
    found = ROOT / "build-fuzz/findings"
    grown = ROOT / "build-fuzz/corpus" / corpus.name
    found.mkdir(exist_ok=True)
    grown.mkdir(parents=True, exist_ok=True)
    done = run([target, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
                f"-artifact_prefix={found}/{target.name}-", "-print_final_stats=0", grown, corpus])
    return target.name, done.returncode, done.stdout[-2500:]


def fuzz(tally, seconds):
    start = time.time()
    targets = sorted(p for p in (ROOT / "build-fuzz/tests/fuzz").glob("*_fuzz") if p.is_file())
    passed = failed = 0
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, status, output in pool.map(lambda target: fuzz_one(target, seconds), targets):
            if status:
                print(f"{name}:\n{output}")
                tally.repeat.append(f"build-fuzz/tests/fuzz/{name} build-fuzz/findings/{name}-*")
                failed += 1
            else:
                passed += 1
    if not targets:
        print("no fuzz target was built")
        failed = 1
    tally.part(f"fuzzing, {seconds} s each", time.time() - start, passed, failed, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="the slow tests too, and 60 s of fuzzing per target")
    parser.add_argument("--asan", action="store_true", help="with sanitizers instead")
    parser.add_argument("--unit", action="store_true", help="only the unit tests")
    parser.add_argument("--fuzz", type=int, metavar="SECONDS", help="only the fuzz targets")
    choice = parser.parse_args()
    werror = ["-Dwerror=true"] if os.environ.get("CI") else []
    clang = dict(os.environ, CC="clang")
    tally = Tally()
    if choice.fuzz:
        build(tally, "build-fuzz", ["-Dfuzz=true"], clang)
        fuzz(tally, choice.fuzz)
        return tally.close()
    if choice.asan:
        build(tally, "build-asan", ["-Db_sanitize=address,undefined", "-Db_lundef=false"])
        env = dict(os.environ, ASAN_OPTIONS="detect_stack_use_after_return=0", UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
                   LSAN_OPTIONS=f"suppressions={ROOT}/tests/asan.supp:print_suppressions=0")
        os.environ.update(env)
        unit(tally, "build-asan", env)
        if not choice.unit:
            end_to_end(tally, "build-asan", venv(), False)
        return tally.close()
    build(tally, "build", werror)
    include_rule(tally)
    unit(tally, "build")
    if not choice.unit:
        end_to_end(tally, "build", venv(), choice.all)
        build(tally, "build-fuzz", ["-Dfuzz=true"], clang)
        fuzz(tally, 60 if choice.all else FUZZ_SECONDS)
    return tally.close()


if __name__ == "__main__":
    sys.exit(main())
