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
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pipeline")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", str(SCRIPT), str(folder)], env={**os.environ, "PATH": path}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_labels_in_the_frozen_set_are_those_that_were_drawn(workspace):
    drawn = [json.loads(line) for line in (workspace / "drawn/manifest.jsonl").read_text().splitlines()]
    frozen = [json.loads(line) for line in (workspace / "sets/drawn/manifest.jsonl").read_text().splitlines()]
    assert sorted(row["expression"] for row in drawn) == sorted(row["expression"] for row in frozen)
    assert {row["label_origin"] for row in frozen} == {"drawn"}


def test_no_character_is_in_two_splits(workspace):
    frozen = [json.loads(line) for line in (workspace / "sets/drawn/manifest.jsonl").read_text().splitlines()]
    splits = {(row["character"], row["split"]) for row in frozen}
    assert len(splits) == len({character for character, _ in splits})


def test_training_leaves_everything_that_describes_it(workspace):
    run = workspace / "runs/smoke"
    names = {path.name for path in run.iterdir()}
    assert {"config.toml", "losses.jsonl", "losses.png", "samples", "generator.safetensors"} <= names


def test_each_scene_comes_out_five_times_at_its_own_size_and_with_a_sheet(workspace):
    out = workspace / "transferred"
    assert (out / "contact-sheet.png").exists()
    for scene in (workspace / "drawn/scenes").glob("*.png"):
        before = np.asarray(Image.open(scene))
        for expression in EXPRESSIONS:
            after = np.asarray(Image.open(out / f"{scene.stem}.{expression}.png"))
            assert after.shape == before.shape


def test_the_readme_shows_the_script_as_it_is():
    readme = (ROOT / "README.md").read_text("utf-8")
    commands = SCRIPT.read_text("utf-8").split("\n\n", 1)[1].strip()
    assert commands in readme
