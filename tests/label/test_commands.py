"""`kaogae label` in the terminal: beginning, looking, carrying votes in and out, closing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select

from kaogae.catalog import Annotator, Item, Workspace
from kaogae.label.campaigns import find
from kaogae.label.ledger import Cast, record

Kaogae = Callable[..., tuple[int, str, str]]


@pytest.fixture
def label(kaogae: Kaogae, filled: Workspace, monkeypatch: pytest.MonkeyPatch) -> Kaogae:
    """`kaogae label …` in a workspace with 20 faces; the terminal is 110 characters wide."""
    monkeypatch.setenv("KAOGAE_WORKSPACE", str(filled.folder))
    monkeypatch.chdir(filled.folder.parent)
    monkeypatch.setattr("kaogae.cli.application.out.width", 110)
    return lambda *words: kaogae("label", *words)


def vote(workspace: Workspace, campaign: str, verdicts: dict[str, list[str]]) -> None:
    """Person -> their verdicts about the first items; an empty one is none."""
    catalog = workspace.open()
    with catalog.session() as session:
        row = find(session, campaign).id
        items = session.scalars(select(Item.id).where(Item.campaign_id == row).order_by(Item.number)).all()
        moment = datetime.now(UTC) - timedelta(minutes=1)
        for person, said in verdicts.items():
            annotator = Annotator(name=person)
            session.add(annotator)
            session.flush()
            casts = [
                Cast(uuid4(), row, item, annotator.id, verdict, 1500, moment)
                for item, verdict in zip(items, said, strict=False)
                if verdict
            ]
            assert set(record(session, casts)) <= {None}
    catalog.close()


def test_beginning_campaigns(label: Kaogae) -> None:
    code, out, err = label("new", "first")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "first: 20 items, each for 3 people"
    code, out, _ = label("new", "alone", "--sample", 7, "--annotators", 1, "--blind", "--json")
    assert json.loads(out) == {
        "id": 2,
        "name": "alone",
        "kind": "clean",
        "items": 7,
        "left_out": {},
        "annotators": 1,
        "blind": True,
        "seed": 0,
    }
    _, out, _ = label("new", "some", "--expression", "Happy", "--site", "danbooru", "--from-label", "tag")
    assert out.startswith("some: 4 items, each for 3 people")


def test_a_campaign_about_a_frozen_set(label: Kaogae, kaogae: Kaogae) -> None:
    assert kaogae("dataset", "freeze", "small", "--expression", "sad", "--workers", 1)[0] == 0
    assert label("new", "first", "--set", "small")[1].startswith("first: 4 items")
    code, _, err = label("new", "second", "--set", "large")
    assert code == 2
    assert "There is no set at" in err


def test_a_panel_of_transfers(label: Kaogae, tmp_path: Path) -> None:
    folder = tmp_path / "transferred"
    folder.mkdir()
    for k, target in enumerate(("happy", "sad")):
        Image.fromarray(np.full((8, 8, 3), k, np.uint8)).save(folder / f"a.{target}.png")
    (folder / "contact-sheet.png").write_bytes(b"")
    code, out, _ = label("new", "panel", "--kind", "panel", "--transfers", folder)
    assert code == 0
    assert out.splitlines()[:2] == [
        "panel: 2 items, each for 3 people",
        "left out: 1 (a contact sheet)",
    ]
    out = label("new", "second", "--kind", "panel", "--transfers", folder, "--json")[1]
    assert json.loads(out)["blind"], "as it is kept"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["first", "--kind", "quiz"], "no kind of campaign 'quiz'"),
        (["first", "--expression", "hapy"], "did you mean 'happy'"),
        (["first", "--annotators", "0"], "can't get 0 votes"),
        (["first", "--sample", "0"], "A sample of 0"),
        (["first", "--seed", "-1"], "can't be a seed"),
        (["first", "--site", "nowhere"], "no face to ask about"),
        (["first", "--unlabelled", "--expression", "sad"], "choose one"),
        (["first", "--transfers", "."], "add --kind panel"),
        (["first", "--kind", "panel"], "Name their folder"),
        (["first", "--kind", "panel", "--set", "x"], "a panel has --transfers"),
        (["first", "--kind", "panel", "--transfers", "nowhere"], "isn't a folder"),
        (["../first"], "can't be the name"),
        (["first", "--set", "../.."], "can't be the name"),
    ],
)
def test_what_cant_begin_is_one_sentence(label: Kaogae, words: list[str], says: str) -> None:
    code, out, err = label("new", *words)
    assert (code, out) == (2, "")
    assert err.startswith("kaogae: ")
    assert err.count("\n") == 1
    assert says in err


def test_looking_at_nothing(label: Kaogae, kaogae: Kaogae, tmp_path: Path) -> None:
    assert label("status")[1] == "There is no campaign yet. Begin with: kaogae label new NAME\n"
    assert label("status", "--json")[1] == "[]\n"
    code, _, err = label("status", "nothing")
    assert (code, "There is no campaign 'nothing'" in err) == (2, True)
    code, _, err = kaogae("label", "status", "--workspace", tmp_path / "nowhere")
    assert (code, "There is no catalogue" in err) == (2, True)
    assert not (tmp_path / "nowhere").exists()


def test_looking_at_all_and_at_one(label: Kaogae, filled: Workspace) -> None:
    label("new", "first", "--annotators", 2)
    label("new", "second")
    label("close", "second")
    vote(filled, "first", {"Aoi": ["happy"] * 10, "花子": [*["happy"] * 6, *["sad"] * 3, "unusable"]})
    _, out, _ = label("status")
    rows = [line.split() for line in out.splitlines()]
    assert rows[2][:3] + rows[2][4:] == ["first", "clean", "20", "50%", "4", "2"]
    assert rows[3][:4] == ["second", "clean,", "closed", "20"]
    _, out, _ = label("status", "first")
    assert "10 of 20 have all votes 50%" in out
    assert "■ agreed 6" in out
    assert "■ disputed 4" in out
    people = [line.split() for line in out.splitlines() if line.startswith(("Aoi  ", "花子"))]
    assert [(row[0], row[1], row[-4], row[-3]) for row in people] == [
        ("Aoi", "10", "1.5", "100%"),
        ("花子", "10", "1.5", "100%"),
    ]
    assert "Aoi – 花子           10    60%  0.00  slight" in out
    assert "All together agree on 60% of the pairs of votes" in out


def test_a_panel_beside_the_papers_table(label: Kaogae, filled: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "transferred"
    folder.mkdir()
    for k, target in enumerate(["happy"] * 4 + ["crying"] * 4):
        Image.fromarray(np.full((8, 8, 3), k, np.uint8)).save(folder / f"{k}.{target}.png")
    label("new", "panel", "--kind", "panel", "--transfers", folder, "--annotators", 1)
    catalog = filled.open()
    with catalog.reading() as session:
        targets = [item.about["target"] for item in session.scalars(select(Item).order_by(Item.number))]
    catalog.close()
    said = list(targets)
    said[targets.index("crying")] = "other"
    vote(filled, "panel", {"Aoi": said})
    _, out, _ = label("status", "panel")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines() if line.endswith("%")}
    assert rows["happy"] == ["100%", "·", "·", "·", "·", "·", "·", "4", "89%"]
    assert rows["crying"] == ["·", "·", "75%", "·", "·", "25%", "·", "4", "72%"]
    assert "mean of the diagonal: 87.5%; the paper's, Table II: 80.8%" in out
    report = json.loads(label("status", "panel", "--json")[1])
    assert report["matrix"]["crying"]["other"] == 1
    assert datetime.fromisoformat(report["created_at"]).tzinfo is not None


def test_out_and_in_again(label: Kaogae, filled: Workspace, tmp_path: Path) -> None:
    label("new", "first", "--annotators", 1)
    vote(filled, "first", {"Aoi": ["happy", "unusable", "other", "skipped"]})
    assert label("export", "first")[1] == "first-votes.csv: 4 votes\n"
    assert label("import", "first", "first-votes.csv")[1] == "votes added: 0, known already: 4\n"
    assert json.loads(label("export", "first", "--to", "x.jsonl", "--what", "labels", "--json")[1]) == {
        "path": "x.jsonl",
        "rows": 20,
    }
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text("utf-8").splitlines()]
    bad = [
        {"sha256": rows[4]["sha256"], "annotator": "Ren", "verdict": word} for word in ("sad", "\x1b[31msmug")
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(map(json.dumps, bad)), "utf-8")
    code, out, _ = label("import", "first", "in.jsonl")
    assert code == 1
    assert out.splitlines() == [
        "votes added: 1, known already: 0, 1 new person",
        "left out: 1 (this campaign doesn't ask for that answer)",
        "  line 2: this campaign doesn't ask for that answer",
    ]
    code, out, _ = label("import", "first", "in.jsonl", "--json")
    assert (code, json.loads(out)["known"], json.loads(out)["lines"]) == (
        1,
        1,
        [[2, "this campaign doesn't ask for that answer"]],
    )


def test_into_the_catalogue(label: Kaogae, filled: Workspace) -> None:
    label("new", "first", "--annotators", 1)
    vote(filled, "first", {"Aoi": ["", "unusable", "other"]})
    _, out, _ = label("export", "first", "--to", "catalog")
    assert out.splitlines() == [
        "labels kept: 0, faces relabelled: 0",
        "faces rejected: 1 (unusable (votes))",
        "faces rejected: 1 (another expression (votes))",
        "undecided, left as they are: 18",
        "rows changed in the catalogue: 2",
    ]
    assert json.loads(label("export", "first", "--to", "catalog", "--json")[1]) == {
        "kept": 0,
        "relabelled": 0,
        "rejected": {"unusable (votes)": 1, "another expression (votes)": 1},
        "undecided": 18,
        "left_out": {},
        "changed": 0,
    }


def test_closing_and_reopening(label: Kaogae) -> None:
    label("new", "first")
    assert label("close", "first")[1] == "first is closed\n"
    assert label("close", "first")[1] == "first was closed before\n"
    assert label("reopen", "first")[1] == "first is open\n"
    code, _, err = label("close", "second")
    assert (code, "There is no campaign 'second'" in err) == (2, True)


@pytest.mark.parametrize("command", ["export", "import", "close"])
def test_names_of_strangers_reach_no_terminal(label: Kaogae, command: str) -> None:
    words = [command, "\x1b]0;owned\x07", *(["x.csv"] if command == "import" else [])]
    code, out, err = label(*words)
    assert code == 2
    assert "\x1b" not in out + err
