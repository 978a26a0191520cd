"""What tests share: pictures, a tiny model that speaks the whole contract, databases, a small disk."""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from uuid import uuid4

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

if TYPE_CHECKING:
    import psycopg

    from kaogae.catalog import Catalog

SIDE = 96


def small_model(
    header: dict[str, Any] | None = None, *, mask: bool = True, side: int = SIDE
) -> onnx.ModelProto:
    """Paints the mouth region: redder for each further expression, as much as the strength says."""
    y, x = np.mgrid[:side, :side] / side
    region = np.clip(8 * (1 - np.hypot((x - 0.5) / 0.2, (y - 0.72) / 0.12)), 0, 1).astype(np.float32)
    colours = np.linspace([0.9, -0.6, -0.6], [0.2, -0.9, -0.2], 5).astype(np.float32)
    constants = {
        "region": region[None, None],
        "colours": colours,
        "columns": np.ones((5, 1), np.float32),
        "shape": np.array([0, 3, 1, 1], np.int64),
        "single": np.array([0, 1, 1, 1], np.int64),
    }
    nodes = [
        helper.make_node("MatMul", ["target", "colours"], ["scaled"]),
        helper.make_node("Reshape", ["scaled", "shape"], ["paint"]),  # strength × colour
        helper.make_node("MatMul", ["target", "columns"], ["sum"]),
        helper.make_node("Reshape", ["sum", "single"], ["strength"]),
        helper.make_node("Mul", ["region", "strength"], ["mask"]),
        helper.make_node("Mul", ["mask", "image"], ["covered"]),
        helper.make_node("Mul", ["region", "paint"], ["painted"]),
        helper.make_node("Sub", ["image", "covered"], ["rest"]),
        helper.make_node("Add", ["rest", "painted"], ["output"]),
    ]
    crop = ["N", 3, side, side]
    outputs = [helper.make_tensor_value_info("output", TensorProto.FLOAT, crop)]
    if mask:
        outputs.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["N", 1, side, side]))
    graph = helper.make_graph(
        nodes,
        "small",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, crop),
            helper.make_tensor_value_info("target", TensorProto.FLOAT, ["N", 5]),
        ],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    full: dict[str, Any] = {
        "format": "kaogae-generator",
        "version": 1,
        "generator": {"architecture": "small"},
        "expressions": ["happy", "sad", "crying", "neutral", "surprised"],
        "image_size": side,
        "images_seen": 0,
        "dataset": None,
        "metrics": {},
    }
    helper.set_model_props(model, {"kaogae": json.dumps(full | (header or {}))})
    return model


@pytest.fixture(scope="session")
def build_model() -> Callable[..., onnx.ModelProto]:
    """`small_model`, to be broken in the ways that a test needs."""
    return small_model


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the tiny model."""
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    path.write_bytes(small_model().SerializeToString())
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """The material beside the repository: real pictures, for measuring only."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} isn't there")
    assert (folder / "data" / "pictures").is_dir()
    return folder


@pytest.fixture(scope="session")
def drawn() -> np.ndarray:
    """An aligned crop of a drawn face with open eyes that animeface sees well: RGB [256, 256, 3] uint8."""
    from kaogae.atelier.expression import canonical
    from kaogae.atelier.portrait import Portrait
    from kaogae.expressions import Expression
    from kaogae.faces import AnimefaceDetector

    for seed in range(20):  # the artist still learns, so which seed is a clear face may change
        face = Portrait.from_seed(seed, roughness=0).render(canonical(Expression.NEUTRAL), 256)
        found = [
            AnimefaceDetector(0.95).detect(view)
            for view in (face, np.pad(face, ((60,), (60,), (0,)), "edge"))
        ]
        if all(len(faces) == 1 and abs(faces[0].eye_distance * 2.7 / 256 - 1) < 0.1 for faces in found):
            return face
    pytest.fail("animeface sees none of twenty drawn faces: is Pillow 12 installed, or are they badly drawn?")


@pytest.fixture(scope="session")
def scene(drawn: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PNG of 480 × 400 pixels with the drawn face somewhere in it."""
    picture = np.full((400, 480, 3), 235, np.uint8)
    picture[60:316, 120:376] = drawn
    path = tmp_path_factory.mktemp("scene") / "scene.png"
    Image.fromarray(picture).save(path)
    return path


@pytest.fixture
def kaogae(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    """Run the command line in this process: exit code, stdout, stderr."""
    from kaogae.cli import main

    def run(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        monkeypatch.setattr("sys.argv", ["kaogae", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
        printed = capfd.readouterr()
        return int(stop.value.code or 0), printed.out, printed.err

    return run


def absent(what: str) -> NoReturn:
    """Something that a test needs isn't here: on the server that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mount a small disk in memory, give its folder: `mount("size=2m")`; `mount("remount,ro")` changes it."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a disk takes root")

    def call(options: str) -> Path:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=False)
        if done.returncode:
            absent("this machine lets nobody mount a disk")
        return folder

    yield call
    subprocess.run(["umount", "--lazy", folder], check=False)


@pytest.fixture(scope="session")
def chromium() -> str:
    """Where the browser is. None is ever downloaded."""
    return shutil.which("chromium") or absent(
        "Chromium isn't installed: `make servers` as root, or apt-get install chromium"
    )


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """A server of this test run alone; gives what an URL of its databases is: fill in `{}` with a name.

    It never runs as root, so its folder lies where the user postgres may go; the path of a socket is short.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    initdb = found[-1] if found else shutil.which("initdb")
    if not initdb:
        absent("PostgreSQL isn't installed: `make servers` as root, or apt-get install postgresql")
    folder = Path(tempfile.mkdtemp(prefix="kaogae-", dir="/tmp"))
    who: dict[str, Any] = {}
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        who = {"user": "postgres", "group": "postgres", "extra_groups": []}
    server = None
    try:
        options = ["--auth=trust", "--username=kaogae", "--encoding=UTF8", "--locale=C", "--no-sync"]
        create = [initdb, "--pgdata", str(folder / "data"), *options]
        subprocess.run(create, check=True, stdout=subprocess.DEVNULL, cwd="/", **who)
        settings = [
            "listen_addresses=",
            f"unix_socket_directories={folder}",
            "fsync=off",
            "full_page_writes=off",
            "wal_level=minimal",
            "max_wal_senders=0",
            "autovacuum=off",
            "shared_buffers=16MB",
            "max_connections=40",
        ]
        start = [Path(initdb).resolve().with_name("postgres"), "-D", folder / "data"]
        server = subprocess.Popen(
            [*start, *(word for setting in settings for word in ("-c", setting))],
            stderr=(folder / "log").open("wb"),
            cwd="/",
            start_new_session=True,  # Ctrl-C stops the tests first, and those the server
            **who,
        )
        _wait_for_server(server, folder)
        yield f"postgresql+psycopg://kaogae@/{{}}?host={folder}"
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once, and nothing is saved: its folder goes too
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for_server(server: subprocess.Popen[bytes], folder: Path) -> None:
    import psycopg

    for _ in range(300):
        try:
            psycopg.connect(host=str(folder), user="kaogae", dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None:
                break
            time.sleep(0.1)
    pytest.fail(f"PostgreSQL doesn't start: {(folder / 'log').read_text('utf-8', 'replace')}")


@pytest.fixture(scope="session")
def empty_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an empty catalogue. A copy of it is there ten times sooner than another one is made."""
    from kaogae.catalog import open_catalog

    path = tmp_path_factory.mktemp("empty") / "catalog.db"
    open_catalog(path).close()
    return path


@pytest.fixture(scope="session")
def empty_postgresql(postgresql: str) -> str:
    """The name of a database of the server with an empty catalogue: a template for others."""
    from kaogae.catalog import open_catalog

    with _administration(postgresql) as server:
        server.execute("create database empty")
    open_catalog(postgresql.format("empty")).close()
    return "empty"


def _administration(postgresql: str) -> "psycopg.Connection":
    import psycopg

    return psycopg.connect(postgresql.format("postgres").replace("+psycopg", ""), autocommit=True)


@pytest.fixture(params=["sqlite", "postgresql"])
def catalog_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An SQLite file in `tmp_path`, then a database of the server: a catalogue that doesn't exist yet, but
    an empty one where the test also asks for `catalog`.
    """
    empty = "catalog" in request.fixturenames
    if request.param == "sqlite":
        path = tmp_path / "catalog.db"
        if empty:
            shutil.copyfile(request.getfixturevalue("empty_sqlite"), path)
        yield f"sqlite:///{path}"
        return
    postgresql, name = request.getfixturevalue("postgresql"), f"test_{uuid4().hex}"
    template = request.getfixturevalue("empty_postgresql") if empty else "template1"
    with _administration(postgresql) as server:
        server.execute(f"create database {name} template {template} strategy file_copy".encode())
        yield postgresql.format(name)
        server.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def catalog(catalog_url: str) -> Iterator["Catalog"]:
    """An empty catalogue, open; the test runs with SQLite and with PostgreSQL."""
    from kaogae.catalog import open_catalog

    opened = open_catalog(catalog_url)
    yield opened
    opened.close()
