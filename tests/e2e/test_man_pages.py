"""The manual as `make install` lays it out: every page is where it says it is, every reference between
pages leads to one, and mandoc has nothing to warn about."""
import os
import re
import shutil
import subprocess

import pytest

from conftest import ROOT, WEND


@pytest.fixture(scope="module")
def manual(tmp_path_factory):
    to = tmp_path_factory.mktemp("installed")
    subprocess.run(["sh", ROOT / "tools/install.sh"], check=True, timeout=60,
                   env={**os.environ, "BUILD": str(WEND.parent), "DESTDIR": str(to), "PREFIX": "/usr"})
    pages = {path.name: path for path in (to / "usr/share/man").glob("man*/*")}
    assert len(pages) > 1
    return pages


def commands():
    lines = subprocess.run([WEND, "help"], capture_output=True, text=True, timeout=10).stdout
    return re.findall(r"^  (\w+) +\S", lines, re.M)


def test_each_command_has_a_page(manual):
    names = {name.rpartition(".")[0] for name in manual}
    assert commands()
    assert {"wend"} | {f"wend-{command}" for command in commands()} == names


def test_a_page_is_where_it_says_it_is(manual):
    for name, path in manual.items():
        title, section = re.search(r"^\.Dt (\S+) (\d)$", path.read_text(), re.M).groups()
        assert f"{title.lower()}.{section}" == name
        assert path.parent.name == f"man{section}"


def test_references_lead_to_pages(manual):
    for name, path in manual.items():
        references = re.findall(r"^\.Xr (\S+) (\d)", path.read_text(), re.M)
        found = {f"{page}.{section}" for page, section in references}
        assert found == set(manual) - {name}, name


def test_a_systemd_unit_names_a_page(manual):
    unit = (ROOT / "packaging/wend.service").read_text()
    for page, section in re.findall(r"man:([\w-]+)\((\d)\)", unit):
        assert f"{page}.{section}" in manual


def test_mandoc_has_nothing_to_warn_about(manual):
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    lint = subprocess.run(["mandoc", "-T", "lint", *manual.values()], capture_output=True, text=True, timeout=60)
    # It looks for the pages we refer to among those of the machine.
    told = [line for line in lint.stdout.splitlines() if "referenced manual not found" not in line]
    assert told == []
