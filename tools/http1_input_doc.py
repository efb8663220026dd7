#!/usr/bin/env python3
"""Makes docs/http1-input.md of tests/data/http1_input.tsv; --check says whether it is current.

Tests import rows() for the table itself: each row has .group .name .bytes .nginx .strict
.nginx_122 .note and .text (the bytes as the file writes them).
"""
import pathlib
import re
import sys
import typing

ROOT = pathlib.Path(__file__).resolve().parent.parent
TABLE = ROOT / "tests/data/http1_input.tsv"
PAGE = ROOT / "docs/http1-input.md"


class Row(typing.NamedTuple):
    group: str
    name: str
    bytes: bytes
    nginx: str
    strict: str
    nginx_122: str
    note: str
    text: str


def decode(text):
    r"""The bytes that `text` stands for: \r \n \t \\ \xHH and \[N*...]."""
    value, end = _decode(text.encode(), 0)
    if end != len(text.encode()):
        raise ValueError(f"] without \\[ in {text!r}")
    return value


def _decode(text, at, inside=False):
    out = bytearray()
    while at < len(text):
        if inside and text[at] == ord("]"):
            return bytes(out), at
        if text[at] != ord("\\"):
            out.append(text[at])
            at += 1
            continue
        kind = chr(text[at + 1])
        if kind == "x":
            out.append(int(text[at + 2 : at + 4], 16))
            at += 4
        elif kind == "[":
            count = re.compile(rb"(\d+)\*").match(text, at + 2)
            part, at = _decode(text, count.end(), True)
            out += part * int(count[1])
            at += 1
        else:
            out += {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}[kind]
            at += 2
    return bytes(out), at


def rows(table=TABLE):
    for line in table.read_text().splitlines():
        if not line or line.startswith("#"):
            continue
        group, name, text, nginx, strict, old, note = line.split("\t")
        old = nginx if old == "-" else old
        yield Row(group, name, decode(text), nginx, strict, old, note, text)


HEAD = """# HTTP/1 input: what is accepted and what is answered

Made by `tools/http1_input_doc.py` from `tests/data/http1_input.tsv`; the unit test
`http.h1_table` runs every row through the parsers.

Two policies look at request heads. **nginx** (`wend edge`) accepts and answers what nginx does;
**strict** (`wend serve`, `wend app`) accepts what RFC 9112 lets a client send. Both refuse bare CR,
NUL, white space around field names, folded fields, anything loose in chunk framing and any doubt about
lengths. After a refusal the connection closes, slowly enough that the client still reads the
answer. `ok` is a request that reaches its handler, `0.9` one that is answered without a head.
The last column is for the curious: Debian 12's nginx, where it differs from the nginx policy, which
follows nginx 1.31.

No 411: a request without Content-Length and Transfer-Encoding has no body (RFC 9112 6.3), whatever
its method. Too large fields are nginx's internal 494, 400 on the wire. Unknown methods are the handler's
matter: 405 or 501.

The client reads response heads by a third policy: a bare LF ends a line, and that is reported;
control bytes other than CR, LF and NUL in values are kept; a doubt about lengths is an error as above.
"""


def page():
    out = [HEAD]
    group = None
    for row in rows():
        if row.group != group:
            group = row.group
            out.append(f"\n## {group}\n\n| input | bytes | nginx | strict | nginx 1.22 | |\n")
            out.append("| --- | --- | --- | --- | --- | --- |\n")
        old = row.nginx_122 if row.nginx_122 != row.nginx else ""
        text = row.text.replace("|", "\\|")
        fence = "``" if "`" in text else "`"
        out.append(
            f"| {row.name} | {fence}{text}{fence} | {row.nginx} | {row.strict} | {old} | {row.note} |\n"
        )
    return "".join(out)


def main():
    text = page()
    if "--check" in sys.argv[1:]:
        if not PAGE.exists() or PAGE.read_text() != text:
            sys.exit(f"{PAGE.name} is older than its table: run tools/http1_input_doc.py")
        return
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
