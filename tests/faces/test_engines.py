"""A Ray cluster of two nodes finds what this machine's processes find, and survives what kills a process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from kaogae.catalog import Face, Picture, Workspace
from kaogae.faces.bulk import search
from kaogae.faces.engines import Local, OnRay
from kaogae.faces.study import Filters, Study

sys.path.insert(0, str(Path(__file__).parents[1]))
from functions_for_workers import Told

Collected = Callable[..., Workspace]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A head and a second node, one processor each, on loopback; its address."""
    if os.environ.get("CI"):
        import ray  # noqa: F401
    pytest.importorskip("ray", reason="needs pip install 'kaogae[cluster]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["PYTHONPATH"] = str(Path(__file__).parents[1])  # where the workers find `Told`
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    started = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    try:
        started.add_node(**node)
        yield started.address
    finally:
        started.shutdown()
        del os.environ["PYTHONPATH"]


def rows(workspace: Workspace) -> tuple[list[Any], list[Any]]:
    """Everything in the catalogue but the numbers of faces, and which duplicates which."""
    catalog = workspace.open()
    with catalog.reading() as session:
        pictures = session.scalars(select(Picture).order_by(Picture.post))
        states = [(p.post, p.state, p.reason, p.detail) for p in pictures]
        names = {face.id: (face.picture_id, face.number) for face in session.scalars(select(Face))}
        columns = [
            column.name for column in Face.__table__.columns if column.name not in ("id", "duplicate_of")
        ]
        faces = [
            [getattr(face, name) for name in sorted(columns)] + [names.get(face.duplicate_of or 0)]
            for face in session.scalars(select(Face).order_by(Face.picture_id, Face.number))
        ]
    catalog.close()
    return states, faces


def test_two_nodes_find_what_this_machine_finds(
    cluster: str, collected: Collected, portraits: list[np.ndarray]
) -> None:
    pictures = [*portraits[:6], portraits[0][:, :250], b"no picture", {"content": b"x", "file": "../x"}]
    here, there = collected(pictures, "here"), collected(pictures, "there")
    for workspace, options in (
        (here, ["--workers", "2"]),
        (there, ["--engine", "ray", "--address", cluster]),
    ):
        command = [sys.executable, "-m", "kaogae.cli", "faces", "--workspace", workspace.folder, *options]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=120)
        assert (done.returncode, done.stderr) == (1, "")
    assert rows(here) == rows(there)
    assert len(rows(here)[1]) >= 4
    crops = [{path.name: path.read_bytes() for path in each.faces.rglob("*.png")} for each in (here, there)]
    assert crops[0] == crops[1]


def test_a_picture_that_kills_a_process_of_the_cluster_is_rejected_and_no_other(
    cluster: str, collected: Collected
) -> None:
    pictures = []
    for number in range(8):
        picture = np.random.default_rng(number).integers(0, 256, (120, 120, 3), np.uint8)
        picture[0] = 255
        picture[0, 0] = (90, 30, 66 if number == 3 else 0)
        pictures.append(picture)
    results = []
    for name, engine in (("here", Local(2)), ("there", OnRay(cluster))):
        workspace = collected(pictures, name)
        catalog = workspace.open()
        tally = search(workspace, catalog, Study(workspace.folder, Told, Filters()), engine, detector="told")
        catalog.close()
        assert (tally.searched, tally.kept, tally.pictures) == (8, 7, {"crashed the detector": 1})
        results.append([state[:3] for state in rows(workspace)[0]])
    assert results[0] == results[1]


@pytest.mark.parametrize("address", ["", "127.0.0.1:1", "nowhere", "127.0.0.1:99999", "a:b"])
def test_no_cluster_at_the_address_is_a_sentence(kaogae: Any, tmp_path: Path, address: str) -> None:
    pytest.importorskip("ray", reason="needs pip install 'kaogae[cluster]'")
    code, _, err = kaogae("faces", "--workspace", tmp_path, "--engine", "ray", "--address", address)
    assert code == 2
    assert f"There is no Ray cluster at {address}" in err
