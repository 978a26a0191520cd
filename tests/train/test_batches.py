from dataclasses import replace
from pathlib import Path

import pytest
import torch

from kaogae.dataset import FaceSet
from kaogae.dataset.manifest import RandomCrop
from kaogae.errors import ConfigError
from kaogae.train import load_settings
from kaogae.train.batches import Data, Faces


@pytest.fixture(scope="module")
def data(faces: FaceSet, cache: Path) -> Data:
    return Data.load(load_settings("smoke", ["batch=16"]), [faces], cache, workers=1)


def test_a_batch_follows_from_seed_and_iteration_alone(data: Data) -> None:
    again = next(data.batches(3, 4))
    for name, value in vars(data.batch(3)).items():
        assert torch.equal(value, getattr(again, name)), name
    assert not torch.equal(data.batch(4).source, again.source)


def test_strengths_and_truths_agree(data: Data) -> None:
    batch = data.batch(0)
    assert batch.source.shape == batch.truth.shape == (16, 3, 64, 64)
    assert batch.source.abs().max() <= 1
    assert torch.equal(
        batch.target.argmax(1)[batch.target.amax(1) > 0], batch.target_label[batch.target.amax(1) > 0]
    )
    untouched = batch.target.amax(1) == 0
    assert torch.equal(batch.truth[untouched], batch.source[untouched])
    assert batch.known[8:].all()


def test_without_supervision_labels_are_the_batch_s_own_shuffled(faces: FaceSet, cache: Path) -> None:
    config = load_settings("smoke", ["data.drawn=0", "weights.supervised=0", "batch=16"])
    batch = Data.load(config, [faces], cache).batch(0)
    assert torch.equal(batch.label.sort().values, batch.target_label.sort().values)
    assert torch.equal(batch.target.amax(1), torch.ones(16))


def test_a_large_source_does_not_drown_the_others(faces: FaceSet) -> None:
    both = Faces.of([faces, faces], 32)
    assert both.pixels.shape[1:] == (32, 32, 3)
    assert both.chances.sum() == pytest.approx(1)


def test_nothing_to_learn_from_is_said(cache: Path) -> None:
    config = load_settings("smoke", ["data.drawn=0", "weights.supervised=0"])
    with pytest.raises(ConfigError, match="nothing to learn from"):
        Data.load(config, [], cache)


def test_random_crops_are_not_cropped_again(faces: FaceSet, cache: Path) -> None:
    cropped = replace(faces.faces[0], crop=RandomCrop("0" * 64, 0, 0, False))
    crops = replace(faces, faces=(cropped, *faces.faces[1:]))
    with pytest.raises(ConfigError, match=r"holds random crops already: .* --set augment\.crop=1"):
        Data.load(load_settings("smoke", ["augment.crop=0.9"]), [crops], cache)
