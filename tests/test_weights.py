"""Fetching published weights: a real pooch, a real server on loopback."""

import hashlib
import json
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kaogae import weights
from kaogae.errors import UsageError, WeightsError
from kaogae.weights import WEIGHTS, WEIGHTS_BYTES, fetch, find, named

GOOD = b"\x80\x02 the weights, every byte of them" * 3000


class Server(ThreadingHTTPServer):
    asked: list[str]

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path == "/gone":
            self.send_error(404)
            return
        body = {"/wrong": b"something else", "/endless": bytes(2**16)}.get(self.path, GOOD)
        self.send_response(200)
        if self.path != "/endless":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path == "/half":
            self.wfile.write(body[: len(body) // 2])
            return
        for _ in range(WEIGHTS_BYTES // 2**16 + 50 if self.path == "/endless" else 1):
            try:
                self.wfile.write(body)
            except OSError:  # whoever asked has had enough
                return

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Answers) as running:
        running.asked = []
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Files that the server has, in a folder of this test."""
    known = tuple(
        each if each.sha256 is None else replace(each, sha256=hashlib.sha256(GOOD).hexdigest())
        for each in WEIGHTS
    )
    monkeypatch.setattr(weights, "WEIGHTS", known)
    monkeypatch.setenv("KAOGAE_WEIGHTS", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "cache"


def test_a_good_file_is_kept_and_found_and_not_fetched_twice(server, folder, monkeypatch):
    monkeypatch.setattr(
        weights, "WEIGHTS", tuple(replace(each, url=f"{server.url}/good") for each in weights.WEIGHTS)
    )
    with pytest.raises(WeightsError, match="run `kaogae weights fetch carn-m`"):
        find("carn-m")
    place = fetch("carn-m")
    assert place.path == find("carn-m") == folder / "carn_m.pth"
    assert (place.state, place.sha256) == ("there", hashlib.sha256(GOOD).hexdigest())
    assert place.path.read_bytes() == GOOD
    fetch("carn-m")
    assert server.asked == ["/good"]
    assert [path.name for path in folder.iterdir()] == ["carn_m.pth"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/wrong", "its SHA-256 is"),
        ("/gone", "the server answers 404"),
        ("/half", "the connection broke in the middle"),
        ("/endless", "sends more than 32 MiB"),
    ],
)
def test_what_is_not_the_file_leaves_everything_as_it_was(server, folder, path, words):
    for before in ([], ["lbpcascade_animeface.xml"]):
        with pytest.raises(WeightsError, match=words) as error:
            fetch("lbpcascade", url=server.url + path)
        if path != "/endless":
            assert "kaogae weights fetch lbpcascade --from FILE" in str(error.value)
        assert [each.name for each in folder.iterdir()] == before
        fetch("lbpcascade", url=f"{server.url}/good")
    assert find("lbpcascade").read_bytes() == GOOD


def test_how_large_a_file_may_be_is_its_own(server, folder, tmp_path):
    assert named("inception").limit > 95_628_359 > WEIGHTS_BYTES  # what is published
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(WEIGHTS_BYTES + 1)
    with pytest.raises(WeightsError, match="larger than 32 MiB"):
        fetch("carn-m", source=large)
    with pytest.raises(WeightsError, match="SHA-256"):  # so it was read
        fetch("inception", source=large)
    with pytest.raises(WeightsError, match="sends more than 32 MiB"):
        fetch("carn-m", url=f"{server.url}/endless")
    assert list(folder.iterdir()) == []


def test_inceptions_weights_are_fetched_as_all_are(server, folder):
    place = fetch("inception", url=f"{server.url}/good")
    assert place.path == find("inception") == folder / "weights-inception-2015-12-05-6726825d.pth"
    name = "weights-inception-2015-12-05-" + WEIGHTS[3].sha256[:8]
    assert WEIGHTS[3].file == f"{name}.pth" == WEIGHTS[3].url.rpartition("/")[2]


def test_a_download_has_an_end(server, folder, monkeypatch):
    monkeypatch.setattr(weights, "LONGEST", -1.0)
    with pytest.raises(WeightsError, match="takes more than"):
        fetch("lbpcascade", url=f"{server.url}/good")
    assert not list(folder.iterdir())


def test_offline_the_sentence_says_how_to_bring_a_file(folder):
    with Server(("127.0.0.1", 0), Answers) as closed:
        url = f"{closed.url}/good"
    with pytest.raises(WeightsError, match=r"no connection.*kaogae weights fetch carn-m --from FILE"):
        fetch("carn-m", url=url)
    assert list(folder.iterdir()) == []


def test_a_file_brought_by_hand_is_checked_as_well(tmp_path):
    file = tmp_path / "downloaded"
    file.write_bytes(GOOD)
    assert fetch("carn-m", source=file).path.read_bytes() == GOOD
    file.write_bytes(GOOD[:-1])
    with pytest.raises(WeightsError, match="SHA-256"):
        fetch("carn-m", source=file)
    assert find("carn-m").read_bytes() == GOOD
    with pytest.raises(WeightsError, match="isn't there"):
        fetch("carn-m", source=tmp_path / "none")
    with file.open("wb") as large:
        large.truncate(WEIGHTS_BYTES + 1)
    with pytest.raises(WeightsError, match="larger"):
        fetch("carn-m", source=file)


def test_a_damaged_file_is_found_out_and_fetched_again(server, monkeypatch):
    monkeypatch.setattr(
        weights, "WEIGHTS", tuple(replace(each, url=f"{server.url}/good") for each in weights.WEIGHTS)
    )
    fetch("carn-m").path.write_bytes(b"rust")
    with pytest.raises(WeightsError, match="isn't the file that it should be"):
        find("carn-m")
    assert fetch("carn-m").state == "there"
    assert find("carn-m").read_bytes() == GOOD


def test_without_a_published_checksum_the_first_accepted_file_is_the_one(server, folder, tmp_path):
    def refuse(path: Path) -> None:
        raise WeightsError(f"{path} doesn't enlarge.")

    assert named("carn").sha256 is None
    url = f"{server.url}/good"
    with pytest.raises(WeightsError, match=f"^{url} doesn't enlarge"):
        fetch("carn", url=url, check=refuse)
    assert list(folder.iterdir()) == []
    seen = []
    fetch("carn", url=url, check=lambda path: seen.append(path.read_bytes()))
    assert seen == [GOOD]
    other = tmp_path / "other"
    other.write_bytes(b"another one")
    with pytest.raises(WeightsError, match="SHA-256"):
        fetch("carn", source=other)
    find("carn").write_bytes(b"another one")
    with pytest.raises(WeightsError, match="delete it"):
        find("carn")


def test_odd_names_and_addresses_are_wrong_use(tmp_path):
    for name, options in (
        ("esrgan", {}),
        ("carn-m", {"url": "file:///etc/passwd"}),
        ("carn-m", {"url": "http://127.0.0.1/", "source": tmp_path}),
    ):
        with pytest.raises(UsageError):
            fetch(name, **options)


def test_a_folder_that_cannot_be_written_is_one_sentence(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv("KAOGAE_WEIGHTS", str(tmp_path / "file" / "cache"))
    with pytest.raises(WeightsError, match="KAOGAE_WEIGHTS"):
        fetch("carn-m", url=f"{server.url}/good")


def test_the_cache_is_the_users_unless_told_otherwise(monkeypatch, tmp_path):
    monkeypatch.delenv("KAOGAE_WEIGHTS")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert weights.folder().name == "kaogae"
    if sys.platform == "linux":
        assert weights.folder() == tmp_path / "xdg" / "kaogae"


def test_the_checksums_are_those_of_the_published_files(shared):
    for each, file in ((WEIGHTS[0], "carn_m.pth"), (WEIGHTS[2], "lbpcascade_animeface.xml")):
        assert each.file == file
        assert hashlib.sha256((shared / "weights" / file).read_bytes()).hexdigest() == each.sha256


def test_the_command_fetches_lists_and_complains(kaogae, server, folder, tmp_path):
    code, out, _ = kaogae("weights", "fetch", "lbpcascade", "--url", f"{server.url}/good")
    assert code == 0
    assert str(folder / "lbpcascade_animeface.xml") in out
    code, out, _ = kaogae("weights", "list")
    assert code == 0
    assert "lbpcascade: there" in out
    assert "carn-m: missing" in out
    code, out, _ = kaogae("weights", "list", "--json")
    states = {row["name"]: row["state"] for row in json.loads(out)}
    missing = dict.fromkeys(("carn-m", "carn", "inception"), "missing")
    assert states == missing | {"lbpcascade": "there"}
    code, _, err = kaogae("weights", "fetch", "carn-m", "--url", f"{server.url}/wrong")
    assert code == 2
    assert len(err.strip().splitlines()) == 1
    (tmp_path / "carn.pth").write_bytes(GOOD)
    code, _, err = kaogae("weights", "fetch", "carn", "--from", tmp_path / "carn.pth")
    assert code == 2
    assert f"{tmp_path}/carn.pth isn't a file of weights" in err
    assert not (folder / "carn.pth").exists()
