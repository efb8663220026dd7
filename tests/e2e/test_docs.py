"""The tutorials, typed in as they stand. A page's blocks are taken in order, in one empty folder:

    ```ini file=uwsgi.ini     becomes that file
    ```sh server              is started and left running; the next one waits until it listens
    ```sh run                 must succeed
    ```text output            lines that the run before must have printed; "..." stands for anything

Other blocks are for reading. Ports are replaced by free ones; .venv is the tests' virtualenv."""
import os
import re
import signal
import socket
import subprocess
import time

import pytest
from conftest import ROOT, WEND, free_port, needs

PAGES = sorted(page.name for page in (ROOT / "docs").glob("*.md") if "```sh run" in page.read_text())
BLOCK = re.compile(r"^```([^\n`]+)\n(.*?)^```$", re.M | re.S)
PORT = re.compile(r"\b80[0-9]{2}\b")

pytestmark = [needs("app")]


class Page:
    def __init__(self, name, folder):
        self.folder, self.ports, self.servers, self.printed = folder, {}, [], ""
        self.text = PORT.sub(self.port, (ROOT / "docs" / name).read_text())
        path = [str(WEND.parent), str(WEND.parent / "compat"), os.environ["PATH"]]
        self.environment = {**os.environ, "PATH": ":".join(path), "PS1": "$ ", "COLUMNS": "98"}
        self.environment.pop("VIRTUAL_ENV", None)
        (folder / ".venv").symlink_to(ROOT / "build" / "venv")

    def port(self, match):
        return str(self.ports.setdefault(match[0], free_port()))

    def sh(self, script, **options):
        return subprocess.Popen(["bash", "-euc", script], cwd=self.folder, env=self.environment,
                                stdin=subprocess.DEVNULL, stderr=subprocess.STDOUT, text=True, **options)

    def start(self, script):
        log = open(self.folder / f"server{len(self.servers)}.log", "w+")
        self.servers.append((self.sh("exec " + script.strip(), stdout=log), log))
        said = script
        for file in re.findall(r"\S+\.conf\b", script):
            said += "".join(re.findall(r"listen \S+", (self.folder / file).read_text()))
        wanted = [int(port) for port in re.findall(r"\b\d{4,5}\b", said)]
        sockets = re.findall(r"unix:(\S+)", script)
        end = time.monotonic() + 60
        while not all(map(listens, wanted)) or not all((self.folder / s).exists() for s in sockets):
            assert self.servers[-1][0].poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.1)
        # a banner is the last thing before requests are answered
        banner = re.match(r"wend (serve|app)\b", script)
        while banner and "serves" not in self.log() and time.monotonic() < end:
            time.sleep(0.1)

    def log(self):
        log = self.servers[-1][1]
        log.seek(0)
        return log.read()

    def take(self, kind, body):
        words = kind.split()
        if words[-1].startswith("file="):
            path = self.folder / words[-1][5:]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        elif words == ["sh", "server"]:
            self.start(body)
        elif words == ["sh", "run"]:
            process = self.sh(body, stdout=subprocess.PIPE)
            self.printed = process.communicate(timeout=120)[0]
            assert process.returncode == 0, body + self.printed
        elif words == ["text", "output"]:
            for line in body.splitlines():
                pattern = ".*".join(re.escape(part) for part in line.rstrip().split("..."))
                assert re.search(pattern, self.printed), f"{line!r} is not in:\n{self.printed}"

    def stop(self):
        for process, log in reversed(self.servers):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_true(name, tmp_path):
    tmp_path.chmod(0o755)
    page = Page(name, tmp_path)
    try:
        for kind, body in BLOCK.findall(page.text):
            page.take(kind, body)
    finally:
        page.stop()


def test_there_are_pages():
    assert {"from-nginx.md", "from-uwsgi.md", "from-gunicorn.md", "from-curl.md", "django.md"} <= set(PAGES)
