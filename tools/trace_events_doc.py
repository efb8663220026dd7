#!/usr/bin/env python3
"""docs/trace-events.md, made from src/trace/events.def.

Without arguments: writes it. With --check: exit status 1 and a message when it is out of date.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src/trace/events.def"
PAGE = ROOT / "docs/trace-events.md"
ROW = re.compile(
    r'^WEND_EVENT\((\w+),\s*(\w+),\s*"([^"]*)",\s*"([^"]*)",\s*"((?:[^"\\]|\\.)*)"\)', re.M | re.S
)
HEAD = """# The events of a trace

Made from `src/trace/events.def` by `tools/trace_events_doc.py`; edit the rows, not this page.

A trace is a list of nested spans. Each span has an event (a row here), a start, an end, a text (its
note) and a number whose meaning the row names. In the access log the time spent in all spans of an
event is a variable, and in `Server-Timing` the metric's name is the event's in lower case.

| event | shown as | layer | its number | what it is | log variable |
| --- | --- | --- | --- | --- | --- |
"""


def page() -> str:
    text = SOURCE.read_text()
    rows = ROW.findall(text)
    if len(rows) != len(re.findall(r"^WEND_EVENT\(", text, re.M)):
        sys.exit(f"{SOURCE}: a row is not understood")
    lines = []
    for name, layer, label, number, about in rows:
        about = about.replace("|", "\\|")
        number = "" if number == "-" else number
        variable = f"`$trace_{name.lower()}_ms`"
        lines.append(f"| `{name}` | {label} | {layer} | {number} | {about} | {variable} |\n")
    return HEAD + "".join(lines)


def main() -> int:
    wanted = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text() != wanted:
            print(f"{PAGE.relative_to(ROOT)} is out of date: run tools/trace_events_doc.py")
            return 1
        return 0
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
