#!/usr/bin/python3
"""Who may include whom: src/BANDS says it, every #include "folder/..." under src/ must obey.

    tools/include_rule.py            check the tree; says each line that breaks the rule
"""
import pathlib
import re
import sys

SRC = pathlib.Path(__file__).resolve().parent.parent / "src"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def read_bands():
    bands = {}
    for line in (SRC / "BANDS").read_text().splitlines():
        words = line.partition("#")[0].split()
        for folder in words[1:]:
            bands[folder] = int(words[0])
    return bands


def broken_lines(bands):
    for path in sorted(SRC.rglob("*.[ch]")):
        here = path.relative_to(SRC).parts[0]
        if here not in bands:
            yield f"src/{here}: has no band in src/BANDS"
            continue
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1):
            match = INCLUDE.match(line)
            folder = match.group(1).split("/")[0] if match and "/" in match.group(1) else here
            if folder == here or bands.get(folder, 99) < bands[here]:
                continue
            why = "is not in src/BANDS" if folder not in bands else f"is of band {bands[folder]}"
            yield (f"{path.relative_to(SRC.parent)}:{number}: {here} (band {bands[here]}) includes "
                   f'"{match.group(1)}", which {why}')


def main():
    broken = list(broken_lines(read_bands()))
    for line in broken:
        print(line)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
