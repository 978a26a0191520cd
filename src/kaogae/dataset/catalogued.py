"""The catalogue as a source: every face that is kept and labelled. Needs SQLAlchemy."""

from collections import Counter
from collections.abc import Iterator, Sequence
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

AT_ONCE = 10_000
"""Short rows that the database hands over at a time."""

LABELS = [expression.value for expression in EXPRESSIONS]

PAGE = 500
"""Faces that are read at a time: one query each."""


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


class CataloguedFaces:
    """The chosen faces, read a page at a time whenever somebody goes through them.

    Which ones they are is settled once. A face that is rejected or relabelled while somebody goes through
    them is left out, or has its new label.
    """

    def __init__(self, workspace: Workspace, catalog: Catalog, choice: Choice) -> None:
        self._workspace, self._catalog, self._choice = workspace, catalog, choice
        with catalog.reading() as session:
            places = session.execute(
                select(Picture.site, Picture.post, Face.number, Face.id)
                .join(Picture, Face.picture_id == Picture.id)
                .where(*choice.conditions(), Face.expression.in_(LABELS))
                .execution_options(yield_per=AT_ONCE)
            )
            # sorted here, because databases differ in what comes after what
            self._ids = [row.id for row in sorted(places, key=lambda row: (row.site, row.post, row.number))]

    def __len__(self) -> int:
        return len(self._ids)

    def __iter__(self) -> Iterator[RawFace]:
        for start in range(0, len(self._ids), PAGE):
            page = self._ids[start : start + PAGE]
            conditions = (*self._choice.conditions(), Face.expression.in_(LABELS), Face.id.in_(page))
            with self._catalog.reading() as session:
                rows = {row.id: row for row in session.execute(_query(conditions))}
            yield from (_face(self._workspace, rows[number]) for number in page if number in rows)


def catalogued_faces(workspace: Workspace, catalog: Catalog, choice: Choice | None = None) -> SourceFaces:
    """The kept, labelled faces of the catalogue, in the order of sites, posts and numbers.

    Their rows are read and their crops checked when they are frozen: `catalog` must be open then.

    Raises:
        CatalogError: the database refuses.
    """
    chosen = choice or Choice()
    with catalog.reading() as session:
        labels = session.execute(
            select(Face.expression, func.count()).where(*chosen.conditions()).group_by(Face.expression)
        ).all()
    left_out = Counter[str]()
    for label, count in labels:
        if label not in EXPRESSIONS:
            left_out["no label" if label is None else "another expression"] += count
    return SourceFaces(CataloguedFaces(workspace, catalog, chosen), left_out)


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
        .where(*conditions)
    )


def _face(workspace: Workspace, row: Any) -> RawFace:
    where = f"Face {row.number} of {row.site} {row.post}"
    if not row.file or not row.pixels_sha256:
        raise ManifestError(f"{where} is kept, but the catalogue names no crop of it.")
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
