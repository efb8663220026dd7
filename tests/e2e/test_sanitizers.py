"""Does a test fail wherever a process of its tree makes a mistake? Here mistakes are made on
purpose, in a pytest of its own whose reports nobody else counts, and that one has to be red."""
import os
import subprocess
import sys

import pytest
from conftest import REPORTS, ROOT, START_S, WEND

FAULTY = WEND.parent / "tests/e2e/sanitizers/faulty"
pytestmark = pytest.mark.skipif(REPORTS is None, reason="this build has no sanitizer")

PROGRAM = """
import subprocess
def test_it():
    subprocess.run(COMMAND, timeout=60)
"""

APPLICATION = """
from conftest import *
def test_it(edge):
    http = "app it { module faulty; chdir %s; } server { listen 127.0.0.1:PORT; location / { app_pass it; } }"
    server = edge(http % (ROOT / "tests/e2e/apps"), main="user nobody;" if os.geteuid() == 0 else "")
    with server.client() as client:
        client.ask(TARGET)
"""

SERVED = """
from conftest import *
def test_it(started, tmp_path):
    server = serve(started, tmp_path, "faulty:application", cwd=ROOT / "tests/e2e/apps")
    with server.client() as client:
        client.ask(TARGET)
"""


def run_inner(tmp_path, text, **names):
    reports = tmp_path / "reports"
    reports.mkdir()
    reports.chmod(0o777)
    values = "".join(f"{name} = {value!r}\n" for name, value in names.items())
    (tmp_path / "test_inner.py").write_text(values + text)
    environment = dict(os.environ, WEND_REPORTS=str(reports), WEND=str(WEND),
                       PYTHONPATH=str(ROOT / "tests/e2e"))
    environment["ASAN_OPTIONS"] = environment["ASAN_OPTIONS"].replace(str(REPORTS), str(reports))
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conftest",
         f"--basetemp={tmp_path}/inner", "--rootdir", tmp_path, tmp_path / "test_inner.py"],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=3 * START_S)
    return result.returncode, result.stdout + result.stderr


MISTAKES = {
    "leak": "detected memory leaks",
    "overflow": "heap-buffer-overflow",
    "use_after_return": "stack-use-after-return",
    "undefined": "in undefined ",
    "abort": "ABRT",
    "use_ended_task": "use-after-poison",
    "use_after_return_on_fiber": "stack-use-after-return",
    "leak_on_fiber": "detected memory leaks",
}
PLACES = ["self", "child", "nobody", "daemon", "executed"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("mistake", ["leak", "overflow", "undefined"])
def test_a_mistake_anywhere_fails_the_test(tmp_path, mistake, place):
    if place == "nobody" and os.geteuid() != 0:
        pytest.skip("only root can give its privileges away")
    code, text = run_inner(tmp_path, PROGRAM, COMMAND=[str(FAULTY), mistake, place])
    assert code == 1 and MISTAKES[mistake] in text, text


@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_kind_of_mistake_is_seen(tmp_path, mistake):
    code, text = run_inner(tmp_path, PROGRAM, COMMAND=[str(FAULTY), mistake, "child"])
    assert code == 1 and MISTAKES[mistake] in text, text


def test_without_a_mistake_the_test_passes(tmp_path):
    code, text = run_inner(tmp_path, PROGRAM, COMMAND=[str(FAULTY), "none", "child"])
    assert code == 0 and "1 passed" in text, text


IN_PYTHON = {"leak": "123 byte(s)", "lost_object": "detected memory leaks",
             "overflow": "heap-buffer-overflow", "abort": "ABRT"}


@pytest.mark.parametrize("mistake", IN_PYTHON)
@pytest.mark.parametrize("text", [SERVED, APPLICATION], ids=["serve", "edge"])
def test_a_worker_with_python_in_it_is_watched(tmp_path, text, mistake):
    code, output = run_inner(tmp_path, text, TARGET="/" + mistake)
    assert code == 1 and IN_PYTHON[mistake] in output, output


@pytest.mark.parametrize("text", [SERVED, APPLICATION], ids=["serve", "edge"])
def test_a_worker_without_a_mistake_leaves_no_report(tmp_path, text):
    code, output = run_inner(tmp_path, text, TARGET="/none")
    assert code == 0 and "1 passed" in output, output
