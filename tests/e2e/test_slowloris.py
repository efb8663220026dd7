"""Thousands of heads that never end do not keep a good client waiting."""
import resource
import socket
import time

from conftest import REPORTS, needs

pytestmark = needs("edge")
HALF = b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
ALLOWED_EACH = 2048 + len(HALF)  # bytes of the workers' memory, the kernel's not counted
SLACK = 1 << 20


def worker_bytes(server):
    total = 0
    for pid in server.workers():
        for line in open(f"/proc/{pid}/status"):
            if line.startswith("VmRSS:"):
                total += int(line.split()[1]) * 1024
    return total


def test_ten_thousand_half_heads(edge):
    count = 10_000
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 500:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 500), hard))
    site = edge("server { listen 127.0.0.1:PORT backlog=1024; client_header_timeout 60s;"
                " location / { return 200 ok; } }", main=f"worker_rlimit_nofile {count + 500};")
    conf = site.directory / "nginx.conf"
    conf.write_text(conf.read_text().replace("worker_connections 4096", f"worker_connections {count + 200}"))
    site.kill(1)
    time.sleep(1.5)
    assert site.ask("/").body == b"ok"
    before = worker_bytes(site)
    held = []
    try:
        for _ in range(count):
            one = socket.create_connection(("127.0.0.1", site.port), timeout=20)
            one.sendall(HALF)
            held.append(one)
        for _ in range(20):
            started = time.monotonic()
            assert site.ask("/").body == b"ok"
            assert time.monotonic() - started < 1
        # still there: the one who is slow is not sent away before its time
        assert held[0].send(b"x") == 1
        if REPORTS is None:  # red zones are not what a head costs
            assert worker_bytes(site) - before < ALLOWED_EACH * count + SLACK
    finally:
        for one in held:
            one.close()


def test_a_head_has_its_time(edge):
    site = edge("server { listen 127.0.0.1:PORT; client_header_timeout 1s; }")
    with site.client() as client:
        client.send(HALF)
        started = time.monotonic()
        client.rest()
        assert 0.5 < time.monotonic() - started < 10


def test_drops_do_not_buy_time(edge):
    """One byte now and then does not stretch the time a head has."""
    site = edge("server { listen 127.0.0.1:PORT; client_header_timeout 2s; }")
    with site.client() as client:
        client.send(HALF)
        started = time.monotonic()
        client.socket.settimeout(0.3)
        while time.monotonic() - started < 10:
            try:
                client.send(b"x")
                if not client.fill():
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        assert time.monotonic() - started < 8
