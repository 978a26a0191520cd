"""Every measure at once, on generators of which theory says what each measure must find."""

from collections.abc import Callable

import numpy as np
import pytest

from kaogae.evaluate.evaluation import SCORES, Evaluation, ModelFacts
from kaogae.evaluate.identity import Identity
from kaogae.evaluate.inputs import Inputs
from kaogae.evaluate.judge import Judge
from kaogae.evaluate.measure import Measures, Reference, facts_of_inputs, key_of, measure
from kaogae.evaluate.models import Model
from kaogae.images import to_network


@pytest.fixture(scope="module")
def measures() -> Measures:
    judge, identity = Judge.load(), Identity.load()
    hashes = {"judge": judge.sha256, "identity": identity.sha256}
    return Measures(judge, identity, {"judge": judge.features}, hashes)


@pytest.fixture(scope="module")
def measured(inputs: Inputs, answers: Callable, measures: Measures) -> Callable[[str], Evaluation]:
    """What is measured of the generator that does so."""
    found: dict[str, Evaluation] = {}
    facts = facts_of_inputs(inputs, "drawn", 3)

    def evaluation(does: str) -> Evaluation:
        if does not in found:
            reference = Reference.of_truths(inputs)
            stages = []
            tell = lambda stage, done, total: stages.append((stage, done <= total))  # noqa: E731
            model = looking_up(does, inputs, answers(does))
            found[does], outputs = measure(model, inputs, facts, reference, measures, tell)
            assert (outputs == answers(does)).all()
            assert all(fits for _, fits in stages)
        return found[does]

    return evaluation


def looking_up(name: str, inputs: Inputs, outputs: np.ndarray) -> Model:
    """Gives what is known of its inputs, and anything else back as it is."""
    known = {to_network(one).tobytes(): five for one, five in zip(inputs.pixels, outputs, strict=True)}

    def run(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
        rows = zip(images, targets.argmax(1), strict=True)
        return np.stack(
            [
                to_network(known[image.tobytes()][target]) if image.tobytes() in known else image
                for image, target in rows
            ]
        )

    return Model(ModelFacts(name, "0" * 64, 1, inputs.size), run)


def means(found: Evaluation) -> dict[str, float]:
    return found.summary()


def test_everything_is_measured_and_nothing_else(measured, inputs):
    found = measured("returns the truth")
    assert set(found.scores) == set(SCORES) - {"own_head"}
    assert {key: s.shape for key, s in found.scores.items()} == {
        key: (len(inputs), *SCORES[key]) for key in found.scores
    }


def test_the_exact_truth_scores_as_theory_says(measured):
    found = means(measured("returns the truth"))
    assert found["accuracy"] >= 0.9  # the judge errs now and then
    assert "truth_psnr" not in found  # infinite
    assert found["truth_ssim"] == pytest.approx(1)
    assert found["truth_perceptual"] == pytest.approx(0, abs=1e-6)
    assert found["fid_judge"] == pytest.approx(0, abs=1e-3)
    assert [found[f"moved_rightly_{part}"] for part in ("eyes", "brows", "mouth")] == pytest.approx([1] * 3)


def test_a_copy_scores_as_theory_says(measured):
    copy, truth = measured("copies its input"), means(measured("returns the truth"))
    found = means(copy)
    assert found["identity"] == pytest.approx(0, abs=1e-6)
    assert found["ssim_rest"] == pytest.approx(1)
    assert found["perceptual_rest"] == pytest.approx(0, abs=1e-6)
    assert found["cycle"] == 0
    assert found["truth_psnr"] == pytest.approx(found["input_truth_psnr"])
    assert copy.scores["changed"].max() == 0
    assert [found[f"moved_rightly_{part}"] for part in ("eyes", "brows", "mouth")] == pytest.approx([0] * 3)
    # It is right where the input shows what was asked for, which is once in five
    assert found["accuracy"] == pytest.approx(0.2, abs=0.06)
    assert found["fid_judge"] > 10 * truth["fid_judge"] + 1e-3


def test_another_character_is_told_from_the_same_one(measured):
    """As asked, its expression is right and its parts move; that it's somebody else is seen all the same."""
    other, truth = means(measured("returns another character as asked")), means(measured("returns the truth"))
    assert other["accuracy"] == pytest.approx(truth["accuracy"])
    assert other["identity"] > 3 * truth["identity"]
    assert other["ssim_rest"] < 0.5 < truth["ssim_rest"]
    assert other["perceptual_rest"] > 5 * truth["perceptual_rest"]
    assert other["truth_psnr"] < other["input_truth_psnr"]
    assert other["fid_judge"] == pytest.approx(0, abs=1e-3)  # the set is the same: this can't see it


def test_noise_and_a_mouth_alone_are_no_success(measured):
    noise, mouth = measured("adds noise"), measured("moves the mouth only")
    truth = means(measured("returns the truth"))
    assert means(noise)["accuracy"] <= 0.35
    assert means(mouth)["accuracy"] < truth["accuracy"] - 0.2
    assert means(mouth)["moved_rightly_mouth"] == pytest.approx(1)
    assert means(mouth)["moved_rightly_eyes"] == pytest.approx(0, abs=1e-6)


def test_another_model_judge_or_input_gives_another_key(inputs, answers, measures):
    model = looking_up("a", inputs, answers("copies its input"))
    key = key_of(model, inputs, measures)
    assert key == key_of(model, inputs, measures)
    other = Measures(measures.judge, measures.identity, measures.features, {"judge": "x", "identity": "y"})
    assert key != key_of(model, inputs, other)
    with_head = Model(model.facts, model.run, own_head=lambda images: images)
    assert key != key_of(with_head, inputs, measures)
