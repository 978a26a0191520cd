"""Counting, and `kaogae status`."""

import json
import os
import subprocess
import sys

import pytest

from kaogae.catalog import Face, Picture, open_catalog
from kaogae.catalog.counts import PAPER, count, merged, tally
from kaogae.cli.status import COLUMNS
from kaogae.expressions import EXPRESSIONS

ORIGIN = {"danbooru": "tag", "getchu": None, "folder:one": "folder"}


def picture(site: str, post: int, expression: str | None, state: str = "searched", reason: str | None = None):
    return Picture(
        site=site,
        post=str(post),
        expression=expression,
        label_origin=ORIGIN.get(site, "file name"),
        state=state,
        reason=reason,
    )


def face(of: Picture, number: int, reason: str | None = None, enhanced_by: str | None = None) -> Face:
    return Face(
        picture=of,
        number=number,
        site=of.site,
        box=[0, 0, 1, 1],
        landmarks={},
        confidence=0.9,
        detector="animeface",
        matrix=[[1, 0, 0], [0, 1, 0]],
        side=100.0,
        size=100,
        expression=of.expression,
        label_origin=of.label_origin,
        state="rejected" if reason else "kept",
        reason=reason,
        enhanced_by=enhanced_by,
    )


@pytest.fixture
def filled(catalog):
    """Five pictures of Danbooru, two of Getchu, one of a folder; six faces kept, two rejected."""
    with catalog.session() as session:
        happy = [picture("danbooru", n, "happy") for n in range(2)]
        sad = picture("folder:one", 1, "sad")
        unknown = picture("getchu", 1, None)
        session.add_all([*happy, sad, unknown])
        session.add(picture("danbooru", 2, "happy", "rejected", "tag: happy_tears"))
        session.add(picture("danbooru", 3, "crying", "rejected", "no face"))
        session.add(picture("danbooru", 4, "crying", "waiting"))
        session.add(picture("getchu", 2, None, "waiting"))
        session.add_all([face(happy[0], 0), face(happy[0], 1, "blurred"), face(happy[1], 0, None, "carn")])
        session.add_all([face(sad, 0), face(sad, 1, "near-duplicate")])
        session.add_all([face(unknown, n) for n in range(3)])
    return catalog


def test_everything_is_counted(filled):
    counts = count(filled)
    assert tally(counts.pictures, "state") == {("searched",): 4, ("rejected",): 2, ("waiting",): 2}
    assert tally(counts.pictures, "site", "expression")["danbooru", "happy"] == 3
    assert tally(counts.faces, "state", "reason") == {
        ("kept", None): 6,
        ("rejected", "blurred"): 1,
        ("rejected", "near-duplicate"): 1,
    }
    kept = [group for group in counts.faces if group.state == "kept"]
    assert tally(kept, "label_origin") == {("tag",): 2, ("folder",): 1, (None,): 3}
    assert counts.to_upscale == 5


def test_the_columns_are_the_vocabulary():
    assert (*EXPRESSIONS, "none", "all") == COLUMNS


def test_one_source_can_be_counted(filled):
    counts = count(filled, "getchu")
    assert {group.site for group in (*counts.pictures, *counts.faces)} == {"getchu"}
    assert counts.to_upscale == 3


def test_table_one_stands_beside_the_papers(filled):
    rows = count(filled).table_one()
    assert [row.expression for row in rows] == list(EXPRESSIONS)
    assert [row.faces for row in rows] == [2, 1, 0, 0, 0]
    assert [row.source for row in rows] == ["danbooru", "folder:one", None, None, None]
    assert [row.paper.faces for row in rows] == [2041, 620, 686, 1396, 452]
    assert sum(row.faces for row in PAPER.values()) == 5195
    assert [row.paper.source for row in rows] == ["Danbooru"] * 3 + ["Getchu"] * 2


def test_many_projects_become_one_row(catalog):
    with catalog.session() as session:
        session.add_all(
            [picture(f"renpy:{n}", 1, "sad") for n in range(9)] + [picture("folder:one", 1, "sad")]
        )
    short = merged(count(catalog), 6)
    assert tally(short.pictures, "site") == {("renpy (9)",): 9, ("folder:one",): 1}
    assert set(merged(count(catalog), 9).pictures) == set(count(catalog).pictures)


@pytest.mark.usefixtures("filled")
def test_status_shows_it_all(kaogae, catalog_url, tmp_path, monkeypatch):
    monkeypatch.setattr("kaogae.cli.status.out.width", 80)
    code, out, _ = kaogae("status", "--workspace", tmp_path, "--catalog", catalog_url)
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["happy", "sad", "crying", "neutral", "surprised", "none", "all"] in lines
    pictures = lines.index(["Pictures", "by", "source"])
    assert lines[pictures + 1] == ["danbooru", "3", "·", "2", "·", "·", "·", "5"]
    assert lines[pictures + 4] == ["all", "3", "1", "2", "·", "·", "2", "8"]
    kept = lines.index(["Faces", "kept", "by", "source"])
    assert lines[kept + 1] == ["getchu", "·", "·", "·", "·", "·", "3", "3"]
    assert ["tag:", "happy_tears", "1", "·", "·", "·", "·", "·", "1"] in lines
    assert ["happy", "danbooru", "2", "Danbooru", "happy", "-manga", "2,041", "0.00"] in lines
    assert ["all", "3", "5,195", "0.00"] in lines
    assert "Next: kaogae faces (2 pictures wait)" in out
    assert "Next: kaogae upscale (5 faces wait)" in out


@pytest.mark.usefixtures("filled")
def test_status_for_machines(kaogae, catalog_url, tmp_path):
    code, out, _ = kaogae("status", "--workspace", tmp_path, "--catalog", catalog_url, "--json")
    said = json.loads(out)
    assert code == 0
    assert sum(group["number"] for group in said["pictures"]) == 8
    assert sum(group["number"] for group in said["faces"] if group["state"] == "kept") == 6
    assert said["table_1"][0]["paper"]["faces"] == 2041
    code, out, _ = kaogae(
        "status", "--workspace", tmp_path, "--catalog", catalog_url, "--json", "--source", "getchu"
    )
    assert {group["site"] for group in json.loads(out)["pictures"]} == {"getchu"}


def test_status_of_nothing_says_how_to_begin_and_makes_nothing(kaogae, tmp_path):
    code, out, _ = kaogae("status", "--workspace", tmp_path / "new")
    assert code == 0
    assert "Nothing is collected yet" in out
    assert "kaogae collect danbooru --expression happy" in out
    assert not (tmp_path / "new").exists()
    code, out, _ = kaogae("status", "--workspace", tmp_path / "new", "--json")
    assert json.loads(out)["pictures"] == []
    open_catalog(tmp_path / "catalog.db").close()
    assert "Nothing is collected yet" in kaogae("status", "--workspace", tmp_path)[1]
    assert "source 'getchu'" in kaogae("status", "--workspace", tmp_path, "--source", "getchu")[1]


@pytest.mark.parametrize("width", [80, 140])
def test_names_and_numbers_of_any_length_fit_the_terminal(tmp_path, kaogae, monkeypatch, width):
    monkeypatch.setattr("kaogae.cli.status.out.width", width)
    catalog = open_catalog(tmp_path / "catalog.db")
    with catalog.session() as session:
        for number, name in enumerate(["[bold red]x", "長い" * 60, "\x1b[2J\x07", "a\nb"]):
            session.add_all(picture(f"folder:{name}", n, EXPRESSIONS[number]) for n in range(3))
        session.add_all(picture("danbooru", n, None, "rejected", f"tag: {n}") for n in range(40))
    catalog.close()
    counted = count
    monkeypatch.setattr("kaogae.catalog.counts.count", lambda *given: times(counted(*given), 123_456))
    code, out, _ = kaogae("status", "--workspace", tmp_path)
    assert code == 0
    assert "\x1b" not in out
    assert "[bold red]x" in out or "folder:[bold" in out
    assert "… 28 others" in out
    numbers = [line.split()[-1] for line in out.splitlines() if line.strip().startswith("folder:")]
    assert numbers == ["370k" if width == 80 else "370,368"] * 4
    assert all(len(line) <= width for line in out.splitlines()[1:])


def times(counts, factor):
    from dataclasses import replace

    return replace(
        counts, pictures=tuple(group._replace(number=group.number * factor) for group in counts.pictures)
    )


def test_asking_for_status_loads_no_pictures_and_no_torch(tmp_path):
    open_catalog(tmp_path / "catalog.db").close()
    code = (
        "import sys\nfrom kaogae.cli import main\nsys.argv = ['kaogae', 'status']\n"
        "heavy = {'torch', 'cv2', 'PIL', 'onnxruntime', 'ray'}\n"
        "try: main()\nfinally: print(*sorted(heavy & set(sys.modules)))"
    )
    environment = os.environ | {"KAOGAE_WORKSPACE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout.splitlines()[-1] == ""
