"""The paper, all of it, by one command at its smallest scale."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kaogae.evaluate.snapshots import read_evaluation, read_row

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts/reproduce.sh"
ENVIRONMENT = {**os.environ, "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])}


def reproduce(*words: object) -> subprocess.CompletedProcess[str]:
    command = ["bash", str(SCRIPT), *map(str, words)]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reproduced")
    done = reproduce("--scale", "tiny", "--threads", 1, folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_both_generators_are_measured_on_the_same_faces(place: Path) -> None:
    for inputs in ("faces-10-0", "drawn-10-0"):
        baseline, paper = (
            read_evaluation(place / "evaluations" / run / inputs) for run in ("baseline", "paper")
        )
        assert baseline.inputs.hash == paper.inputs.hash
        assert (read_row(baseline, 3)[0] == read_row(paper, 3)[0]).all()
        for one in (baseline, paper):
            assert one.confusion is not None
            assert one.confusion.totals.tolist() == [10] * 5
            assert one.own_confusion is not None


def test_every_figure_and_table_of_the_paper_is_on_the_page_and_beside_it(place: Path) -> None:
    page = (place / "report/index.html").read_text("utf-8")
    for name in ("Table I", "Table II", "Figure 3", "Figure 4"):
        assert name in page
    files = {path.name for path in (place / "report").rglob("*")}
    assert (place / "figure-3.svg").is_file()
    assert any(name.endswith(".tex") for name in files)
    assert any(name.endswith(".svg") for name in files)


def test_people_can_be_asked_about_the_same_pictures(
    place: Path, kaogae: Callable[..., tuple[int, str, str]]
) -> None:
    code, out, _ = kaogae("label", "status", "table-ii", "--json", "--workspace", place)
    assert code == 0
    assert json.loads(out)["items"] == 2 * 50 + 10
    code, _, err = kaogae("evaluate", "votes", "table-ii", "--workspace", place)
    assert code == 2
    assert "lack" in err


@pytest.mark.parametrize("words", [[], ["--scale", "huge"], ["--scale"], ["--scale", "tiny", "a", "b"]])
def test_wrong_use_shows_how_it_is_used(words: list[str]) -> None:
    done = reproduce(*words)
    assert done.returncode == 2
    assert "scripts/reproduce.sh --scale tiny|cpu|gpu" in done.stderr
