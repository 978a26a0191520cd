from dataclasses import fields, replace

import pytest

from kaogae.errors import ConfigError
from kaogae.stargan import SmallConfig, StarganConfig
from kaogae.train import PRESETS, load_settings
from kaogae.train.config import (
    RANGES,
    AugmentConfig,
    DataConfig,
    OptimiserConfig,
    TrainConfig,
    WeightsConfig,
)

SECTIONS = {"": TrainConfig, "data.": DataConfig, "augment.": AugmentConfig, "optimiser.": OptimiserConfig}


def refusal(*changes: str, preset: str = "smoke") -> str:
    with pytest.raises(ConfigError) as raised:
        load_settings(preset, changes)
    return str(raised.value)


def test_every_number_has_a_range() -> None:
    kinds = [*SECTIONS.items(), ("generator.", StarganConfig), ("generator.", SmallConfig)]
    numbers = {
        prefix + entry.name for prefix, kind in kinds for entry in fields(kind) if entry.type in (int, float)
    }
    assert numbers == set(RANGES)
    assert {entry.type for entry in fields(WeightsConfig)} == {float}  # these have one range for all


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "true", "1e300"])
@pytest.mark.parametrize(
    "key", ["weights.penalty", "optimiser.generator_rate", "data.margin", "augment.crop"]
)
def test_what_is_no_number_of_use_is_refused(key: str, value: str) -> None:
    assert key in refusal(f"{key}={value}")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["batch=6", "accumulate=4"], "batch = 6 must divide by accumulate = 4"),
        (["keep_every=3"], "keep_every = 3 must be a multiple of save_every = 2"),
        (["optimiser.warmup=6"], "optimiser.warmup = 6 must be less than iterations = 6"),
        (["optimiser.n_critic=7"], "the generator would never be updated"),
        (["adversarial_from=1"], "never lets the discriminator in"),
        (["adversarial_from=0.5", "weights.supervised=0"], "needs weights.supervised"),
        (["image_size=128"], "image_size = 128 is more than stored_size = 64"),
        (["augment.shift=0.25"], "reach 0.250 beyond the picture"),
        (["image_size=100"], "must divide by 8 for this generator"),
        (["image_size=96", "stored_size=96"], "must divide by 64 for the discriminator"),
        (["data.drawn=0"], "weights.supervised needs drawn pairs"),
        (["weights.adversarial=0", "weights.classes=0"], "n_critic > 1 needs a discriminator"),
        (["data.partial_share=0.6", "data.untouched_share=0.6"], "more than 1 together"),
        (
            ["weights.adversarial=0", "weights.classes=0", "weights.supervised=0", "optimiser.n_critic=1"],
            "nothing to learn",
        ),
        (["generator.architecture=stargan", "generator.width=256", "generator.downs=4"], "too large"),
        (["generator.deep=1024", "generator.blocks=32"], "a checkpoint at most 512"),
    ],
)  # fmt: skip
def test_fields_that_do_not_go_together_are_refused(changes: list[str], sentence: str) -> None:
    assert sentence in refusal(*changes)


def test_a_random_crop_stays_within_the_picture_and_may_touch_its_edge() -> None:
    load_settings("baseline", ["data.margin=0"])
    assert "beyond the picture" in refusal("data.margin=0", "augment.shift=0.09", preset="baseline")


def test_a_generator_of_any_size_that_is_allowed_is_judged_at_once() -> None:
    text = refusal("generator.architecture=stargan", f"generator.downs={10**18}", "batch=0")
    assert "generator.downs = 1000000000000000000 is not between 1 and 5" in text
    assert "batch = 0 is not between 1 and 4,096" in text
    assert "generator.classes = 6 is not 5." in refusal("generator.classes=6")


def test_processes_share_a_batch_evenly_or_are_refused_with_one_that_they_can_share() -> None:
    config = replace(load_settings("paper"), accumulate=2)
    for count in (1, 2, 4, 8):
        config.check_processes(count)
    with pytest.raises(ConfigError, match=r"must divide by 6: 3 processes.*--set batch=18 does"):
        config.check_processes(3)
    with pytest.raises(ConfigError, match="--set batch=32 does"):
        config.check_processes(16)


def test_a_preset_s_name_can_be_a_run_s() -> None:
    for name in ("", "../up", "a b", "x" * 101, "\x1b[31m"):
        with pytest.raises(ConfigError, match="can't be a name"):
            replace(load_settings("smoke"), preset=name).check()


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_can_be_cut_into_parts_and_shared(preset: str) -> None:
    config = load_settings(preset, ["accumulate=2"])
    config.check_processes(2)
