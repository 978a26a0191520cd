"""Searching again what was searched before: what is forgotten, what stays, what a kill leaves."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from sqlalchemy import select

from kaogae.catalog import Annotator, Campaign, Catalog, Face, Item, Picture, Vote, Workspace
from kaogae.faces.again import Forgotten, forget
from kaogae.faces.bulk import search
from kaogae.faces.engines import Local
from kaogae.faces.marking import mark
from kaogae.faces.study import Filters, Study

sys.path.insert(0, str(Path(__file__).parents[1]))
from functions_for_workers import Told, told

Kaogae = Callable[..., tuple[int, str, str]]
Collected = Callable[..., Workspace]


def run(workspace: Workspace, catalog: Catalog, **filters: Any) -> None:
    study = Study(workspace.folder, Told, Filters(**filters))
    search(workspace, catalog, study, Local(1), detector="told")
    mark(workspace, catalog, 8)


def kept(catalog: Catalog) -> dict[str, int]:
    """Kept faces per post."""
    with catalog.reading() as session:
        faces = session.execute(select(Picture.post).join(Face).where(Face.state == "kept"))
        posts = list(faces.scalars())
    return {post: posts.count(post) for post in posts}


def states(catalog: Catalog) -> dict[str, tuple[str, str | None]]:
    with catalog.reading() as session:
        return {row.post: (row.state, row.reason) for row in session.scalars(select(Picture))}


def vote(catalog: Catalog, post: str) -> None:
    with catalog.session() as session:
        session.add(Annotator(id=1, name="Mika"))
        session.flush()
        face = session.scalar(select(Face.id).join(Picture).where(Picture.post == post))
        session.add(Vote(id=uuid4(), annotator_id=1, face_id=face, verdict="happy"))


def test_other_limits_find_other_faces_but_votes_and_shared_faces_stay(
    catalog: Catalog, catalog_url: str, collected: Collected
) -> None:
    sure, unsure = (90, 30, 0), (70, 30, 0)
    workspace = collected(
        [
            told(0, sure, (255, 255, 255), unsure),
            told(1, unsure),
            told(2, sure, (255, 255, 255), unsure),
            {"content": told(3, sure), "state": "restored"},
            {"content": b"", "file": None, "state": "rejected", "reason": "gone"},
        ],
        url=catalog_url,
    )
    run(workspace, catalog)
    vote(catalog, "2")
    before = {"0": 1, "2": 1}
    assert kept(catalog) == before
    assert forget(workspace, catalog) == Forgotten(2, 1, 1, 0)
    untouched = {"2": ("searched", None), "3": ("restored", None), "4": ("rejected", "gone")}
    assert states(catalog) == {"0": ("waiting", None), "1": ("waiting", None)} | untouched
    run(workspace, catalog, confidence=0.6)
    assert kept(catalog) == {"0": 2, "1": 1, "2": 1}
    assert states(catalog) == {"0": ("searched", None), "1": ("searched", None)} | untouched


def test_faces_that_a_campaign_asks_about_stay(
    catalog: Catalog, catalog_url: str, collected: Collected
) -> None:
    workspace = collected([told(n, (90, 30, 0)) for n in range(2)], url=catalog_url)
    run(workspace, catalog)
    with catalog.session() as session:
        session.add(Campaign(id=1, name="first", kind="clean"))
        session.flush()
        face = session.scalar(select(Face.id).join(Picture).where(Picture.post == "1"))
        session.add(Item(campaign_id=1, number=0, face_id=face, sha256="0" * 64))
    assert forget(workspace, catalog) == Forgotten(1, 1, 0, 0)
    assert states(catalog) == {"0": ("waiting", None), "1": ("searched", None)}


def test_a_duplicate_of_a_forgotten_face_is_marked_afresh(
    catalog: Catalog, catalog_url: str, collected: Collected
) -> None:
    other = told(0, (90, 30, 0))
    other[0, 100] = 254  # another file, the same face
    workspace = collected([told(0, (90, 30, 0)), other], url=catalog_url)
    run(workspace, catalog)
    assert kept(catalog) == {"0": 1}
    with catalog.session() as session:
        for picture in session.scalars(select(Picture).where(Picture.post == "1")):
            picture.state = "restored"
    assert forget(workspace, catalog) == Forgotten(1, 0, 1, 0)
    assert kept(catalog) == {"1": 1}
    run(workspace, catalog, least_side=500)
    assert kept(catalog) == {"1": 1}


def test_lost_and_damaged_crops_come_back(
    kaogae: Kaogae, collected: Collected, portraits: list[np.ndarray]
) -> None:
    workspace = collected(portraits[:3])
    command = ["faces", "--workspace", workspace.folder, "--workers", "1"]
    assert kaogae(*command)[0] == 0
    crops = {path: path.read_bytes() for path in workspace.faces.rglob("*.png")}
    lost, damaged = list(crops)[:2]
    lost.unlink()
    damaged.write_bytes(b"half")
    code, out, _ = kaogae(*command, "--again")
    assert code == 0
    assert out.startswith("pictures that wait again: 3\npictures: 3, faces kept: ")
    assert {path: path.read_bytes() for path in workspace.faces.rglob("*.png")} == crops
    code, out, _ = kaogae(*command, "--again", "--json")
    assert json.loads(out)["again"] == {"pictures": 3, "voted": 0, "restored": 0, "missing": 0}


def test_killed_in_the_middle_a_plain_run_goes_on(
    kaogae: Kaogae, collected: Collected, portraits: list[np.ndarray]
) -> None:
    workspace = collected([np.roll(picture, shift, 1) for picture in portraits for shift in (0, 9, 18)])
    command = ["faces", "--workspace", workspace.folder, "--workers", "1", "--near-duplicate", "0"]
    assert kaogae(*command)[0] == 0
    catalog = workspace.open()
    before, faces = states(catalog), kept(catalog)
    again = subprocess.Popen([sys.executable, "-m", "kaogae.cli", *map(str, command), "--again"])
    deadline = time.monotonic() + 60
    while again.poll() is None and time.monotonic() < deadline:
        now = [state for state, _ in states(catalog).values()]
        if "waiting" in now and len(set(now)) > 1:
            break
        time.sleep(0.01)
    again.kill()
    assert again.wait() == -signal.SIGKILL
    assert "waiting" in {state for state, _ in states(catalog).values()}
    assert kaogae(*command)[0] == 0
    assert (states(catalog), kept(catalog)) == (before, faces)
    catalog.close()


def test_a_cluster_that_is_not_there_forgets_nothing(kaogae: Kaogae, collected: Collected) -> None:
    workspace = collected([{"content": told(0), "state": "searched"}])
    for wrong in (["--address", "127.0.0.1:1"], ["--detector", "magic"], ["--workers", "0"]):
        assert kaogae("faces", "--again", "--engine", "ray", "--workspace", workspace.folder, *wrong)[0] == 2
    catalog = workspace.open()
    assert states(catalog) == {"0": ("searched", None)}
    catalog.close()


def test_what_is_left_as_it_is_is_said(kaogae: Kaogae, collected: Collected) -> None:
    workspace = collected([{"content": told(1), "state": "restored"}])
    _, out, _ = kaogae("faces", "--again", "--workspace", workspace.folder, "--workers", "1")
    assert out.splitlines()[:2] == [
        "pictures that wait again: 0",
        "pictures left as they are: 1 (from a shared manifest)",
    ]


def test_faces_of_pictures_that_are_gone_stay(
    catalog: Catalog, catalog_url: str, collected: Collected
) -> None:
    workspace = collected([told(n, (90, 30, 0)) for n in range(2)], url=catalog_url)
    run(workspace, catalog)
    next(workspace.pictures.rglob("*.png")).unlink()
    assert forget(workspace, catalog) == Forgotten(1, 0, 0, 1)
    assert len(kept(catalog)) == 1
    run(workspace, catalog)
    assert kept(catalog) == {"0": 1, "1": 1}
