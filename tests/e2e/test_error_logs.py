"""error_log, several at each level of the file, beside a real nginx: who gets which line."""
import re
import signal
import socket

import pytest
from conftest import Server, edge_command, free_port, needs, temp_paths, wait_for

pytestmark = needs("edge")

MAIN = """error_log DIR/main_error.log error; error_log DIR/main_crit.log crit; error_log stderr error;
          error_log DIR/main_info.log info;"""
HTTP = """
  server { listen 127.0.0.1:PORT; root DIR/nosuch;
    location /own/ { error_log DIR/own_error.log; error_log DIR/own_crit.log crit; error_log stderr warn; }
    location /quiet/ { error_log DIR/quiet.log alert; }
    location /server/ { }
  }
  server { listen 127.0.0.1:PORT; server_name second; root DIR/nosuch; error_log DIR/second.log; }
"""


def where_lines_are(server, marker):
    """The logs that have a line about `marker`, and how often."""
    texts = {path.name: path.read_text(errors="replace") for path in server.directory.glob("*.log")}
    texts["stderr"] = server.stderr()
    lines = {name: len(re.findall(rf"open\(\) .*{marker}", text)) for name, text in texts.items()}
    return {name: count for name, count in lines.items() if count}


@pytest.mark.parametrize("path, host, logs", [
    ("/top", "first", {"error.log": 1, "main_error.log": 1, "main_info.log": 1, "stderr": 1}),
    ("/own/a", "first", {"own_error.log": 1, "stderr": 1}),
    ("/quiet/b", "first", {}),
    ("/server/c", "first", {"error.log": 1, "main_error.log": 1, "main_info.log": 1, "stderr": 1}),
    ("/d", "second", {"second.log": 1}),
])
def test_every_log_whose_level_admits_a_line_gets_it(both, path, host, logs):
    for server in both(HTTP, MAIN):
        assert server.ask(path, host=host).status == 404
        assert server.ask("/marker", host="first").status == 404
        wait_for(lambda: "main_info.log" in where_lines_are(server, "/marker"))  # noqa: B023
        assert where_lines_are(server, path) == logs


def test_all_are_opened_anew_on_usr1(both):
    for server in both(HTTP, MAIN):
        names = ["main_error.log", "main_info.log", "own_error.log", "error.log"]
        for name in names:
            (server.directory / name).rename(server.directory / f"{name}.old")
        server.kill(signal.SIGUSR1)
        wait_for(lambda: all((server.directory / name).exists() for name in names))  # noqa: B023
        for path in ("/again", "/own/again"):
            # a worker reopens after its master has
            wait_for(lambda: server.ask(path, host="first").status == 404 and  # noqa: B023
                     any(name.endswith("error.log") for name in where_lines_are(server, path)))  # noqa: B023
        assert "main_crit.log" not in where_lines_are(server, "again")


@pytest.mark.parametrize("name", ["wend", "nginx"])
def test_the_log_of_the_command_line_is_only_that_until_the_file_is_read(name, tmp_path, started):
    port = free_port()
    tmp_path.chmod(0o755)
    (tmp_path / "temp").mkdir()
    conf = tmp_path / "nginx.conf"
    conf.write_text(f"daemon off; pid {tmp_path}/pid; error_log stderr; events {{ }} http {{ access_log off; "
                    f"{temp_paths(name).replace('DIR', str(tmp_path))} "
                    f"server {{ listen 127.0.0.1:{port}; root /nosuch; }} }}")
    server = started(Server(edge_command(name, tmp_path, conf), port, tmp_path))
    assert server.ask("/missing").status == 404
    wait_for(lambda: "/missing" in server.stderr())
    assert "/missing" not in (tmp_path / "error.log").read_text()


def test_a_log_of_the_top_that_cannot_be_opened_is_an_error_of_the_file(both, tmp_path):
    for server in both(HTTP, MAIN):
        conf = server.directory / "nginx.conf"
        conf.write_text(conf.read_text().replace("events {", "error_log /nosuch/folder/x.log;\nevents {"))
        server.kill(signal.SIGHUP)
        text = 'open() "/nosuch/folder/x.log" failed (2: No such file or directory)'
        wait_for(lambda: text in (server.directory / "main_info.log").read_text())  # noqa: B023
        assert server.ask("/still", host="first").status == 404
        wait_for(lambda: "main_info.log" in where_lines_are(server, "/still"))  # noqa: B023


def test_syslog_at_the_top(both, tmp_path):
    for name, server in zip(("wend", "nginx"), both(HTTP, f"error_log syslog:server=unix:{tmp_path}/s,tag=t;")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as log:
            (tmp_path / "s").unlink(missing_ok=True)
            log.bind(str(tmp_path / "s"))
            (tmp_path / "s").chmod(0o777)
            log.settimeout(20)
            assert server.ask(f"/to-syslog-{name}", host="first").status == 404
            assert re.match(rb"<187>.* t: .*\[error\] .*/to-syslog-", log.recv(9000)), name
        assert not list(server.directory.glob("syslog*"))
