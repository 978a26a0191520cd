"""The model card: all of it from the run's records, and nothing from strangers taken as Markdown."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard

from kaogae.expressions import EXPRESSIONS
from kaogae.stargan import Header, SmallConfig, StarganConfig
from kaogae.train.card import write_card
from kaogae.train.card_measures import metrics_of
from kaogae.train.card_text import NOT_RECORDED, code
from kaogae.train.past import PICTURE_BYTES, PNG, Past
from kaogae.train.settings import load_settings, to_toml

EVIL = '](javascript:x) <img src=x onerror="y"> | `` ` ``` \n---\nlicense: mit\n# heading \x1b[31m'
TRAINING = {"preset": "smoke", "seed": 7, "iterations": 40, "batch": 4, "drawn_characters": 0}
CONFIG = SmallConfig(width=8, deep=16, blocks=1)
HEADER = Header(CONFIG, 64, 160, "ab" * 32, {"losses": {"g_classes": 1.5}}, TRAINING)


def a_set(
    licences: dict[str, int] | None = None, counts: tuple[int, ...] = (9, 8, 1, 8, 8)
) -> dict[str, Any]:
    expressions = dict(zip(EXPRESSIONS, counts, strict=True))
    return {
        "hash": "cd" * 32,
        "faces": sum(counts),
        "expressions": expressions,
        "licences": licences or {"CC BY 4.0": 34},
    }


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """What a run of 50 iterations leaves that was stopped at 40, in two parts."""
    folder = tmp_path / "my-run"
    folder.mkdir()
    settings = load_settings(
        "smoke", ["iterations=50", "data.drawn=0", "weights.supervised=0", "weights.focus=3"]
    )
    (folder / "config.toml").write_text(to_toml(settings))
    (folder / "data.json").write_text(
        json.dumps({"hash": "ab" * 32, "drawings": None, "sets": {"open": a_set()}})
    )
    begun = {
        "command": "kaogae train smoke --data /home/yuki/sets/open",
        "kaogae": "0.2.0",
        "torch": "2.13.0",
    }
    begun |= {"device": "NVIDIA H100", "processors": 16, "threads": 8, "processes": 1}
    history = [
        {"event": "started", "iteration": 0, **begun},
        {"event": "saved", "iteration": 10, "seconds": 600.0, "images_per_second": 9.0},
        {"event": "saved", "iteration": 20, "seconds": 1200.0, "images_per_second": 10.0},
        {"event": "alarm", "iteration": 21, "kind": "penalty", "sentence": "The penalty explodes."},
        {"event": "continued", "iteration": 20, **begun},
        {"event": "saved", "iteration": 40, "seconds": 6300.0, "images_per_second": 12.5},
    ]
    (folder / "history.jsonl").write_text(
        "".join(json.dumps({"time": "2026", **row}) + "\n" for row in history)
    )
    rows = [{"iteration": n, "images": 4 * n, "rate": 1e-4, "g_classes": 100 / n} for n in range(1, 41)]
    (folder / "losses.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "losses.png").write_bytes(PNG + b"curves")
    (folder / "samples").mkdir()
    for number in (1, 2):
        (folder / "samples" / f"000000{number}.png").write_bytes(PNG + bytes([number]))
    return folder


def test_the_card_says_what_the_records_say(run: Path) -> None:
    card = write_card(Past.read(run), HEADER, repo="yuki/smile")
    for words in (
        "# `my-run`", "64 × 64 pixels", "0.03 M parameters", "hf://yuki/smile", "kaogae[hub]",
        "| `open` | 34 | 9 | 8 | 1 | 8 | 8 |", "cd" * 32, "- `open`: `CC BY 4.0` 34", "ab" * 32,
        "| preset | `smoke` |", "| seed | 7 |", "40 of 50, batch 4", "160, with repetition", "| 2 h 5 min |",
        "| images/s | 12.5 |", "`NVIDIA H100`, 16 processors, 8 threads |", "kaogae `0.2.0`, torch `2.13.0`",
        "| `weights.focus` | `8.0` | `3.0` |", "iterations 39 to 40", "| class loss of G | 2.532 |",
        "hasn't been evaluated", "40 of 50 iterations",
        "Crying: it saw 1 such faces; an even share would be 7.",
        "at iteration 21: `The penalty explodes.`",
    ):  # fmt: skip
        assert words in card, words
    assert NOT_RECORDED not in card


def test_paths_of_this_machine_stay_on_it(run: Path) -> None:
    card = write_card(Past.read(run), HEADER)
    assert "`kaogae train smoke --data open`" in card
    assert "yuki" not in card


def test_the_metadata_is_the_hubs(run: Path) -> None:
    data = ModelCard(write_card(Past.read(run), HEADER)).data.to_dict()
    assert (data["library_name"], data["pipeline_tag"], data["license"]) == (
        "kaogae",
        "image-to-image",
        "cc-by-4.0",
    )
    assert "anime" in data["tags"]
    assert "model-index" not in data


def test_metrics_get_into_text_and_model_index_as_soon_as_there_are_any(run: Path) -> None:
    measured = {
        "losses": {"g_classes": 1.0},
        "accuracy": {"happy": 0.89, "sad": 0.74},
        "fid": 31,
        "note": "x",
        "nan": float("nan"),
    }
    header = Header(HEADER.generator, 64, 160, HEADER.dataset, measured, TRAINING)
    assert metrics_of(header) == {"accuracy.happy": 0.89, "accuracy.sad": 0.74, "fid": 31}
    card = write_card(Past.read(run), header)
    assert "| `accuracy.happy` | 0.89 |" in card
    assert "hasn't been evaluated" not in card
    (model,) = ModelCard(card).data.to_dict()["model-index"]
    found = {metric["type"]: metric["value"] for result in model["results"] for metric in result["metrics"]}
    assert (model["name"], found) == ("my-run", metrics_of(header))


def test_what_was_measured_is_table_ii_and_a_list(run: Path) -> None:
    matrix = (np.eye(5, 6, dtype=int) * 20).tolist()
    summary = {"accuracy": 1.0, "identity": 0.0321, "<b>": 2.0}
    good = {"matrix": matrix, "judge": "ab" * 32, "summary": summary}
    damaged = {"rows": {"matrix": matrix[:3]}, "words": {"matrix": [["x"] * 6] * 5}, "nothing": 7}
    header = Header(HEADER.generator, 64, 160, HEADER.dataset, {"evaluations": damaged | {"drawn": good}})
    card = write_card(Past.read(run), header)
    assert "| happy | 20 | 0 | 0 | 0 | 0 | 0 |" in card
    assert "| `identity` | 0.0321 |" in card
    assert "<b>" not in without_code(card)
    assert card.count("On the inputs") == 1
    assert "hasn't been evaluated" not in card


def test_an_empty_folder_gives_a_card_that_says_what_it_doesnt_know(tmp_path: Path) -> None:
    card = write_card(Past.read(tmp_path), Header(StarganConfig(width=8), 64))
    for what in ("preset", "time", "machine", "versions", "command", "images/s", "seed"):
        assert f"| {what} | {NOT_RECORDED} |" in card, what
    for words in ("Drawn faces", "Frozen sets", "Hash of all data", "Differences from the preset"):
        assert f"{words}: {NOT_RECORDED}." in card
    assert ModelCard(card).data.to_dict().get("license") is None


def test_a_run_of_an_older_version_names_its_sets_from_the_header(tmp_path: Path) -> None:
    training = TRAINING | {"sets": {"open": "cd" * 32}, "drawn_characters": 3600}
    card = write_card(Past.read(tmp_path), Header(HEADER.generator, 64, 9, None, {}, training))
    assert f"number and licences of the faces: {NOT_RECORDED}." in card
    assert f"- `open` `{'cd' * 32}`" in card
    assert "3,600 drawn characters" in card


@pytest.mark.parametrize("name", ["config.toml", "data.json", "history.jsonl", "losses.jsonl"])
@pytest.mark.parametrize(
    "junk",
    [
        b"",
        b"\xff\xfe\x00",
        b"[" * 10000,
        b"{}",
        b'{"sets": 3}',
        b'{"sets": {"a": 3, "b": {"expressions": 7}}}',
        b"null\n1\n",
    ],
)
def test_damaged_records_are_not_recorded(run: Path, name: str, junk: bytes) -> None:
    (run / name).write_bytes(junk)
    assert ModelCard(write_card(Past.read(run), HEADER)).data.library_name == "kaogae"


@pytest.mark.parametrize(
    ("sets", "licence", "shown"),
    [
        ([{"CC BY 4.0": 3}, {"CC-BY-4.0": 2}], "cc-by-4.0", True),
        ([{"CC BY 4.0": 3, "CC0 1.0": 9}], "cc-by-4.0", True),
        ([{"CC0 1.0": 9}], "cc0-1.0", True),
        ([{"CC BY 4.0": 3}, {"CC BY-SA 4.0": 2}], None, True),
        ([{"CC BY 4.0": 3, "not stated": 1}], None, False),
        ([{"all rights reserved": 3}], None, False),
        ([{"CC BY 4.0": 3}, None], None, False),
        ([], None, True),
    ],
)
def test_a_licence_is_named_only_if_all_faces_allow_it(
    sets: list[Any], licence: str | None, shown: bool
) -> None:
    past = Past("x", data={"sets": {str(i): {"licences": one} for i, one in enumerate(sets)}})
    assert (past.licence, past.may_be_shown) == (licence, shown)
    assert Past("x").may_be_shown is False


def test_strangers_text_is_never_markdown_html_or_metadata(run: Path) -> None:
    hostile = {EVIL: a_set({EVIL: 3})}
    (run / "data.json").write_text(json.dumps({"hash": EVIL, "drawings": EVIL, "sets": hostile}))
    begun = {
        "event": "started",
        "command": EVIL,
        "device": EVIL,
        "kaogae": EVIL,
        "torch": [EVIL],
        "threads": EVIL,
    }
    rows = [
        begun,
        {"event": "alarm", "iteration": EVIL, "sentence": EVIL},
        {"event": "saved", "images_per_second": EVIL, "seconds": EVIL},
    ]
    (run / "history.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    header = Header(
        HEADER.generator,
        64,
        9,
        EVIL,
        {EVIL: 1.0, "a": {EVIL: 2}},
        {"preset": EVIL, "sets": {EVIL: EVIL}, "batch": EVIL},
    )
    card = write_card(Past.read(run), header)
    assert "license" not in ModelCard(card).data.to_dict()
    assert "\x1b" not in card
    assert card.count("\n---\n") == 1
    outside = without_code(card)
    for sign in ("javascript", "<img", "onerror", "# heading"):
        assert sign in card
        assert sign not in outside, outside


def without_code(card: str) -> str:
    """The card's text outside code spans, which in CommonMark end at as many backticks as they began with."""
    body = card.split("\n---\n", 1)[1]
    return "\n".join(re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", line) for line in body.splitlines())


def test_code_fits_into_a_table_and_on_a_line() -> None:
    assert code("a|b") == "`a\\|b`"
    assert code("a`b``c") == "```a`b``c```"
    assert code("`") == "`` ` ``"
    assert code("a\nb\x00") == "`a�b�`"
    assert code("") == "(nothing)"
    assert len(code("x" * 10_000)) < 400


def test_pictures_are_the_newest_grid_and_the_curves(run: Path) -> None:
    past = Past.read(run)
    assert (past.samples, past.curves) == (PNG + bytes([2]), PNG + b"curves")


@pytest.mark.parametrize("case", ["link", "no picture", "huge"])
def test_what_isnt_a_picture_of_the_run_is_never_published(run: Path, tmp_path: Path, case: str) -> None:
    secret, place = tmp_path / "secret.png", run / "losses.png"
    secret.write_bytes(PNG + b"mine")
    place.unlink()
    if case == "link":
        place.symlink_to(secret)
    else:
        place.write_bytes(b"ssh-rsa" if case == "no picture" else PNG + bytes(PICTURE_BYTES))
    assert Past.read(run).curves is None
