#!/usr/bin/env python3
"""field_names.py NAMES.def OUT.h: a collision-free hash for the field names in NAMES.def.

Searches multipliers for the length and three bytes of a name (first, at three quarters, last) until every
name has a slot of its own, and writes the slots and what http/fields.c compares a candidate with.
The search starts from a fixed seed: the same names give the same table.
"""
import random
import re
import sys

SLOTS = 512
SHIFT = 7
TRIES = 2_000_000
NAME_MAX = 32


def key(name):
    low = [ord(c) | 0x20 for c in name]
    return len(name), low[0], low[len(name) * 3 // 4], low[-1]


def search(names):
    keys = [key(name) for name in names]
    if len(set(keys)) != len(keys):
        twins = [n for n in names if keys.count(key(n)) > 1]
        sys.exit(f"these names look the same to the hash, teach it another byte: {twins}")
    dice = random.Random(1)
    for _ in range(TRIES):
        factors = [dice.randrange(1, 1 << 16) for _ in range(4)]
        used = set()
        for k in keys:
            slot = (sum(f * b for f, b in zip(factors, k)) >> SHIFT) % SLOTS
            if slot in used:
                break
            used.add(slot)
        else:
            return factors
    sys.exit("no collision-free factors found: raise SLOTS")


def main():
    source, target = sys.argv[1:]
    text = re.sub(r"/\*.*?\*/", "", open(source).read(), flags=re.S)
    names = [m[1] for m in re.finditer(r'^WEND_FIELD\(\w+, "([^"]+)"\)', text, re.M)]
    for name in names:
        if not re.fullmatch(r"[A-Za-z-]+", name) or len(name) > NAME_MAX:
            sys.exit(f"{name}: letters and dashes, at most {NAME_MAX}")
    factors = search(names)
    slots = [0] * SLOTS
    for number, name in enumerate(names, 1):
        slots[(sum(f * b for f, b in zip(factors, key(name))) >> SHIFT) % SLOTS] = number
    out = ["/* Made by tools/field_names.py. */\n"]
    for word, factor in zip(("LEN", "FIRST", "LATE", "LAST"), factors):
        out.append(f"#define FIELD_HASH_{word} {factor}u\n")
    out.append(f"#define FIELD_HASH_SHIFT {SHIFT}\n#define FIELD_HASH_SLOTS {SLOTS}\n")
    out.append("static const uint8_t field_slots[FIELD_HASH_SLOTS] = {\n")
    for at in range(0, SLOTS, 16):
        out.append("    " + ", ".join(map(str, slots[at : at + 16])) + ",\n")
    out.append("};\n")
    out.append("/* fold: the bits of a byte that do not count, 0x20 for letters and none for '-'. */\n")
    out.append("static const struct field_row field_rows[WEND_FIELDS_KNOWN] = {\n    {0},\n")
    for name in names:
        fold = "".join("\\x20" if c.isalpha() else "\\0" for c in name)
        out.append(f'    {{{len(name)}, "{name.lower()}",\n     "{fold}"}},\n')
    out.append("};\n")
    open(target, "w").write("".join(out))


if __name__ == "__main__":
    main()
