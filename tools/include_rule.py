#!/usr/bin/env python3
"""Checks who includes whom: src/BANDS is the rule. Exit status 1 and one line per violation."""
import pathlib
import re
import sys

root = pathlib.Path(__file__).resolve().parent.parent / "src"
band = {}
for line in (root / "BANDS").read_text().splitlines():
    if line and not line.startswith("#"):
        number, *folders = line.split()
        band.update({folder: int(number) for folder in folders})

violations = []
checked = 0
for path in sorted(root.rglob("*.[chS]")):
    folder = path.relative_to(root).parts[0]
    if folder not in band:
        violations.append(f"{path}: the folder {folder} has no band in src/BANDS")
        continue
    checked += 1
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s+"([^"/]+)/', line)
        if not match or match.group(1) not in band or match.group(1) == folder:
            continue
        if band[match.group(1)] >= band[folder]:
            violations.append(f"{path}:{number}: {folder} (band {band[folder]}) must not include "
                              f"{match.group(1)} (band {band[match.group(1)]})")
        if "Python.h" in line and path.parts[-2] != "python":
            violations.append(f"{path}:{number}: only src/app/python includes Python.h")
print("\n".join(violations) if violations else f"{checked} files keep the include rule")
sys.exit(1 if violations else 0)
