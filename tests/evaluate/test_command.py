"""`kaogae evaluate` as a person uses it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from kaogae.dataset import Shares, freeze
from kaogae.evaluate.judge import Judge
from kaogae.evaluate.judge_header import Learned
from kaogae.evaluate.snapshots import read_evaluation
from kaogae.expressions import EXPRESSIONS
from kaogae.stargan import load_checkpoint

Kaogae = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, build_model: Callable[..., onnx.ModelProto]) -> Path:
    """A workspace with a set, a run of three iterations, and a model that paints mouths."""
    from kaogae.atelier.portrait import Portrait, sample_rig
    from kaogae.train import load_settings, train

    folder = tmp_path_factory.mktemp("workspace")
    pictures = tmp_path_factory.mktemp("pictures")
    for seed in range(4):
        for expression in EXPRESSIONS:
            pixels = Portrait.from_seed(seed).render(sample_rig(seed, expression, 1.0), 64)
            (pictures / expression).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(pictures / expression / f"{seed}_{expression}.png")
    freeze("faces", [pictures], folder / "sets", size=64, shares=Shares(0.1, 0.5))
    config = load_settings("smoke", ["iterations=3", "data.drawn=2", "data.real_share=0"])
    train(config, [], folder / "runs" / "smoke", cache=folder / "cache")
    onnx.save(build_model(side=64), folder / "paints.onnx")
    return folder


@pytest.fixture
def evaluate(kaogae: Kaogae, place: Path) -> Kaogae:
    """`kaogae evaluate` there, on five inputs."""

    def run(*words: object) -> tuple[int, str, str]:
        return kaogae("evaluate", *words, "--count", 5, "--threads", 1, "--workspace", place)

    return run


def test_a_run_and_a_file_on_drawn_faces_and_on_a_set(evaluate: Kaogae, place: Path):
    code, out, _ = evaluate("smoke", place / "paints.onnx", "--set", "drawn", "--set", "faces", "--json")
    assert code == 0
    rows = json.loads(out)
    assert [(row["model"], row["set"]) for row in rows] == [
        ("smoke", "drawn"), ("paints", "drawn"), ("smoke", "faces"), ("paints", "faces"),
    ]  # fmt: skip
    for row in rows:
        assert np.sum(row["matrix"]) == 25
        assert row["summary"]["identity"] >= 0
        assert ("moved_rightly_mouth" in row["summary"]) == (row["set"] == "drawn")
    assert "accuracy_by_its_own_discriminator" in rows[0]["summary"]
    assert "accuracy_by_its_own_discriminator" not in rows[1]["summary"]
    painted = rows[1]["summary"]  # the mouth, as somebody who doesn't know exactly where it is
    assert painted["spread_mouth"] > 10 * painted["spread_eyes"]
    assert painted["spread_mouth"] > painted["spread_rest"]


def test_what_was_measured_is_not_measured_again(evaluate: Kaogae, place: Path):
    evaluate("smoke")
    path = place / "evaluations/smoke/drawn-5-0/evaluation.json"
    before = path.stat().st_mtime_ns
    code, out, _ = evaluate("smoke")
    assert code == 0
    assert path.stat().st_mtime_ns == before
    assert "smoke, by the judge" in out
    assert "By its own discriminator" in out
    assert "The judge itself, on drawn faces" in out
    evaluate("smoke", "--seed", 1)
    assert (place / "evaluations/smoke/drawn-5-1/evaluation.json").is_file()
    again = read_evaluation(place / "evaluations/smoke/drawn-5-1")
    assert set(again.inputs.names).isdisjoint(read_evaluation(path.parent).inputs.names)


def test_two_models_are_compared_on_the_same_inputs(evaluate: Kaogae, place: Path):
    code, out, _ = evaluate("compare", "smoke", place / "paints.onnx")
    assert code == 0
    assert "On drawn: smoke against paints" in out
    assert "SSIM outside eyes, brows and mouth" in out
    code, out, _ = evaluate("compare", "smoke", place / "paints.onnx", "--json")
    (row,) = [one for one in json.loads(out) if one["measure"] == "ssim_rest"]
    assert row["found"]["b"] > row["found"]["a"]
    assert row["found"]["better"] == 0


def test_what_is_exported_says_how_it_was_measured(
    evaluate: Kaogae, place: Path, kaogae: Kaogae, tmp_path: Path
):
    evaluate("smoke")
    code, out, _ = kaogae("export", "smoke", "--to", "safetensors", "-o", tmp_path / "g.safetensors",
                          "--workspace", place)  # fmt: skip
    assert code == 0
    assert "drawn-5-0" in out
    _, header = load_checkpoint(tmp_path / "g.safetensors")
    kept = read_evaluation(place / "evaluations/smoke/drawn-5-0")
    assert header.metrics["evaluations"]["drawn-5-0"]["matrix"] == kept.confusion.counts.tolist()


def test_the_page_has_figures_and_tables_beside_it(evaluate: Kaogae, tmp_path: Path):
    code, out, _ = evaluate("smoke", "--set", "faces", "--report", tmp_path / "report")
    assert code == 0
    page = (tmp_path / "report/index.html").read_text("utf-8")
    assert "smoke" in page
    assert "index.html" in out
    assert list((tmp_path / "report/figures").glob("*.svg"))
    assert list((tmp_path / "report/tables").glob("*.tex"))


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nobody"], "There is no run and no file called nobody"),
        (["smoke", "smoke"], "Two models are called 'smoke'"),
        (["smoke", "--set", "faces", "--set", "faces"], "named twice"),
        (["smoke", "--set", "none"], "There is no set"),
        (["smoke", "--judge", "none.safetensors"], "The judge none.safetensors can't be read"),
        (["smoke", "--inception", "none.pth"], "none.pth"),
        (["smoke", "--threads", "0"], "--threads 0 isn't a number of processors"),
        (["smoke", "--panel", "p"], "add --report FOLDER"),
    ],
)
def test_wrong_use_is_one_sentence(kaogae: Kaogae, place: Path, words: list[str], sentence: str):
    code, _, err = kaogae("evaluate", *words, "--workspace", place)
    assert code == 2
    assert sentence in " ".join(err.split())
    assert "Traceback" not in err


def test_more_inputs_than_there_are_is_one_sentence(kaogae: Kaogae, place: Path):
    code, _, err = kaogae("evaluate", "smoke", "--set", "faces", "--count", 1000, "--workspace", place)
    assert code == 2
    assert "1000 were asked for" in " ".join(err.split())


def test_damaged_and_foreign_checkpoints_are_one_sentence(evaluate: Kaogae, place: Path, tmp_path: Path):
    good = (place / "runs/smoke/generator.safetensors").read_bytes()
    for name, data in {
        "half": good[: len(good) // 2],
        "joy": good.replace(b"happy", b"jolly"),
        "nothing": b"",
    }.items():
        path = tmp_path / f"{name}.safetensors"
        path.write_bytes(data)
        code, _, err = evaluate(path)
        assert code == 2, name
        assert str(path) in err.replace("\n", "")
        assert "Traceback" not in err


def test_a_judge_that_learned_from_the_test_split_is_refused(evaluate: Kaogae, place: Path, tmp_path: Path):
    from dataclasses import replace

    from kaogae.dataset import load

    judge = Judge.load()
    learned = Learned("faces", load(place / "sets/faces").hash, "test", 5)
    judge.header = replace(judge.header, learned_from=(*judge.header.learned_from, learned))
    judge.save(tmp_path / "judge.safetensors")
    code, _, err = evaluate("smoke", "--set", "faces", "--judge", tmp_path / "judge.safetensors")
    assert code == 2
    assert "learned from the split test of the set 'faces'" in " ".join(err.split())
    drawn_alone = f"drawn={tmp_path / 'judge.safetensors'}"
    code, _, _ = evaluate("smoke", "--set", "faces", "--set", "drawn", "--judge", drawn_alone)
    assert code == 0


@pytest.fixture
def run(place: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be damaged."""
    return Path(shutil.copytree(place / "runs/smoke", tmp_path / "hurt"))


@pytest.mark.parametrize("damage", ["cut off", "gone", "of other settings", "settings that aren't"])
def test_a_damaged_discriminator_is_told_and_the_generator_measured(evaluate: Kaogae, run: Path, damage: str):
    newest = sorted(run.glob("checkpoints/*/state.safetensors"))[-1]
    match damage:
        case "cut off":
            newest.write_bytes(newest.read_bytes()[:2000])
        case "gone":
            newest.unlink()
        case "of other settings":
            config = (run / "config.toml").read_text()
            (run / "config.toml").write_text(
                config.replace("discriminator_width = ", "discriminator_width = 1")
            )
        case _:
            (run / "config.toml").write_text("generator = 7")
    code, out, err = evaluate(run, "--json")
    assert code == 0
    assert "accuracy_by_its_own_discriminator" not in json.loads(out)[0]["summary"]
    assert "'hurt' is measured without what its own discriminator says" in " ".join(err.split())


def test_a_run_without_a_checkpoint_is_one_sentence(evaluate: Kaogae, run: Path):
    (run / "generator.safetensors").unlink()
    code, _, err = evaluate(run)
    assert code == 2
    assert "has no checkpoint (yet)" in " ".join(err.split())


def test_a_name_that_leads_elsewhere_is_refused(evaluate: Kaogae, place: Path, tmp_path: Path):
    shutil.copy(place / "runs/smoke/generator.safetensors", tmp_path / "...safetensors")
    code, _, err = evaluate(tmp_path / "...safetensors")
    assert code == 2
    assert "No model can be called '..'" in " ".join(err.split())
    assert not list(place.glob("drawn-*"))


def test_json_is_all_that_is_printed_with_a_page_too(evaluate: Kaogae, tmp_path: Path):
    code, out, err = evaluate("smoke", "--json", "--report", tmp_path / "report")
    assert code == 0
    assert json.loads(out)[0]["model"] == "smoke"
    assert "index.html" in err


def test_a_judge_may_lie_in_a_folder_with_any_name(evaluate: Kaogae, tmp_path: Path):
    (tmp_path / "a=b").mkdir()
    Judge.load().save(tmp_path / "a=b/judge.safetensors")
    for word in ("", "drawn="):
        code, _, _ = evaluate("smoke", "--judge", f"{word}{tmp_path}/a=b/judge.safetensors")
        assert code == 0
    file = tmp_path / "a=b/judge.safetensors"
    code, _, err = evaluate("smoke", "--judge", f"drawn={file}", "--judge", f"drawn={file}")
    assert code == 2
    assert "Two judges are given for one set" in " ".join(err.split())


def test_a_damaged_evaluation_does_not_keep_a_model_from_being_exported(
    evaluate: Kaogae, place: Path, kaogae: Kaogae, tmp_path: Path
):
    evaluate("smoke")
    other = place / "evaluations/smoke/drawn-5-9"
    other.mkdir()
    (other / "evaluation.json").write_text("{")
    shutil.copytree(place / "evaluations/smoke/drawn-5-0", place / "evaluations/smoke/.1234.part")
    code, out, err = kaogae("export", "smoke", "--to", "safetensors", "-o", tmp_path / "g.safetensors",
                            "--workspace", place)  # fmt: skip
    shutil.rmtree(other)
    assert code == 0
    assert "drawn-5-0" in out
    assert ".part" not in out
    assert "drawn-5-9/evaluation.json is damaged" in " ".join(err.split())


def test_panels_are_read_before_the_work_and_of_any_name(evaluate: Kaogae, kaogae: Kaogae, place: Path):
    code, _, err = evaluate("smoke", "--seed", 5, "--panel", "none", "--report", place / "page")
    assert code == 2
    assert "Traceback" not in err
    assert not (place / "evaluations/smoke/drawn-5-5").exists()
    code, _, err = kaogae("evaluate", "panel", "p", "smoke", "--set", "a**[", "--workspace", place)
    assert code == 2
    assert "'smoke' wasn't evaluated on a**[-100-0" in " ".join(err.split())
