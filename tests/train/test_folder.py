import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from lightning_fabric import Fabric

from kaogae.dataset import FaceSet
from kaogae.errors import ConfigError, ModelError
from kaogae.train import folder as room
from kaogae.train import load_settings, train
from kaogae.train.config import TrainConfig
from kaogae.train.data import describe
from kaogae.train.folder import check_space, claim, space_needed
from kaogae.train.networks import build_networks
from kaogae.train.settings import read_settings

SMOKE = load_settings("smoke")
SOURCE: dict[str, Any] = {
    "hash": "a" * 64,
    "drawings": "d" * 64,
    "sets": {
        "first": {"hash": "1" * 64, "faces": 3, "expressions": {"happy": 2, "sad": 1}, "licences": {}},
        "second": {"hash": "2" * 64, "faces": 1, "expressions": {"happy": 1}, "licences": {}},
    },
}


def other(**facts: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(SOURCE)), "hash": "b" * 64, **facts}


def begin(folder: Path, config: TrainConfig = SMOKE, source: dict[str, Any] = SOURCE) -> None:
    with claim(folder, config, source):
        pass


def refusal(folder: Path, config: TrainConfig = SMOKE, source: dict[str, Any] = SOURCE) -> str:
    before = contents(folder)
    with pytest.raises(ConfigError) as raised:
        begin(folder, config, source)
    assert contents(folder) == before
    assert "another --name" in str(raised.value)
    return str(raised.value)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def saved(folder: Path, iteration: int) -> None:
    (folder / "checkpoints" / f"{iteration:07d}").mkdir(parents=True)


@pytest.fixture
def run(tmp_path: Path) -> Path:
    begin(tmp_path / "run")
    return tmp_path / "run"


def test_a_new_run_begins_with_its_settings_and_its_data(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "new"
    with claim(folder, SMOKE, SOURCE):
        assert read_settings(folder / "config.toml") == SMOKE
        assert json.loads((folder / "data.json").read_text()) == SOURCE


def test_the_same_settings_and_data_go_on(run: Path) -> None:
    before = (run / "data.json").read_bytes()
    begin(run)
    assert (run / "data.json").read_bytes() == before


def test_every_setting_that_changed_is_shown(run: Path) -> None:
    text = refusal(run, load_settings("smoke", ["batch=8", "weights.focus=1", "precision=bfloat16"]))
    for line in ("batch: 4, now 8", "weights.focus: 8.0, now 1.0", 'precision: "float32", now "bfloat16"'):
        assert f"\n- {line}\n" in text


def test_sizes_that_only_one_generator_has_are_shown(run: Path) -> None:
    text = refusal(run, load_settings("smoke", ["generator.architecture=stargan"]))
    assert 'generator.architecture: "small", now "stargan"' in text
    assert "generator.deep: 16, now none" in text
    assert "generator.downs: none, now 2" in text


def test_what_changes_no_sum_may_change_and_is_written_down(run: Path) -> None:
    written = ["log_every=2", "samples_every=3", "save_every=3", "keep_last=5", "keep_every=3"]
    changes = [*written, "accumulate=2", "compile=true", "data.resident=no"]
    config = replace(load_settings("smoke", changes), preset="mine")
    begin(run, config)
    assert read_settings(run / "config.toml") == config


def test_iterations_may_change_until_something_depended_on_how_many_there_are(run: Path) -> None:
    more = load_settings("smoke", ["iterations=20"])  # rates fall after 0.6 of them: 3.6, and then 12
    saved(run, 2)
    begin(run, more)
    begin(run)
    saved(run, 4)
    assert "iterations: 6, now 20: the 4 that are done followed from the old number" in refusal(run, more)


def test_a_finished_run_with_level_rates_can_be_made_longer_but_not_shorter_than_it_is(
    tmp_path: Path,
) -> None:
    level = ["optimiser.decay_from=1"]
    begin(tmp_path, load_settings("smoke", level))
    saved(tmp_path, 6)
    begin(tmp_path, load_settings("smoke", [*level, "iterations=100"]))
    assert "now 4: 6 are done" in refusal(tmp_path, load_settings("smoke", [*level, "iterations=4"]))


def test_the_discriminator_s_beginning_depends_on_the_iterations_too(tmp_path: Path) -> None:
    late = ["optimiser.decay_from=1", "adversarial_from=0.5"]
    begin(tmp_path, load_settings("smoke", late))
    saved(tmp_path, 4)
    assert "followed from the old number" in refusal(
        tmp_path, load_settings("smoke", [*late, "iterations=8"])
    )


def test_other_data_are_refused_with_what_is_different(run: Path) -> None:
    changed = other()
    changed["sets"]["first"] |= {"hash": "9" * 64, "expressions": {"happy": 1, "sad": 1, "neutral": 4}}
    changed["sets"]["third"] = changed["sets"].pop("second")
    text = refusal(run, source=changed)
    assert "the set 'first' has changed: 11111111 → 99999999, happy 2, now 1, neutral 0, now 4" in text
    assert "the set 'second' (22222222) is missing" in text
    assert "the set 'third' (22222222) is new" in text


def test_sets_in_another_order_are_other_data(run: Path) -> None:
    names = list(SOURCE["sets"])
    text = refusal(run, source=other(sets={name: SOURCE["sets"][name] for name in reversed(names)}))
    assert "another order: first, second, now second, first" in text


def test_another_artist_s_drawings_are_other_data(run: Path) -> None:
    assert "another version of the atelier" in refusal(run, source=other(drawings="e" * 64))


def test_drawings_that_the_settings_ask_for_are_told_as_settings(run: Path) -> None:
    text = refusal(run, load_settings("smoke", ["data.drawn=5"]), other(drawings="e" * 64))
    assert "data.drawn: 4, now 5" in text
    assert "atelier" not in text


def test_settings_and_data_are_told_together(run: Path) -> None:
    text = refusal(run, load_settings("smoke", ["batch=8"]), other(sets={}))
    assert "batch: 4, now 8" in text
    assert "the set 'first' (11111111) is missing" in text


def test_a_set_of_another_name_with_the_same_faces_is_the_same_data(run: Path) -> None:
    begin(run, source={**SOURCE, "sets": {"renamed": SOURCE["sets"]["first"]}})


def test_real_sets_are_compared(tmp_path: Path, faces: FaceSet) -> None:
    begin(tmp_path, SMOKE, describe(SMOKE, [faces]))
    begin(tmp_path, SMOKE, describe(SMOKE, [faces]))
    fewer = replace(faces, faces=faces.faces[1:], hash="0" * 64)
    text = refusal(tmp_path, SMOKE, describe(SMOKE, [fewer]))
    assert f"the set 'five' has changed: {faces.hash[:8]} → 00000000" in text


@pytest.mark.parametrize("content", [b"", b"[]", b'{"sets": 3}', b"\xff", b"[" * 10**5, None])
def test_a_damaged_record_of_the_data_is_refused(run: Path, content: bytes | None) -> None:
    (run / "data.json").unlink() if content is None else (run / "data.json").write_bytes(content)
    assert "data.json" in refusal(run)


def test_sets_that_are_not_described_do_not_end_in_a_traceback(run: Path) -> None:
    hostile = {"hash": 3, "sets": {"first": None, "second": {"hash": [], "expressions": {"happy": "\x1b"}}}}
    (run / "data.json").write_text(json.dumps(hostile))
    assert "has changed" in refusal(run)


def test_damaged_settings_are_refused(run: Path) -> None:
    (run / "config.toml").write_text("batch = ")
    with pytest.raises(ConfigError, match=r"config\.toml isn't TOML"):
        begin(run)


def test_a_folder_that_is_no_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "holiday.png").write_bytes(b"")
    assert "holds holiday.png and isn't a run" in refusal(tmp_path)
    with pytest.raises(ConfigError, match="it is a file"):
        begin(tmp_path / "holiday.png")


def test_a_run_killed_while_it_was_claimed_is_claimed_again(tmp_path: Path) -> None:
    (tmp_path / ".0123456789abcdef.part").write_bytes(b"half")
    (tmp_path / "data.json").write_text("{}")
    begin(tmp_path)
    assert json.loads((tmp_path / "data.json").read_text()) == SOURCE


def test_a_run_is_free_again_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError), claim(tmp_path, SMOKE, SOURCE):
        raise ModelError("The loss isn't finite.")
    begin(tmp_path)


def test_what_a_run_writes_fits_into_what_it_asked_for(tmp_path: Path, faces: FaceSet) -> None:
    networks = build_networks(SMOKE, Fabric(accelerator="cpu", devices=1))
    cache, folder = tmp_path / "cache", tmp_path / "run"
    need = space_needed(SMOKE, networks, cache)
    train(SMOKE, [faces], folder, cache=cache, workers=1)
    took = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert took < need < 3 * took
    drawings = sum(path.stat().st_size for path in cache.rglob("*.npy"))
    assert space_needed(SMOKE, networks, cache) == pytest.approx(need - drawings, abs=1000)


def test_states_that_are_kept_are_counted(tmp_path: Path) -> None:
    networks = build_networks(SMOKE, Fabric(accelerator="cpu", devices=1))

    def need(*changes: str) -> int:
        config = load_settings("smoke", ["iterations=1000", "samples_every=1000", *changes])
        return space_needed(config, networks, tmp_path)

    one = need("keep_last=2") - need("keep_last=1")
    weights = sum(p.numel() for p in networks.generator.parameters()) * 5
    assert networks.discriminator is not None
    weights += sum(p.numel() for p in networks.discriminator.parameters()) * 3
    assert one == 4 * weights
    assert need("keep_every=100") - need() == 10 * one


def test_a_disk_without_room_is_noticed_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=2 * 10**9))
    check_space(tmp_path / "not" / "there", 2 * 10**9)
    with pytest.raises(ModelError, match=r"needs 3\.0 GB more .* has 2\.0 GB free: .*keep_last.*--workspace"):
        check_space(tmp_path / "not" / "there", 3 * 10**9)


def test_states_that_are_there_need_no_room_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path, 2)
    (tmp_path / "checkpoints" / "0000002" / "state.safetensors").write_bytes(bytes(1000))
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=500))
    check_space(tmp_path, 1500)
    with pytest.raises(ModelError):
        check_space(tmp_path, 1501)
