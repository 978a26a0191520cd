import pytest

from kaogae.errors import ConfigError
from kaogae.stargan import SmallConfig, StarganConfig
from kaogae.train import PRESETS, load_settings
from kaogae.train.settings import differences, parse_settings, to_toml


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_holds_together_and_survives_writing(preset: str) -> None:
    config = load_settings(preset)
    assert parse_settings(to_toml(config)) == config


def test_the_presets_keep_the_paper_s_numbers() -> None:
    for preset, downs, blocks, reconstruction in (("baseline", 2, 6, 10), ("paper", 3, 9, 5)):
        config = load_settings(preset)
        assert config.generator == StarganConfig(downs=downs, blocks=blocks)
        assert (config.iterations, config.batch, config.stored_size, config.image_size) == (
            250_000,
            16,
            224,
            192,
        )
        weights, adam = config.weights, config.optimiser
        assert (weights.classes, weights.reconstruction, weights.penalty) == (1, reconstruction, 10)
        assert (adam.generator_rate, adam.beta1, adam.beta2, adam.n_critic) == (1e-4, 0.5, 0.999, 5)
        assert weights.supervised == 0


def test_small_says_that_it_is_supervised() -> None:
    config = load_settings("small")
    assert isinstance(config.generator, SmallConfig)
    assert config.weights.supervised > 0


def test_settings_can_be_changed() -> None:
    config = load_settings(
        "smoke", ["batch=8", "weights.classes=2", "precision=bfloat16", "augment.flip=false"]
    )
    assert (config.batch, config.weights.classes, config.precision) == (8, 2.0, "bfloat16")
    assert not config.augment.flip
    assert differences(load_settings("smoke"), config) == [
        "augment.flip",
        "batch",
        "precision",
        "weights.classes",
    ]


def test_all_problems_are_said_at_once() -> None:
    changes = ["iteration=3", "weights.clases=1", "batch=many", "nonsense", "batch.size=2", "data=3"]
    with pytest.raises(ConfigError) as raised:
        load_settings("smoke", changes)
    for part in (
        "did you mean 'iterations'?",
        "did you mean 'weights.classes'?",
        "batch = 'many' is not a whole number",
        "'nonsense' is not of the form key=value",
        "data is a section",
    ):
        assert part in str(raised.value)


def test_values_that_do_not_hold_together_are_refused_at_once() -> None:
    changes = ["batch=0", "image_size=100", "data.drawn=0", "augment.rotation=400", "generator.width=-1"]
    with pytest.raises(ConfigError) as raised:
        load_settings("smoke", changes)
    for part in (
        "batch = 0",
        "divide by 8",
        "divide by 64",
        "set data.drawn",
        "augment.rotation",
        "generator.width",
    ):
        assert part in str(raised.value)


def test_an_unknown_preset_or_generator_names_the_closest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'baseline'"):
        load_settings("basline")
    with pytest.raises(ConfigError, match="no generator 'smal': did you mean 'small'"):
        load_settings("small", ["generator.architecture=smal"])


def test_a_damaged_configuration_is_refused() -> None:
    for text in ("=", "[" * 3000, "batch = 3\n"):
        with pytest.raises((ConfigError, TypeError)):
            parse_settings(text)


@pytest.mark.parametrize(
    "change",
    [
        "generator.architecture=[1]",
        "weights.focus=" + "9" * 400,
        "weights.focus=" + "9" * 5000,
        "seed=" + "[" * 5000,
    ],
)
def test_nonsense_is_refused_with_a_sentence(change: str) -> None:
    with pytest.raises(ConfigError):
        load_settings("smoke", [change])
