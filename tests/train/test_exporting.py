"""From a run to files for others: checked first, whole or not there, and back again through the Hub."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from huggingface_hub import ModelCard

from kaogae.errors import KaogaeError, ModelError, UsageError
from kaogae.stargan import Header, SmallConfig, build_generator, load_checkpoint, save_checkpoint
from kaogae.stargan.checking import TOLERANCE
from kaogae.train import KINDS, exporting
from kaogae.train.exporting import CHECKED_FACES, drawn_faces, export_run
from kaogae.train.past import PNG
from kaogae.transfer import Transferrer

Kaogae = Callable[..., tuple[int, str, str]]
CONFIG = SmallConfig(width=8, deep=8, blocks=0)
HEADER = Header(CONFIG, 64, 24, None, {}, {"preset": "smoke", "sets": {}})

spec = importlib.util.spec_from_file_location("hub_stub", Path(__file__).parents[1] / "hub_stub.py")
assert spec
assert spec.loader
hub_stub = importlib.util.module_from_spec(spec)
spec.loader.exec_module(hub_stub)


def make_run(folder: Path) -> Path:
    """The folder of a run with a checkpoint, and of its records those that decide about files."""
    torch.manual_seed(0)
    save_checkpoint(folder / "generator.safetensors", build_generator(CONFIG), HEADER)
    (folder / "data.json").write_text(json.dumps({"sets": {"open": {"licences": {"CC BY 4.0": 3}}}}))
    (folder / "losses.png").write_bytes(PNG + b"curves")
    (folder / "samples").mkdir()
    (folder / "samples" / "0000006.png").write_bytes(PNG + b"grid")
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return make_run(tmp_path / "runs" / "smile")


def test_the_faces_of_the_check_are_32_with_every_expression() -> None:
    faces = drawn_faces(64)
    assert faces.shape == (CHECKED_FACES, 3, 64, 64)
    assert CHECKED_FACES == 32
    assert -1 <= float(faces.min()) < float(faces.max()) <= 1
    assert len({face.numpy().tobytes() for face in faces}) == 32


def test_a_checkpoint_is_written_as_it_was(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "a.safetensors"
    report = export_run(run, "safetensors", out)
    assert (report.bytes, report.difference) == (out.stat().st_size, pytest.approx(0, abs=1e-5))
    assert out.read_bytes() == (run / "generator.safetensors").read_bytes()
    assert load_checkpoint(out)[1] == HEADER


def test_torchscript_gives_what_the_run_gives(run: Path, tmp_path: Path) -> None:
    export_run(run, "torchscript", tmp_path / "a.pt")
    generator, _ = load_checkpoint(run / "generator.safetensors")
    image, target = drawn_faces(64)[:5], torch.eye(5)
    output, mask = torch.jit.load(tmp_path / "a.pt")(image, target)
    with torch.no_grad():
        assert torch.allclose(output, generator(image, target), atol=1e-5)
    assert mask.shape == (5, 1, 64, 64)


@dataclass
class Published:
    """What the real commands did in a folder of their own, against the Hub's interface."""

    folder: Path
    server: Any
    said: str


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, scene: Path) -> Published:
    """A run published, used, and used again after the server has gone."""
    folder = tmp_path_factory.mktemp("published")
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(folder / "home"),
    }
    environment |= {"HF_TOKEN": "hf_secret"} | dict.fromkeys(("NO_PROXY", "no_proxy"), "127.0.0.1,localhost")

    def kaogae(*words: object, **more: str) -> str:
        command = [sys.executable, "-m", "kaogae.cli", *map(str, words)]
        done = subprocess.run(command, env=environment | more, capture_output=True, text=True, cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    with hub_stub.Hub().serving() as server:
        environment["HF_ENDPOINT"] = server.url
        said = kaogae(
            "export", make_run(folder / "smile"), "--to", "hub", "--push", "yuki/smile", "--private"
        )
        transfer = ("transfer", scene, "--to", "sad", "--model", "hf://yuki/smile", "-o")
        said += kaogae(*transfer, "there.png")
    said += kaogae(*transfer, "offline.png", HF_HUB_OFFLINE="1")
    return Published(folder, server, said)


def test_a_folder_for_the_hub_holds_the_model_its_card_and_its_pictures(published: Published) -> None:
    out, run = published.folder / "smile-hub", published.folder / "smile"
    files = {path.name: path.read_bytes() for path in out.iterdir()}
    assert set(files) == {"README.md", "generator.safetensors", "model.onnx", "losses.png", "samples.png"}
    assert files["generator.safetensors"] == (run / "generator.safetensors").read_bytes()
    assert (files["samples.png"], files["losses.png"]) == (PNG + b"grid", PNG + b"curves")
    card = files["README.md"].decode()
    for words in ("](samples.png)", "](losses.png)", "hf://yuki/smile"):
        assert words in card
    assert ModelCard(card).data.license == "cc-by-4.0"
    session = onnxruntime.InferenceSession(files["model.onnx"])
    faces = {"image": drawn_faces(64)[:1].numpy(), "target": np.eye(5, dtype=np.float32)[:1]}
    assert session.run(["output"], faces)[0].shape == (1, 3, 64, 64)
    assert not [path.name for path in published.folder.iterdir() if path.name.startswith(".")]


def test_what_is_published_is_the_folder_in_one_commit(published: Published) -> None:
    ((_, files),) = published.server.commits["yuki/smile"]
    assert files == {path.name: path.read_bytes() for path in (published.folder / "smile-hub").iterdir()}
    assert published.server.private == {"yuki/smile": True}
    assert f"published: {published.server.url}/yuki/smile" in published.said
    assert "hf_secret" not in published.said


def test_through_the_hub_and_back_a_picture_is_the_same(published: Published, scene: Path) -> None:
    transferrer = Transferrer.load(published.folder / "smile-hub/model.onnx")
    transferrer.transfer(scene, "sad").save(published.folder / "here.png")
    names = ("here.png", "there.png", "offline.png")
    assert len({(published.folder / name).read_bytes() for name in names}) == 1
    assert published.server.downloads() == 1


def without_onnx(monkeypatch: pytest.MonkeyPatch) -> None:
    """PyTorch's exporter takes seconds, and some tests are about what is around it."""
    known = exporting._export

    def quick(kind: str, checkpoint: Path, out: Path, *, half: bool):
        return known("safetensors" if kind == "onnx" else kind, checkpoint, out, half=half)

    monkeypatch.setattr(exporting, "_export", quick)


@pytest.mark.parametrize("licences", [{"not stated": 1}, {"CC BY 4.0": 1, "(c)": 1}, None])
def test_faces_that_may_not_be_shown_stay_at_home(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, licences: dict[str, int] | None
) -> None:
    without_onnx(monkeypatch)
    (run / "data.json").write_text(json.dumps({"sets": {"collected": {"licences": licences}}}))
    export_run(run, "hub", tmp_path / "hub")
    assert not (tmp_path / "hub/samples.png").exists()
    card = (tmp_path / "hub/README.md").read_text()
    assert "samples.png" not in card
    assert "license" not in ModelCard(card).data.to_dict()


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_differs_is_not_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    without_onnx(monkeypatch)
    for name in TOLERANCE:
        monkeypatch.setitem(TOLERANCE, name, -1.0)
    out = tmp_path / "out"
    with pytest.raises(ModelError, match="differs from PyTorch's"):
        export_run(run, kind, out)
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]


def test_a_checkpoint_that_reads_back_otherwise_is_not_written(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unpack(_: bytes, __: str):
        generator, header = load_checkpoint(run / "generator.safetensors")
        with torch.no_grad():
            next(generator.parameters())[0] += 1e-7
        return generator, header

    monkeypatch.setattr(exporting, "unpack", unpack)
    with pytest.raises(ModelError, match="isn't the same when it is read back"):
        export_run(run, "safetensors", tmp_path / "a.safetensors")
    assert not (tmp_path / "a.safetensors").exists()


def spoil_data(path: Path) -> None:
    data = bytearray(path.read_bytes())
    path.write_bytes(data[: len(data) // 2])


def other_header(old: bytes, new: bytes) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        data = path.read_bytes()
        assert old in data
        assert len(old) == len(new)
        path.write_bytes(data.replace(old, new))

    return change


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_data, "damaged"),
        (lambda path: path.write_bytes(b""), "cut off"),
        (lambda path: path.unlink(), "has no checkpoint yet"),
        (other_header(b'\\"version\\": 1', b'\\"version\\": 9'), "version 9"),
        (other_header(b'\\"happy\\", \\"sad\\"', b'\\"sad\\", \\"happy\\"'), "in this order"),
    ],
)
def test_a_checkpoint_that_is_no_good_is_refused(
    kaogae: Kaogae, run: Path, tmp_path: Path, kind: str, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(run / "generator.safetensors")
    out = tmp_path / "out"
    code, said, err = kaogae("export", run, "--to", kind, "--out", out)
    assert (code, said, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not out.exists()


def test_what_stands_where_the_result_should_go_stays(run: Path, tmp_path: Path) -> None:
    folder, file = tmp_path / "folder", tmp_path / "file"
    folder.mkdir()
    file.write_text("mine")
    checkpoint = run / "generator.safetensors"
    before = checkpoint.read_bytes()
    for kind, out in [
        *((kind, folder) for kind in KINDS),
        ("hub", file), ("hub", run), ("safetensors", checkpoint), ("torchscript", checkpoint),
        ("onnx", run / ".." / "smile" / "generator.safetensors"), ("onxx", tmp_path / "b"),
    ]:  # fmt: skip
        with pytest.raises(KaogaeError):
            export_run(run, kind, out)
    assert (list(folder.iterdir()), file.read_text(), checkpoint.read_bytes()) == ([], "mine", before)
    with pytest.raises(UsageError, match="onnx, safetensors, torchscript or hub, not as 'onxx'"):
        export_run(run, "onxx", tmp_path / "b")


@pytest.mark.parametrize("kind", ["safetensors", "torchscript", "hub"])
def test_a_full_disk_leaves_nothing_behind(
    kaogae: Kaogae, run: Path, mount: Callable[[str], Path], kind: str
) -> None:
    disk = mount("size=32k")
    code, said, err = kaogae("export", run, "--to", kind, "--out", disk / "out")
    assert (code, said, err.count("\n")) == (2, "", 1)
    assert "No space left" in err
    assert ".out" not in err
    assert list(disk.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--push", "yuki/smile"], "add --to hub"),
        (["--to", "onnx", "--push", "yuki/smile"], "add --to hub"),
        (["--to", "hub", "--private"], "add --push"),
        (["--to", "hub", "--push", "smile"], "write owner/name"),
        (["--to", "hub", "--push", "../smile"], "write owner/name"),
        (["--to", "pickle"], "not as 'pickle'"),
    ],
)
def test_wrong_use_is_one_sentence(
    kaogae: Kaogae, run: Path, tmp_path: Path, options: list[str], words: str
) -> None:
    code, said, err = kaogae("export", run, "--out", tmp_path / "out", *options)
    assert (code, said, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not (tmp_path / "out").exists()


def test_a_run_that_isnt_there_is_said_so(kaogae: Kaogae, tmp_path: Path) -> None:
    code, _, err = kaogae("export", "nobody", "--workspace", tmp_path)
    assert code == 2
    assert "nobody isn't there" in err
