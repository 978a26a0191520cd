"""Everything that users bring gives what can be had, or one sentence, code 2 and nothing half-written."""

import os
import re
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Kaogae = Callable[..., tuple[int, str, str]]


@pytest.fixture
def refused(kaogae: Kaogae, model: Path, tmp_path: Path) -> Callable[..., str]:
    """Run `kaogae transfer` with bad input; its one sentence. Nothing may be left behind."""

    def run(picture: Path, *options: object) -> str:
        out = tmp_path / "out"
        arguments = ["--to", "happy", "-o", out, "--model", model, *options]
        code, stdout, stderr = kaogae("transfer", picture, *arguments)
        assert code == 2, stderr
        assert stdout == ""
        assert stderr.startswith("kaogae: ")
        assert stderr.count("\n") == 1
        assert "Traceback" not in stderr
        assert not [path for path in tmp_path.rglob("*") if path.is_file() and "happy" in path.name]
        assert not list(tmp_path.rglob("*.part"))
        return stderr

    return run


@pytest.fixture
def done(kaogae: Kaogae, model: Path, tmp_path: Path) -> Callable[..., tuple[Path, str]]:
    """Run `kaogae transfer` with unusual but good input; the result and what was said."""

    def run(picture: Path, *options: object) -> tuple[Path, str]:
        arguments = ["--to", "happy", "-o", tmp_path / "out", "--model", model, *options]
        code, _, stderr = kaogae("transfer", picture, *arguments)
        assert code == 0, stderr
        return tmp_path / "out" / f"{picture.stem}.happy{picture.suffix}", stderr

    return run


def saved(image: Image.Image, path: Path, **settings: object) -> Path:
    image.save(path, **settings)
    return path


def huge_png(width: int, height: int) -> bytes:
    """A PNG that claims to be `width` × `height` and holds next to nothing."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


# Faces


def test_no_face(refused: Callable[..., str], tmp_path: Path) -> None:
    picture = saved(Image.new("RGB", (300, 200), "white"), tmp_path / "blank.png")
    assert "No face was found" in refused(picture)


def test_several_faces(done: Callable[..., tuple[Path, str]], scene: Path, tmp_path: Path) -> None:
    with Image.open(scene) as one:
        both = Image.new("RGB", (one.width * 2, one.height))
        both.paste(one, (0, 0))
        both.paste(one, (one.width, 0))
    _, said = done(saved(both, tmp_path / "both.png"), "--face", "2")
    assert "2 faces, 1 changed" in said


def test_a_face_too_many(refused: Callable[..., str], scene: Path) -> None:
    assert "no face 7: the picture has only one face" in refused(scene, "--face", "7")


# Files that are no pictures


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".gif", ".bmp", ".tif"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated(
    refused: Callable[..., str], scene: Path, tmp_path: Path, suffix: str, share: float
) -> None:
    file = BytesIO()
    kind = {".jpg": "JPEG", ".tif": "TIFF"}.get(suffix, suffix[1:].upper())
    with Image.open(scene) as image:
        image.save(file, kind)
    whole = file.getvalue()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(whole[: int(len(whole) * share)])
    assert str(path) in refused(path)


def test_zero_bytes(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "zero.png").write_bytes(b"")
    assert "zero.png is empty" in refused(tmp_path / "zero.png")


@pytest.mark.parametrize("name", ["text.png", "text.jpg", "script.eps"])
def test_text_named_as_a_picture(refused: Callable[..., str], tmp_path: Path, name: str) -> None:
    text = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n" if name.endswith("eps") else b"Dear diary, "
    (tmp_path / name).write_bytes(text * 50)
    assert "isn't a picture that Kaogae can read" in refused(tmp_path / name)


# Unusual pictures


@pytest.mark.parametrize(("suffix", "lossless"), [(".gif", {}), (".webp", {"lossless": True})])
def test_animated(
    done: Callable[..., tuple[Path, str]], scene: Path, tmp_path: Path, suffix: str, lossless: dict[str, bool]
) -> None:
    with Image.open(scene) as image:
        image = image.quantize(200) if suffix == ".gif" else image.copy()
    others = [Image.new(image.mode, image.size, i) for i in range(2)]
    path = tmp_path / f"moving{suffix}"
    image.save(path, save_all=True, append_images=others, duration=50, **lossless)
    target, said = done(path)
    assert "only the first frame is used" in said
    result = Image.open(target)
    assert not result.is_animated
    before, after = np.array(image.convert("RGB")), np.array(result.convert("RGB"))
    assert 0 < (before != after).any(-1).mean() < 0.25


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1"])
def test_modes_of_png(done: Callable[..., tuple[Path, str]], scene: Path, tmp_path: Path, mode: str) -> None:
    with Image.open(scene) as image:
        grey = image.convert("L").point(lambda value: 255 if value > 110 else 0)
        path = saved(grey.convert("1") if mode == "1" else image.convert(mode), tmp_path / f"{mode}.png")
    target, _ = done(path)
    before, after = Image.open(path), Image.open(target)
    assert (after.mode, after.size) == (before.mode, before.size)
    changed = (np.array(before) != np.array(after)).reshape(400, 480, -1).any(-1)
    assert 0 < changed.mean() < 0.25


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_sixteen_bits(
    done: Callable[..., tuple[Path, str]], scene: Path, tmp_path: Path, channels: int
) -> None:
    from kaogae.images import read_picture
    from kaogae.images.png import encode_deep

    with Image.open(scene) as image:
        mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
        values = np.array(image.convert(mode)).astype(np.uint16) * 257
    path = tmp_path / "deep.png"
    path.write_bytes(encode_deep(values))
    target, _ = done(path)
    assert target.read_bytes()[24:26] == path.read_bytes()[24:26]
    deep = read_picture(target).deep
    assert deep is not None
    assert 0 < (deep != values).reshape(400, 480, -1).any(-1).mean() < 0.25


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk(done: Callable[..., tuple[Path, str]], scene: Path, tmp_path: Path, suffix: str) -> None:
    with Image.open(scene) as image:
        path = saved(image.convert("CMYK"), tmp_path / f"inks{suffix}")
    target, _ = done(path)
    assert Image.open(target).mode == "CMYK"


def test_orientation(done: Callable[..., tuple[Path, str]], scene: Path, tmp_path: Path) -> None:
    """Stored lying on its side, as a phone does: found upright, written lying again."""
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(scene) as image:
        path = saved(image.transpose(Image.Transpose.ROTATE_90), tmp_path / "phone.png", exif=exif)
    target, _ = done(path)
    result = Image.open(target)
    assert result.size == (400, 480)
    assert result.getexif()[0x0112] == 6


def test_one_pixel(refused: Callable[..., str], tmp_path: Path) -> None:
    for mode in ("RGB", "RGBA", "P", "1"):
        assert "No face was found" in refused(saved(Image.new(mode, (1, 1)), tmp_path / "pixel.png"))


@pytest.mark.parametrize("size", [(1, 5000), (5000, 1), (3, 2)])
def test_very_thin(refused: Callable[..., str], tmp_path: Path, size: tuple[int, int]) -> None:
    assert "No face was found" in refused(saved(Image.new("RGB", size), tmp_path / "thin.png"))


# Hostile pictures


def test_20000_by_20000_is_refused_before_it_is_decoded(tmp_path: Path, model: Path) -> None:
    """In a process that could not hold the decoded picture (1.2 GB) if it tried."""
    path = tmp_path / "large.png"
    path.write_bytes(huge_png(20_000, 20_000))
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, 4 * 2**30)); "
        f"sys.argv = ['kaogae', 'transfer', {str(path)!r}, '--model', {str(model)!r}]; "
        "from kaogae.cli import main; main()"
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment,
        check=False,
    )
    assert result.returncode == 2
    assert "enormous" in result.stderr or "more than the limit" in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("size", [(9000, 9000), (2**31 - 1, 2**31 - 1), (70_000, 1_300)])
def test_more_pixels_than_the_limit(
    refused: Callable[..., str], tmp_path: Path, size: tuple[int, int]
) -> None:
    (tmp_path / "large.png").write_bytes(huge_png(*size))
    said = refused(tmp_path / "large.png")
    assert "enormous" in said or "more than the limit" in said


def test_a_gif_that_claims_to_be_enormous(refused: Callable[..., str], tmp_path: Path) -> None:
    file = BytesIO()
    Image.new("P", (4, 4)).save(file, "GIF")
    data = bytearray(file.getvalue())
    data[6:10] = struct.pack("<HH", 65535, 65535)
    (tmp_path / "bomb.gif").write_bytes(data)
    said = refused(tmp_path / "bomb.gif")
    assert "enormous" in said or "more than the limit" in said


def test_text_that_unpacks_to_a_bomb(refused: Callable[..., str], tmp_path: Path) -> None:
    file = BytesIO()
    Image.new("RGB", (4, 4)).save(file, "PNG")
    body = b"Comment\0\0" + zlib.compress(bytes(80_000_000))
    chunk = struct.pack(">I", len(body)) + b"zTXt" + body + struct.pack(">I", zlib.crc32(b"zTXt" + body))
    data = file.getvalue()
    (tmp_path / "bomb.png").write_bytes(data[:33] + chunk + data[33:])
    assert "damaged" in refused(tmp_path / "bomb.png")


# Paths


def test_a_missing_picture(refused: Callable[..., str], tmp_path: Path) -> None:
    assert "none.png doesn't exist" in refused(tmp_path / "none.png")


def test_a_pipe(refused: Callable[..., str], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    assert "isn't a file" in refused(tmp_path / "pipe.png")


def test_an_unreadable_path(refused: Callable[..., str]) -> None:
    # Root may read every ordinary file, but not this one
    assert "can't be read" in refused(Path("/proc/self/mem"))


def test_an_empty_folder(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "no pictures in the folder" in refused(tmp_path / "empty")


@pytest.mark.parametrize("out", ["/proc/nowhere", "file/below"])
def test_an_unwritable_folder(refused: Callable[..., str], scene: Path, tmp_path: Path, out: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert "can't be made" in refused(scene, "-o", tmp_path / out)


def test_an_unwritable_file(refused: Callable[..., str], scene: Path, tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "folder.png" / "scene.happy.png").mkdir()
    said = refused(scene, "-o", tmp_path / "folder.png")
    assert "can't be written" in said
    assert [path.name for path in (tmp_path / "folder.png").iterdir()] == ["scene.happy.png"]


def test_an_output_of_no_known_kind(kaogae: Kaogae, model: Path, scene: Path, tmp_path: Path) -> None:
    """`-o name.xyz` is a folder, as `-o name` is: said by where the files are."""
    code, out, _ = kaogae("transfer", scene, "--to", "sad", "-o", tmp_path / "x.xyz", "--model", model)
    assert code == 0
    assert (tmp_path / "x.xyz" / "scene.sad.png").is_file()
    assert "x.xyz" in out


def test_an_output_equal_to_the_input(refused: Callable[..., str], scene: Path) -> None:
    before = scene.read_bytes()
    assert "would be overwritten" in refused(scene, "-o", scene)
    assert scene.read_bytes() == before


def test_an_output_that_is_the_input_by_another_name(
    refused: Callable[..., str], scene: Path, tmp_path: Path
) -> None:
    (tmp_path / "link.png").symlink_to(scene)
    assert "would be overwritten" in refused(scene, "-o", tmp_path / "link.png")


def test_transparency_into_a_jpeg(refused: Callable[..., str], scene: Path, tmp_path: Path) -> None:
    with Image.open(scene) as image:
        path = saved(image.convert("RGBA"), tmp_path / "clear.png")
    assert "can't hold soft transparency" in refused(path, "-o", tmp_path / "result.jpg")


# Options


@pytest.mark.parametrize(("name", "hint"), [("hapy", "did you mean 'happy'"), ("angry", "choose from happy")])
def test_an_unknown_expression(refused: Callable[..., str], scene: Path, name: str, hint: str) -> None:
    assert hint in refused(scene, "--to", name)


@pytest.mark.parametrize("strength", ["1.5", "-0.5", "nan", "inf", "1e400"])
def test_a_strength_out_of_range(refused: Callable[..., str], scene: Path, strength: str) -> None:
    assert "isn't between 0" in refused(scene, "--strength", strength)


# Models


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_damaged_model(
    refused: Callable[..., str], scene: Path, model: Path, tmp_path: Path, share: float
) -> None:
    data = model.read_bytes()
    (tmp_path / "cut.onnx").write_bytes(data[: int(len(data) * share)])
    assert "cut.onnx can't be used" in refused(scene, "--model", tmp_path / "cut.onnx")


def test_a_picture_as_a_model(refused: Callable[..., str], scene: Path) -> None:
    assert "can't be used" in refused(scene, "--model", scene)


def test_a_foreign_model(
    refused: Callable[..., str], scene: Path, build_model: Callable[..., object], tmp_path: Path
) -> None:
    (tmp_path / "cats.onnx").write_bytes(build_model({"format": "cats"}).SerializeToString())
    assert "not a kaogae-generator" in refused(scene, "--model", tmp_path / "cats.onnx")


def test_no_model(refused: Callable[..., str], scene: Path, tmp_path: Path) -> None:
    assert "There is no model file" in refused(scene, "--model", tmp_path / "none.onnx")
    (tmp_path / "weights.safetensors").write_bytes(b"weights")
    assert "kaogae export RUN --to onnx" in refused(scene, "--model", tmp_path / "weights.safetensors")


# Paths and numbers that Python itself stumbles over


def test_names_that_are_too_long(refused: Callable[..., str], scene: Path, tmp_path: Path) -> None:
    assert "File name too long" in refused(tmp_path / f"{'a' * 300}.png")
    almost = tmp_path / f"{'b' * 250}.png"
    almost.write_bytes(scene.read_bytes())
    assert "can't be written: File name too long" in refused(almost)


def test_links_in_a_circle(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "one.png").symlink_to("two.png")
    (tmp_path / "two.png").symlink_to("one.png")
    assert "doesn't exist" in refused(tmp_path / "one.png")


def test_a_face_number_without_end(refused: Callable[..., str], scene: Path) -> None:
    assert "There is no face" in refused(scene, "--face", "9" * 5000)


def test_an_unknown_expression_beside_all(refused: Callable[..., str], scene: Path) -> None:
    assert "There is no expression 'nonsense'" in refused(scene, "--to", "all", "--to", "nonsense")


@pytest.mark.parametrize(
    "command",
    [
        ("atelier", "--characters", "1", "--workers", "1", "-o", "file/below"),
        ("dataset", "freeze", "a", "--from", ".", "--workspace", "file"),
        ("export", "a" * 300),
    ],
)
def test_files_where_folders_must_be(
    kaogae: Kaogae, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "manifest.jsonl").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    code, _, stderr = kaogae(*command)
    assert (code, stderr.count("\n")) == (2, 1)
    assert re.search("can't be (used|written)", stderr)
