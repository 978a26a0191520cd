"""The Hub: models by their address, and what is published, against a server that speaks its interface."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from kaogae import hub
from kaogae.errors import HubError, UsageError

Kaogae = Callable[..., tuple[int, str, str]]

spec = importlib.util.spec_from_file_location("hub_stub", Path(__file__).parent / "hub_stub.py")
assert spec
assert spec.loader
hub_stub = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hub_stub)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """An empty Hub on loopback, which the client of this process asks; nobody is signed in."""
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with hub_stub.Hub().serving() as server:
        template = server.url + "/{repo_id}/resolve/{revision}/{filename}"
        for name, value in {
            "ENDPOINT": server.url,
            "HUGGINGFACE_CO_URL_TEMPLATE": template,
            "HF_HUB_CACHE": str(tmp_path / "cache"),
            "HF_TOKEN_PATH": str(tmp_path / "token"),
            "HF_HUB_DISABLE_XET": True,
            "HF_HUB_OFFLINE": False,
        }.items():
            monkeypatch.setattr(constants, name, value)
        yield server


@pytest.fixture
def signed_in(server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As yuki."""
    assert server.people["hf_secret"] == "yuki"
    monkeypatch.setenv("HF_TOKEN", "hf_secret")


@pytest.mark.parametrize(
    ("text", "repo", "revision"),
    [
        ("hf://yuki/smile", "yuki/smile", None),
        ("hf://y/s.m-i_le2@main", "y/s.m-i_le2", "main"),
        ("hf://yuki/smile@refs/pr/1", "yuki/smile", "refs/pr/1"),
        (
            "hf://yuki/smile@0123456789abcdef0123456789abcdef01234567",
            "yuki/smile",
            "0123456789abcdef" * 2 + "01234567",
        ),
    ],
)
def test_an_address_has_an_owner_a_name_and_maybe_a_revision(
    text: str, repo: str, revision: str | None
) -> None:
    assert hub.parse_address(text) == hub.Address(repo, revision)
    assert str(hub.parse_address(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "hf://", "hf://yuki", "hf://yuki/", "hf:///smile", "hf://yuki/smile/model.onnx", "hf://../smile",
        "hf://yuki/..", "hf://yuki/a..b", "hf://yuki/a--b", "hf://yuki/smile.git", "hf://.yuki/smile",
        "hf://yuki/smile@", "hf://yuki/smile@../../../x", "hf://yuki/smile@a//b", "hf://yuki/smile@/etc",
        "hf://yuki/smile@main@x", "hf://yuki/smile?x", "hf://yuki/smile#x", "hf://yu ki/smile", "hf://yuki/笑",
        "hf://yuki/smile@a\nb", "hf://" + "a" * 97 + "/b", "hf://yuki/smile@" + "a" * 300, "hf://yuki/smile\n",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_before_anything_is_asked(
    kaogae: Kaogae, server: Any, scene: Path, text: str
) -> None:
    with pytest.raises(UsageError):
        hub.parse_address(text)
    code, out, err = kaogae("transfer", scene, "--model", text)
    assert (code, out, server.asked) == (2, "", [])
    assert "hf://" in err or "Hub" in err


def test_a_model_by_its_address_does_what_its_file_does(
    kaogae: Kaogae, server: Any, model: Path, scene: Path, tmp_path: Path
) -> None:
    server.add("yuki/smile", {"model.onnx": model.read_bytes(), "README.md": b"hello"})
    assert kaogae("transfer", scene, "--to", "sad", "-o", tmp_path / "a.png", "--model", model)[0] == 0
    for name in ("b.png", "c.png"):
        code, _, err = kaogae(
            "transfer", scene, "--to", "sad", "-o", tmp_path / name, "--model", "hf://yuki/smile"
        )
        assert (code, err.count("\n")) == (0, 1)
        assert (tmp_path / name).read_bytes() == (tmp_path / "a.png").read_bytes()
    assert server.downloads() == 1
    assert not any("README" in path for _, path in server.asked)


def test_a_changed_model_is_fetched_anew_and_a_revision_stays_what_it_is(server: Any) -> None:
    first = server.add("yuki/smile", {"model.onnx": b"old"})
    assert hub.fetch(hub.parse_address("hf://yuki/smile"), "model.onnx").read_bytes() == b"old"
    server.add("yuki/smile", {"model.onnx": b"new"})
    assert hub.fetch(hub.parse_address("hf://yuki/smile"), "model.onnx").read_bytes() == b"new"
    assert hub.fetch(hub.parse_address(f"hf://yuki/smile@{first}"), "model.onnx").read_bytes() == b"old"


def test_without_a_network_the_cache_is_enough(monkeypatch: pytest.MonkeyPatch, server: Any) -> None:
    server.add("yuki/smile", {"model.onnx": b"there"})
    address = hub.parse_address("hf://yuki/smile")
    hub.fetch(address, "model.onnx")
    server.asked.clear()
    with monkeypatch.context() as offline:
        offline.setattr(constants, "HF_HUB_OFFLINE", True)
        assert hub.fetch(address, "model.onnx").read_bytes() == b"there"
        with pytest.raises(HubError, match="HF_HUB_OFFLINE is set"):
            hub.fetch(hub.parse_address("hf://yuki/other"), "model.onnx")
    assert server.asked == []
    for fault in ((503, {}), (401, {})):  # a server that is ill, or whose token has run out
        server.faults["/yuki/smile/resolve/main/model.onnx"] = fault
        assert hub.fetch(address, "model.onnx").read_bytes() == b"there"
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/{revision}/{filename}"
    )
    assert hub.fetch(address, "model.onnx").read_bytes() == b"there"
    with pytest.raises(HubError, match="no connection to"):
        hub.fetch(hub.parse_address("hf://yuki/other"), "model.onnx")


def test_a_model_that_was_taken_back_isnt_used_from_the_cache(server: Any) -> None:
    server.add("yuki/smile", {"model.onnx": b"there"})
    hub.fetch(hub.parse_address("hf://yuki/smile"), "model.onnx")
    del server.private["yuki/smile"]
    with pytest.raises(HubError, match="no such model"):
        hub.fetch(hub.parse_address("hf://yuki/smile"), "model.onnx")


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("hf://yuki/nothing", "there is no such model, or it is private"),
        ("hf://yuki/private", "there is no such model, or it is private"),
        ("hf://yuki/smile@other", "no such revision"),
        ("hf://yuki/empty", "no such file in it, so it isn't a model of Kaogae's"),
        ("hf://yuki/foreign", "isn't an ONNX file"),
        ("hf://yuki/asked", "gives it to those who ask"),
        ("hf://yuki/ill", "answers 500"),
        ("hf://yuki/portal", "doesn't answer as the Hub does"),
    ],
)
def test_what_cant_be_had_is_one_sentence(
    kaogae: Kaogae, server: Any, scene: Path, address: str, words: str
) -> None:
    server.add("yuki/smile", {"model.onnx": b"x"})
    server.add("yuki/private", {"model.onnx": b"x"}, private=True)
    server.add("yuki/empty", {"README.md": b"x"})
    server.add("yuki/foreign", {"model.onnx": b"<html>"})
    server.faults["/yuki/asked/resolve/main/model.onnx"] = (403, {"X-Error-Code": "GatedRepo"})
    server.faults["/yuki/portal/resolve/main/model.onnx"] = (200, {"ETag": "x"})
    server.faults["/yuki/ill/resolve/main/model.onnx"] = (500, {})
    code, out, err = kaogae("transfer", scene, "--model", address)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


@pytest.mark.usefixtures("signed_in")
def test_a_private_model_opens_for_its_owner(server: Any) -> None:
    server.add("yuki/private", {"model.onnx": b"mine"}, private=True)
    assert hub.fetch(hub.parse_address("hf://yuki/private"), "model.onnx").read_bytes() == b"mine"


def test_the_checkpoint_of_a_model_is_exported_from_its_address(
    kaogae: Kaogae, server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from kaogae.stargan import Header, SmallConfig, build_generator
    from kaogae.stargan.checkpoint import pack

    config = SmallConfig(width=8, deep=8, blocks=0)
    checkpoint = pack(build_generator(config), Header(config, 64))
    server.add("yuki/smile", {"generator.safetensors": checkpoint, "model.onnx": b"x"})
    server.add("yuki/foreign", {"generator.safetensors": b"PK" + bytes(100)})
    monkeypatch.chdir(tmp_path)
    assert kaogae("export", "hf://yuki/smile", "--to", "safetensors")[0] == 0
    assert (tmp_path / "smile.safetensors").read_bytes() == checkpoint
    code, out, err = kaogae("export", "hf://yuki/foreign", "--to", "safetensors")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert not (tmp_path / "foreign.safetensors").exists()


def test_a_file_that_is_too_large_isnt_fetched(server: Any) -> None:
    server.add("yuki/huge", {"model.onnx": b"x"})
    server.sizes["model.onnx"] = hub.MODEL_BYTES + 1
    with pytest.raises(HubError, match="a model at most 536,870,912"):
        hub.fetch(hub.parse_address("hf://yuki/huge"), "model.onnx")
    assert server.downloads() == 0


def test_a_server_that_sends_more_than_it_said_is_cut_off(
    server: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    server.add("yuki/liar", {"model.onnx": bytes(5000)})
    server.sizes["model.onnx"] = 10  # bytes, it says
    monkeypatch.setattr(hub, "MODEL_BYTES", 1000)
    with pytest.raises(HubError, match="sends more than 1,000 bytes"):
        hub.fetch(hub.parse_address("hf://yuki/liar"), "model.onnx")
    kept = [path.name for path in (tmp_path / "cache").glob("*/*/**/*") if path.is_file()]
    assert [name for name in kept if not name.endswith(".lock")] == ["main"]  # which commit that is


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "README.md").write_text("---\nlibrary_name: kaogae\n---\nhello\n")
    (folder / "model.onnx").write_bytes(b"weights")
    return folder


@pytest.mark.usefixtures("signed_in")
def test_a_folder_is_published_as_one_commit(server: Any, folder: Path) -> None:
    assert hub.push(folder, "yuki/smile") == f"{server.url}/yuki/smile"
    ((_, files),) = server.commits["yuki/smile"]
    assert files == {path.name: path.read_bytes() for path in folder.iterdir()}
    assert server.private == {"yuki/smile": False}
    (folder / "model.onnx").write_bytes(b"better weights")
    hub.push(folder, "yuki/smile")
    assert len(server.commits["yuki/smile"]) == 2
    assert server.files("yuki/smile")[1]["model.onnx"] == b"better weights"
    assert all(message.startswith("Published with Kaogae") for message in server.messages)


@pytest.mark.usefixtures("signed_in")
def test_what_is_meant_to_be_private_never_becomes_public(server: Any, folder: Path) -> None:
    hub.push(folder, "yuki/secret", private=True)
    assert server.private["yuki/secret"]
    hub.push(folder, "yuki/secret", private=True)
    server.add("yuki/known", {"README.md": b"public"})
    with pytest.raises(HubError, match="there already, and public"):
        hub.push(folder, "yuki/known", private=True)
    assert server.files("yuki/known")[1] == {"README.md": b"public"}


@pytest.mark.usefixtures("signed_in")
def test_who_may_not_publish_is_told_so(server: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HubError, match="answers 403: your token doesn't allow it"):
        hub.push(folder, "somebody/smile")
    monkeypatch.setenv("HF_TOKEN", "hf_old")
    with pytest.raises(HubError, match="answers 401: your token doesn't allow it"):
        hub.push(folder, "yuki/smile")
    monkeypatch.delenv("HF_TOKEN")
    server.asked.clear()
    with pytest.raises(HubError, match="hf auth login"):
        hub.push(folder, "yuki/smile")
    with pytest.raises(UsageError, match="owner/name"):
        hub.push(folder, "smile")
    assert (server.asked, server.private) == ([], {})


@pytest.mark.usefixtures("server")
def test_looking_for_the_token_never_prints_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_old_but_secret")
    with pytest.raises(HubError) as raised:
        hub.push(folder, "yuki/smile")
    assert "hf_old" not in str(raised.value)


def test_the_light_base_says_which_extra_is_missing(
    kaogae: Kaogae, scene: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    code, _, err = kaogae("transfer", scene, "--model", "hf://yuki/smile")
    assert code == 2
    assert "pip install 'kaogae[hub]'" in err
