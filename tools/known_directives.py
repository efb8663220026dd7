#!/usr/bin/env python3
"""known_directives.py IN.tsv OUT.h: every directive name nginx has, as a sorted C table."""
import sys

rows = {}
for line in open(sys.argv[1], encoding="utf-8"):
    if line.startswith("#"):
        continue
    module, name, paid = line.rstrip("\n").split("\t")
    rows.setdefault(name, (module, paid == "paid"))
with open(sys.argv[2], "w", encoding="utf-8") as out:
    for name in sorted(rows, key=lambda n: n.encode()):
        module, paid = rows[name]
        out.write('{"%s", "%s", %s},\n' % (name, module, "true" if paid else "false"))
