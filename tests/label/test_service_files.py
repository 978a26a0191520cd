"""The app's own files: what is served, how, and that nothing else is."""

import gzip
import json
import re

import pytest

from kaogae.label.service import files


@pytest.fixture
def catalog_url(tmp_path):
    """One database is enough here."""
    return f"sqlite:///{tmp_path / 'catalog.db'}"


@pytest.fixture
def app(tmp_path):
    """A small app: a page, a script of it, icons, a worker, and what nobody gets."""
    folder = tmp_path / "app"
    for name, text in {
        "index.html": "<!doctype html>" + "x" * 1000,
        "admin.html": "admin",
        "css/app.css": "a{}",
        "css/admin.css": "b{}",
        "js/main.js": "1",
        "js/admin/main.js": "2",
        "js/notes.txt": "3",
        "tsconfig.json": "{}",
        "secret.js": "4",
        "icon.svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 4"/>',
        "sw.js": "self.x = SHELL;\n",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def shell(loaded):
    line = loaded["/sw.js"].data.decode().splitlines()[0]
    return json.loads(re.fullmatch(r"const SHELL = (.*);", line)[1])


def test_pages_scripts_styles_and_icons_are_served_and_nothing_else(app):
    assert sorted(files.load(app)) == [
        "/",
        "/admin",
        "/css/admin.css",
        "/css/app.css",
        "/icon.svg",
        "/icons/icon-192.png",
        "/icons/icon-512.png",
        "/js/admin/main.js",
        "/js/main.js",
        "/sw.js",
    ]


def test_icons_are_drawn_in_their_size(app):
    data = files.load(app)["/icons/icon-192.png"].data
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(data[16:20]), int.from_bytes(data[20:24])) == (192, 192)


def test_the_worker_keeps_what_a_phone_needs(app):
    assert shell(files.load(app))["files"] == [
        "/",
        "/css/app.css",
        "/icon.svg",
        "/icons/icon-192.png",
        "/icons/icon-512.png",
        "/js/main.js",
    ]


def test_any_change_is_another_version(app):
    before = shell(files.load(app))["version"]
    assert shell(files.load(app))["version"] == before
    (app / "css/admin.css").write_text("c{}")
    assert shell(files.load(app))["version"] != before


def test_no_app_at_all_is_no_error(tmp_path):
    assert files.load(tmp_path) == {}


@pytest.fixture
def client(app, browser_of, monkeypatch):
    client = browser_of()
    monkeypatch.setattr(client.app.state.service, "shell", files.load(app))
    return client


def test_a_page_is_compressed_and_asked_about_each_time(client, app):
    answer = client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < 100
    assert answer.text == (app / "index.html").read_text()
    etag = answer.headers["etag"]
    again = client.get("/", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get("/", headers={"accept-encoding": "identity", "if-none-match": etag})
    assert plain.status_code == 200  # these are other bytes
    assert plain.headers["etag"] != etag
    assert plain.headers["vary"] == answer.headers["vary"] == "Accept-Encoding"


def test_a_head_has_no_body(client):
    answer = client.head("/js/main.js")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/secret.js",
        "/tsconfig.json",
        "/js/notes.txt",
        "/js/../secret.js",
        "/js/%2e%2e/secret.js",
        "/js/..%2fsecret.js",
        "//etc/passwd",
        "/%00",
        "/index.html",
        "/js",
        "/js/",
        "/api",
        "/api/v1",
        "/api/v1/nothing",
        "/api/v2/session",
        "/docs",
    ],
)
def test_everything_else_isnt_there(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"detail": "There is nothing here."}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_files_are_only_read(client, method):
    answer = client.request(method, "/")
    assert answer.status_code == 405
    assert answer.json() == {"detail": "This can't be done here."}


def test_the_shipped_app_is_small_and_compresses():
    loaded = files.load()
    kept = shell(loaded)["files"] if "/sw.js" in loaded else []
    assert all(name in loaded for name in kept)
    assert gzip.decompress(loaded["/"].packed) == loaded["/"].data
