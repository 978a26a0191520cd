"""`kaogae faces`: the faces of every collected picture."""

import json
from contextlib import closing
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from kaogae.cli.application import CATALOG, WORKSPACE, app, out
from kaogae.cli.progress import watch
from kaogae.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from kaogae.faces import Detector
    from kaogae.faces.again import Forgotten
    from kaogae.faces.bulk import Engine, Tally


@app.command("faces")
def faces(
    detector: str = typer.Option("animeface", "--detector", help="animeface or lbpcascade."),
    cascade: Path | None = typer.Option(
        None, "--cascade", help="The lbpcascade's XML file; default: the one that kaogae weights fetched."
    ),
    confidence: float = typer.Option(0.80, "--confidence", help="Faces below are rejected."),
    most_faces: int = typer.Option(6, "--most-faces", help="Pictures with more are rejected whole."),
    least_side: float = typer.Option(
        64, "--least-side", help="Faces whose crop has a smaller side are rejected: picture pixels."
    ),
    blur: float = typer.Option(0.01, "--blur", help="Faces less sharp than this are rejected."),
    near_duplicate: int = typer.Option(
        8, "--near-duplicate", help="Bits of the perceptual hash that near-duplicates may differ in."
    ),
    engine: str = typer.Option("local", "--engine", help="local or ray."),
    address: str | None = typer.Option(
        None, "--address", help="The Ray cluster's head, host:port; default: this machine alone."
    ),
    workers: int | None = typer.Option(
        None, "--workers", help="Pictures looked at at once; default: one per processor."
    ),
    again: bool = typer.Option(
        False, "--again", help="Also all that earlier runs searched; not what people vote on, or shared."
    ),
    workspace: Path = WORKSPACE,
    catalog: str | None = CATALOG,
    as_json: bool = typer.Option(False, "--json", help="Print the counts for machines."),
) -> None:
    """Find, filter, cut and measure the faces of every picture that waits; mark near-duplicates among all."""
    from kaogae.catalog import Workspace
    from kaogae.faces.again import forget
    from kaogae.faces.bulk import search
    from kaogae.faces.duplicates import check_distance
    from kaogae.faces.marking import mark
    from kaogae.faces.study import Filters, Study

    check_distance(near_duplicate)
    import_module("imagehash")  # if it isn't here, that is said once, and isn't every picture's fault
    study = Study(workspace, _detector(detector, cascade), Filters(confidence, most_faces, least_side, blur))
    work = _engine(engine, address, workers)
    place = Workspace(workspace, catalog)
    with closing(place.existing()) as opened, opened.alone("faces"):
        forgotten = None
        if again:
            with watch("pictures to search again") as follow:
                forgotten = forget(place, opened, follow)
        with watch("faces") as follow:
            tally = search(place, opened, study, work, detector=detector, progress=follow)
        with watch("near-duplicates") as follow:
            duplicates = mark(place, opened, near_duplicate, follow)
    _report(tally, duplicates, forgotten, as_json)


def _detector(name: str, cascade: Path | None) -> "Callable[[float], Detector]":
    """What makes the detector; a wrong file is noticed here."""
    from functools import partial

    from kaogae.faces import AnimefaceDetector

    if name == "animeface":
        if cascade is not None:
            raise UsageError("A cascade is only for --detector lbpcascade.")
        return AnimefaceDetector
    if name != "lbpcascade":
        raise UsageError(f"There is no detector '{name}': choose animeface or lbpcascade.")
    from kaogae.faces.cascade import CascadeDetector

    if cascade is None:
        from kaogae.weights import find

        cascade = find("lbpcascade")
    CascadeDetector(cascade)
    return partial(CascadeDetector, cascade.resolve())


def _engine(name: str, address: str | None, workers: int | None) -> "Engine":
    from kaogae.faces.engines import Local, OnRay

    if workers is not None and workers < 1:
        raise UsageError(f"At least one worker is needed, not {workers}.")
    if name == "ray":
        return OnRay(address, workers)
    if name != "local":
        raise UsageError(f"There is no engine '{name}': choose local or ray.")
    if address is not None:
        raise UsageError("An address is only for --engine ray.")
    return Local(workers)


def _report(tally: "Tally", duplicates: int, forgotten: "Forgotten | None", as_json: bool) -> None:
    """Print the counts; leaves with code 1 if pictures couldn't be looked at."""
    counts: dict[str, Any] = {
        "pictures": {"searched": tally.searched, "rejected": dict(tally.pictures), "failed": tally.failed},
        "faces": {"kept": tally.kept, "rejected": dict(tally.faces)},
        "near_duplicates": duplicates,
    }
    if forgotten:
        counts["again"] = asdict(forgotten)
    if as_json:
        out.print_json(json.dumps(counts))
    else:
        if forgotten:
            out.print(f"pictures that wait again: {forgotten.pictures}")
            for count, why in (
                (forgotten.voted, "with votes, or in a campaign"),
                (forgotten.restored, "from a shared manifest"),
                (forgotten.missing, "their files aren't there"),
            ):
                if count:
                    out.print(f"pictures left as they are: {count} ({why})")
        out.print(f"pictures: {tally.searched}, faces kept: {tally.kept}")
        for what, rejected in (("picture", tally.pictures), ("face", tally.faces)):
            for reason, count in rejected.most_common():
                out.print(f"{what}s rejected: {count} ({reason})", markup=False, soft_wrap=True)
        out.print(f"near-duplicates in the whole set: {duplicates}")
    if tally.failed:
        raise typer.Exit(1)
