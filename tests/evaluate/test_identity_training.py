"""Learning identity: the loss, the drawn families, and the command, all tiny."""

import json
import time
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from kaogae.errors import UsageError
from kaogae.evaluate.identity import Distances, Identity, as_batch, build_identity
from kaogae.evaluate.identity_faces import (
    HELD_OUT_SEEDS,
    LEARNED_SEEDS,
    SIZE,
    TAKES,
    draw_families,
    draw_held_out,
)
from kaogae.evaluate.identity_training import (
    OUTPUTS,
    IdentityTraining,
    augment,
    contrastive,
    learn_identity,
    measured,
    told_apart,
)
from kaogae.evaluate.inputs import DRAWN_SEEDS


@pytest.fixture(scope="module")
def families():
    return draw_families(4, workers=1)


@pytest.fixture(scope="module")
def held_out():
    return draw_held_out(4, workers=1)


def test_the_loss_is_the_papers():
    torch.manual_seed(0)
    z, who = F.normalize(torch.randn(6, 4)), [0, 0, 1, 1, 1, 2]
    who[5] = 0
    total = 0.0
    for i in range(6):
        others = [a for a in range(6) if a != i]
        below = sum(torch.exp(z[i] @ z[a] / 0.1) for a in others)
        same = [p for p in others if who[p] == who[i]]
        total -= sum(torch.log(torch.exp(z[i] @ z[p] / 0.1) / below) for p in same) / len(same)
    assert float(contrastive(z, torch.tensor(who))) == pytest.approx(float(total / 6), rel=1e-5)


def test_the_loss_is_small_where_characters_are_apart():
    apart = torch.eye(4).repeat(2, 1)
    who = torch.arange(4).repeat(2)
    assert contrastive(apart, who) < 0.01 < contrastive(apart, who.roll(1)[torch.randperm(8)])


def test_siblings_differ_where_they_are_drawn_alike(families):
    assert families.shape == (2, 2, TAKES, SIZE, SIZE, 3)
    character, sibling = families[:, 0].astype(int), families[:, 1].astype(int)
    differs = np.abs(character - sibling).mean((-1, -2, -3))
    assert (differs > 5).all()
    strangers = np.abs(character - np.roll(character, 1, axis=0)).mean((-1, -2, -3))
    assert differs.mean() < 0.7 * strangers.mean()  # background, pose and light are the same
    assert np.array_equal(families, draw_families(4, workers=1))
    assert not np.array_equal(families, draw_families(4, seed=1, workers=1))


def test_whom_it_learns_from_nobody_is_tested_on():
    seeds = [range(1_000_000, 2_000_000), range(300_000, 500_000), DRAWN_SEEDS, LEARNED_SEEDS, HELD_OUT_SEEDS]
    ends = sorted((one.start, one.stop) for one in seeds)
    assert all(first[1] <= second[0] for first, second in pairwise(ends))


@pytest.fixture(scope="module")
def coloured():
    """Six families whose characters are nothing but a colour, in takes that are lit otherwise."""
    dice = np.random.default_rng(0)
    colours, light = dice.uniform(60, 195, (6, 2, 1, 1, 1, 3)), dice.uniform(-15, 15, (6, 1, TAKES, 1, 1, 1))
    return np.clip(colours + light + dice.normal(0, 15, (6, 2, TAKES, 32, 32, 3)), 0, 255).astype(np.uint8)


def test_it_learns_to_tell_characters_apart(coloured):
    steps = []
    how = IdentityTraining(epochs=14)
    network = learn_identity(coloured, how, progress=lambda done, total: steps.append((done, total)))
    assert steps[-1] == (14, 14)
    pictures, who = as_batch(coloured.reshape(-1, 32, 32, 3)), torch.arange(12).repeat_interleave(TAKES)
    with torch.no_grad():
        learned, new = (
            contrastive(F.normalize(one.train()(pictures)), who) for one in (network, build_identity(OUTPUTS))
        )
    assert learned < new - 0.2


def test_what_is_measured_is_of_the_right_pairs(held_out):
    """With embeddings that are known: a character's first two pictures are equal, all others opposite."""

    class Known(torch.nn.Module):
        def forward(self, batch):
            place = torch.arange(seen[0], seen[0] + len(batch))
            seen[0] += len(batch)
            character, picture = place // 4, place % 4
            return torch.eye(8)[character] + (picture == 2)[:, None] - 2.0 * (picture == 3)[:, None]

    seen = [0]
    header = measured(Known(), held_out, 4, {"epochs": 1})
    assert header.same == Distances(0, 0, 0, 4)
    assert header.other == Distances(1, 1, 1, 12)
    assert 0 < header.redrawn.mean < 1 < header.sibling.mean
    assert (header.auc, header.equal_error, header.sibling_auc) == (1, 0, 1)
    assert header.training == {"epochs": 1}


def test_the_same_seed_gives_the_same_network(coloured):
    a, b, c = (learn_identity(coloured[:2], IdentityTraining(epochs=2, seed=seed)) for seed in (1, 1, 2))
    assert all(torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True))
    assert not torch.equal(a.fc.weight, c.fc.weight)


def test_minutes_end_it_and_so_do_epochs(coloured):
    began = time.monotonic()
    learn_identity(coloured, IdentityTraining(minutes=0.5 / 60))
    learn_identity(coloured, IdentityTraining(minutes=60, epochs=1))
    assert time.monotonic() - began < 10


def test_augmenting_moves_pictures_a_little(families):
    batch = as_batch(families[:, 0, 0])
    dice = torch.Generator().manual_seed(0)
    changed = augment(batch, dice)
    assert changed.shape == batch.shape
    assert changed.abs().max() <= 1
    near = torch.minimum((changed - batch).abs().mean(), (changed.flip(3) - batch).abs().mean())
    assert 0.01 < near < (batch - batch.roll(1, 0)).abs().mean()


def test_how_well_distances_tell_apart():
    near, far = np.array([0.1, 0.2, 0.3, 0.6]), np.array([0.5, 0.7, 0.8, 0.9])
    assert told_apart(near, far) == (1 - 1 / 16, 0.25)
    assert told_apart(near, near) == (0.5, 0.5)
    assert told_apart(near, near + 1) == (1, 0)
    assert told_apart(near + 1, near) == (0, 1)


def test_settings_that_cannot_be():
    for settings in ({}, {"epochs": 0}, {"minutes": 0.0}, {"minutes": float("nan")}, {"epochs": -1}):
        with pytest.raises(UsageError):
            IdentityTraining(**settings)
    for characters in (0, 2, 7, 20_002):
        with pytest.raises(UsageError):
            draw_families(characters)


# ------------------------------------------------------------------------------------------------ the command


def test_the_command_learns_measures_and_writes(kaogae, tmp_path):
    path = tmp_path / "own.safetensors"
    tiny = ("evaluate", "train-identity", "--characters", 4, "--epochs", 1, "--threads", 1, "--out", path)
    code, out, err = kaogae(*tiny, "--json")
    assert code == 0, err
    said = json.loads(out)
    found = Identity.load(path)
    assert said["sha256"] == found.sha256
    assert said["characters"] == found.header.characters == 4
    assert said["training"] == {"epochs": 1, "minutes": None, "seed": 0}
    assert found.header.other.pairs == 56


def test_wrong_use_is_one_sentence_and_writes_nothing(kaogae, tmp_path):
    path = tmp_path / "own.safetensors"
    for options in (
        ("--characters", 5),
        ("--characters", 20_002),
        ("--minutes", 0),
        ("--epochs", 0),
        ("--threads", 0),
        ("--threads", 10**9),
        ("--out", tmp_path),
        ("--out", "/dev/null/own.safetensors"),
    ):
        code, _, err = kaogae("evaluate", "train-identity", "--out", path, *options)
        assert code == 2
        assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_stopping_it_writes_nothing(monkeypatch, kaogae, tmp_path):
    from kaogae.evaluate import identity_training

    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(identity_training, "learn_identity", stop)
    code, _, err = kaogae("evaluate", "train-identity", "--characters", 4, "--out", tmp_path / "own")
    assert code == 130
    assert "stopped" in err
    assert not list(tmp_path.iterdir())
