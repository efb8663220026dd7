"""What connections that only wait cost: memory per idle one, per half-sent head, per request that
waits for an upstream server, and per silent tunnel.

A connection's cost is (resident memory of all processes with N of them - that of the same program
configured for 64 connections, with none) / N, so that tables sized by the configuration count.
"""
import contextlib
import resource
import selectors
import socket
import threading
import time

from peers import Missing

IDLE = 15000
HALF = 10000
UPSTREAM = 5000
SMALL = 64
IP_BIND_ADDRESS_NO_PORT = 24  # linux/in.h; Python has no name for it
REQUEST = b"GET /1k.html HTTP/1.1\r\nHost: localhost\r\n\r\n"
WAITING_REQUEST = b"GET /upstream HTTP/1.1\r\nHost: localhost\r\n\r\n"
TUNNEL_REQUEST = (b"GET /upstream HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                  b"Connection: Upgrade\r\n\r\n")
TUNNEL_ANSWER = (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 b"Connection: Upgrade\r\n\r\n")
HALF_HEAD = b"GET /1k.html HTTP/1.1\r\nHost: localhost\r\nX-Slow: "


def read_answer(s):
    got = b""
    while True:
        block = s.recv(65536)
        if not block:
            raise Missing("the server closed a connection that should stay")
        got += block
        head, blank, body = got.partition(b"\r\n\r\n")
        if blank:
            length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            if len(body) >= length:
                return head


def connect(port, index):
    # One source address has 28,000 ports at most; 127/8 has plenty. The port is chosen with the
    # connection, not before: ports that earlier servers' clients left in TIME_WAIT do not count.
    s = socket.socket()
    s.settimeout(20)
    s.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    s.bind((f"127.0.0.{2 + index // 10000}", 0))
    s.connect(("127.0.0.1", port))
    return s


def ask_repeatedly(port, path, count):
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    s = connect(port, 0)
    for _ in range(count):
        s.sendall(request)
        read_answer(s)
    s.close()


def raise_limit():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 40000), hard))


class SilentUpstream:
    """Opens tunnels to who asks for one, and never answers anybody else."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.listener.getsockname()[1]
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.ended = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.ended:
            for key, _ in self.selector.select(0.2):
                if key.fileobj is self.listener:
                    self.selector.register(self.listener.accept()[0], selectors.EVENT_READ)
                else:
                    self.serve(key.fileobj)

    def serve(self, s):
        with contextlib.suppress(OSError):
            head = s.recv(65536)
            if b"websocket" in head:
                s.sendall(TUNNEL_ANSWER)
            if head:
                return
        self.selector.unregister(s)
        s.close()

    def close(self):
        self.ended = True
        self.thread.join()
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()


def measure_side(work, side, count, hold, upstream):
    """Bytes per held connection, and whether a good client is still served meanwhile."""
    small = work.start(side, connections=SMALL, upstream=upstream.port)
    try:
        ask_repeatedly(small.port, "/1k.html", 3)
        base = small.rss_bytes()
    finally:
        small.stop()
    server = work.start(side, connections=20000, upstream=upstream.port)
    held = []
    try:
        for index in range(count):
            s = connect(server.port, index)
            hold(s)
            held.append(s)
        time.sleep(1)
        full = server.rss_bytes()
        begin = time.monotonic()
        ask_repeatedly(server.port, "/1k.html", 10)
        return {"bytes": (full - base) / count, "base": base, "full": full,
                "good_client_ms": (time.monotonic() - begin) * 100}
    finally:
        for s in held:
            s.close()
        server.stop()


def hold_idle(s):
    s.sendall(REQUEST)
    read_answer(s)


def hold_half(s):
    s.sendall(HALF_HEAD)


def hold_waiting(s):
    s.sendall(WAITING_REQUEST)


def hold_tunnel(s):
    s.sendall(TUNNEL_REQUEST)
    got = b""
    while not got.endswith(b"\r\n\r\n"):
        block = s.recv(65536)
        if not block:
            raise Missing("the server closed a tunnel that should stay")
        got += block
    if b" 101 " not in got:
        raise Missing(f"no tunnel, but {got[:40]!r}")


def measure(work, name, about, count, hold, targets=None):
    raise_limit()
    result = {"name": name, "about": about, "count": count, "sides": {}, "missing": {},
              "targets": []}
    with contextlib.closing(SilentUpstream()) as upstream:
        for side in ("wend-edge", "nginx"):
            try:
                result["sides"][side] = measure_side(work, side, count, hold, upstream)
            except (Missing, OSError) as why:
                result["missing"][side] = str(why)
    if targets is not None:
        targets(result)
    return result


def idle_targets(result):
    sides = result["sides"]
    if len(sides) == 2:
        ratio = sides["nginx"]["bytes"] / sides["wend-edge"]["bytes"]
        result["targets"].append({"ours": "wend-edge", "theirs": "nginx", "ratio": ratio,
                                  "least": 1.0, "met": ratio >= 1.0})


def half_targets(result):
    ours = result["sides"].get("wend-edge")
    if ours is not None:
        allowed = 2048 + len(HALF_HEAD)
        result["targets"].append({"ours": "wend-edge", "theirs": f"{allowed} bytes",
                                  "ratio": allowed / ours["bytes"], "least": 1.0,
                                  "met": ours["bytes"] <= allowed})


ROWS = {
    "idle": lambda work: measure(work, "idle", "memory of an idle keep-alive connection", IDLE,
                                 hold_idle, idle_targets),
    "half": lambda work: measure(work, "half", "memory of a half-sent head", HALF, hold_half,
                                 half_targets),
    "waiting": lambda work: measure(work, "waiting", "memory of a request that waits for an "
                                    "upstream server", UPSTREAM, hold_waiting),
    "tunnel": lambda work: measure(work, "tunnel", "memory of a silent tunnel", UPSTREAM,
                                   hold_tunnel),
}


def show(result):
    print(f"\n{result['name']}: {result['about']}, {result['count']} of them")
    for side, s in result["sides"].items():
        print(f"  {side:22} {s['bytes']:8.0f} bytes each ({s['base'] >> 10} -> {s['full'] >> 10} "
              f"KiB); a good client meanwhile: {s['good_client_ms']:.2f} ms a request")
    for t in result["targets"]:
        print(f"  {t['ours']} against {t['theirs']}: {t['ratio']:.2f} x, wanted {t['least']:.2f}: "
              f"{'met' if t['met'] else 'MISSED'}")
    for side, why in result["missing"].items():
        print(f"  {side}: not measured: {why}")
