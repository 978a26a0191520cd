"""The catalogue as a source: every face that is kept and labelled. Needs SQLAlchemy."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Select, func, select

from kaogae.catalog import Catalog, Face, Picture, Workspace
from kaogae.dataset.manifest import Landmarks, Origin, read_landmarks, read_origin
from kaogae.dataset.sources import RawFace, SourceFaces, StoredCrop
from kaogae.errors import ManifestError, UsageError
from kaogae.expressions import EXPRESSIONS, Expression
from kaogae.faces import apply_matrix

AT_ONCE = 2000
"""Rows that the database hands over at a time."""


@dataclass(frozen=True)
class Choice:
    """Which of the kept, labelled faces are taken. Empty: all."""

    expressions: tuple[Expression, ...] = ()
    sites: tuple[str, ...] = ()
    label_origins: tuple[str, ...] = ()
    """tag, file name, folder, drawn, votes."""
    least_confidence: float = 0.0
    """Of the detector, 0 to 1."""
    least_side: float = 0.0
    """Side of the crop in picture pixels."""

    def __post_init__(self) -> None:
        if not 0 <= self.least_confidence <= 1:
            raise UsageError(f"A confidence of {self.least_confidence:g} is out of range: 0 to 1.")
        if not 0 <= self.least_side < 1e6:
            raise UsageError(f"A side of {self.least_side:g} pixels is out of range: 0 to 1,000,000.")

    def conditions(self) -> list[ColumnElement[bool]]:
        """What a row of `Face` must fulfil, kept and labelled besides."""
        asked = [Face.state == "kept"]
        if self.expressions:
            asked.append(Face.expression.in_([e.value for e in self.expressions]))
        if self.sites:
            asked.append(Face.site.in_(self.sites))
        if self.label_origins:
            asked.append(Face.label_origin.in_(self.label_origins))
        if self.least_confidence > 0:
            asked.append(Face.confidence >= self.least_confidence)
        if self.least_side > 0:
            asked.append(Face.side >= self.least_side)
        return asked


def catalogued_faces(workspace: Workspace, catalog: Catalog, choice: Choice | None = None) -> SourceFaces:
    """The kept, labelled faces of the catalogue, in the order of sites, posts and numbers.

    Their crops are read and checked when they are frozen.

    Raises:
        ManifestError: a row can't be: a kept face without a crop, a matrix that is none.
        CatalogError: the database refuses.
    """
    found, left_out = SourceFaces(), Counter[str]()
    conditions = (choice or Choice()).conditions()
    with catalog.reading() as session:
        unlabelled = session.scalar(
            select(func.count()).select_from(Face).where(*conditions, Face.expression.is_(None))
        )
        for row in session.execute(_query(conditions).execution_options(yield_per=AT_ONCE)):
            if row.expression in EXPRESSIONS:
                found.faces.append(_face(workspace, row))
            else:
                left_out["another expression"] += 1
    found.faces.sort(key=_place)  # here, because databases differ in what comes after what
    left_out["no label"] += unlabelled or 0
    found.left_out = +left_out
    return found


def _query(conditions: Sequence[ColumnElement[bool]]) -> Select[*tuple[Any, ...]]:
    return (
        select(
            Face.id,
            Face.number,
            Face.box,
            Face.landmarks,
            Face.confidence,
            Face.detector,
            Face.matrix,
            Face.size,
            Face.file,
            Face.pixels_sha256,
            Face.expression,
            Face.label_origin,
            Face.character,
            Face.enhanced_file,
            Face.enhanced_by,
            Picture.site,
            Picture.post,
            Picture.sha256,
            Picture.licence,
            Picture.artist,
            Picture.page_url,
        )
        .join(Picture, Face.picture_id == Picture.id)
        .where(*conditions, Face.expression.is_not(None))
    )


def _face(workspace: Workspace, row: Any) -> RawFace:
    where = f"Face {row.number} of {row.site} {row.post}"
    if not row.file or not row.pixels_sha256:
        raise ManifestError(f"{where} is kept but has no crop: run `kaogae faces` again.")
    origin = _origin(row, where)
    return RawFace(
        path=workspace.folder / row.file,
        expression=Expression(row.expression),
        character=row.character or f"post {row.post}",
        source=row.site,
        label_origin=row.label_origin or "unknown",
        licence=row.licence or "",
        where=where,
        landmarks=_landmarks(row.landmarks, origin, where),
        aligned=True,
        stored=StoredCrop(workspace.folder, row.file, row.pixels_sha256, row.size, row.enhanced_file or None),
        origin=origin,
    )


def _place(face: RawFace) -> tuple[str, str, int]:
    return (face.origin.site, face.origin.post, face.origin.number) if face.origin else ("", "", 0)


def _origin(row: Any, where: str) -> Origin:
    """Checked as a manifest's would be: a database is a file from outside, too."""
    origin = read_origin(
        {
            "site": row.site,
            "post": row.post,
            "picture_sha256": row.sha256 or "",
            "pixels_sha256": row.pixels_sha256,
            "number": row.number,
            "box": row.box,
            "matrix": row.matrix,
            "confidence": row.confidence,
            "detector": row.detector,
            "enhanced_by": row.enhanced_by,
            "artist": row.artist,
            "page": row.page_url,
        },
        where,
    )
    if origin is None or row.size < 1:
        raise ManifestError(f"{where}: a crop of {row.size} pixels can't be.")
    return origin


def _landmarks(value: object, origin: Origin, where: str) -> Landmarks | None:
    """In pixels of the stored crop."""
    landmarks = read_landmarks(value, where)
    if not landmarks:
        return None
    points = apply_matrix(np.array(origin.matrix), list(landmarks.values()))
    return {name: (float(x), float(y)) for name, (x, y) in zip(landmarks, points, strict=True)}
