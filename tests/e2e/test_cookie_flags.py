"""proxy_cookie_flags beside a real nginx."""
import socket
import threading

import pytest
from conftest import needs

pytestmark = needs("edge")
COOKIES = ["a=1", "a=1; Path=/; secure", "A=2; HttpOnly; SameSite=Lax", "b=3; samesite", "a", "a=; path=/x", "a=9 ; Secure",
           "other=x;Secure;HTTPONLY;SameSite=None; Expires=Wed, 21 Oct 2026 07:28:00 GMT", "a=1;;", ";", "=", "a=1; =x; Secure=1"]
RULES = ["a secure httponly samesite=strict", "~ nosecure nohttponly nosamesite", "~^A samesite=strict", "a samesite", "~^a samesite=lax",
         "a secure nosecure samesite=none", "$arg_c $arg_f", "other $arg_nothing secure"]


@pytest.fixture(scope="module")
def upstream():
    text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n" + "".join(f"Set-Cookie: {c}\r\n" for c in COOKIES) + "\r\n"
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        def run():
            while True:
                try:
                    conn, _ = server.accept()
                except OSError:
                    return
                with conn:
                    conn.recv(65536)
                    conn.sendall(text.encode())
        threading.Thread(target=run, daemon=True).start()
        yield server.getsockname()[1]


def test_cookies_are_edited_alike(both, upstream):
    conf = "".join(f"location /{number} {{ proxy_cookie_flags {rule}; proxy_cookie_flags other httponly; "
                   f"proxy_pass http://127.0.0.1:{upstream}; }}" for number, rule in enumerate(RULES))
    ours, theirs = both(f"server {{ listen 127.0.0.1:PORT; {conf} "
                        f"location /off {{ proxy_cookie_flags off; proxy_pass http://127.0.0.1:{upstream}; }} }}")
    for place in [*range(len(RULES)), "off"]:
        answers = [server.ask(f"/{place}?c=b&f=secure").all("Set-Cookie") for server in (ours, theirs)]
        assert answers[0] == answers[1], place
