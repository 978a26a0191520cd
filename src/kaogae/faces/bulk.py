"""Every picture that waits in the catalogue: found, filtered, cut, written down; stopped at any moment.

Crops are written first, then the rows of a batch in one transaction, which also takes the pictures out of
waiting. After a kill in between, the next run finds the pictures still waiting, and the same crops under the
same names.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import func, select

from kaogae import catalog as rows
from kaogae.catalog import Catalog, Workspace
from kaogae.errors import KaogaeError, PictureError
from kaogae.faces.crops import crop_path
from kaogae.faces.study import Finding, Job, Report, Study
from kaogae.files import write_whole

PAGE = 500
"""Pictures asked for at once."""

BATCH = 100
"""Most pictures of one transaction."""

EVERY = 1.0
"""Seconds after which a transaction is written even if it is small."""

LONGEST = 500
"""Most characters of a rejection's detail."""

Engine = Callable[[Study, Iterable[Job]], Iterator[Report]]
"""Does the jobs, somewhere, and gives each report once, in any order (`engines`)."""

Progress = Callable[[int, int], None]
"""Called with how many are done, of how many."""


@dataclass
class Tally:
    """What became of the pictures of one run."""

    searched: int = 0
    kept: int = 0
    """Faces, before near-duplicates are marked."""
    pictures: Counter[str] = field(default_factory=Counter[str])
    """Rejected pictures per reason."""
    faces: Counter[str] = field(default_factory=Counter[str])
    """Rejected faces per reason, near-duplicates aside."""
    failed: int = 0
    """Rejected pictures that couldn't be looked at."""

    def add(self, report: Report) -> None:
        """Count one picture."""
        self.searched += 1
        self.failed += report.failed
        if report.reason:
            self.pictures[report.reason] += 1
        for finding in report.findings:
            if finding.reason:
                self.faces[finding.reason] += 1
            else:
                self.kept += 1


def search(
    workspace: Workspace,
    catalog: Catalog,
    study: Study,
    engine: Engine,
    *,
    detector: str,
    progress: Progress | None = None,
) -> Tally:
    """Find the faces of every waiting picture.

    Args:
        detector: its name, for the catalogue.

    Raises:
        PictureError: crops can't be written.
        CatalogError: see `Catalog.session`.
    """
    tally = Tally()
    with catalog.reading() as session:
        waiting = select(func.count()).where(rows.Picture.state == "waiting")
        total = session.scalar(waiting) or 0
    batch = _Batch(workspace, catalog, detector)
    try:
        for report in engine(study, _waiting(catalog)):
            batch.add(report)
            tally.add(report)
            if progress is not None:
                progress(tally.searched, max(total, tally.searched))
    except BaseException:
        with suppress(KaogaeError):  # what stopped the run is what its user should read
            batch.write()
        raise
    batch.write()
    return tally


def _waiting(catalog: Catalog) -> Iterator[Job]:
    """The pictures in the order of their rows, a page at a time; those that come in meanwhile too."""
    table, last = rows.Picture, 0
    while True:
        page = select(table.id, table.sha256, table.file).where(table.state == "waiting", table.id > last)
        with catalog.reading() as session:
            found = session.execute(page.order_by(table.id).limit(PAGE)).all()
        if not found:
            return
        for row in found:
            yield Job(row.id, row.sha256, row.file)
        last = found[-1].id


class _Batch:
    """Reports that wait to be written."""

    def __init__(self, workspace: Workspace, catalog: Catalog, detector: str) -> None:
        self._workspace, self._catalog, self._detector = workspace, catalog, detector
        self._reports: dict[int, Report] = {}
        self._written = time.monotonic()

    def add(self, report: Report) -> None:
        """Take one in; write all if there are enough, or it is time."""
        for finding in report.findings:
            if finding.crop and finding.pixels_sha256:
                _store(finding.crop, self._workspace.folder / crop_path(finding.pixels_sha256))
        self._reports[report.picture] = report
        if len(self._reports) >= BATCH or time.monotonic() - self._written > EVERY:
            self.write()

    def write(self) -> None:
        """One transaction: the faces, and that their pictures have been searched."""
        if self._reports:
            with self._catalog.session() as session:
                wanted = rows.Picture.id.in_(self._reports), rows.Picture.state == "waiting"
                for picture in session.scalars(select(rows.Picture).where(*wanted)):
                    report = self._reports[picture.id]
                    picture.state = "rejected" if report.reason else "searched"
                    picture.reason, picture.detail = report.reason, report.detail[:LONGEST] or None
                    session.add_all(
                        face_row(picture, number, finding, self._detector)
                        for number, finding in enumerate(report.findings)
                    )
        self._reports.clear()
        self._written = time.monotonic()


def face_row(picture: rows.Picture, number: int, finding: Finding, detector: str) -> rows.Face:
    """The catalogue's row for a finding, kept or rejected, with its picture's label."""
    face = finding.face
    return rows.Face(
        picture_id=picture.id,
        number=number,
        site=picture.site,
        box=list(face.box),
        landmarks={
            name: list(getattr(face, name)) for name in ("left_eye", "right_eye", "mouth", "nose", "chin")
        },
        confidence=face.confidence,
        detector=detector,
        matrix=[list(row) for row in finding.matrix],
        side=finding.side,
        size=finding.size,
        file=crop_path(finding.pixels_sha256) if finding.pixels_sha256 else None,
        pixels_sha256=finding.pixels_sha256,
        blur=finding.blur,
        phash=finding.phash,
        expression=picture.expression,
        label_origin=picture.label_origin,
        character=picture.character,
        state="rejected" if finding.reason else "kept",
        reason=finding.reason,
    )


def _store(crop: bytes, path: Path) -> None:
    """Write a crop; one that is there in full has the same pixels.

    Raises:
        PictureError: the disk is full, the folder may not be written.
    """
    if not (path.is_file() and path.stat().st_size == len(crop)):
        write_whole(crop, path, PictureError, alone="faces")
