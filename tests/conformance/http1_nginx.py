#!/usr/bin/env python3
"""Mutated requests to a real nginx and through the parser's nginx policy (h1_probe).

What the policy accepts, nginx must accept too and read alike: path, host and arguments. The other way
round only the refusals named below are allowed: they are on purpose (docs/http1-input.md).
Usage: http1_nginx.py H1_PROBE [COUNT [SEED]]. The requests are the same for the same seed.
"""
import pathlib
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import http1_input_doc  # noqa: E402

ON_PURPOSE = {
    "a CR that no LF follows",
    "a field line without a colon",
    "a malformed Host",
    "a malformed host in the request target",
    "a malformed version",  # three digits
    "malformed chunks",  # nginx 1.22 is looser than 1.31
    "more fields than the limit",
    "too many empty lines before the request",
}

CONF = """
daemon off; master_process off; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off; client_max_body_size 0;
    client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
    uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
    server {{
        listen 127.0.0.1:{port};
        location / {{ return 200 "uri=$uri host=$host args=$args\\n"; }}
    }}
}}
"""

PIECES = [
    b"\r\n", b"\n", b"\r", b" ", b"\t", b":", b"/", b"..", b".", b"//", b"%2e", b"%2f", b"%00", b"%",
    b"?", b"#", b"a", b"Host: b\r\n", b"Content-Length: 1\r\n", b"Content-Length:",
    b"Transfer-Encoding: chunked\r\n", b"chunked", b"HTTP/1.1", b"HTTP/1.0", b"1", b"0", b"\x00",
    b"\x01", b"\x7f", b"\xc3", b",", b";", b"_", b"-", b"GET", b"POST", b"http://", b"@", b"[", b"]",
    b"\\", b'"', b"X: y\r\n", b"\r\n\r\n", b"Connection: close\r\n", b"Expect: x\r\n", b"A.b.", b"80",
]


def mutate(dice, request):
    out = bytearray(request)
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(out) + 1)
        what = dice.random()
        if what < 0.5:
            out[at:at] = dice.choice(PIECES)
        elif what < 0.75:
            del out[at : at + dice.randint(1, 3)]
        else:
            out[at : at + 1] = dice.choice(PIECES)
    return bytes(out)


def ask(port, request):
    """Status and, of a 200, the body's line."""
    with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
        answer = b""
        try:
            s.sendall(request)
            s.shutdown(socket.SHUT_WR)
            while part := s.recv(65536):
                answer += part
        except OSError:
            pass
    if answer.startswith(b"HTTP/1.1 100"):
        answer = answer.split(b"\r\n\r\n", 1)[1]
    if answer.startswith(b"HTTP/1"):
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ", 2)[1]), body.split(b"\n", 1)[0]
    if answer.startswith(b"uri="):  # HTTP/0.9
        return 200, answer.split(b"\n", 1)[0]
    if b"<title>" in answer:
        return int(answer.split(b"<title>")[1][:3]), b""
    return 0, b""


def differs(ours, theirs, line):
    """Why the two answers are not alike, or None."""
    status, *rest = ours.split("|")
    if status == "0" or theirs == 0:
        return None
    if status != "200":
        if theirs != 200 or rest[0] in ON_PURPOSE:
            return None
        return f"nginx accepts; ours: {status}, {rest[0]}"
    if theirs != 200:
        return f"nginx answers {theirs}; ours accepts"
    path, host, args = (bytes.fromhex(part) for part in rest)
    # without a host nginx shows the server's name
    if not line.startswith(b"uri=" + path + b" host=" + host) or not line.endswith(b" args=" + args):
        return f"nginx reads {line}; ours {path} {host} {args}"
    return None


def start_nginx(directory):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    conf = pathlib.Path(directory) / "nginx.conf"
    conf.write_text(CONF.format(dir=directory, port=port))
    server = subprocess.Popen(["nginx", "-c", conf, "-e", f"{directory}/error.log"])
    for _ in range(100):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return server, port
        except OSError:
            time.sleep(0.05)
    sys.exit("nginx does not start")


def main():
    probe = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 1500
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    if shutil.which("nginx") is None:
        sys.exit("this test needs Debian's nginx as a peer")
    dice = random.Random(seed)
    # %XX in a host is fine for RFC 3986, which nginx 1.31 follows, but not for 1.22 in a target;
    # CONNECT is read by 1.31 alone.
    plain = [r.bytes for r in http1_input_doc.rows() if len(r.bytes) < 400]
    requests = [mutate(dice, dice.choice(plain)) for _ in range(count)]
    requests = [r for r in requests if b"CONNECT" not in r and not (b"://" in r and b"%" in r)]
    lines = "".join(r.hex() + "\n" for r in requests)
    ours = subprocess.run([probe], input=lines, capture_output=True, text=True, check=True).stdout
    bad = 0
    with tempfile.TemporaryDirectory() as directory:
        server, port = start_nginx(directory)
        try:
            for request, answer in zip(requests, ours.splitlines(), strict=True):
                why = differs(answer, *ask(port, request))
                if why is not None:
                    bad += 1
                    print(f"{request!r}\n    {why}")
        finally:
            server.terminate()
            server.wait()
    print(f"{len(requests)} requests, {bad} read differently")
    sys.exit(bad != 0)


if __name__ == "__main__":
    main()
