"""What a state holds, what is refused as one, and which are kept."""

import hashlib
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from kaogae.errors import ModelError
from kaogae.expressions import EXPRESSIONS
from kaogae.stargan import Header, load_checkpoint
from kaogae.train import load_settings
from kaogae.train.config import TrainConfig
from kaogae.train.networks import Networks, build_networks
from kaogae.train.state import Checkpoints, load_state, save_state

SMOKE = load_settings("smoke")
STARGAN = ("generator.architecture=stargan", "generator.width=4", "generator.statistics=running")
ALONE = ("weights.adversarial=0", "weights.classes=0", "optimiser.n_critic=1")
"""No discriminator."""


@pytest.fixture(autouse=True)
def random_state() -> Iterator[None]:
    before = torch.get_rng_state()
    yield
    torch.set_rng_state(before)


def fresh(config: TrainConfig = SMOKE) -> Networks:
    return build_networks(config, Fabric(accelerator="cpu", devices=1))


def step(networks: Networks, seed: int = 0) -> Networks:
    """An update of everything that training updates."""
    dice = torch.Generator().manual_seed(seed)
    for adam in filter(None, (networks.generator_optimiser, networks.discriminator_optimiser)):
        for parameter in adam.param_groups[0]["params"]:
            parameter.grad = torch.randn(parameter.shape, generator=dice).contiguous()
        adam.step()
    for value in networks.average.state_dict().values():
        value.add_(1)
    return networks


def everything(networks: Networks) -> dict[str, Tensor]:
    """Copies, by name."""
    found = {"random": torch.get_rng_state()}
    for part in ("generator", "average", "discriminator"):
        network = getattr(networks, part)
        found |= {f"{part}.{name}": value for name, value in network.state_dict().items()} if network else {}
    for part in ("generator_optimiser", "discriminator_optimiser"):
        adam = getattr(networks, part)
        for index, state in adam.state_dict()["state"].items() if adam else ():
            found |= {f"{part}.{index}.{name}": value for name, value in state.items()}
    return {name: value.detach().clone() for name, value in found.items()}


def assert_equal(found: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    assert found.keys() == expected.keys()
    assert [name for name in expected if not torch.equal(found[name], expected[name])] == []


def header(iteration: int = 4) -> Header:
    return Header(SMOKE.generator, SMOKE.image_size, iteration * SMOKE.batch)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("state") / "state.safetensors"
    save_state(path, step(fresh()), 4)
    return path.read_bytes()


def test_a_state_brings_everything_back_bit_by_bit(tmp_path: Path) -> None:
    networks, path = step(step(fresh()), 1), tmp_path / "state.safetensors"
    save_state(path, networks, 2)
    before, drawn = everything(networks), torch.rand(3)
    other = step(fresh(load_settings("smoke", ["seed=5"])))
    assert load_state(path, other) == 2
    assert_equal(everything(other), before)
    assert torch.equal(torch.rand(3), drawn)
    for adam, wanted in (
        (other.generator_optimiser, networks.generator_optimiser),
        (other.discriminator_optimiser, networks.discriminator_optimiser),
    ):
        assert adam is not None
        assert wanted is not None
        for one, same in zip(adam.state.values(), wanted.state.values(), strict=True):
            assert one["exp_avg"].stride() == same["exp_avg"].stride()  # or sums come in another order
    assert_equal(everything(step(other, 2)), everything(step(networks, 2)))
    assert [file.name for file in tmp_path.iterdir()] == ["state.safetensors"]
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["kaogae"])["expressions"] == list(EXPRESSIONS)


@pytest.mark.parametrize("settings", [(), STARGAN, ALONE])
def test_a_state_before_the_first_update_has_no_moments(tmp_path: Path, settings: tuple[str, ...]) -> None:
    config = load_settings("smoke", settings)
    networks, path = fresh(config), tmp_path / "state.safetensors"
    save_state(path, networks, 1)
    before = everything(networks)
    other = step(fresh(config))
    load_state(path, other)
    assert_equal(everything(other), before)


def rewritten(
    path: Path, change: Callable[[dict[str, Any], dict[str, Tensor]], Any], *, signed: bool = True
) -> None:
    """What `change` makes of the header and the tensors at `path`; if `signed`, with the hash that fits."""
    tensors = load_file(path)
    with safe_open(path, "pt") as file:
        facts = json.loads(file.metadata()["kaogae"])
    change(facts, tensors)
    if signed and "sha256" in facts:
        digest = hashlib.sha256()
        for name, value in sorted(tensors.items()):
            digest.update(name.encode() + value.contiguous().flatten().view(torch.uint8).numpy().tobytes())
        facts["sha256"] = digest.hexdigest()
    save_file(tensors, path, {"kaogae": json.dumps(facts)})


def refused(path: Path, networks: Networks | None = None) -> str:
    """The sentence; nothing has changed."""
    networks = networks or step(fresh())
    before = everything(networks)
    with pytest.raises(ModelError) as raised:
        load_state(path, networks)
    assert_equal(everything(networks), before)
    assert str(path) in str(raised.value)
    return str(raised.value)


CHANGES: dict[str, tuple[Callable[[dict[str, Any], dict[str, Tensor]], Any], str]] = {
    "a newer version": (lambda facts, _: facts.update(version=3), "is not version 2 of a kaogae-state"),
    "another format": (lambda facts, _: facts.update(format="kaogae-generator"), "is not version 2"),
    "another vocabulary": (lambda facts, _: facts["expressions"].reverse(), "aren't happy, sad"),
    "no vocabulary": (lambda facts, _: facts.update(expressions=7), "aren't happy, sad"),
    "no iteration": (lambda facts, _: facts.pop("iteration"), "is damaged"),
    "iteration 0": (lambda facts, _: facts.update(iteration=0), "is damaged"),
    "iteration true": (lambda facts, _: facts.update(iteration=True), "is damaged"),
    "no hash": (lambda facts, _: facts.pop("sha256"), "is damaged"),
    "a tensor less": (lambda _, tensors: tensors.pop("random.cpu"), "belongs to other networks"),
    "a tensor more": (lambda _, tensors: tensors.update(more=torch.zeros(1)), "belongs to other networks"),
    "half the moments": (
        lambda _, tensors: tensors.pop("generator_optimiser.0.exp_avg"),
        "belongs to other networks",
    ),
    "another kind of number": (
        lambda _, tensors: tensors.update({"random.cpu": tensors["random.cpu"].float()}),
        "belongs to other networks",
    ),
    "no number": (lambda _, tensors: next(iter(tensors.values())).view(-1)[0].fill_(float("nan")), "damaged"),
    "a random state that is none": (lambda _, tensors: tensors["random.cpu"].fill_(255), "damaged"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_state_that_says_something_else_is_refused(tmp_path: Path, saved: bytes, what: str) -> None:
    path = tmp_path / "state.safetensors"
    path.write_bytes(saved)
    change, sentence = CHANGES[what]
    rewritten(path, change)
    assert sentence in refused(path)


def test_a_changed_value_is_noticed(tmp_path: Path, saved: bytes) -> None:
    path = tmp_path / "state.safetensors"
    start = 8 + int.from_bytes(saved[:8], "little")
    for place in (start, (start + len(saved)) // 2, len(saved) - 1):
        path.write_bytes(saved[:place] + bytes([saved[place] ^ 1]) + saved[place + 1 :])
        assert "is damaged" in refused(path)


class Trap:
    """Unpickling it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def hostile(saved: bytes, folder: Path) -> dict[str, bytes]:
    torch.save({"networks": Trap(folder / "sprung")}, folder / "torch.pt")
    endless = json.dumps({"a": {"dtype": "F32", "shape": [2**50], "data_offsets": [0, 2**52]}}).encode()
    deep = json.dumps({"__metadata__": {"kaogae": "[" * 10**5}}).encode()
    listed = json.dumps({"__metadata__": {"kaogae": "[]"}}).encode()
    return {
        "empty": b"",
        "cut in the header": saved[:100],
        "cut in the values": saved[: len(saved) // 2],
        "a byte short": saved[:-1],
        "a byte long": saved + b"\0",
        "noise": bytes(range(256)) * 9,
        "a pickle": pickle.dumps(Trap(folder / "sprung")),
        "torch's own": (folder / "torch.pt").read_bytes(),
        "an endless header": (2**62).to_bytes(8, "little") + saved[8:],
        "an endless tensor": len(endless).to_bytes(8, "little") + endless,
        "a deep header": len(deep).to_bytes(8, "little") + deep,
        "a list": len(listed).to_bytes(8, "little") + listed,
    }


def test_what_is_no_state_is_refused_and_never_unpickled(tmp_path: Path, saved: bytes) -> None:
    path, networks = tmp_path / "state.safetensors", step(fresh())
    for content in hostile(saved, tmp_path).values():
        path.write_bytes(content)
        refused(path, networks)
    path.unlink()
    refused(path, networks)
    path.mkdir()
    refused(path, networks)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "settings",
    [("generator.width=4",), ("generator.blocks=2",), ("discriminator_width=8",), STARGAN, ALONE],
)
def test_a_state_of_other_networks_is_refused(
    tmp_path: Path, saved: bytes, settings: tuple[str, ...]
) -> None:
    path = tmp_path / "state.safetensors"
    path.write_bytes(saved)
    assert "belongs to other networks" in refused(path, fresh(load_settings("smoke", settings)))


# Which states there are


def checkpoints(folder: Path, *settings: str) -> Checkpoints:
    return Checkpoints(folder, load_settings("smoke", ["iterations=1000", *settings]))


def save(kept: Checkpoints, networks: Networks, *iterations: int) -> None:
    for iteration in iterations:
        kept.save(step(networks, iteration), iteration, header(iteration))


def names(kept: Checkpoints) -> list[int]:
    """The iterations of the saved states, each of them whole; there is nothing beside them."""
    for place in kept.saved():
        assert {file.name for file in place.iterdir()} == {"generator.safetensors", "state.safetensors"}
    assert list(kept.run.rglob("*.part")) == []
    return [int(place.name) for place in kept.saved()]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((), [80, 100]),
        (("keep_last=1",), [100]),
        (("keep_last=9",), [10, 20, 30, 40, 60, 80, 100]),
        (("keep_every=40",), [40, 80, 100]),
        (("keep_last=1", "keep_every=30"), [30, 60, 100]),
        (("keep_last=1", "keep_every=100"), [100]),
    ],
)
def test_the_last_and_every_so_many_th_are_kept(
    tmp_path: Path, settings: tuple[str, ...], expected: list[int]
) -> None:
    kept, networks = checkpoints(tmp_path, *settings), fresh()
    save(kept, networks, 10, 20, 30, 40, 60, 80, 100)
    assert names(kept) == expected
    newest = tmp_path / "checkpoints" / "0000100" / "generator.safetensors"
    assert newest.read_bytes() == (tmp_path / "generator.safetensors").read_bytes()


def test_going_on_with_other_wishes_forgets_what_they_need_not(tmp_path: Path) -> None:
    networks = fresh()
    save(checkpoints(tmp_path, "keep_last=3"), networks, 10, 20, 30)
    save(checkpoints(tmp_path, "keep_last=1", "keep_every=20"), networks, 40)
    assert names(checkpoints(tmp_path)) == [20, 40]


def test_states_are_ordered_by_number_and_other_things_left_alone(tmp_path: Path) -> None:
    kept, networks = checkpoints(tmp_path, "keep_last=1"), fresh()
    assert kept.load(networks) == 0
    save(kept, networks, 9)
    for name in ("notes", "²", "-5"):
        (kept.folder / name).mkdir()
    (kept.folder / "12345678").write_text("a file")
    assert checkpoints(tmp_path).load(step(fresh())) == 9
    save(kept, networks, 10_000_000)
    assert kept.load(networks) == 10_000_000
    assert {path.name for path in kept.folder.iterdir()} == {"10000000", "notes", "²", "-5", "12345678"}


def test_a_damaged_state_gives_way_to_the_one_before_it(tmp_path: Path) -> None:
    kept, networks = checkpoints(tmp_path), fresh()
    save(kept, networks, 10)
    before = everything(networks)
    save(kept, networks, 20)
    damaged = tmp_path / "checkpoints" / "0000020" / "state.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-9])

    again, other = checkpoints(tmp_path), step(fresh())
    assert again.load(other) == 10
    assert_equal(everything(other), before)
    assert again.unread == [f"{damaged} is damaged, or not there. The run goes on from iteration 10."]
    weights = load_checkpoint(tmp_path / "generator.safetensors")[0].state_dict()
    assert_equal(weights, other.average.state_dict())

    assert names(again) == [10, 20]  # whatever it is good for, it stays until there is a newer one
    save(again, other, 15)
    assert names(again) == [10, 15]
    save(again, other, 20)
    assert names(again) == [15, 20]
    assert checkpoints(tmp_path).load(other) == 20


def test_a_state_under_another_number_is_not_that_one(tmp_path: Path) -> None:
    kept, networks = checkpoints(tmp_path), fresh()
    save(kept, networks, 10, 20)
    (kept.folder / "0000020").rename(kept.folder / "0000030")
    assert kept.load(networks) == 10
    assert "it holds iteration 20" in kept.unread[0]


def test_a_run_without_a_usable_state_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    kept, networks = checkpoints(tmp_path), fresh()
    save(kept, networks, 10, 20)
    for place in kept.saved():
        rewritten(place / "state.safetensors", lambda facts, _: facts.update(version=3))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    sentence = r"0000020/state\.safetensors is not version 2 .* start a new run with another --name"
    with pytest.raises(ModelError, match=sentence):
        kept.load(networks)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("part", ["generator", "average", "discriminator", "generator_optimiser"])
def test_values_that_are_not_finite_are_never_saved(tmp_path: Path, part: str) -> None:
    kept, networks = checkpoints(tmp_path), fresh()
    save(kept, networks, 10)
    before = everything(networks)
    spoilt = getattr(networks, part)
    value = next(iter(spoilt.state.values()))["exp_avg"] if "opt" in part else next(spoilt.parameters())
    with torch.no_grad():
        value[(0,) * value.dim()] = float("inf")
    with pytest.raises(ModelError, match=r"finite"):
        kept.save(networks, 20, header())
    assert names(kept) == [10]
    kept.load(networks)
    assert_equal(everything(networks), before)


def test_what_a_kill_leaves_is_removed(tmp_path: Path) -> None:
    kept, networks = checkpoints(tmp_path), fresh()
    save(kept, networks, 10)
    before = everything(networks)
    draft = kept.folder / ".0123456789abcdef.part"
    draft.mkdir()
    for half in (draft / "generator.safetensors", tmp_path / ".fedcba9876543210.part"):
        half.write_bytes(b"half")
    (tmp_path / "generator.safetensors").unlink()
    assert kept.load(networks) == 10
    assert_equal(everything(networks), before)
    assert names(kept) == [10]
    load_checkpoint(tmp_path / "generator.safetensors")


def test_a_full_disk_takes_no_state_away(mount: Callable[[str], Path]) -> None:
    folder = mount("size=64m")
    kept, networks = checkpoints(folder), fresh()
    save(kept, networks, 10)
    before, size = (
        everything(networks),
        sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
    )
    for room in (size // 50, size // 2):  # for the checkpoint, and for the state
        mount(f"remount,size={(size + room) // 1024}k")
        with pytest.raises(ModelError, match=r"can't be written: .*No space left"):
            kept.save(step(networks), 20, header())
        assert names(kept) == [10]
        kept.load(networks)
        assert_equal(everything(networks), before)
    mount("remount,size=64m")
    save(kept, networks, 20)
    assert names(kept) == [10, 20]
