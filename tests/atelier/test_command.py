import json
from pathlib import Path

from typer.testing import CliRunner

from kaogae.cli import app


def test_the_command_draws_faces_and_scenes_and_a_sheet(tmp_path: Path):
    out = tmp_path / "drawn"
    args = ["atelier", "--characters", "1", "--scenes", "0", "--size", "48", "--workers", "1", "--json"]
    result = CliRunner().invoke(app, [*args, "--out", str(out)])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert report["faces"] == 5
    assert Path(report["sheet"]).is_file()
    assert len((out / "manifest.jsonl").read_text().splitlines()) == 5
