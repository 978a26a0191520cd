"""Evaluations that nobody made: real pictures of drawn characters, and numbers out of dice."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from kaogae.evaluate.evaluation import Evaluation, InputsFacts, JudgeFacts, ModelFacts
from kaogae.evaluate.inputs import Inputs
from kaogae.evaluate.snapshots import save_evaluation

ACCURACY = {"small": 0.75, "paper": 0.5}


def judge_facts() -> JudgeFacts:
    """A judge that is right on nine of ten drawn faces, and on seven of ten real ones."""
    drawn = np.eye(6, dtype=np.int64) * 170 + np.roll(np.eye(6, dtype=np.int64), 1, axis=1) * 30
    real = np.eye(6, dtype=np.int64) * 35 + 3
    sure = np.linspace(0.25, 0.95, 8)
    bins = np.stack(
        [sure, sure - 0.05 * np.sin(9 * sure), np.array([3, 9, 20, 31, 44, 80, 190, 623])], axis=1
    )
    return JudgeFacts(
        "judge of the tests", "ef" * 32, 0.55, {"drawn": drawn, "real": real}, {"drawn": bins, "real": bins}
    )


def scores(name: str, labels: np.ndarray, seed: int, *, truth: bool) -> dict[str, np.ndarray]:
    dice, count = np.random.default_rng(seed), len(labels)
    asked = np.tile(np.arange(5), (count, 1))
    hit = dice.random((count, 5)) < ACCURACY.get(name, 0.6)
    verdicts = np.where(hit, asked, dice.integers(0, 6, (count, 5)))
    faces = dice.random((count, 5)) < 0.98
    verdicts = np.where(faces, verdicts, 5)
    logits = dice.normal(0, 1, (count, 5, 5))
    np.put_along_axis(logits, np.minimum(verdicts, 4)[..., None], 3.5, axis=-1)
    chances = np.exp(logits)
    found = {
        "verdicts": verdicts,
        "input_verdicts": np.where(dice.random(count) < 0.9, labels, 5),
        "chances": chances / chances.sum(-1, keepdims=True),
        "faces": faces,
        "own_head": np.where(dice.random((count, 5)) < 0.95, asked, (asked + 1) % 5),
        "changed": np.abs(dice.normal((19, 7, 15, 1), (6, 3, 5, 0.5), (count, 5, 4))),
        "identity": np.abs(dice.normal(0.15, 0.06, (count, 5))),
        "ssim_rest": 1 - np.abs(dice.normal(0, 0.01, (count, 5))),
        "perceptual_rest": np.abs(dice.normal(0, 0.01, (count, 5))),
        "cycle": np.abs(dice.normal(4, 1, (count, 5))),
    }
    if truth:
        found |= {
            "truth_error": np.abs(dice.normal(250, 90, (count, 5))),
            "truth_ssim": 1 - np.abs(dice.normal(0, 0.08, (count, 5))),
            "truth_perceptual": np.abs(dice.normal(0, 0.03, (count, 5))),
            "input_truth_error": np.abs(dice.normal(550, 90, (count, 5))),
        }
    return found


def evaluation(
    folder: Path,
    name: str,
    inputs: Inputs,
    outputs: np.ndarray,
    on: str = "drawn",
    change: Callable[[Evaluation], Evaluation] = lambda found: found,
) -> Evaluation:
    """Saved in `folder`, and read back."""
    drawn, place = on == "drawn", sorted(ACCURACY).index(name) if name in ACCURACY else 7
    regions = {"spread": np.array([14.0, 5, 12, 0.4]) - place}
    if drawn:
        regions |= {
            "moved": np.array([0.84, 0.75, 0.85, 0.37]),
            "moved_rightly": np.array([0.58, 0.25, 0.63, 0.06]),
        }
    six = np.array([31.0, 44.5, 52.1, 29.7, 60.2, 25.3]) + place
    found = Evaluation(
        model=ModelFacts(
            name, f"{place}a" * 32, 4_700_000, inputs.size, 2_300_000,
            {"architecture": {"width": 32}, "images_seen": 1},
        ),
        inputs=InputsFacts(
            on, ("c0" if drawn else "d1") * 32, 3, inputs.names, inputs.labels, {"given": len(inputs)},
            None if drawn else "5e" * 32,
        ),
        judge=judge_facts(),
        scores=scores(name, inputs.labels, place + 10 * drawn, truth=drawn),
        regions=regions,
        distances={
            "judge": {"fid": six, "kid": six / 900, "kid_sd": six / 9000, "pictures": np.full(6, 300.0)},
        },
        identity={
            "name": "12,345 drawn characters", "sha256": "1d" * 32,
            "same": [0.12, 0.03, 0.31], "other": [0.95, 0.62, 1.21],
        },
        seconds=21.5,
        made={
            "time": "2026-01-02T03:04:05+00:00", "kaogae": "0.1.0", "machine": "a processor", "threads": 2,
            "command": f"kaogae evaluate {name} --set {on}", "key": {"model": "0a" * 32},
        },
    )  # fmt: skip
    return save_evaluation(change(found), folder / name / on, inputs.pixels, outputs)
