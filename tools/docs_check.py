#!/usr/bin/env python3
"""Checks the links of README.md and docs/: files exist, and a link whose text is a function,
[`name()`](file), leads to a file that has it. Exit status 1 and one line per broken link."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s]+)\)", re.S)


def problems(page):
    for text, target in LINK.findall(page.read_text()):
        if re.match(r"[a-z]+:|#", target):
            continue
        file = (page.parent / target.partition("#")[0]).resolve()
        if not file.exists():
            yield f"{target}: there is no such file"
            continue
        function = re.fullmatch(r"`(\w+)\(\)`", text.strip())
        if function and not re.search(rf"\b{function[1]}\(", file.read_text()):
            yield f"{target} has no {function[1]}()"


def main():
    pages = [p for p in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if p.exists()]
    found = [(p, why) for p in pages for why in problems(p)]
    for page, why in found:
        print(f"{page.relative_to(ROOT)}: {why}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
