"""The files of a visual-novel project: its pictures and scripts, and what isn't read."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from kaogae.collect.renpy_script import SCRIPT_BYTES, Definitions, decode, read_script
from kaogae.collect.walk import PICTURES, walk
from kaogae.errors import CollectError

ALL_SCRIPTS_BYTES = 128 * 2**20
"""Most bytes of scripts of one project that are read."""


@dataclass
class Project:
    """A project's game folder. Paths are relative to it, with "/" between the parts."""

    game: Path
    pictures: list[str] = field(default_factory=list[str])
    scripts: list[str] = field(default_factory=list[str])
    archives: int = 0
    """.rpa files: pickled indexes, never read."""
    compiled: int = 0
    """.rpyc files without their .rpy: pickled too."""
    left_out: Counter[str] = field(default_factory=Counter[str])
    """What else isn't read, by reason."""

    def definitions(self) -> Definitions:
        """What the scripts define, read as text."""
        found = Definitions()
        total = 0
        for path in self.scripts:
            try:
                with (self.game / path).open("rb") as file:
                    data = file.read(SCRIPT_BYTES + 1)
            except OSError:
                self.left_out["script: unreadable"] += 1
                continue
            if len(data) > SCRIPT_BYTES or total + len(data) > ALL_SCRIPTS_BYTES:
                self.left_out["script: too large"] += 1
                continue
            total += len(data)
            read_script(decode(data), found)
        return found


def find_project(folder: Path) -> Project:
    """The files of the project in `folder`; symbolic links aren't followed.

    Raises:
        CollectError: there is no project, or one without end.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise CollectError(f"{folder} isn't a folder: give the one that holds the project's game folder.")
    game = root / "game"
    project = Project(game if game.is_dir() and not game.is_symlink() else root)
    compiled: set[str] = set()
    for path in walk(project.game, project.left_out):
        stem, dot, suffix = path.rpartition(".")
        suffix = suffix.lower() if dot else ""
        if f".{suffix}" in PICTURES:
            project.pictures.append(path)
        elif suffix == "rpy":
            project.scripts.append(path)
        elif suffix == "rpa":
            project.archives += 1
        elif suffix in ("rpyc", "rpymc"):
            compiled.add(stem)
    project.compiled = len(compiled - {path.rpartition(".")[0] for path in project.scripts})
    is_one = project.game == game or project.scripts or compiled or (root / "images").is_dir()
    if not is_one:
        raise CollectError(
            f"{folder} isn't a Ren'Py project: it holds neither a game folder nor scripts; "
            "for a folder of pictures take 'kaogae collect folder'."
        )
    return project
