"""Static files of a fresh Django project under `wend serve`: found as `manage.py runserver` finds them
while it is worked on, from STATIC_ROOT once they are collected."""
import subprocess

import pytest
from conftest import VENV, needs, serve, wait_for

pytestmark = needs("serve")
CSS = "/static/admin/css/base.css"


@pytest.fixture
def project(tmp_path):
    subprocess.run([VENV / "bin/django-admin", "startproject", "shop", tmp_path], check=True, timeout=60)

    def made(**settings):
        with open(tmp_path / "shop/settings.py", "a", encoding="utf-8") as file:
            for name, value in {"ALLOWED_HOSTS": ["*"], **settings}.items():
                file.write(f"\n{name} = {value!r}\n")
        return tmp_path
    return made


def serve_project(started, project, *words):
    logs = project / "logs"
    logs.mkdir()
    return serve(started, logs, "--home", VENV, "-w", "1", *words, project)


@pytest.mark.parametrize("words", [[], ["--production"], ["--development"]])
def test_a_fresh_project_has_its_styles(started, project, words):
    site = serve_project(started, project(), *words)
    answer = site.ask(CSS)
    assert answer.status == 200 and answer.get("content-type").startswith("text/css")
    assert answer.get("last-modified") and b"html" in answer.body
    assert site.ask(CSS + "x").status == 404


def test_without_debug_nothing_is_served_that_was_not_collected(started, project):
    assert serve_project(started, project(DEBUG=False)).ask(CSS).status == 404


def test_a_folder_nobody_has_filled_is_named(started, project):
    folder = str(project(DEBUG=False).joinpath("collected"))
    site = serve_project(started, project(STATIC_ROOT=folder))
    assert site.ask(CSS).status == 404
    wait_for(lambda: f'static files in "{folder}" are not served: has manage.py collectstatic run?'
             in site.stderr())


def test_with_debug_an_empty_static_root_is_no_reason_to_find_nothing(started, project):
    site = serve_project(started, project(STATIC_ROOT="/nonexistent/collected"))
    assert site.ask(CSS).status == 200
    assert "not served" not in site.stderr()


def test_what_is_collected_is_served(started, project):
    root = project(DEBUG=False)
    project(STATIC_ROOT=str(root / "collected"))
    subprocess.run([VENV / "bin/python", "manage.py", "collectstatic", "--noinput", "-v", "0"], cwd=root,
                   check=True, timeout=120)
    assert serve_project(started, root).ask(CSS).status == 200
