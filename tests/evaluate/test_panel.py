"""Blind panels: what people are asked about, and that nothing tells them whose picture it is."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image
from sqlalchemy import select
from starlette.testclient import TestClient

from kaogae.catalog import Catalog, Item, Workspace
from kaogae.errors import EvaluationError, KaogaeError, LabelError, UsageError
from kaogae.evaluate.evaluation import Evaluation, InputsFacts, ModelFacts
from kaogae.evaluate.panel import CONTROL, begin_panel
from kaogae.evaluate.panel_votes import read_panel
from kaogae.evaluate.snapshots import picture_path, save_evaluation
from kaogae.expressions import EXPRESSIONS
from kaogae.images.png import chunks
from kaogae.label import Settings, find
from kaogae.label.people import invite
from kaogae.label.service import create_app

INPUTS = 25


def evaluated(
    workspace: Workspace,
    name: str,
    *,
    size: int = 16,
    inputs: int = INPUTS,
    copies: bool = False,
    seed: int = 0,
) -> Evaluation:
    """A saved evaluation of a model that makes noise of its inputs, or copies them."""
    dice = np.random.default_rng([seed, *name.encode()])
    sources = np.random.default_rng(seed).integers(0, 256, (inputs, size, size, 3)).astype(np.uint8)
    made = dice.integers(0, 256, (inputs, 5, size, size, 3)).astype(np.uint8)
    facts = InputsFacts(
        "drawn", f"inputs {seed}", seed, tuple(f"drawn-{k}" for k in range(inputs)), np.arange(inputs) % 5, {}
    )
    model = ModelFacts(name, "0" * 64, 1, size)
    folder = workspace.folder / "evaluations" / str(abs(hash(name))) / f"drawn-{inputs}-{seed}"
    found = Evaluation(model, facts, None, {}, {}, {})
    return save_evaluation(found, folder, sources, np.repeat(sources[:, None], 5, 1) if copies else made)


@pytest.fixture
def place(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def catalog(place: Workspace) -> Iterator[Catalog]:
    opened = place.open()
    yield opened
    opened.close()


def items(catalog: Catalog, name: str = "panel") -> list[Item]:
    with catalog.reading() as session:
        campaign = find(session, name).id
        return list(session.scalars(select(Item).where(Item.campaign_id == campaign).order_by(Item.number)))


def pixels(place: Workspace, item: Item) -> np.ndarray:
    return np.array(Image.open(place.folder / item.file))


def test_all_outputs_and_some_inputs_are_asked_about_shuffled_together(
    place: Workspace, catalog: Catalog
) -> None:
    pair = [evaluated(place, "small"), evaluated(place, "paper")]
    panel = begin_panel(place, catalog, "panel", pair, Settings(annotators=2, seed=5))
    assert (panel.models, panel.outputs, panel.controls, panel.begun.items) == (
        ("small", "paper"), 250, 25, 275,
    )  # fmt: skip
    with catalog.reading() as session:
        assert find(session, "panel").settings == {"annotators": 2, "blind": True, "seed": 5}
    found = items(catalog)
    assert Counter(item.about["model"] for item in found) == {"small": 125, "paper": 125, CONTROL: 25}
    tenths = Counter(item.about["model"] for item in found[:100])
    assert min(tenths["small"], tenths["paper"]) > 25, "models take turns"
    for item in found:
        about, number = item.about, int(item.about["name"].removeprefix("drawn-"))
        assert about["source"] == EXPRESSIONS[number % 5]
        column = 0 if about["model"] == CONTROL else 1 + EXPRESSIONS.index(about["target"])
        folder = pair[about["model"] == "paper"].folder
        assert folder is not None
        strip = np.array(Image.open(picture_path(folder, number)))
        assert (pixels(place, item) == strip[:, 16 * column : 16 * (column + 1)]).all()
        assert about["model"] != CONTROL or about["target"] == about["source"]


def test_controls_show_each_expression_as_often(place: Workspace, catalog: Catalog) -> None:
    one = [evaluated(place, "small", inputs=40)]
    for name, asked, given in (("default", None, 20), ("some", 7, 7), ("none", 0, 0)):
        assert begin_panel(place, catalog, name, one, controls=asked).controls == given
        shown = [item.about["target"] for item in items(catalog, name) if item.about["model"] == CONTROL]
        assert len(shown) == given
        assert {shown.count(e) for e in EXPRESSIONS} <= {given // 5, -(-given // 5)}
    few = [evaluated(place, "few", inputs=5)]
    assert begin_panel(place, catalog, "few", few).controls == 5, "there are no more"


def test_another_seed_is_another_order_and_the_same_one_the_same(place: Workspace, catalog: Catalog) -> None:
    one = [evaluated(place, "small")]
    orders = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        begin_panel(place, catalog, name, one, Settings(seed=seed))
        orders.append([item.sha256 for item in items(catalog, name)])
    assert orders[0] == orders[1] != orders[2]


def test_all_pictures_are_of_one_size_and_kind(place: Workspace, catalog: Catalog) -> None:
    pair = [evaluated(place, "large", size=32), evaluated(place, "small", size=16)]
    assert begin_panel(place, catalog, "panel", pair).size == 16
    for item in items(catalog):
        assert pixels(place, item).shape == (16, 16, 3)
        data = (place.folder / item.file).read_bytes()
        assert {kind for kind, _ in chunks(data)} == {b"IHDR", b"IDAT", b"IEND"}, "a file says nothing else"


def test_equal_pictures_of_two_models_and_a_control_all_count(place: Workspace, catalog: Catalog) -> None:
    pair = [evaluated(place, name, copies=True) for name in ("copier", "another")]
    assert begin_panel(place, catalog, "panel", pair, controls=5).begun.items == 255
    assert Counter(item.about["model"] for item in items(catalog)) == {
        "copier": 125,
        "another": 125,
        CONTROL: 5,
    }


def test_the_service_sends_the_picture_alone_and_takes_votes(place: Workspace, catalog: Catalog) -> None:
    pair = [evaluated(place, "giant", size=32, inputs=5), evaluated(place, "petite", inputs=5)]
    begin_panel(place, catalog, "panel", pair, Settings(annotators=1))
    with catalog.session() as session:
        token = invite(session, "Aoi", "annotator", None)
    with TestClient(create_app(place, catalog), base_url="http://label.test") as browser:
        me = browser.post("/api/v1/session", json={"token": token}).json()
        campaign = f"/api/v1/campaigns/{me['campaigns'][0]['id']}"
        answer = browser.post(f"{campaign}/next", json={"count": 55})
        cards = answer.json()["items"]
        assert [sorted(card) for card in cards] == [["id", "label"]] * 55
        assert {card["label"] for card in cards} == {None}
        for card in cards[:5]:
            sent = browser.get(f"/api/v1/items/{card['id']}/image")
            picture = Image.open(BytesIO(sent.content))
            assert (picture.format, picture.size, picture.getexif()) == ("WEBP", (16, 16), {})
            said = answer.text + json.dumps([me, *sent.headers.values()])
            assert not any(word in said for word in ("giant", "petite", "drawn-", CONTROL, "target"))
        votes = [{"id": str(uuid4()), "item": card["id"], "verdict": "sad"} for card in cards]
        assert len(browser.post(f"{campaign}/votes", json={"votes": votes}).json()["accepted"]) == 55
    found = read_panel(catalog, "panel")
    assert [one.counts[:, 1].tolist() for one in found.matrices.values()] == [[5] * 5] * 2
    assert (found.people[0].controls, found.people[0].right) == (5, 1)


def test_what_cant_be_a_panel(place: Workspace, catalog: Catalog) -> None:
    small, others = evaluated(place, "small"), evaluated(place, "paper", seed=1)
    refused: list[tuple[Callable[[], object], type[KaogaeError], str]] = [
        (lambda: begin_panel(place, catalog, "x", []), UsageError, "at least one model"),
        (lambda: begin_panel(place, catalog, "x", [small, others]), UsageError, "on other inputs"),
        (lambda: begin_panel(place, catalog, "x", [small, small]), UsageError, "named twice"),
        (
            lambda: begin_panel(place, catalog, "x", [evaluated(place, CONTROL)]),
            UsageError,
            "give this model another name",
        ),
        (
            lambda: begin_panel(place, catalog, "x", [small], controls=26),
            UsageError,
            "26 controls can't be taken from 25",
        ),
        (lambda: begin_panel(place, catalog, "../x", [small]), UsageError, "name"),
    ]
    for begin, kind, says in refused:
        with pytest.raises(kind, match=says):
            begin()
    begin_panel(place, catalog, "panel", [small])
    with pytest.raises(LabelError, match="already"):
        begin_panel(place, catalog, "panel", [small])
    assert small.folder is not None
    picture_path(small.folder, 3).unlink()
    with pytest.raises(EvaluationError, match=r"0003\.png"):
        begin_panel(place, catalog, "x", [small])
    with catalog.reading() as session, pytest.raises(LabelError, match="There is no campaign"):
        find(session, "x")


def test_a_models_name_leads_nowhere(
    place: Workspace, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafts = tmp_path / "drafts" / "of" / "pictures"
    drafts.mkdir(parents=True)
    monkeypatch.setattr("tempfile.tempdir", str(drafts))
    begin_panel(place, catalog, "panel", [evaluated(place, "../../../evil\x1b[31m")])
    assert not list(tmp_path.rglob("*evil*"))
    assert not list(drafts.iterdir())


def test_the_command_begins_a_panel_of_what_was_evaluated(
    place: Workspace, kaogae: Callable[..., tuple[int, str, str]]
) -> None:
    for name in ("small", "paper"):
        folder = place.folder / "evaluations" / name / f"drawn-{INPUTS}-0"
        found = evaluated(place, name).folder
        assert found is not None
        folder.parent.mkdir(parents=True, exist_ok=True)
        found.rename(folder)
    at = ("--workspace", place.folder)
    code, out, err = kaogae("evaluate", "panel", "table-ii", "small", "paper", "--count", INPUTS, *at)
    assert (code, out.splitlines()) == (
        0,
        [
            "table-ii: 275 pictures of 16 px, each for 3 people: 250 outputs of 2 models, 25 controls",
            "Next: kaogae label serve --host 0.0.0.0 --invite NAME",
            "Then: kaogae evaluate votes table-ii",
        ],
    ), err
    folder = place.folder / "evaluations" / "small" / f"drawn-{INPUTS}-0"
    code, out, err = kaogae("evaluate", "panel", "second", folder, "--controls", 0, "--json", *at)
    assert (code, json.loads(out)["begun"]["items"]) == (0, 125), err
    for words, says in (
        (("third", "large", "--count", INPUTS), "'large' wasn't evaluated on drawn-25-0"),
        (("third", "large", "--count", INPUTS), "or choose from paper, small"),
        (("third", "small"), "'small' wasn't evaluated on drawn-100-0"),
        (("third", "small", "--set", "sprites", "--seed", 4), "on sprites-100-4"),
        (("table-ii", folder), "There is a campaign 'table-ii' already"),
        (("third", folder, "--annotators", 26), "can't get 26 votes"),
    ):
        code, _, err = kaogae("evaluate", "panel", *words, *at)
        assert (code, says in err) == (2, True), err
