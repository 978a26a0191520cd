"""FID and KID against the plain formulas and torchmetrics, and Inception without anybody's pickle."""

import hashlib
import pickle
from dataclasses import replace

import numpy as np
import pytest
import scipy.linalg
import torch

from kaogae import weights
from kaogae.errors import EvaluationError, WeightsError
from kaogae.evaluate import frechet as module
from kaogae.evaluate.backbones import torchvision
from kaogae.evaluate.frechet import Inception, frechet, inception, kernel
from kaogae.evaluate.identity import Identity


def features(count, width, seed, shift=0.0):
    dice = np.random.default_rng(seed)
    mixing = np.random.default_rng(99).normal(size=(width, width)) / np.sqrt(width)
    return (dice.normal(size=(count, width)) @ mixing + shift).astype(np.float32)


def by_definition(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    covariances = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    means = ((a.mean(0) - b.mean(0)) ** 2).sum()
    return means + np.trace(covariances[0]) + np.trace(covariances[1]) - 2 * np.trace(root)


@pytest.mark.parametrize(("count", "others"), [(200, 300), (40, 500), (300, 20)])
def test_fid_is_the_formulas(count, others):
    a, b = features(count, 16, 1), 1.3 * features(others, 16, 2, shift=0.1)
    assert frechet(a, b) == pytest.approx(by_definition(a, b), rel=1e-9)
    assert frechet(a, b) == pytest.approx(frechet(b, a), rel=1e-12)


def test_fid_is_torchmetrics_with_fewer_pictures_than_features_too():
    torchvision()
    from torchmetrics.image import FrechetInceptionDistance

    given = torch.nn.Identity()
    given.num_features = 64
    a, b = features(20, 64, 1), features(30, 64, 2, shift=0.2)
    metric = FrechetInceptionDistance(feature=given)
    metric.update(torch.from_numpy(a).double(), real=True)
    metric.update(torch.from_numpy(b).double(), real=False)
    assert frechet(a, b) == pytest.approx(float(metric.compute()), rel=1e-5)


def test_kid_is_the_formula(monkeypatch):
    """The mean over many subsets comes to what all pictures give: both are unbiased."""
    monkeypatch.setattr(module, "SUBSETS", 1000)
    a, b = features(40, 8, 1).astype(np.float64), features(60, 8, 2, shift=0.3).astype(np.float64)

    def inner(x):
        values = (x @ x.T / 8 + 1) ** 3
        return (values.sum() - np.trace(values)) / len(x) / (len(x) - 1)

    expected = inner(a) + inner(b) - 2 * ((a @ b.T / 8 + 1) ** 3).mean()
    mean, deviation = kernel(a, b)
    assert mean == pytest.approx(expected, abs=4 * deviation / 1000**0.5)
    assert deviation < expected


def test_a_set_is_nearest_to_itself_and_few_pictures_make_fid_larger():
    a, same, other = features(400, 32, 1), features(400, 32, 2), features(400, 32, 3, shift=0.3)
    assert frechet(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet(a, same) < frechet(a, other) / 2
    assert frechet(a[:40], same[:40]) > 3 * frechet(a, same)
    mean, deviation = kernel(a, same)
    assert abs(mean) < 0.05 < kernel(a, other)[0]
    assert deviation > 0
    assert kernel(a, a)[0] <= 0.01  # unbiased, so it may be below 0


def test_the_same_seed_gives_the_same_kid_and_leaves_the_global_one_alone():
    a, b = features(50, 8, 1), features(60, 8, 2)
    torch.manual_seed(5)
    before = torch.rand(1)
    torch.manual_seed(5)
    assert kernel(a, b, seed=1) == kernel(a, b, seed=1) != kernel(a, b, seed=2)
    assert torch.rand(1) == before


def test_too_few_pictures_and_odd_features_are_refused():
    enough = features(10, 8, 1)
    for a, b, words in (
        (enough, enough[:9], "need 10 pictures.*not 9"),
        (enough, features(10, 9, 1), "same network"),
        (enough, np.full((10, 8), np.nan, np.float32), "finite"),
    ):
        for distance in (frechet, kernel):
            with pytest.raises(EvaluationError, match=words):
                distance(a, b)


def test_another_character_set_is_nearer_than_noise(inputs, answers):
    """By the identity network's features, as by the judge's."""
    network, pixels = Identity.load(), inputs.truths.reshape(-1, *inputs.truths.shape[2:])
    noisy = answers("adds noise").reshape(pixels.shape)
    noise = np.random.default_rng(0).integers(0, 256, pixels.shape, np.uint8)
    one, other, worse, worst = map(network.embed, (pixels[:25], pixels[25:], noisy[25:], noise[25:]))
    assert frechet(one, other) < frechet(one, worse) < frechet(one, worst)
    assert kernel(one, other)[0] < kernel(one, worse)[0] < kernel(one, worst)[0]


# -------------------------------------------------------------------------------------------------- Inception


@pytest.fixture(scope="module")
def state():
    """Of the right names and shapes, with random numbers, as old files have it."""
    torch.manual_seed(0)
    return {name: v for name, v in inception().state_dict().items() if "num_batches" not in name}


def published(path, content, monkeypatch):
    """`content` at `path`, as if it were the published file."""
    path.write_bytes(content) if isinstance(content, bytes) else torch.save(content, path)
    known = replace(weights.named("inception"), sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setattr(weights, "WEIGHTS", (known,))
    return path


def test_inception_is_torch_fidelitys(state, tmp_path, monkeypatch):
    path = published(tmp_path / "inception.pth", state, monkeypatch)
    assert path.stat().st_size < weights.named("inception").limit
    pictures = np.random.default_rng(0).integers(0, 256, (2, 40, 40, 3), np.uint8)
    found = Inception.load(path).features(pictures)
    assert found.shape == (2, 2048)

    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    theirs = FeatureExtractorInceptionV3("theirs", ["2048"], str(path))  # this file is ours, so it may
    expected = theirs(torch.from_numpy(pictures).permute(0, 3, 1, 2))[0]
    assert np.array_equal(found, expected.numpy())


def test_inception_is_only_the_published_file(tmp_path, monkeypatch):
    monkeypatch.setenv("KAOGAE_WEIGHTS", str(tmp_path / "none"))
    with pytest.raises(WeightsError, match="run `kaogae weights fetch inception`"):
        Inception.load()
    wrong = tmp_path / "wrong.pth"
    wrong.write_bytes(b"something else")
    with pytest.raises(WeightsError, match=r"wrong\.pth isn't weights-inception-2015-12-05-6726825d\.pth"):
        Inception.load(wrong)


class Evil:
    def __reduce__(self):
        return (pytest.fail, ("a pickle was run",))


@pytest.mark.parametrize(
    "content",
    [b"PK", pickle.dumps(Evil(), protocol=2), {"fc.weight": [1]}, [1, 2]],
    ids=["cut off", "evil", "no tensor", "a list"],
)
def test_nothing_in_a_file_is_run_and_odd_ones_are_refused(content, tmp_path, monkeypatch):
    with pytest.raises(WeightsError, match=r"damaged|other things"):
        Inception.load(published(tmp_path / "odd.pth", content, monkeypatch))


def test_other_shapes_and_names_are_refused(state):
    short = dict(list(state.items())[1:])
    with pytest.raises(WeightsError, match="see Conv2d_1a_3x3"):
        inception(short)
    with pytest.raises(WeightsError, match="see extra"):
        inception(state | {"extra": torch.zeros(1)})
    with pytest.raises(WeightsError, match="shapes"):
        inception(state | {"fc.bias": torch.zeros(3)})
