"""The model that comes with Kaogae keeps what its card says."""

import json
from pathlib import Path

import numpy as np
import pytest

import kaogae.transfer
from kaogae.atelier import expression as acting
from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.images import to_network
from kaogae.transfer.model import Generator

FOLDER = Path(kaogae.transfer.__file__).parent / "models"
SEEDS = range(70_000, 70_006)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator.load(threads=1)


def answers(generator: Generator, picture: np.ndarray, strength: float = 1.0) -> np.ndarray:
    targets = np.stack([expression.vector(strength) for expression in EXPRESSIONS])
    outputs, _ = generator.translate(np.stack([to_network(picture)] * 5), targets)
    return outputs


def sources(generator: Generator) -> list[tuple[Portrait, np.ndarray]]:
    portraits = [Portrait.from_seed(seed) for seed in SEEDS]
    return [(p, p.render(sample_rig(0, Expression.NEUTRAL, 1.0), generator.image_size)) for p in portraits]


def test_it_is_small_and_its_card_names_its_data_and_their_artists() -> None:
    assert (FOLDER / "small.onnx").stat().st_size <= 16e6
    card = (FOLDER / "small.md").read_text("utf-8")
    for words in (
        "Nagoya Institute of Technology",
        "Clarissa Helps",
        "黑翼大魔",
        "Mikanixonable",
        "Where it doesn't",
    ):
        assert words in card


def test_its_header_and_its_card_agree(generator: Generator) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(FOLDER / "small.onnx"), providers=["CPUExecutionProvider"])
    header = json.loads(session.get_modelmeta().custom_metadata_map["kaogae"])
    card = (FOLDER / "small.md").read_text("utf-8")
    assert header["dataset"] in card
    assert f"{header['images_seen']:,} images seen" in card
    assert header["image_size"] == generator.image_size
    for name, evaluation in header["metrics"]["evaluations"].items():
        matrix = np.array(evaluation["matrix"])
        assert matrix.sum(1).tolist() == [100] * 5, name
        assert evaluation["summary"]["accuracy"] == pytest.approx(np.diag(matrix).sum() / 500)
        assert len(evaluation["judge"]) == 64
    drawn, *real = (one["summary"]["accuracy"] for one in header["metrics"]["evaluations"].values())
    assert f"**{100 * drawn:.1f}**" in card
    assert f"**{100 * np.mean(real):.1f}**" in card


def test_every_expression_comes_nearer_to_the_drawn_truth_than_the_input_is(generator: Generator) -> None:
    """Of what the truth changes: happy, sad, crying and surprised, each on average over the faces."""
    before, after = np.zeros(5), np.zeros(5)
    for portrait, picture in sources(generator):
        for i, output in enumerate(answers(generator, picture)):
            drawn = portrait.render(acting.canonical(EXPRESSIONS[i]), generator.image_size)
            truth = to_network(drawn)
            changed = np.abs(truth - to_network(picture)).max(0) > 0.2
            before[i] += np.abs(truth - to_network(picture))[:, changed].mean()
            after[i] += np.abs(truth - output)[:, changed].mean()
    moved = [e.position for e in EXPRESSIONS if e is not Expression.NEUTRAL]
    assert (after[moved] < 0.9 * before[moved]).all()


def test_strength_goes_from_nothing_to_everything(generator: Generator) -> None:
    _, picture = sources(generator)[0]
    changes = [
        np.abs(answers(generator, picture, strength) - to_network(picture)).mean()
        for strength in (0.0, 0.3, 0.6, 1.0)
    ]
    assert changes[0] < 0.1 * changes[-1]
    assert changes == sorted(changes)
