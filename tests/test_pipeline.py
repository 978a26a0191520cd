"""The whole flow of the README on drawn faces, through the real command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kaogae.expressions import EXPRESSIONS

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts/pipeline.sh"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """With this project's commands first, and CARN-M's weights: from beside the repository, or fetched."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "KAOGAE_WEIGHTS": str(tmp_path_factory.mktemp("weights"))}
    shared = ROOT.parent / "shared"
    brought = ["--from", str(shared / "weights/carn_m.pth")] if shared.is_dir() else []
    command = ["kaogae", "weights", "fetch", "carn-m", *brought]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode and not brought:
        pytest.skip(
            f"CARN-M's weights are neither beside the repository nor can they be fetched: {done.stderr}"
        )
    assert done.returncode == 0, done.stderr
    return environment


@pytest.fixture(scope="module")
def workspace(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline")
    done = subprocess.run(["bash", str(SCRIPT), str(folder)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


def read_lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_labels_in_the_frozen_set_are_those_that_were_drawn(workspace):
    truth = {}
    for expression in EXPRESSIONS:
        drawn = read_lines(workspace / f"board/{expression}/manifest.jsonl")
        truth |= {row["sha256"]: row["expression"] for row in drawn}
    frozen = read_lines(workspace / "sets/collected/manifest.jsonl")
    assert len(frozen) >= 50
    assert {row["expression"] for row in frozen} == {str(expression) for expression in EXPRESSIONS}
    assert [row["expression"] for row in frozen] == [truth[row["origin"]["picture_sha256"]] for row in frozen]
    assert {row["label_origin"] for row in frozen} == {"tag"}


def test_posts_that_would_poison_the_labels_are_kept_out_with_their_reason(workspace, environment):
    command = ["kaogae", "status", "--json", "--workspace", str(workspace)]
    status = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    for reason in ("names two expressions", "tag: happy_tears", "no file"):
        assert reason in status


def test_no_character_is_in_two_splits(workspace):
    frozen = read_lines(workspace / "sets/collected/manifest.jsonl")
    splits = {(row["character"], row["split"]) for row in frozen}
    assert len(splits) == len({character for character, _ in splits})


def test_training_leaves_everything_that_describes_it(workspace):
    run = workspace / "runs/smoke"
    names = {path.name for path in run.iterdir()}
    assert {"config.toml", "losses.jsonl", "losses.png", "samples", "generator.safetensors"} <= names


def test_each_picture_comes_out_five_times_at_its_own_size_and_with_a_sheet(workspace):
    out = workspace / "transferred"
    assert (out / "contact-sheet.png").exists()
    for picture in (ROOT / "examples").glob("*.png"):
        before = np.asarray(Image.open(picture))
        for expression in EXPRESSIONS:
            after = np.asarray(Image.open(out / f"{picture.stem}.{expression}.png"))
            assert after.shape == before.shape


def test_the_readme_shows_the_script_as_it_is():
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = SCRIPT.read_text("utf-8").split("\n\n", 1)[1].strip()
    assert commands in readme
