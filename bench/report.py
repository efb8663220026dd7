"""docs/performance.md from what was measured: one table per row, with the machine it was made on."""

HEAD = """# What a request costs

Made by `bench/run.py --write`; measured by `make bench` (about ten minutes) or, for figures to rely
on, `bench/run.py --full` (about an hour, on a machine that does nothing else).

The figure is CPU time of all processes of a server per request: the median of alternating runs, with
the smallest and the largest beside it. The client, wrk, is on another core and mostly the bottleneck,
so that latencies say more about it than about the servers. A ratio is theirs to ours, the median over
pairs of neighbouring runs: above 1 ours is cheaper. uWSGI's plain `--http-socket` closes each
connection; it is told to say so, or clients count every answer as a failed read.

System calls are counted by strace in a run of its own. It slows every call down so much that threads
meet at locks where they do not otherwise: of those of an application with several threads most are
futex calls that an undisturbed run does not make.
"""


def number(value, form=".2f"):
    return "" if value is None else format(value, form)


def times_table(row):
    lines = ["| server | us/request | spread | p50 ms | p99 ms | system calls | instructions |",
             "| --- | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for side, s in sorted(row["sides"].items(), key=lambda item: item[1]["cpu_us"]):
        low, high = s["spread"]
        lines.append(f"| {side} | {s['cpu_us']:.2f} | {low:.2f}-{high:.2f} "
                     f"| {number(s.get('p50_ms'))} | {number(s.get('p99_ms'))} "
                     f"| {number(s.get('syscalls'))} | {number(s.get('instructions'), 'd')} |")
    return lines


def memory_table(row):
    lines = ["| server | bytes each | a good client meanwhile, ms |", "| --- | ---: | ---: |"]
    lines += [f"| {side} | {s['bytes']:.0f} | {s['good_client_ms']:.2f} |"
              for side, s in row["sides"].items()]
    return lines


def section(row):
    here, settings = row["machine"], row["settings"]
    count = f", {row['count']} of them" if "count" in row else ""
    lines = ["", f"## {row['name']}: {row['about']}{count}", ""]
    lines += memory_table(row) if "count" in row else times_table(row)
    lines.append("")
    lines += [f"- {t['ours']} against {t['theirs']}: {t['ratio']:.2f}, wanted {t['least']:.2f}"
              + ("" if t["met"] else " (missed)") for t in row["targets"]]
    lines += [f"- {side}: not measured: {why}" for side, why in row["missing"].items()]
    runs = "" if "count" in row else f"; {settings['runs']} runs of {settings['seconds']} s"
    lines.append(f"- {here['time']}, {here['cpu']}, {here['cores']} cores, Linux {here['kernel']}, "
                 f"load {here['load']:.2f} at the start{runs}")
    return lines


def document(rows):
    return HEAD + "\n".join(line for row in rows for line in section(row)) + "\n"
