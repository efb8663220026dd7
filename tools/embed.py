#!/usr/bin/env python3
"""embed.py IN OUT NAME: the bytes of a text file as a C string constant."""
import sys

source, target, name = sys.argv[1:]
with open(source, encoding="utf-8") as file:
    text = file.read()
with open(target, "w", encoding="utf-8") as out:
    out.write(f"static const char {name}[] =\n")
    for line in text.splitlines():
        escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
        out.write(f'    "{escaped}\\n"\n')
    out.write("    ;\n")
