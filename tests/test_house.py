"""The plan of the house, where a tool doesn't already hold it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted(
    path for path in (ROOT / "src").rglob("*.py") if path.parent.name != "versions"
)  # migrations: lists
LONGEST_FUNCTION, LONGEST_LOOP, LONGEST_CLASS, LONGEST_FILE = 80, 120, 150, 400


def test_importing_the_command_line_loads_neither_torch_nor_opencv():
    code = (
        "import sys, kaogae, kaogae.cli; print(*sorted({'torch', 'cv2', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_transferring_never_loads_torch():
    code = "import sys, kaogae.transfer, kaogae.faces, kaogae.atelier; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_nothing_outgrows_its_home(path):
    text = path.read_text("utf-8")
    assert text.count("\n") <= LONGEST_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            loop = path.name == "loop.py"
            limit = (
                LONGEST_CLASS
                if isinstance(node, ast.ClassDef)
                else LONGEST_LOOP
                if loop
                else LONGEST_FUNCTION
            )
            assert lines <= limit, f"{node.name} has {lines} lines"


def test_no_room_is_called_utils():
    names = {part for path in SOURCES for part in (path.stem, path.parent.name)}
    assert not names & {"utils", "util", "common", "helpers", "misc"}


def test_only_the_command_line_prints():
    for path in SOURCES:
        if path.parent.name == "cli":
            continue
        calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
        assert not [c for c in calls if isinstance(c.func, ast.Name) and c.func.id == "print"], path
