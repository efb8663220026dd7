"""The example Django site as `make run` serves it, used by a person in Chromium: log in to the admin,
add, edit and delete a note, upload 20 MB and get them back, names in other scripts, static files."""
import hashlib
import os
import shutil
import subprocess
import urllib.parse

import pytest
from conftest import ROOT, VENV, WEND, Server, free_port, needs, needs_peer

pytestmark = needs("serve")
CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]
UPLOAD_BYTES = 20_000_000
WAIT_MS = 30_000


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("site")
    project = directory / "project"
    shutil.copytree(ROOT / "examples/django-site", project)
    python = VENV / "bin/python"
    environment = dict(os.environ, DJANGO_SUPERUSER_PASSWORD="admin")
    subprocess.run([python, "manage.py", "migrate", "-v", "0"], cwd=project, check=True, timeout=120)
    subprocess.run([python, "manage.py", "createsuperuser", "--noinput", "--username", "admin",
                    "--email", "a@localhost"], cwd=project, env=environment, check=True,
                   timeout=120, stdout=subprocess.DEVNULL)
    port = free_port()
    server = Server([WEND, "serve", "--development", "--home", VENV, "-w", "2",
                     "-b", f"127.0.0.1:{port}", project], port, directory)
    server.url = f"http://127.0.0.1:{port}"
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright
    needs_peer("chromium", CHROMIUM)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(site, browser):
    """A page of somebody who logged in."""
    context = browser.new_context(base_url=site.url)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.failures = []
    page.on("response", lambda answer: answer.status >= 400 and page.failures.append(answer.url))
    page.on("requestfailed", lambda request: page.failures.append(request.url))
    page.goto("/admin/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", "admin")
    page.click("input[type=submit]")
    page.wait_for_selector("#user-tools")
    yield page
    context.close()


def add_note(page, title, slug, text="", file=None):
    page.goto("/admin/notes/note/add/")
    page.fill("#id_slug", slug)
    page.press("#id_slug", "Tab")  # changed by hand: the admin's script leaves it alone
    page.fill("#id_title", title)
    page.fill("#id_text", text)
    if file is not None:
        page.set_input_files("#id_file", file)
    page.click("input[name=_save]")
    page.wait_for_selector(".messagelist .success")


def test_a_wrong_password_is_refused(site, browser):
    page = browser.new_page(base_url=site.url)
    page.goto("/admin/")
    page.fill("#id_username", "admin")
    page.fill("#id_password", "wrong")
    page.click("input[type=submit]")
    page.wait_for_selector(".errornote")
    page.close()


def test_add_edit_delete(site, page):
    add_note(page, "Shopping", "shopping", "milk\nbread")
    page.goto("/")
    page.click("text=Shopping")
    assert page.inner_text("h1") == "Shopping" and "bread" in page.inner_text("article")
    assert page.evaluate("document.documentElement.dataset.ready") == "yes"
    assert page.evaluate("getComputedStyle(document.querySelector('header')).display") == "flex"

    page.goto("/admin/notes/note/")
    page.click("#result_list a:has-text('Shopping')")
    page.fill("#id_title", "Shopping on Monday")
    page.click("input[name=_save]")
    page.wait_for_selector(".messagelist .success")
    page.goto("/notes/shopping/")
    assert page.inner_text("h1") == "Shopping on Monday"

    page.goto("/admin/notes/note/")
    page.click("#result_list a:has-text('Shopping on Monday')")
    page.click(".deletelink")
    page.click("input[type=submit]")
    page.wait_for_selector(".messagelist .success")
    assert page.failures == []
    assert page.goto("/notes/shopping/").status == 404


def test_other_scripts_in_url_and_body(site, page):
    add_note(page, "日本語のメモ ✓", "日本語", "Grüße, мир, 🌍")
    page.goto("/")
    page.click("text=日本語のメモ")
    assert page.inner_text("h1") == "日本語のメモ ✓"
    assert "Grüße, мир, 🌍" in page.inner_text("article")
    assert urllib.parse.unquote(page.url).endswith("/notes/日本語/")
    page.goto("/?q=" + urllib.parse.quote("のメモ"))
    assert page.locator("#notes a").count() == 1
    assert page.input_value("input[name=q]") == "のメモ"
    assert page.failures == []


def test_upload_and_download(site, page, tmp_path):
    content = os.urandom(1_000_000) * (UPLOAD_BYTES // 1_000_000)
    file = tmp_path / "größe 20.bin"
    file.write_bytes(content)
    add_note(page, "With a file", "with-a-file", file=str(file))
    page.goto("/notes/with-a-file/")
    with page.expect_download() as download:
        page.click("#file")
    got = tmp_path / "got"
    download.value.save_as(got)
    page.failures.clear()  # the browser leaves off a navigation that turns out to be a download
    assert hashlib.sha256(got.read_bytes()).digest() == hashlib.sha256(content).digest()
    answer = site.ask("/notes/with-a-file/file", host=f"127.0.0.1:{site.port}")
    assert answer.framing == "length" and len(answer.body) == UPLOAD_BYTES


@pytest.mark.parametrize("path, kind", [
    ("notes/style.css", "text/css"), ("notes/ready.js", "javascript"),
    ("notes/icon.svg", "image/svg+xml"), ("admin/css/base.css", "text/css"),
])
def test_static_files(site, path, kind):
    first = site.ask("/static/" + path, host="127.0.0.1")
    assert first.status == 200 and kind in first.get("content-type")
    assert first.get("etag") and first.get("last-modified")
    again = site.ask("/static/" + path, f"If-None-Match: {first.get('etag')}", host="127.0.0.1")
    assert again.status == 304 and again.body == b""
    again = site.ask("/static/" + path, f"If-Modified-Since: {first.get('last-modified')}", host="127.0.0.1")
    assert again.status == 304
    part = site.ask("/static/" + path, "Range: bytes=0-9", host="127.0.0.1")
    assert part.status == 206 and part.body == first.body[:10]


def test_static_paths_do_not_leave_their_folder(site):
    for path in ("/static/../mysite/settings.py", "/static/%2e%2e/mysite/settings.py",
                 "/static/notes/../../../manage.py", "/static/nothing.css"):
        answer = site.ask(path, host="127.0.0.1")
        assert answer.status in (400, 404) and b"SECRET_KEY" not in answer.body.split(b"<")[0]


def test_an_error_shows_its_page(site):
    answer = site.ask("/notes/nothing/", host="127.0.0.1")
    assert answer.status == 404 and b"Page not found" in answer.body


def test_strange_hosts_are_refused_by_django(site):
    assert site.ask("/", host="evil.example").status == 400
