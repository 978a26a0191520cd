"""The command line: help, sentences, exit codes, and how little it loads."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from kaogae import __version__

Kaogae = Callable[..., tuple[int, str, str]]


def test_importing_the_command_line_loads_no_heavy_library() -> None:
    code = (
        "import sys, kaogae, kaogae.cli; "
        "print([m for m in ('torch', 'cv2', 'numpy', 'PIL', 'onnxruntime') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_transfer_never_loads_torch(model: Path, scene: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom kaogae.transfer import Transferrer\n"
        f"happy = Transferrer.load({str(model)!r}).transfer({str(scene)!r}, 'happy')\n"
        f"happy.save({str(tmp_path / 'x.png')!r})\n"
        "print([m for m in ('torch', 'onnx', 'kaogae.stargan', 'kaogae.atelier') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_version_is_printed(kaogae: Kaogae) -> None:
    assert kaogae("--version") == (0, f"kaogae {__version__}\n", "")


def test_help_is_shown_for_no_arguments_and_for_every_command(kaogae: Kaogae) -> None:
    code, out, _ = kaogae()
    assert code == 0
    assert "transfer" in out
    code, out, _ = kaogae("transfer", "--help")
    assert code == 0
    for option in (
        "--to",
        "--strength",
        "--face",
        "--crop",
        "--sheet",
        "--out",
        "--model",
        "--save-mask",
        "--json",
    ):
        assert option in out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["transfre"], "'transfer'"),
        (["transfer", "x.png", "--strenght", "1"], "--strength"),
        (["transfer", "x.png", "--to", "hapy"], "'happy'"),
    ],
)
def test_a_slip_of_the_finger_gets_a_hint(kaogae: Kaogae, arguments: list[str], hint: str) -> None:
    code, out, err = kaogae(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert hint in err


@pytest.mark.parametrize(
    "arguments",
    [["transfer"], ["transfer", "x.png", "--strength", "much"], ["transfer", "x.png", "--face", "first"]],
)
def test_wrong_use_is_one_sentence_and_code_2(kaogae: Kaogae, arguments: list[str]) -> None:
    code, out, err = kaogae(*arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert err.startswith("kaogae: ")


def test_one_picture_becomes_five_and_a_sheet(
    kaogae: Kaogae, model: Path, scene: Path, tmp_path: Path
) -> None:
    code, out, err = kaogae("transfer", scene, "--sheet", "-o", tmp_path / "out", "--model", model)
    assert code == 0
    assert f"5 files in {tmp_path / 'out'}" in out
    assert "contact-sheet.png" in out
    assert "1 face, 5 files" in err
    names = {f"scene.{name}.png" for name in ("happy", "sad", "crying", "neutral", "surprised")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names | {"contact-sheet.png"}


def test_one_result_may_be_named(kaogae: Kaogae, model: Path, scene: Path, tmp_path: Path) -> None:
    target = tmp_path / "smile.webp"
    code, _, _ = kaogae("transfer", scene, "--to", "happy", "-o", target, "--model", model)
    assert code == 0
    assert Image.open(target).size == Image.open(scene).size


def test_the_report_for_machines(kaogae: Kaogae, model: Path, scene: Path, tmp_path: Path) -> None:
    code, out, _ = kaogae("transfer", scene, "--to", "sad", "--json", "-o", tmp_path, "--model", model)
    assert code == 0
    (picture,) = json.loads(out)["pictures"]
    assert picture["size"] == [480, 400]
    assert picture["error"] is None
    assert picture["written"] == {"sad": [str(tmp_path / "scene.sad.png")]}
    (face,) = picture["faces"]
    assert face["changed"] is True
    assert face["confidence"] >= 0.8


def test_partly_done_is_code_1_and_says_what_failed(
    kaogae: Kaogae, model: Path, scene: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    code, out, err = kaogae("transfer", empty, scene, "--to", "sad", "-o", tmp_path / "o", "--model", model)
    assert code == 1
    assert "1 files" in out or "1 file" in out
    assert f"{empty} is empty" in err
    code, out, err = kaogae("transfer", empty, empty, "--to", "sad", "-o", tmp_path / "o", "--model", model)
    assert code == 2
    assert err.count("is empty") == 2


def test_a_stop_by_the_user_is_code_130(kaogae: Kaogae, monkeypatch: pytest.MonkeyPatch, scene: Path) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("kaogae.transfer.Transferrer.load", stop)
    code, _, err = kaogae("transfer", scene)
    assert (code, err) == (130, "kaogae: stopped.\n")


def test_an_extra_that_is_missing_is_no_fault_of_the_pictures(
    kaogae: Kaogae, monkeypatch: pytest.MonkeyPatch, scene: Path, tmp_path: Path
) -> None:
    place = ("--workspace", tmp_path / "place")
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / scene.name).write_bytes(scene.read_bytes())
    kaogae("collect", "folder", folder, *place)
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "imagehash", None)
        code, _, err = kaogae("faces", *place)
    assert (code, "kaogae[collect]" in err) == (2, True)
    assert "pictures: 1, faces kept: 1" in kaogae("faces", *place)[1]
