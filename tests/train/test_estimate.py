from dataclasses import replace
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric

from kaogae.dataset import FaceSet
from kaogae.errors import ConfigError, ModelError
from kaogae.train import estimate as room
from kaogae.train import load_settings
from kaogae.train.data import Data
from kaogae.train.estimate import Estimate, estimate
from kaogae.train.networks import build_networks
from kaogae.train.updates import update_discriminator, update_generator

CPU = torch.device("cpu")
ALONE = ("data.drawn=0", "weights.supervised=0", "weights.features=0")


def look(cache: Path, preset: str = "smoke", *changes: str, seconds: float = 0) -> Estimate:
    return estimate(load_settings(preset, changes), [], cache, CPU, seconds=seconds)


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Estimate:
    """The paper's proposal, with pictures that are smaller but for what is calculated."""
    patch = pytest.MonkeyPatch()
    with patch.context() as changed:
        changed.setattr(room, "_time", lambda *_: (1, {"discriminator": 2.0, "generator": 5.0}))
        return estimate(load_settings("paper"), [], tmp_path_factory.mktemp("cache"), CPU)


def test_the_paper_s_networks_have_their_sizes_and_take_their_arithmetic(paper: Estimate) -> None:
    assert (paper.generator_parameters, paper.discriminator_parameters) == (48_028_096, 44_813_248)
    # The stem sees 8 channels and the head gives 3; each halving and doubling has as much to do as another.
    multiplications = 192**2 * 64 * 49 * 11 + 6 * 96**2 * 128 * 64 * 16 + 18 * 24**2 * 512**2 * 9
    assert paper.generator_flops == 2 * multiplications
    # G in D's step once, in its own twice, and twice as much backwards; D's three passes are a tenth of that.
    generator = 16 * paper.generator_flops * (1 + 2 * 3 / 5)
    assert 1.05 * generator < paper.iteration_flops < 1.4 * generator


def test_the_time_follows_from_how_often_each_update_comes(paper: Estimate) -> None:
    assert paper.seconds_per_iteration == pytest.approx(16 * (2 + 5 / 5))
    assert paper.seconds == pytest.approx(250_000 * 48)
    assert paper.images == 4_000_000


def test_the_networks_memory_is_that_of_weights_average_and_moments(paper: Estimate) -> None:
    assert paper.networks_memory == 4 * (4 * 48_028_096 + 3 * 44_813_248)
    assert 1e9 < paper.updates_memory < 10e9
    assert paper.memory > paper.networks_memory + paper.updates_memory


def test_the_lines_are_for_people(paper: Estimate) -> None:
    lines = dict(paper.lines())
    assert lines["generator"] == "48,028,096 parameters"
    assert lines["iterations"] == "250,000, 4,000,000 images"
    assert lines["time"].startswith("about 138 d,")


def test_nothing_is_written_or_drawn(tmp_path: Path) -> None:
    found = look(tmp_path / "cache")
    assert not list(tmp_path.iterdir())
    assert found.characters_to_draw == 4
    assert found.seconds_per_iteration > 0


def test_drawings_that_are_there_are_counted(tmp_path: Path, cache: Path, faces: FaceSet) -> None:
    config = load_settings("smoke")
    Data.load(config, [faces], cache, workers=1)
    found = estimate(config, [faces], cache, CPU, seconds=0)
    assert (found.characters, found.characters_to_draw) == (4, 0)
    assert found.faces == len(faces.of("train"))
    assert found.disk < look(tmp_path).disk


def test_a_batch_in_parts_takes_the_same_arithmetic_and_less_memory(tmp_path: Path) -> None:
    whole = look(tmp_path, "smoke", "batch=32")
    parts = look(tmp_path, "smoke", "batch=32", "accumulate=8")
    assert parts.iteration_flops == pytest.approx(whole.iteration_flops, rel=0.01)
    assert parts.updates_memory < whole.updates_memory / 2
    assert parts.measured_rows <= 4


def test_a_discriminator_that_comes_in_late_or_never_costs_less(tmp_path: Path) -> None:
    always = look(tmp_path).iteration_flops
    late = look(tmp_path, "smoke", "adversarial_from=0.5").iteration_flops
    never = look(tmp_path, "smoke", "weights.adversarial=0", "weights.classes=0", "optimiser.n_critic=1")
    assert late < always
    assert never.discriminator_parameters == 0


def test_the_arithmetic_is_what_updates_do(tmp_path: Path, cache: Path) -> None:
    """The meter, on real tensors and the real updates, against the estimate without any."""
    config = load_settings("smoke", ["data.real_share=0", "optimiser.n_critic=1"])
    data = Data.load(config, [], cache, workers=1)
    fabric = Fabric(accelerator="cpu", devices=1)
    networks = build_networks(config, fabric)
    batches = next(data.batches(0, 1, CPU))
    with room._Meter() as meter:
        update_discriminator(fabric, networks, batches, config)
        update_generator(fabric, networks, batches, config, judged=True)
    assert meter.flops == pytest.approx(
        look(tmp_path, "smoke", "optimiser.n_critic=1").iteration_flops, rel=0.02
    )


def test_the_meter_forgets_tensors_that_are_gone() -> None:
    with room._Meter() as meter:
        for _ in range(3):
            kept = torch.zeros(1000) + 1  # two at a time, and the one before
        del kept
    assert meter.bytes == 0
    assert meter.most == 3 * 4000


def test_memory_follows_the_real_peak(tmp_path: Path) -> None:
    """Tensors of one update, counted as they come and go on the processor, against the estimate."""
    config = load_settings("smoke", ["batch=32", "optimiser.n_critic=1"])
    fabric = Fabric(accelerator="cpu", devices=1)
    networks = build_networks(config, fabric)
    batch = room._noise(config, [], 32, CPU)
    with room._Meter() as meter:
        update_discriminator(fabric, networks, [batch], config)
        moments = meter.bytes
        update_generator(fabric, networks, [batch], config, judged=True)
    found = look(tmp_path, "smoke", "batch=32", "optimiser.n_critic=1").updates_memory
    pictures = 5 * (batch.source.nbytes + batch.truth.nbytes)
    assert meter.most - moments < found - pictures < 1.5 * meter.most


def test_measuring_ends_in_time_with_fewer_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_timed", lambda _f, _n, batch, _c, _name: len(batch.source) / 10)
    config = load_settings("smoke", ["batch=64"])
    networks = build_networks(config, Fabric(accelerator="cpu", devices=1))
    assert room._time(config, networks, [], CPU, 0.0)[0] == 2
    some, times = room._time(
        config, networks, [], CPU, 10.0
    )  # three times both updates of what is affordable
    assert 2 < some < 64
    assert times["generator"] == some / 10
    assert room._time(config, networks, [], CPU, 1000.0)[0] == 64


def test_a_full_memory_ends_the_measuring_with_what_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    def fits(most: int):
        def timed(*arguments: object) -> float:
            rows = len(arguments[2].source)  # type: ignore[attr-defined]
            if rows > most:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return rows / 1000

        return timed

    config = load_settings("smoke", ["batch=64"])
    networks = build_networks(config, Fabric(accelerator="cpu", devices=1))
    monkeypatch.setattr(room, "_timed", fits(8))
    assert room._time(config, networks, [], CPU, 10.0)[0] == 2
    monkeypatch.setattr(room, "_timed", fits(1))
    with pytest.raises(ModelError, match="Not even 2 pictures"):
        room._time(config, networks, [], CPU, 10.0)


def test_the_time_is_measured_in_the_arithmetic_of_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", True)  # as PyTorch begins
    for precision, half in (("float32", False), ("bfloat16", True)):
        look(tmp_path, "smoke", *ALONE, f"precision={precision}")
        assert torch.backends.cudnn.allow_tf32 == half
        assert torch.backends.cudnn.benchmark


def test_what_can_t_be_run_is_not_estimated(tmp_path: Path, faces: FaceSet) -> None:
    with pytest.raises(ConfigError, match="batch = 0"):
        estimate(replace(load_settings("smoke"), batch=0), [], tmp_path, CPU)
    with pytest.raises(ConfigError, match="A batch of 512 is more than the"):
        estimate(load_settings("smoke", ["batch=512", *ALONE]), [faces], tmp_path, CPU)


def test_pictures_on_the_device_count(faces: FaceSet) -> None:
    config = load_settings("smoke")
    held = room._pictures(config, [faces], CPU)
    assert held == (len(faces.of("train")) + len(faces.of("validation"))) * 64**2 * 3
    everything = room._pictures(load_settings("smoke", ["data.resident=yes"]), [faces], CPU)
    assert everything == held + 4 * 7 * (64 + 2 * 6) ** 2 * 3
