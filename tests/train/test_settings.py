import os
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kaogae.errors import ConfigError
from kaogae.stargan import Discriminator, DiscriminatorConfig, SmallConfig, StarganConfig, build_generator
from kaogae.train import PRESETS, load_settings
from kaogae.train.config import RANGES, TrainConfig
from kaogae.train.settings import differences, parse_settings, read_settings, to_toml


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_holds_together_and_survives_writing(preset: str) -> None:
    config = load_settings(preset)
    assert parse_settings(to_toml(config)) == config


SECTIONS = ("batch", "seed", "precision", "compile", "preset", "weights", "generator", "1", "a.b")
# Mobini & Ghaderi (2020): the section that says it. Choi et al., "StarGAN": the defaults of their main.py,
# which the paper starts from ("with its default parameters for RaFD").
PUBLISHED = {
    "iterations": 250_000,  # III.D; num_iters is 200,000
    "batch": 16,  # III.D; batch_size 16
    "stored_size": 224,  # III.B
    "image_size": 192,  # III.B
    "precision": "float32",
    "discriminator_width": 64,  # d_conv_dim
    "adversarial_from": 0.0,
    "generator.architecture": "stargan",
    "generator.width": 64,  # g_conv_dim
    "weights.adversarial": 1.0,  # equation (2)
    "weights.classes": 1.0,  # lambda_cls
    "weights.penalty": 10.0,  # lambda_gp
    "weights.supervised": 0.0,
    "weights.features": 0.0,
    "optimiser.generator_rate": 1e-4,  # g_lr
    "optimiser.discriminator_rate": 1e-4,  # d_lr
    "optimiser.beta1": 0.5,
    "optimiser.beta2": 0.999,
    "optimiser.n_critic": 5,
    "optimiser.decay_from": 0.5,  # num_iters_decay: 100,000 of 200,000
    "optimiser.warmup": 0,
    "optimiser.average": 0.0,
    "optimiser.clip": 0.0,
    "data.drawn": 0,
    "data.balance": 0.0,
    "data.balance_sources": 0.0,
    "augment.flip": True,  # III.B
    "augment.exact_share": 1.0,  # III.B: crops, moved by whole pixels
    "augment.scale": 0.0,
    "augment.rotation": 0.0,
    "augment.colour": 0.0,
}
CHANGED = {  # III.C: the baseline's, and the proposal's
    "generator.downs": (2, 3),
    "generator.blocks": (6, 9),
    "weights.reconstruction": (10.0, 5.0),
}


@pytest.mark.parametrize("preset", ["baseline", "paper"])
def test_the_presets_keep_the_published_numbers(preset: str) -> None:
    values = tomllib.loads(to_toml(load_settings(preset)))
    flat = values | {
        f"{a}.{b}": c for a, part in values.items() if isinstance(part, dict) for b, c in part.items()
    }
    wanted = PUBLISHED | {key: pair[preset == "paper"] for key, pair in CHANGED.items()}
    assert {key: flat[key] for key in wanted} == wanted
    window = flat["augment.crop"] * flat["stored_size"]
    assert window == pytest.approx(flat["image_size"], abs=1e-6)
    assert 2 * flat["augment.shift"] * window == pytest.approx(
        flat["stored_size"] - flat["image_size"], abs=1e-4
    )


def test_the_proposal_differs_from_the_baseline_in_three_numbers_only() -> None:
    changed = differences(load_settings("baseline"), load_settings("paper"))
    assert changed == {"preset": ("baseline", "paper"), **CHANGED}


def test_the_published_networks_have_the_published_sizes() -> None:
    with torch.device("meta"):
        sizes = [
            sum(p.numel() for p in build_generator(load_settings(preset).generator).parameters())
            for preset in ("baseline", "paper")
        ]
        judge = Discriminator(DiscriminatorConfig(192, 64))
    assert sizes == [8_430_528, 48_028_096]
    assert len(judge.convs) == 6  # d_repeat_num


def test_smoke_has_every_part_of_the_loop_in_a_few_iterations() -> None:
    config = load_settings("smoke")
    assert config.iterations <= 10
    assert all(value > 0 for value in vars(config.weights).values())
    assert all(vars(config.augment).values())
    adam, data = config.optimiser, config.data
    assert adam.n_critic > 1
    assert 0 < adam.warmup < adam.decay_from * config.iterations < config.iterations
    assert min(adam.average, adam.clip) > 0
    assert 0 < data.real_share < 1
    assert min(data.drawn, data.untouched_share, data.partial_share) > 0
    assert config.iterations // config.save_every > config.keep_last  # a state is forgotten


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
    assert differences(load_settings("smoke"), config) == {
        "augment.flip": (True, False),
        "batch": (4, 8),
        "precision": ("float32", "bfloat16"),
        "weights.classes": (0.1, 2.0),
    }


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


@pytest.mark.parametrize(
    ("change", "hint"),
    [
        ("width=4", "no setting 'width': did you mean 'generator.width'?"),
        ("weights.balance=1", "no setting 'weights.balance': did you mean 'data.balance'?"),
        ("generator.downs=3", "'generator.downs': the generator 'small' has width, deep, blocks, classes."),
    ],
)
def test_a_setting_in_another_section_or_of_another_generator_is_named(change: str, hint: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_settings("smoke", [change])
    assert hint in str(raised.value)


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
    with pytest.raises(ConfigError, match=r"no preset 'configs/mine'.*ends in \.toml"):
        load_settings("configs/mine")
    with pytest.raises(ConfigError, match="no generator 'smal': did you mean 'small'"):
        load_settings("small", ["generator.architecture=smal"])


def test_a_damaged_configuration_is_refused() -> None:
    for text in ("=", "[" * 3000, "batch = 3\n", "preset = 3\n"):
        with pytest.raises(ConfigError):
            parse_settings(text)


@pytest.mark.parametrize(
    "change",
    [
        "generator.architecture=[1]",
        "weights.focus=" + "9" * 400,
        "weights.focus=" + "9" * 5000,
        "weights.focus=0x" + "f" * 9000,
        "batch=[0x" + "f" * 9000 + "]",
        "seed=" + "[" * 5000,
        "a." * 5000 + "a=1",
        "data.drawn.x=1",
        "batch=1\niterations=2",
        "precision=[[1]]",
        "preset=other",
        "base=small",
        "=1",
        "batch",
        "",
    ],
)
def test_nonsense_is_refused_with_a_sentence(change: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load_settings("smoke", [change])
    assert len(str(raised.value)) < 1500


WORDS = st.sampled_from(
    [*SECTIONS, "weights.focus", "generator.architecture", "data.drawn", "augment.flip", "optimiser.beta1"]
)
VALUES = st.one_of(
    st.text(max_size=30),
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["true", "small", "stargan", "[1]", "{a = 1}", "1979-05-27", '"x"', "0x10", "yes"]),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.text(max_size=40), st.tuples(WORDS, VALUES).map("=".join)), max_size=4))
def test_whatever_is_set_is_a_configuration_or_a_sentence(changes: list[str]) -> None:
    try:
        load_settings("smoke", changes).check()
    except ConfigError as error:
        assert str(error)  # noqa: PT017 — either is right


def numbers(key: str, default: object) -> st.SearchStrategy[object]:
    """Values within the range of a setting; what isn't a number stays."""
    least, most = RANGES.get(key, (0, 1e6))
    if type(default) is int:
        return st.integers(int(least), int(min(most, 2000)))
    return st.floats(least, most) if type(default) is float else st.just(default)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(st.data(), st.sampled_from(PRESETS))
def test_every_configuration_that_holds_together_survives_writing(draw: st.DataObject, preset: str) -> None:
    base = load_settings(preset)
    parts = {}
    for name in ("weights", "optimiser", "data", "augment"):
        section = getattr(base, name)
        drawn = {
            k: draw.draw(numbers(f"{name}.{k}", v))
            for k, v in vars(section).items()
            if draw.draw(st.booleans())
        }
        parts[name] = replace(section, **drawn)
    top = {
        k: draw.draw(numbers(k, getattr(base, k)))
        for k in ("seed", "log_every", "samples_every", "keep_last")
    }
    config = replace(base, **parts, **top)
    try:
        config.check()
    except ConfigError:
        parts = {
            "weights": base.weights,
            "optimiser": base.optimiser,
            "data": base.data,
            "augment": base.augment,
        }
        config = replace(config, **parts)
    assert parse_settings(to_toml(config)) == config


class TestFiles:
    """Settings in a file of one's own."""

    def refusal(self, path: Path) -> str:
        with pytest.raises(ConfigError) as raised:
            load_settings(str(path))
        assert str(path) in str(raised.value)
        return str(raised.value)

    def test_a_run_s_settings_are_a_preset(self, tmp_path: Path) -> None:
        config = load_settings("small", ["seed=3"])
        path = tmp_path / "config.toml"
        path.write_text(to_toml(config))
        assert load_settings(str(path)) == config
        assert read_settings(path) == config
        assert load_settings(str(path), ["seed=0"]) == load_settings("small")

    def test_a_file_may_begin_with_a_preset(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text('base = "small"\nseed = 7\n[weights]\nmask = 0.3\n')
        wanted = load_settings("small", ["seed=7", "weights.mask=0.3"])
        assert load_settings(str(path)) == replace(wanted, preset="mine")

    def test_a_file_without_one_has_the_defaults(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text("batch = 8\n")
        assert load_settings(str(path)) == TrainConfig("mine", batch=8)

    def test_another_architecture_brings_its_own_sizes(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text('base = "small"\n[generator]\narchitecture = "stargan"\nblocks = 2\n')
        wanted = StarganConfig(blocks=2)
        assert load_settings(str(path)).generator == wanted
        for changes in (
            ["generator.blocks=2", "generator.architecture=stargan"],
            ["generator.architecture=stargan", "generator.blocks=2"],
        ):
            assert load_settings("small", changes).generator == wanted
        assert load_settings("small", ["generator.architecture=small"]) == load_settings("small")

    def test_what_is_wrong_in_it_is_said_all_at_once(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text('base = "smal"\nbach = 8\nseed = "x"\n"\\u001b[31m" = 1\n')
        with pytest.raises(ConfigError) as raised:
            load_settings(str(path))
        for part in ("did you mean 'small'", "did you mean 'batch'", "seed = 'x' is not a whole number"):
            assert part in str(raised.value)
        assert "\x1b" not in str(raised.value)

    def test_what_is_no_file_of_settings_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        assert "No such file" in self.refusal(path)
        for content in (b"batch = ", b"\xff\xfe", b"[" * 60000):
            path.write_bytes(content)
            assert "isn't TOML" in self.refusal(path)
        path.write_bytes(b"# " + b"x" * 2**16)
        assert "65,536 are not read" in self.refusal(path)
        path.unlink()
        os.mkfifo(path)  # would wait for ever for somebody to write
        assert "isn't a file" in self.refusal(path)

    def test_a_file_s_name_becomes_the_run_s(self, tmp_path: Path) -> None:
        path = tmp_path / "my settings.toml"
        path.write_text("")
        with pytest.raises(ConfigError, match="'my settings' can't be a name"):
            load_settings(str(path))
