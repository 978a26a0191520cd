"""The shipped judge: right about drawn faces, and hard to fool."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load, save
from torch import nn

from kaogae.errors import EvaluationError, ModelError, UsageError
from kaogae.evaluate.confusion import OTHER
from kaogae.evaluate.inputs import Inputs
from kaogae.evaluate.judge import Judge
from kaogae.evaluate.judge_header import Learned, unpack

TARGETS = np.arange(5)
Answers = Callable[[str], np.ndarray]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge.load()


def verdicts(judge: Judge, pictures: np.ndarray) -> np.ndarray:
    """[N], by the chances alone: whether there is a face takes longer to see, and makes it harder to fool."""
    chances = judge.chances(pictures)
    return np.where(chances.max(1) >= judge.header.threshold, chances.argmax(1), OTHER)


def hits(judge: Judge, pictures: np.ndarray) -> np.ndarray:
    """[N, 5] of bool: whether pictures [N, 5, S, S, 3] are taken for their targets."""
    return verdicts(judge, flat(pictures)).reshape(-1, 5) == TARGETS


def flat(pictures: np.ndarray) -> np.ndarray:
    return pictures.reshape(-1, *pictures.shape[2:])


# ------------------------------------------------------------------------------------------- can it be fooled


def test_truths_are_what_they_show(judge: Judge, inputs: Inputs) -> None:
    assert hits(judge, inputs.truths).mean() >= 0.95


def test_unchanged_inputs_are_not_taken_for_their_targets(
    judge: Judge, inputs: Inputs, answers: Answers
) -> None:
    taken = hits(judge, answers("copies its input"))
    asked = inputs.labels[:, None] != TARGETS
    assert taken[asked].mean() <= 0.05  # each shows one of the five, which is another one


def test_noise_is_other(judge: Judge) -> None:
    dice = np.random.default_rng(0)
    fine = dice.integers(256, size=(8, 96, 96, 3), dtype=np.uint8)
    coarse = np.repeat(np.repeat(dice.integers(256, size=(8, 8, 8, 3), dtype=np.uint8), 12, 1), 12, 2)
    plain = np.broadcast_to(dice.integers(256, size=(8, 1, 1, 3), dtype=np.uint8), (8, 96, 96, 3))
    assert (verdicts(judge, np.concatenate([fine, coarse, plain])) == OTHER).all()


def test_a_face_under_strong_noise_is_not_taken_for_its_target(judge: Judge, inputs: Inputs) -> None:
    noise = np.random.default_rng(0).normal(0, 120, inputs.truths.shape)
    spoiled = np.clip(np.rint(0.15 * inputs.truths + 128 + noise), 0, 255).astype(np.uint8)
    assert hits(judge, spoiled).mean() <= 0.1


def test_a_mouth_alone_is_no_full_success(judge: Judge, inputs: Inputs, answers: Answers) -> None:
    pasted, truths = answers("moves the mouth only"), inputs.truths
    eyes = inputs.masks[:, None, :2].any(2)[..., None]
    apart = (np.abs(pasted.astype(float) - truths) * eyes).sum((2, 3, 4)) / eyes.sum((2, 3, 4)) / 3
    clearly = apart > 15  # grey levels in eyes and brows
    assert clearly.sum() >= 15
    assert hits(judge, pasted)[clearly].mean() <= 0.5 < hits(judge, truths)[clearly].mean()


def test_ghosts_of_two_expressions_are_mostly_other(judge: Judge, inputs: Inputs) -> None:
    happy, crying = inputs.truths[:, 0].astype(int), inputs.truths[:, 2]
    seen = verdicts(judge, ((happy + crying) // 2).astype(np.uint8))
    assert (seen == OTHER).mean() >= 0.6


def test_what_fools_another_classifier_hardly_changes_its_mind(judge: Judge, inputs: Inputs) -> None:
    """Every value goes up to 4 grey levels against a rival that knows these very pictures."""
    x = torch.from_numpy(flat(inputs.truths)).permute(0, 3, 1, 2).float() / 255
    shown = torch.arange(5).repeat(len(inputs))
    rival = _rival(x, shown)
    attacked = x.clone()
    for _ in range(8):
        attacked.requires_grad_()
        (slope,) = torch.autograd.grad(F.cross_entropy(rival(attacked), shown), attacked)
        attacked = (x + (attacked + slope.sign() / 255 - x).clamp(-4 / 255, 4 / 255)).detach().clamp(0, 1)
    rights = [(rival(y).argmax(1) == shown).float().mean() for y in (x, attacked)]
    assert rights[1] < 0.6 < 0.8 < rights[0]  # the attack is one
    pictures = (attacked * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    assert (verdicts(judge, pictures) == verdicts(judge, flat(inputs.truths))).mean() >= 0.9


def test_faint_noise_hardly_changes_its_mind(judge: Judge, inputs: Inputs) -> None:
    noise = 4 * np.random.default_rng(0).choice((-1, 1), flat(inputs.truths).shape)
    noisy = np.clip(flat(inputs.truths) + noise, 0, 255).astype(np.uint8)
    assert (verdicts(judge, noisy) == verdicts(judge, flat(inputs.truths))).mean() >= 0.9


def _rival(x: torch.Tensor, labels: torch.Tensor) -> nn.Module:
    """Strided convolutions, as a discriminator with a class head has, trained until it knows `x`."""
    torch.manual_seed(0)
    widths = (3, 16, 32, 64)
    convolutions = [
        part for i in range(3) for part in (nn.Conv2d(widths[i], widths[i + 1], 4, 2, 1), nn.LeakyReLU(0.01))
    ]
    pooled = nn.AdaptiveAvgPool2d(6), nn.Flatten(), nn.Linear(64 * 6 * 6, 5)
    rival = nn.Sequential(nn.BatchNorm2d(3, affine=False), *convolutions, *pooled)
    optimiser = torch.optim.Adam(rival.parameters(), 3e-3)
    for step in range(400):  # usually 40 are enough
        loss = F.cross_entropy(rival(x), labels)
        if step >= 40 and loss < 0.3:
            break
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return rival.eval()


# ---------------------------------------------------------------------------------------------- what it gives


def test_a_mirrored_face_has_the_same_chances(judge: Judge, inputs: Inputs) -> None:
    mirrored = np.ascontiguousarray(inputs.pixels[:, :, ::-1])
    np.testing.assert_allclose(judge.chances(inputs.pixels), judge.chances(mirrored), atol=1e-4)


def test_chances_leave_room_for_none_of_the_five(judge: Judge, inputs: Inputs) -> None:
    chances = judge.chances(inputs.pixels)
    assert chances.shape == (len(inputs), 5)
    assert chances.min() >= 0
    assert chances.sum(1).max() <= 1 + 1e-6
    noise = np.random.default_rng(0).integers(256, size=(4, 96, 96, 3), dtype=np.uint8)
    assert judge.chances(noise).sum(1).max() < 0.5


def test_features_tell_pictures_apart_and_have_one_length(judge: Judge, inputs: Inputs) -> None:
    features = judge.features(inputs.pixels)
    assert features.dtype == np.float32
    assert features.shape[0] == len(inputs)
    assert len(np.unique(features.round(3), axis=0)) == len(inputs)


def test_a_picture_without_a_face_is_other_and_said_to_have_none(judge: Judge, inputs: Inputs) -> None:
    pictures = np.concatenate([inputs.pixels[:2], np.full((1, 96, 96, 3), 200, np.uint8)])
    judged = judge.judge(pictures)
    assert judged.faces.tolist() == [True, True, False]
    assert judged.verdicts[2] == OTHER


def test_nothing_to_judge_is_judged(judge: Judge) -> None:
    judged = judge.judge(np.empty((0, 128, 128, 3), np.uint8))
    assert judged.chances.shape == (0, 5)
    assert judged.verdicts.shape == judged.faces.shape == (0,)


@pytest.mark.parametrize(
    "pictures",
    [np.zeros((96, 96, 3), np.uint8), np.zeros((1, 96, 80, 3), np.uint8), np.zeros((1, 96, 96, 3))],
)
def test_what_is_no_row_of_pictures_is_refused(judge: Judge, pictures: np.ndarray) -> None:
    with pytest.raises(UsageError, match="Pictures to judge are"):
        judge.judge(pictures)


# ---------------------------------------------------------------------------------- what it says about itself


def test_it_learned_from_drawn_characters_alone_that_nothing_else_sees(judge: Judge) -> None:
    (drawn,) = judge.header.learned_from
    first, last = map(int, drawn.split.split("–"))
    assert drawn.name == "drawn"
    assert 300_000 <= first < last < 500_000


def test_it_is_known_by_many_drawn_faces_and_is_right_about_them(judge: Judge) -> None:
    known = judge.header.known["drawn"]
    assert known.counts.sum(1).min() >= 100
    assert known.confusion.mean_accuracy >= 0.95
    assert known.others[OTHER] / known.others.sum() >= 0.8


def test_it_does_not_hide_how_it_is_on_real_faces(judge: Judge) -> None:
    known = judge.header.known["real"]
    assert known.counts.sum(1).tolist() == [151, 41, 21, 86, 51, 172]


def test_its_chances_are_what_they_say(judge: Judge) -> None:
    bins = judge.header.known["drawn"].reliability
    faces = sum(one.faces for one in bins)
    assert sum(one.faces * abs(one.chance - one.right) for one in bins) / faces < 0.05


def test_it_is_small_enough_to_ship(judge: Judge, tmp_path: Path) -> None:
    judge.save(tmp_path / "judge.safetensors")
    assert (tmp_path / "judge.safetensors").stat().st_size <= 4 * 2**20


def test_saved_and_loaded_it_is_the_same(judge: Judge, inputs: Inputs, tmp_path: Path) -> None:
    judge.save(tmp_path / "again.safetensors")
    again = Judge.load(tmp_path / "again.safetensors")
    assert again.sha256 == judge.sha256
    assert again.header.to_json() == judge.header.to_json()
    np.testing.assert_array_equal(again.chances(inputs.pixels), judge.chances(inputs.pixels))


def test_it_refuses_what_it_learned_from(judge: Judge) -> None:
    learned = (*judge.header.learned_from, Learned("mine", "a" * 64, "train", 100))
    taught = judge.with_header(replace(judge.header, learned_from=learned))
    with pytest.raises(EvaluationError, match="learned from the split train of the set 'mine'"):
        taught.refuse("a" * 64, "train")
    taught.refuse("a" * 64, "test")
    taught.refuse("b" * 64, "train")


# ----------------------------------------------------------------------------------------- files of strangers


@pytest.fixture(scope="module")
def whole(judge: Judge, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("judge") / "judge.safetensors"
    judge.save(path)
    return path.read_bytes()


def changed(whole: bytes, **values: object) -> bytes:
    """The same weights under a header with other values."""
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(json.loads(whole[8 : 8 + length])["__metadata__"]["kaogae"])
    return save(load(whole), {"kaogae": json.dumps(header | values)})


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"format": "kaogae-generator"}, "not version 1 of a kaogae-judge"),
        ({"version": 2}, "not version 1"),
        ({"expressions": ["happy", "sad", "angry", "neutral", "surprised"]}, "expressions aren't happy"),
        ({"architecture": "resnet152"}, "architecture isn't one"),
        ({"architecture": ["mobilenet_v3_small"]}, "lacks a name"),
        ({"size": 10**6}, "whole number from 32"),
        ({"temperature": float("nan")}, "number from 0.001"),
        ({"threshold": 2}, "number from 0 to 1"),
        ({"learned_from": [{"name": "x"}]}, "lacks a name"),
        ({"learned_from": "x"}, "lacks a list"),
        ({"known": {"drawn": {"counts": [[1]], "reliability": []}}}, "isn't 6 × 6"),
        ({"known": []}, "lacks something"),
        ({"name": "x" * 1000}, "too long"),
    ],
)
def test_a_header_that_cant_be_is_refused(whole: bytes, values: dict[str, object], sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        unpack(changed(whole, **values), "x")


def test_damaged_and_foreign_files_are_refused(whole: bytes, tmp_path: Path) -> None:
    tensors = load(whole)
    first = next(name for name, value in tensors.items() if value.is_floating_point())
    infinite = tensors | {first: torch.full_like(tensors[first], float("inf"))}
    length = int.from_bytes(whole[:8], "little")
    text = json.loads(whole[8 : 8 + length])["__metadata__"]["kaogae"]
    bad = {
        "cut off": whole[: len(whole) // 2],
        "empty": b"",
        "no safetensors": b"PK" + b"x" * 100,
        "endless header": (2**60).to_bytes(8, "little") + b"{}",
        "no header": save(tensors),
        "no JSON": save(tensors, {"kaogae": "{" * 10_000}),
        "a weight less": save({k: v for k, v in tensors.items() if k != first}, {"kaogae": text}),
        "infinite": save(infinite, {"kaogae": text}),
    }
    for what, data in bad.items():
        path = tmp_path / "bad.safetensors"
        path.write_bytes(data)
        with pytest.raises(ModelError) as error:
            Judge.load(path)
        assert str(path) in str(error.value), what
    with pytest.raises(ModelError, match="can't be read"):
        Judge.load(tmp_path / "nowhere.safetensors")
