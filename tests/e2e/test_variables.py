"""Variables: every name nginx has is known, and a request's body is one. nginx is asked beside us."""
import re
import subprocess

import pytest

from conftest import ROOT, needs, wait_for

pytestmark = needs("edge")
KNOWN = ROOT / "src/conf/known_variables.def"


def judge(tmp_path, text):
    conf = tmp_path / "t.conf"
    conf.write_text("events {} http { access_log off; server { listen 127.0.0.1:1;"
                    f" location / {{ return 200 '{text}'; }} }} }}")
    run = subprocess.run([ROOT / "build/compat/nginx", "-t", "-p", tmp_path, "-e", "stderr", "-c",
                          conf], capture_output=True, text=True, timeout=60)
    return run.returncode, run.stderr


def test_no_variable_of_nginx_is_called_unknown(tmp_path):
    names = re.findall(r'WEND_KNOWN_VARIABLE\("([^"]+)"', KNOWN.read_text())
    assert len(names) == 173
    missing = 0
    for name in names:
        code, said = judge(tmp_path, "$" + name.replace("*", "x"))
        assert "unknown" not in said, name
        missing += code != 0
        assert code == 0 or "that is not built into wend yet" in said, (name, said)
    assert missing < 110  # most of what is missing is TLS, geoip and stream


def test_a_name_nobody_has_is_unknown(tmp_path):
    code, said = judge(tmp_path, "$no_such_thing")
    assert code == 1 and '[emerg] unknown "no_such_thing" variable' in said


@pytest.mark.parametrize("body", [b"a=1&b=2", b"x" * 30000, b""])
def test_a_body_that_was_read_for_an_upstream_is_a_variable(both, body):
    ours, theirs = both("""
        log_format body '"$request_body"';
        server { listen 127.0.0.1:PORT; client_body_buffer_size 2k; access_log DIR/body.log body;
            location / { proxy_pass http://127.0.0.1:PORT/echo; proxy_set_header X-Body $request_body; }
            location /echo { return 200 "[$http_x_body][$request_body]\\n"; } }
    """)
    answers = [server.ask("/", method="POST", body=body) for server in (ours, theirs)]
    assert answers[0].status == answers[1].status == 200
    assert answers[0].body == answers[1].body
    lines = [(server.directory / "body.log") for server in (ours, theirs)]
    wait_for(lambda: all(log.read_text().count("\n") == 2 for log in lines))
    ours, theirs = (sorted(log.read_text().splitlines()) for log in lines)
    assert ours == theirs
