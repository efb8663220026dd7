#!/usr/bin/env python3
"""docs/reference/directives.md, made from the modules' tables as the program prints them.

    tools/directives_doc.py [--check] [PROGRAM]

PROGRAM is build/wend unless named. With --check: exit status 1 and a message when the page is out
of date; else the page is written.
"""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/reference/directives.md"


def main() -> int:
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    program = arguments[0] if arguments else ROOT / "build/wend"
    wanted = subprocess.run([program, "help", "--reference"], capture_output=True, check=True).stdout
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_bytes() != wanted:
            print(f"{PAGE.relative_to(ROOT)} is out of date: run tools/directives_doc.py")
            return 1
        return 0
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_bytes(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
