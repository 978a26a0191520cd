"""Pictures of a folder: labelled by whoever gives it, by sub-folders' names, or by the atelier's truth."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal, cast

from kaogae.collect.intake import Intake, Post, clean
from kaogae.collect.walk import PICTURES, walk
from kaogae.errors import CollectError, ManifestError
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.images import FILE_LIMIT

MANIFEST = "manifest.jsonl"
CONTACT_SHEET = "sheet.png"
"""What the atelier puts beside its pictures."""

MANIFEST_BYTES = 512 * 2**20

_BEGINNINGS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*")

Progress = Callable[[int, int], None]
CharacterFrom = Literal["folder", "none"]


@dataclass
class Truth:
    """What a manifest of the atelier says about one picture."""

    sha256: str
    expressions: set[str] = field(default_factory=set[str])
    characters: set[str] = field(default_factory=set[str])


def collect(
    intake: Intake,
    folder: Path,
    site: str,
    *,
    expression: Expression | None = None,
    character_from: CharacterFrom = "none",
    progress: Progress | None = None,
) -> Counter[str]:
    """Take a folder's pictures, sub-folders included, into the workspace.

    A picture's post is its path within the folder, so that a second run takes only what is new. Symbolic
    links aren't followed.

    Args:
        site: under which the catalogue keeps them.
        expression: the label of all of them. None: a sub-folder called like an expression says it, or the
            manifest of a folder that the atelier drew, or nobody.
        character_from: "folder": the innermost sub-folder that isn't called like an expression.
        progress: called with how many are done, of how many.

    Returns:
        Files that weren't taken, counted by reason.

    Raises:
        CollectError: no such folder, or one without end, or the workspace can't be written.
        ManifestError: the folder's manifest.jsonl can't be read.
        CatalogError: see `Catalog.session`.
    """
    root = folder.resolve()
    if not root.is_dir():
        raise CollectError(f"{folder} isn't a folder: give the folder that holds the pictures.")
    site = clean(site)[:100]
    truth = read_truth(root / MANIFEST) if (root / MANIFEST).is_file() else {}
    skipped: Counter[str] = Counter()
    paths = [path for path in walk(root, skipped) if _wanted(root, path, bool(truth), skipped)]
    known = intake.known(site, paths)
    intake.tally.known += len(known)
    for done, path in enumerate(paths, 1):
        if path not in known:
            post = Post(site=site, post=path, character=_character(path, character_from))
            _take(intake, root, post, expression, truth.get(path))
        if progress is not None:
            progress(done, len(paths))
    return skipped


def read_truth(manifest: Path) -> dict[str, Truth]:
    """What a manifest as `kaogae atelier` writes it says, by the pictures' paths.

    Raises:
        ManifestError: it is too large, no UTF-8, or a line isn't a JSON object with file and expression.
    """
    try:
        if manifest.stat().st_size > MANIFEST_BYTES:
            raise ManifestError(
                f"{manifest} has more than {MANIFEST_BYTES:,} bytes: that isn't the atelier's."
            )
        lines = manifest.read_text("utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        raise ManifestError(f"{manifest} can't be read: {error}.") from error
    found: dict[str, Truth] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = cast("dict[str, Any]", json.loads(line))
            path, label = str(row["file"]), str(row["expression"])
            truth = found.setdefault(path, Truth(str(row.get("sha256", ""))))
        except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
            raise ManifestError(
                f"{manifest}, line {number}: this isn't a face with 'file' and 'expression'; "
                "mend the manifest or take it out of the folder."
            ) from error
        truth.expressions.add(label)
        truth.characters.add(str(row.get("character", "")))
    return found


def _wanted(root: Path, path: str, drawn: bool, skipped: Counter[str]) -> bool:
    """Whether a file is to be looked at: it ends or begins like a picture."""
    if drawn and path in (MANIFEST, CONTACT_SHEET):
        skipped["the atelier's manifest and contact sheet"] += 1
        return False
    if PurePosixPath(path).suffix.lower() in PICTURES:
        return True
    try:
        with (root / path).open("rb") as file:
            beginning = file.read(12)
    except OSError:
        skipped["unreadable"] += 1
        return False
    if beginning.startswith(_BEGINNINGS) or (beginning[:4] == b"RIFF" and beginning[8:] == b"WEBP"):
        return True
    skipped["not a picture"] += 1
    return False


def _take(intake: Intake, root: Path, post: Post, expression: Expression | None, truth: Truth | None) -> None:
    try:
        with (root / post.post).open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except OSError as error:
        intake.tally.failed[post.post] = f"can't be read: {error.strerror or error}"
        return
    # A picture that was changed since it was drawn isn't what the manifest speaks of
    if truth is not None and truth.sha256 not in ("", hashlib.sha256(data).hexdigest()):
        truth = None
    label, origin = _label(post.post, expression, truth)
    character = post.character
    if truth is not None and len(truth.characters) == 1:
        character = next(iter(truth.characters)) or character
    intake.take(
        Post(
            site=post.site,
            post=post.post,
            expression=label,
            label_origin=origin if label else None,
            character=character,
        ),
        data,
    )


def _label(path: str, expression: Expression | None, truth: Truth | None) -> tuple[Expression | None, str]:
    """The label, and who says so."""
    if expression is not None:
        return expression, "folder"
    if truth is not None:
        said, origin = truth.expressions, "drawn"
    else:
        said, origin = {part.lower() for part in PurePosixPath(path).parts[:-1]} & set(EXPRESSIONS), "folder"
    label = next(iter(said)) if len(said) == 1 else ""
    return (Expression(label) if label in EXPRESSIONS else None), origin


def _character(path: str, character_from: CharacterFrom) -> str | None:
    if character_from == "none":
        return None
    folders = PurePosixPath(path).parts[:-1]
    named = [place for place, part in enumerate(folders) if part.lower() not in EXPRESSIONS]
    # With the folders above it: a/eileen and b/eileen are two
    kept = [part for part in folders[: named[-1] + 1] if part.lower() not in EXPRESSIONS] if named else []
    return "/".join(kept) or None
