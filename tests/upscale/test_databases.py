"""The stage on both databases."""

from sqlalchemy import select

from kaogae.catalog import Face, Workspace
from kaogae.upscale import Bicubic, enhance


def test_the_stage_does_the_same_on_both_databases(catalog, tmp_path, add_face):
    workspace = Workspace(tmp_path / "data")
    for size in (40, 300, 40, 120):
        add_face(workspace, catalog, size)
    add_face(workspace, catalog, 40).unlink()
    report = enhance(workspace, catalog, Bicubic())
    assert (report.enhanced, report.large_enough, report.failed) == (3, 1, {"no file": 1})
    with catalog.reading() as session:
        found = list(session.scalars(select(Face.enhanced_by).order_by(Face.id)))
    assert found == ["none", "large enough", "none", "none", None]
    again = enhance(workspace, catalog, Bicubic(), below=100, again=True)
    assert (again.enhanced, again.large_enough, again.failed) == (2, 2, {"no file": 1})
