"""One statx answers all requests that had arrived before it, and none that came later.

A link is swapped between two files that have not been written to for long, so that nothing but the
question asked anew can tell. Every request sent after a swap must see it, however many others are
on their way in the same turn of the worker's loop.
"""
import os
import time

OTHERS = 15
SWAPS = 300
REQUEST = b"GET /link.txt HTTP/1.1\r\nHost: localhost\r\n\r\n"


def site(edge):
    server = edge("server { listen 127.0.0.1:PORT; location /cached/ { alias DIR/html/; } }",
                  html={"a.txt": b"a" * 100, "b.txt": b"b" * 100})
    folder = server.directory / "html"
    point(folder, "a")
    time.sleep(2.5)  # files are held once their last change is two seconds old
    assert server.ask("/link.txt").body == b"a" * 100
    return server, folder


def point(folder, name):
    fresh = folder / "fresh"
    fresh.symlink_to(f"{name}.txt")
    os.rename(fresh, folder / "link.txt")


def names(swaps):
    return ["ba"[i % 2] for i in range(swaps)]


def test_a_request_after_a_swap_sees_it_amid_many(edge):
    server, folder = site(edge)
    others = [server.client() for _ in range(OTHERS)]
    probe = server.client()
    for name in names(SWAPS):
        for other in others:
            other.send(REQUEST)
        point(folder, name)
        probe.send(REQUEST)
        assert probe.answer().body == name.encode() * 100
        for other in others:
            assert other.answer().body in (b"a" * 100, b"b" * 100)


def test_a_pipelined_request_after_a_swap_sees_it(edge):
    server, folder = site(edge)
    client = server.client()
    for name in names(SWAPS):
        client.send(REQUEST)
        point(folder, name)
        client.send(REQUEST + REQUEST)
        assert client.answer().body in (b"a" * 100, b"b" * 100)
        assert client.answer().body == name.encode() * 100
        assert client.answer().body == name.encode() * 100


def test_a_head_in_parts_is_as_young_as_its_last(edge):
    server, folder = site(edge)
    slow, other = server.client(), server.client()
    for name in names(20):
        slow.send(REQUEST[:10])
        time.sleep(0.02)
        other.send(REQUEST)
        other.answer()
        point(folder, name)
        slow.send(REQUEST[10:])
        assert slow.answer().body == name.encode() * 100


def test_what_follows_a_request_body_is_a_request_of_its_own(edge):
    server, folder = site(edge)
    client = server.client()
    for name in names(SWAPS):
        client.send(b"GET /link.txt HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhe")
        point(folder, name)
        client.send(b"llo" + REQUEST)
        assert client.answer().body in (b"a" * 100, b"b" * 100)
        assert client.answer().body == name.encode() * 100
