#!/usr/bin/env python3
"""make bench: what a request costs, ours and theirs, in one run.

The figure is microseconds of CPU per request: utime + stime of all processes of the server over
the requests wrk counted. Servers stand on one core, wrk on the other; the sides of a row alternate
in short runs, so that a slow minute of the machine falls on all of them alike. Throughput is not
the figure because wrk, not the server, is the bottleneck of the fast rows.

    bench/run.py [ROW ...] [--runs N] [--seconds S] [--full] [--resume] [--syscalls] [--callgrind]
    bench/run.py --write

The default, 5 runs of 3 s, takes about ten minutes; --full, 15 runs of 5 s, about an hour. Each row
is written to build/bench.json as soon as it is measured, so that a broken off run goes on with
--resume, and a row can be measured again alone. --write measures nothing and makes
docs/performance.md of what is in build/bench.json.
"""
import argparse
import dataclasses
import datetime
import json
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import urllib.request

import memory
import peers
import report
from peers import Missing

OUTPUT = peers.ROOT / "build/bench.json"
DOCUMENT = peers.ROOT / "docs/performance.md"


@dataclasses.dataclass
class Row:
    """One comparison. `targets`: (ours, theirs, at least): theirs' cost / ours' cost."""

    name: str
    about: str
    path: str
    sides: list
    targets: list
    options: dict = dataclasses.field(default_factory=dict)
    connections: int = 64


UWSGI = ["uwsgi/http-socket", "uwsgi/http11-socket", "uwsgi/http-keepalive"]
ROWS = [
    Row("fibers", "the same 1 KiB answer from a bare loop and on fibers", "/",
        ["fiberloop/task", "fiberloop/park", "rawloop"],
        [("fiberloop/task", "rawloop", 0.95), ("fiberloop/park", "rawloop", 0.95)]),
    # Both read the same nginx.conf, once with open_file_cache and once without.
    Row("file-1k", "a file of 1 KiB", "/1k.html",
        ["wend-edge", "wend-edge/cache", "nginx", "nginx/cache", "h2o", "lighttpd", "rawloop"],
        [("wend-edge", "nginx", 1.4), ("wend-edge/cache", "nginx/cache", 1.4),
         ("wend-edge", "h2o", 1.0), ("wend-edge", "lighttpd", 1.0)]),
    Row("file-100k", "a file of 100 KiB", "/100k.html",
        ["wend-edge", "wend-edge/cache", "nginx", "nginx/cache"],
        [("wend-edge", "nginx", 1.0), ("wend-edge/cache", "nginx/cache", 1.0)]),
    Row("return", "return 200 of the configuration", "/return", ["wend-edge", "nginx"],
        [("wend-edge", "nginx", 1.0)]),
    Row("hello", "hello as WSGI", "/",
        ["wend-serve", *UWSGI, "nginx+uwsgi", "granian"],
        [*(("wend-serve", side, 2.5) for side in UWSGI), ("wend-serve", "nginx+uwsgi", 4.0),
         ("wend-serve", "granian", 1.0)]),
    Row("django", "a Django page with one query and a template", "/",
        ["wend-serve", "nginx+uwsgi", "bare-loop"],
        [("wend-serve", "nginx+uwsgi", 1.25), ("wend-serve", "bare-loop", 0.95)],
        {"application": "django"}, 16),
    Row("trace", "the trace on and off", "/1k.html", ["wend-edge", "wend-edge/notrace"],
        [("wend-edge", "wend-edge/notrace", 0.98)]),
]


# --- one short run --------------------------------------------------------------------------------

def find(pattern, text, default=None):
    match = re.search(pattern, text, re.M)
    return match.group(1) if match else default


def milliseconds(text):
    value, unit = re.fullmatch(r"([\d.]+)(us|ms|s)", text).groups()
    return float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def wrk(port, path, seconds, connections):
    out = subprocess.run(
        ["taskset", "-c", peers.CLIENT_CORE, peers.debian_program("wrk"), "-t1", f"-c{connections}",
         f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}{path}"],
        capture_output=True, text=True, check=True).stdout
    result = {
        "requests": int(find(r"(\d+) requests in", out, "0")),
        "p50_ms": milliseconds(find(r"^\s+50%\s+(\S+)", out, "0s")),
        "p99_ms": milliseconds(find(r"^\s+99%\s+(\S+)", out, "0s")),
        "bad": int(find(r"Non-2xx or 3xx responses: (\d+)", out, "0")),
    }
    errors = find(r"Socket errors: (.*)", out)
    if errors is not None:
        result["errors"] = errors
    return result


def short_run(server, row, seconds):
    before = server.cpu_us()
    result = wrk(server.port, row.path, seconds, row.connections)
    if result["requests"] == 0 or result["bad"] > 0:
        raise Missing(f"{server.name} {row.path}: {result}")
    result["cpu_us"] = (server.cpu_us() - before) / result["requests"]
    return result


def bare_loop_run(server, seconds):
    """The application called by nobody but a for loop, in the interpreter that serves it."""
    calls = 1000 * seconds
    address = f"http://127.0.0.1:{server.port}/loop?n={calls}"
    with urllib.request.urlopen(address, timeout=60 + 10 * seconds) as answer:
        return {"requests": calls, "cpu_us": float(answer.read())}


# --- beside the figure -----------------------------------------------------------------------------

def syscalls_per_request(server, row):
    """strace -c of a run of one second; strace slows the server, but counts stay counts."""
    attach = [word for pid in server.pids() for word in ("-p", str(pid))]
    tracer = subprocess.Popen([peers.debian_program("strace"), "-c", "-f", "-q", *attach],
                              stderr=subprocess.PIPE, text=True)
    try:
        result = wrk(server.port, row.path, 1, 16)
    finally:
        tracer.send_signal(peers.signal.SIGINT)
    table = tracer.communicate()[1]
    total = find(r"^100[.,]00\s+[\d.]+\s+\d+\s+(\d+).*total", table)
    if total is None or result["requests"] == 0:
        return None
    return round(int(total) / result["requests"], 2)


def instructions_per_request(work, side, row):
    """callgrind's count for 2N requests less that for N, over N: start and end cancel out."""
    counts = []
    for requests in (500, 1000):
        server = work.start(side, under=["valgrind", "--tool=callgrind", "--trace-children=yes",
                                         "--callgrind-out-file=/dev/null"], **row.options)
        log = pathlib.Path(server.log)
        memory.ask_repeatedly(server.port, row.path, requests)
        family = len(server.pids())
        server.stop(gently=True)
        collected = [int(n) for n in re.findall(r"Collected : (\d+)", log.read_text())]
        if len(collected) < family:
            return None  # one of the processes was killed before it told
        counts.append(sum(collected))
    return round((counts[1] - counts[0]) / 500)


# --- a row ------------------------------------------------------------------------------------------

def progress(text):
    """One line that the next one overwrites, for who watches; nothing in a file."""
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def measure(work, row, arguments):
    servers, missing, runs, extra = {}, {}, {}, {}
    for side in row.sides:
        try:
            servers[side] = None if side == "bare-loop" else work.start(side, **row.options)
        except Missing as why:
            missing[side] = str(why)
    try:
        for server in filter(None, servers.values()):
            wrk(server.port, row.path, 1, row.connections)
        for run in range(arguments.runs):
            for side, server in servers.items():
                if side in missing:
                    continue
                progress(f"{row.name}: run {run + 1} of {arguments.runs}, {side}")
                try:
                    result = (bare_loop_run(servers["wend-serve"], arguments.seconds)
                              if server is None else short_run(server, row, arguments.seconds))
                    runs.setdefault(side, []).append(result)
                except (Missing, KeyError, OSError) as why:
                    missing[side] = str(why)
        for side, server in servers.items():
            if arguments.syscalls and server is not None:
                progress(f"{row.name}: system calls of {side}")
                extra.setdefault(side, {})["syscalls"] = syscalls_per_request(server, row)
    finally:
        for server in filter(None, servers.values()):
            server.stop()
    if arguments.callgrind:
        for side in sorted(set(runs) - {"bare-loop"}):
            progress(f"{row.name}: callgrind of {side}")
            extra.setdefault(side, {})["instructions"] = instructions_per_request(work, side, row)
    return summarise(row, runs, missing, extra)


def summarise(row, runs, missing, extra):
    sides = {}
    for side, results in runs.items():
        costs = [r["cpu_us"] for r in results]
        sides[side] = {
            "cpu_us": statistics.median(costs),
            "spread": [min(costs), max(costs)],
            **{key: statistics.median(r[key] for r in results)
               for key in ("p50_ms", "p99_ms") if key in results[0]},
            "errors": [r["errors"] for r in results if "errors" in r],
            **extra.get(side, {}),
            "runs": results,
        }
    targets = []
    for ours, theirs, least in row.targets:
        if ours not in sides or theirs not in sides:
            continue
        # Paired by run: neighbours in time saw the same machine.
        pairs = zip(sides[ours]["runs"], sides[theirs]["runs"])
        ratio = statistics.median(b["cpu_us"] / a["cpu_us"] for a, b in pairs)
        targets.append({"ours": ours, "theirs": theirs, "ratio": ratio, "least": least,
                        "met": ratio >= least})
    return {"name": row.name, "about": row.about, "sides": sides, "targets": targets,
            "missing": missing}


# --- telling ------------------------------------------------------------------------------------------

def show(result):
    print(f"\n{result['name']}: {result['about']}")
    print(f"  {'':22} {'CPU us/req':>10} {'spread':>15} {'p50 ms':>8} {'p99 ms':>8} "
          f"{'syscalls':>8} {'instr.':>8}")
    for side, s in sorted(result["sides"].items(), key=lambda item: item[1]["cpu_us"]):
        low, high = s["spread"]
        cells = [f"{s[key]:8.2f}" if s.get(key) is not None else " " * 8
                 for key in ("p50_ms", "p99_ms", "syscalls")]
        instructions = f"{s['instructions']:8d}" if s.get("instructions") is not None else ""
        print(f"  {side:22} {s['cpu_us']:10.2f} {low:7.2f}-{high:<7.2f} {' '.join(cells)} "
              f"{instructions}" + (f"  ERRORS {s['errors'][0]}" if s["errors"] else ""))
    for t in result["targets"]:
        print(f"  {t['ours']} against {t['theirs']}: {t['ratio']:.2f} x, wanted {t['least']:.2f}: "
              f"{'met' if t['met'] else 'MISSED'}")
    for side, why in result["missing"].items():
        print(f"  {side}: not measured: {why}")
    sys.stdout.flush()


def machine():
    cpu = find(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text(), "unknown CPU")
    return {
        "cpu": cpu, "cores": peers.os.cpu_count(), "kernel": platform.release(),
        "load": peers.os.getloadavg()[0],
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
    }


def parse_arguments():
    names = [row.name for row in ROWS] + list(memory.ROWS)
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(names)}")
    parser.add_argument("--runs", type=int, default=5, help="alternating runs per side (5)")
    parser.add_argument("--seconds", type=int, default=3, help="of each run (3)")
    parser.add_argument("--full", action="store_true", help="15 runs of 5 s, syscalls counted")
    parser.add_argument("--syscalls", action="store_true", help="count system calls with strace")
    parser.add_argument("--callgrind", action="store_true", help="count instructions (slow)")
    parser.add_argument("--resume", action="store_true",
                        help="leave out rows that build/bench.json has with these settings")
    parser.add_argument("--write", action="store_true",
                        help="write docs/performance.md from build/bench.json and measure nothing")
    parser.add_argument("--port", type=int, default=18850, help="the first port to use")
    arguments = parser.parse_args()
    for name in arguments.rows:
        if name not in names:
            parser.error(f"there is no row {name}; they are {', '.join(names)}")
    arguments.rows = arguments.rows or names
    if arguments.full:
        arguments.runs, arguments.seconds, arguments.syscalls = 15, 5, True
    return arguments


def measured():
    """What build/bench.json has, by the rows' names."""
    try:
        return {row["name"]: row for row in json.loads(OUTPUT.read_text())["rows"]}
    except (OSError, ValueError, KeyError):
        return {}


def store(rows):
    OUTPUT.parent.mkdir(exist_ok=True)
    order = [row.name for row in ROWS] + list(memory.ROWS)
    kept = [rows[name] for name in order if name in rows]
    OUTPUT.write_text(json.dumps({"rows": kept}, indent=1) + "\n")


def measure_rows(arguments, here, rows):
    """Measures the rows in their order; yields each once it is stored."""
    settings = {"runs": arguments.runs, "seconds": arguments.seconds}
    with tempfile.TemporaryDirectory(prefix="wend-bench-") as directory:
        work = peers.Peers(directory, arguments.port)
        calls = {row.name: (lambda row=row: measure(work, row, arguments)) for row in ROWS}
        calls |= {name: (lambda call=call: call(work)) for name, call in memory.ROWS.items()}
        for name, call in calls.items():
            if name not in arguments.rows:
                continue
            if arguments.resume and rows.get(name, {}).get("settings") == settings:
                continue
            progress(name)
            rows[name] = call() | {"settings": settings, "machine": here}
            store(rows)
            progress("")
            yield rows[name]


def main():
    arguments = parse_arguments()
    here, rows = machine(), measured()
    if arguments.write:
        DOCUMENT.write_text(report.document(rows.values()))
        print(f"{DOCUMENT.relative_to(peers.ROOT)} is made of {len(rows)} rows")
        return 0
    print(f"{here['cpu']}, {here['cores']} cores, Linux {here['kernel']}, load {here['load']:.2f}; "
          f"{arguments.runs} alternating runs of {arguments.seconds} s, servers on core "
          f"{peers.SERVER_CORE}, wrk on core {peers.CLIENT_CORE}")
    if {"hello", "django"} & set(arguments.rows):
        peers.prepare_venv()
    missed = 0
    for result in measure_rows(arguments, here, rows):
        (memory.show if result["name"] in memory.ROWS else show)(result)
        missed += sum(not target["met"] for target in result["targets"])
    print(f"\n{OUTPUT.relative_to(peers.ROOT)} has every run")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
