"""Models: every input gets every target, in order, and what isn't a picture is refused."""

import hashlib

import numpy as np
import pytest

from kaogae.errors import ModelError
from kaogae.evaluate.evaluation import ModelFacts
from kaogae.evaluate.models import Model, open_checkpoint
from kaogae.images import to_network
from kaogae.stargan import Header, StarganConfig, build_generator, save_checkpoint

SIDE = 32
FACTS = ModelFacts("made up", "0" * 64, 1, SIDE)


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, SIDE, SIDE, 3), np.uint8)


def marks(images: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """The input, with the target as its first value."""
    made = images.copy()
    made[:, 0, 0, 0] = targets.argmax(1) / 10
    return made


def test_every_input_gets_every_target_in_order():
    given = pictures(7)
    done = []
    made = Model(FACTS, marks).translate(given, done.append)
    assert made.shape == (7, 5, SIDE, SIDE, 3)
    assert (made[:, :, 1:] == given[:, None, 1:]).all()
    levels = np.rint((np.arange(5) / 10 + 1) * 127.5)
    assert (made[..., 0, 0, 0] == levels).all()
    assert done == [20, 35]


def test_the_way_back_asks_for_what_each_input_showed():
    given, labels = pictures(5), np.array([3, 1, 4, 0, 2])
    back = Model(FACTS, marks).back(np.stack([given] * 5, 1), labels)
    levels = np.rint((labels / 10 + 1) * 127.5)
    assert (back[..., 0, 0, 0] == levels[:, None]).all()


@pytest.mark.parametrize("broken", [lambda x, _: x[:, :, 1:], lambda x, _: x * np.nan])
def test_what_is_no_picture_is_refused(broken):
    with pytest.raises(ModelError, match="'made up' gives something that isn't a picture"):
        Model(FACTS, broken).translate(pictures(2))


def test_its_own_discriminator_is_asked_of_each_output():
    five = np.stack([pictures(2)] * 5, 1)
    assert Model(FACTS, marks).own_verdicts(five) is None
    seen = Model(FACTS, marks, own_head=lambda images: (images.mean((1, 2, 3)) * 0 + 3).astype(int))
    assert seen.own_verdicts(five).tolist() == [[3] * 5] * 2


def test_a_checkpoint_is_run_as_it_is(tmp_path):
    config = StarganConfig(width=4, blocks=1)
    generator = build_generator(config).eval()
    save_checkpoint(
        tmp_path / "g.safetensors", generator, Header(config, SIDE, 640, "hash", training={"seed": 3})
    )
    model = open_checkpoint(tmp_path / "g.safetensors", "mine")
    data = (tmp_path / "g.safetensors").read_bytes()
    assert model.facts.sha256 == hashlib.sha256(data).hexdigest()
    assert model.facts.bytes == len(data)
    assert model.facts.parameters == sum(p.numel() for p in generator.parameters())
    assert model.facts.about["training"] == {"seed": 3}
    values = to_network(pictures(1))
    with pytest.raises(ModelError, match="can't be read"):
        open_checkpoint(tmp_path / "none.safetensors", "none")
    assert model.run(values, np.eye(5, dtype=np.float32)[:1]).shape == values.shape
