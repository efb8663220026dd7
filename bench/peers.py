"""The servers that are compared, each as a command line and its configuration.

A peer is started in a fresh directory, on the server's core, and is one process tree; all of the
tree's CPU time and memory count.
"""
import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BENCH = ROOT / "bench"
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
SERVER_CORE, CLIENT_CORE = "0", "1"
START_S = 20
PORTS_TRIED = 5
VENV = ROOT / "build/venv-bench"


class Missing(Exception):
    """The peer cannot be started here; the text says why."""


class PortTaken(Missing):
    """Another process has the port by now."""


def wend_program():
    for path in (ROOT / "build/wend", ROOT / "build/src/cmd/wend"):
        if path.exists():
            return str(path)
    raise Missing("build/wend is not built")


def debian_program(name):
    path = shutil.which(name, path=os.environ["PATH"] + ":/usr/sbin")
    if path is None:
        raise Missing(f"{name} is not installed (apt-get install {name})")
    return path


def tree(pid):
    """pid and all its descendants that live now."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                stat = pathlib.Path(f"/proc/{entry}/stat").read_text()
            except OSError:
                continue
            parent = int(stat.rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(entry))
    found, wanted = [], [pid]
    while wanted:
        one = wanted.pop()
        found.append(one)
        wanted += children.get(one, [])
    return found


@dataclasses.dataclass
class Launch:
    """What to run; `helpers` are commands that must run beside it and count with it."""

    command: list
    cwd: pathlib.Path
    env: dict = dataclasses.field(default_factory=dict)
    helpers: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Server:
    name: str
    process: subprocess.Popen
    port: int
    helpers: list
    log: pathlib.Path

    def pids(self):
        return [p for top in [self.process, *self.helpers] for p in tree(top.pid)]

    def cpu_us(self):
        """utime + stime of the tree, in microseconds."""
        ticks = 0
        for pid in self.pids():
            try:
                fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            ticks += int(fields[11]) + int(fields[12])
        return ticks * TICK_US

    def rss_bytes(self):
        total = 0
        for pid in self.pids():
            for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
        return total

    def stop(self, gently=False):
        """Ends all processes; `gently` gives them time to say what they have to say."""
        family = self.pids()
        if gently:
            self.process.terminate()
            end = time.monotonic() + START_S
            while self.process.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            while any(map(is_running, family)) and time.monotonic() < end:
                time.sleep(0.05)
        for pid in family:  # masters first, or they replace the workers
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for process in [self.process, *self.helpers]:
            process.wait()
        # Thousands of connections take a while to close: the next server shall not pay for it.
        end = time.monotonic() + START_S
        while any(map(is_running, family)) and time.monotonic() < end:
            time.sleep(0.05)


def is_running(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def spawn(command, launch, log):
    return subprocess.Popen(
        command, cwd=launch.cwd, env={**os.environ, **launch.env}, stdin=subprocess.DEVNULL,
        stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
    )


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as s:
            s.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")
            return s.recv(16).startswith(b"HTTP/")
    except OSError:
        return False


class Peers:
    """Knows how to start each peer; `work` is the directory everything lives in."""

    def __init__(self, work, first_port):
        self.work = pathlib.Path(work)
        self.next_port = first_port
        self.files = self.work / "files"
        self.files.mkdir(parents=True)
        (self.files / "1k.html").write_bytes(b"x" * 1024)
        (self.files / "100k.html").write_bytes(b"y" * 102400)
        (self.files / "index.html").write_bytes(b"<!doctype html>hello\n")
        self.work.chmod(0o755)

    def start(self, name, under=(), **options):
        """A running Server, or Missing. `under`: the command of a tool that runs it."""
        for _ in range(PORTS_TRIED):
            try:
                return self.start_once(name, under, options)
            except PortTaken as why:  # by somebody else, after we had looked
                taken = why
        raise Missing(str(taken))

    def start_once(self, name, under, options):
        while not is_free(self.next_port):
            self.next_port += 1
        home = self.work / f"{name.replace('/', '_')}-{self.next_port}"
        home.mkdir()
        port = self.next_port
        self.next_port += 1
        kind, _, variant = name.partition("/")
        make = getattr(self, "make_" + kind.replace("+", "_and_").replace("-", "_"))
        launch = make(home, port, variant, **options)
        log_path = home / "log"
        with open(log_path, "wb") as log:
            others = [spawn(pinned(c), launch, log) for c in launch.helpers]
            process = spawn(pinned([*under, *launch.command]), launch, log)
        server = Server(name, process, port, others, log_path)
        end = time.monotonic() + START_S
        while not answers(port):
            if process.poll() is not None or time.monotonic() > end:
                server.stop()
                said = log_path.read_text(errors="replace")
                tail = said.strip().splitlines()[-3:]
                failure = PortTaken if "in use" in said else Missing
                raise failure(f"{name} does not answer: {' / '.join(tail) or 'it said nothing'}")
            time.sleep(0.05)
        return server

    # --- the peers -------------------------------------------------------------------------

    def make_rawloop(self, home, port, size):
        return Launch([str(ROOT / "build/bench/rawloop"), str(port), size or "1024"], home)

    def make_fiberloop(self, home, port, mode):
        return Launch([str(ROOT / "build/bench/fiberloop"), str(port), mode or "task"], home)

    def nginx_conf(self, home, port, variant="", connections=20000, extra="", upstream=1):
        cache = "open_file_cache max=1000 inactive=60s;" if "cache" in variant else ""
        conf = home / "nginx.conf"
        conf.write_text(f"""
            user root;
            worker_processes 1;
            worker_rlimit_nofile 65536;
            daemon off;
            pid {home}/nginx.pid;
            error_log {home}/error.log;
            events {{ worker_connections {connections}; }}
            http {{
                access_log off;
                sendfile on;
                tcp_nopush on;
                keepalive_timeout 300s;
                keepalive_requests 1000000000;
                {cache}
                {extra}
                types {{ text/html html; }}
                server {{
                    listen 127.0.0.1:{port};
                    root {self.files};
                    location /return {{ return 200 "hello\\n"; }}
                    location /upstream {{
                        proxy_pass http://127.0.0.1:{upstream};
                        proxy_http_version 1.1;
                        proxy_set_header Upgrade $http_upgrade;
                        proxy_set_header Connection upgrade;
                        proxy_read_timeout 600s;
                    }}
                    {self.app_location(home) if "uwsgi" in variant else ""}
                }}
            }}
        """)
        return conf

    @staticmethod
    def app_location(home):
        return f"location / {{ include /etc/nginx/uwsgi_params; uwsgi_pass unix:{home}/app.sock; }}"

    def make_nginx(self, home, port, variant, connections=20000, upstream=1):
        conf = self.nginx_conf(home, port, variant, connections, "", upstream)
        return Launch([debian_program("nginx"), "-p", str(home), "-c", str(conf)], home)

    def make_wend_edge(self, home, port, variant, connections=20000, upstream=1):
        extra = "wend_trace off;" if variant == "notrace" else ""
        conf = self.nginx_conf(home, port, variant, connections, extra, upstream)
        return Launch([wend_program(), "edge", "-p", str(home), "-c", str(conf)], home)

    def make_h2o(self, home, port, _):
        conf = home / "h2o.conf"
        conf.write_text(f"""
user: root
num-threads: 1
max-connections: 20000
listen: {{ host: 127.0.0.1, port: {port} }}
hosts:
  default:
    paths:
      /: {{ file.dir: {self.files} }}
""")
        return Launch([debian_program("h2o"), "-m", "worker", "-c", str(conf)], home)

    def make_lighttpd(self, home, port, _):
        conf = home / "lighttpd.conf"
        conf.write_text(f"""
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{self.files}"
server.errorlog = "{home}/error.log"
server.max-keep-alive-requests = 32000
server.max-fds = 40000
server.max-connections = 20000
index-file.names = ( "index.html" )
mimetype.assign = ( ".html" => "text/html" )
""")
        return Launch([debian_program("lighttpd"), "-D", "-f", str(conf)], home)

    # --- Python ----------------------------------------------------------------------------------

    def app_env(self, application):
        if application == "hello":
            return BENCH, {"PYTHONPATH": str(BENCH)}, "hello"
        site = next((VENV / "lib").glob("python3*/site-packages"), None)
        if site is None or not (site / "django").exists():
            raise Missing("Django is not in build/venv-bench")
        database = self.work / "bench.sqlite3"
        env = {"PYTHONPATH": f"{BENCH}/django:{site}", "BENCH_DATABASE": str(database)}
        if not database.exists():
            subprocess.run([VENV / "bin/python", BENCH / "django/benchsite.py"],
                           env={**os.environ, **env}, check=True)
        return BENCH / "django", env, "benchsite"

    def uwsgi_command(self, module, address):
        return [debian_program("uwsgi"), "--plugin", "python3", "--module", module, "--master",
                "--processes", "1", "--enable-threads", "--disable-logging", "--listen", "100",
                *address]

    def make_uwsgi(self, home, port, variant, application="hello"):
        cwd, env, module = self.app_env(application)
        # The plain http-socket ends the connection after each answer and does not say so: a client
        # that keeps to HTTP/1.1 takes that for a failure. With the field it connects again in peace.
        flag = {"http-socket": ["--http-socket", f"127.0.0.1:{port}",
                                "--add-header", "Connection: close"],
                "http11-socket": ["--http11-socket", f"127.0.0.1:{port}"],
                "http-keepalive": ["--plugin", "http", "--http", f"127.0.0.1:{port}",
                                   "--http-keepalive"]}[variant]
        return Launch(self.uwsgi_command(module, flag), cwd, env)

    def make_nginx_and_uwsgi(self, home, port, _, application="hello"):
        cwd, env, module = self.app_env(application)
        conf = self.nginx_conf(home, port, "uwsgi")
        helper = self.uwsgi_command(module, ["--socket", f"{home}/app.sock",
                                             "--chmod-socket=666"])
        command = [debian_program("nginx"), "-p", str(home), "-c", str(conf)]
        return Launch(command, cwd, env, [helper])

    def make_granian(self, home, port, _, application="hello"):
        cwd, env, module = self.app_env(application)
        program = VENV / "bin/granian"
        if not program.exists():
            raise Missing("granian is not in build/venv-bench")
        command = [str(program), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port),
                   "--workers", "1", "--no-access-log", "--log-level", "warning",
                   f"{module}:application"]
        return Launch(command, cwd, env)

    def make_wend_serve(self, home, port, variant, application="hello"):
        cwd, env, module = self.app_env(application)
        command = [wend_program(), "serve", f"{module}:application", "-b", f"127.0.0.1:{port}",
                   "-w", "1"]
        return Launch(command, cwd, env)


def pinned(command):
    return ["taskset", "-c", SERVER_CORE, *map(str, command)]


def prepare_venv():
    """granian and Django, by name, in build/venv-bench; made once."""
    if (VENV / "ready").exists():
        return
    subprocess.run(["/usr/bin/python3.11", "-m", "venv", VENV], check=True)
    subprocess.run([VENV / "bin/pip", "install", "-q", "granian", "Django"], check=True,
                   stdout=sys.stderr)
    (VENV / "ready").touch()
