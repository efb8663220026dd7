#!/usr/bin/python3
"""Runs the parts of the test suite and adds them up.

    tools/check.py [--build DIR] [--parts rule,unit,e2e,fuzz] [--slow] [--fuzz-seconds N] [--again N] [-k WORDS]

Every part says how many minutes it took. A red run names each failing test and the one command that
repeats it; a skip names its reason. The last line is always `N passed, N failed, N skipped`.

The end-to-end tests talk to a dozen kinds of real servers on a machine that may be busy. With --again N,
up to N tests that failed run once more, alone; one that then passes counts, and is named as unsteady.

The parts: rule (who includes whom), unit (meson test), e2e (pytest with real servers), fuzz (each
libFuzzer target for N seconds from its corpus), cross (unit tests of aarch64 under qemu). With a build directory made with a sanitizer,
whatever any process reported counts as one failed test more.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
FUZZ = ROOT / "build-fuzz"
UNIT_TIMEOUT_FACTOR = 4  # the machine may be busy, and a sanitizer is slow
FUZZ_INPUT_MAX = 65536


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped, self.unsteady = 0, [], [], []
        self.minutes = []

    def fail(self, name, repeat, text=""):
        self.failed.append((name, repeat))
        print(f"FAILED {name}\n{text.rstrip()}\n" if text else f"FAILED {name}", flush=True)


def run(command, **options):
    return subprocess.run([str(word) for word in command], cwd=ROOT, stdin=subprocess.DEVNULL,
                          **options)


def tail(text, lines=40):
    return "\n".join(text.splitlines()[-lines:])


def check_rule(tally, _):
    result = run(["tools/include_rule.py"], capture_output=True, text=True)
    if result.returncode == 0:
        tally.passed += 1
    else:
        tally.fail("include rule", "tools/include_rule.py", result.stdout + result.stderr)


def check_unit(tally, args):
    command = ["meson", "test", "-C", args.build, "--no-rebuild", "-t", UNIT_TIMEOUT_FACTOR]
    log = ROOT / args.build / "meson-logs/testlog.json"
    log.unlink(missing_ok=True)
    result = run(command + args.meson, capture_output=True, text=True)
    if not log.exists():
        tally.fail("unit tests", shlex.join(map(str, command)), tail(result.stdout + result.stderr))
        return
    for line in log.read_text().splitlines():
        test = json.loads(line)
        name = test["name"].rpartition(" / ")[2]
        if test["result"] in ("OK", "EXPECTEDFAIL"):
            tally.passed += 1
        elif test["result"] == "SKIP":
            tally.skipped.append((name, tail(test.get("stdout", ""), 1)))
        else:
            text = test.get("stdout", "") + (test.get("stderr") or "")
            tally.fail(name, f"meson test -C {args.build} -v {name}",
                       f"{test['result']}\n{tail(text)}")


def check_cross(tally, args):
    """The unit tests on aarch64, under qemu-user."""
    result = run(["tools/cross_build.py"], capture_output=True, text=True)
    if result.returncode != 0:
        tally.fail("the aarch64 build", "tools/cross_build.py", tail(result.stdout + result.stderr))
        return
    check_unit(tally, argparse.Namespace(build="build-aarch64/meson", meson=result.stdout.split()))


def case_id(case):
    """pytest's own name of a junit case."""
    words = case.get("classname").split(".")
    while words and not (ROOT / ("/".join(words) + ".py")).exists():
        words.pop()
    rest = case.get("classname").split(".")[len(words):]
    return "::".join(["/".join(words) + ".py", *rest, case.get("name")])


def pytest_outcomes(args, report, selection):
    """Runs pytest; what became of each test, ("passed" | "failed" | "skipped", reason) by its name."""
    report.unlink(missing_ok=True)
    command = [ROOT / "build/venv/bin/pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "--timeout=300",
               "-o", "junit_family=xunit1", f"--junitxml={report}", *selection]
    environment = dict(os.environ, WEND=str(ROOT / args.build / "wend"))
    if "ASAN_OPTIONS" in environment:  # no server of ours ends with abort(), not even by assertion
        environment["ASAN_OPTIONS"] += ":handle_abort=1"
    result = run(command, env=environment)
    if not report.exists() or result.returncode not in (0, 1, 5):
        return None
    outcomes = {}
    for case in xml.etree.ElementTree.parse(report).getroot().iter("testcase"):
        skipped = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            outcomes[case_id(case)] = ("failed", "")
        elif skipped is not None:
            outcomes[case_id(case)] = ("skipped", skipped.get("message"))
        else:
            outcomes.setdefault(case_id(case), ("passed", ""))
    return outcomes


def check_e2e(tally, args):
    report = ROOT / args.build / "e2e.xml"
    outcomes = pytest_outcomes(args, report, ["tests/e2e", "-m", "" if args.slow else "not slow",
                                              *(["-k", args.k] if args.k else [])])
    if outcomes is None:
        tally.fail("end-to-end tests", "build/venv/bin/pytest tests/e2e")
        return
    failed = [name for name, (outcome, _) in outcomes.items() if outcome == "failed"]
    again = {}
    if 0 < len(failed) <= args.again:
        print(f"once more, alone: {' '.join(failed)}", flush=True)
        again = pytest_outcomes(args, report, failed) or {}
    prefix = "" if args.build == "build" else f"WEND={args.build}/wend "
    for name, (outcome, reason) in outcomes.items():
        if outcome == "skipped":
            tally.skipped.append((name, reason))
        elif outcome == "passed":
            tally.passed += 1
        elif again.get(name) == ("passed", ""):
            tally.passed += 1
            tally.unsteady.append(name)
        else:
            tally.fail(name, f"{prefix}build/venv/bin/pytest {shlex.quote(name)}")


def fuzz_build():
    """The targets, built; or None and what went wrong."""
    environment = dict(os.environ, CC="clang", CC_LD="")
    if not (FUZZ / "build.ninja").exists():
        result = run(["meson", "setup", FUZZ, "-Dfuzz=true", "-Db_lundef=false"], env=environment,
                     capture_output=True, text=True)
        if result.returncode != 0:
            return None, tail(result.stdout + result.stderr)
    listing = run(["meson", "introspect", FUZZ, "--targets"], capture_output=True, text=True)
    wanted = [pathlib.Path(target["filename"][0]) for target in json.loads(listing.stdout)
              if target["name"].endswith("_fuzz")]
    result = run(["ninja", "-C", FUZZ, *[path.relative_to(FUZZ) for path in wanted]],
                 capture_output=True, text=True)
    return (wanted, None) if result.returncode == 0 else (None, tail(result.stdout))


def fuzz_one(program, seconds):
    name = program.name.removesuffix("_fuzz")
    found = FUZZ / "findings"
    grown = FUZZ / "grown" / name
    found.mkdir(parents=True, exist_ok=True)
    grown.mkdir(parents=True, exist_ok=True)
    command = [program, f"-max_total_time={seconds}", "-timeout=10", "-rss_limit_mb=2048",
               f"-max_len={FUZZ_INPUT_MAX}", f"-artifact_prefix={found}/{name}-", grown]
    corpus = ROOT / "tests/fuzz/corpus" / name
    if corpus.exists():
        command.append(corpus)
    result = run(command, capture_output=True, text=True, errors="replace",
                 timeout=seconds + 120)
    return name, command, result


def check_fuzz(tally, args):
    programs, problem = fuzz_build()
    if programs is None:
        tally.fail("the fuzz targets build", "make fuzz", problem)
        return
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, command, result in pool.map(lambda p: fuzz_one(p, args.fuzz_seconds), programs):
            if result.returncode == 0:
                tally.passed += 1
                continue
            findings = sorted((FUZZ / "findings").glob(name + "-*"), key=os.path.getmtime)
            repeat = [command[0], findings[-1]] if findings else command
            tally.fail("fuzz " + name, shlex.join(str(word) for word in repeat),
                       tail(result.stderr))


def sanitizer_environment(args):
    """Where reports go; None when the build has no sanitizer."""
    options = run(["meson", "introspect", args.build, "--buildoptions"], capture_output=True,
                  text=True)
    values = {row["name"]: row["value"] for row in json.loads(options.stdout or "[]")}
    if values.get("b_sanitize", "none") in ("none", []):
        return None
    reports = ROOT / args.build / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    reports.mkdir()
    reports.chmod(0o777)  # workers that gave their privileges away report too
    os.environ["WEND_REPORTS"] = str(reports)
    os.environ["TSAN_OPTIONS"] = f"log_path={reports}/report:second_deadlock_stack=1"
    # Undefined behaviour is built to trap: libubsan would read its options, where to report among
    # them, at its first finding, and a process with a title has overwritten its environment by then.
    os.environ["ASAN_OPTIONS"] = (
        f"log_path={reports}/report:log_exe_name=1:detect_leaks=1:handle_sigill=1:"
        "detect_stack_use_after_return=1:strict_string_checks=1")
    os.environ["LSAN_OPTIONS"] = f"suppressions={ROOT}/tests/asan.supp:print_suppressions=0"
    return reports


def check_reports(tally, reports, repeat):
    files = sorted(reports.iterdir())
    if not files:
        tally.passed += 1
        return
    text = "\n".join(tail(path.read_text(errors="replace"), 60) for path in files[:5])
    tally.fail(f"the sanitizers say nothing ({len(files)} reports in {reports})", repeat, text)


PARTS = {"rule": check_rule, "unit": check_unit, "cross": check_cross, "e2e": check_e2e, "fuzz": check_fuzz}


def main():
    parser = argparse.ArgumentParser(description="Run the tests and add them up.")
    parser.add_argument("--build", default="build")
    parser.add_argument("--parts", default="rule,unit,e2e,fuzz")
    parser.add_argument("--slow", action="store_true", help="the slow tests too")
    parser.add_argument("--fuzz-seconds", type=int, default=5)
    parser.add_argument("--again", type=int, default=0, metavar="N",
                        help="repeat failed end-to-end tests alone once, when they are N at most")
    parser.add_argument("-k", default="", help="which end-to-end tests, as pytest's -k")
    parser.add_argument("--meson", action="append", default=[], help="an argument for meson test")
    args = parser.parse_args()
    tally = Tally()
    reports = sanitizer_environment(args)
    for part in args.parts.split(","):
        started = time.monotonic()
        PARTS[part](tally, args)
        tally.minutes.append((part, (time.monotonic() - started) / 60))
    if reports is not None:
        check_reports(tally, reports, shlex.join(sys.argv))
    print()
    for name, reason in tally.skipped:
        print(f"skipped: {name}: {reason}")
    for part, minutes in tally.minutes:
        print(f"{part:6} {minutes:5.1f} min")
    for name in tally.unsteady:
        print(f"unsteady: {name} failed in the whole run and passed alone")
    for name, repeat in tally.failed:
        print(f"failed: {name}\n    repeat: {repeat}")
    print(f"{tally.passed} passed, {len(tally.failed)} failed, {len(tally.skipped)} skipped")
    return 1 if tally.failed or tally.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
