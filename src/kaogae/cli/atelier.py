"""`kaogae atelier`."""

import json
from pathlib import Path

import typer

from kaogae.cli.application import app, err, out


@app.command()
def atelier(
    folder: Path = typer.Option(..., "--out", "-o", help="A new folder, or one that this command wrote."),
    characters: int = typer.Option(200, "--characters", help="Characters to draw, each in all expressions."),
    scenes: int = typer.Option(0, "--scenes", help="Whole illustrations to draw besides."),
    size: int = typer.Option(256, "--size", help="Side of the aligned faces in pixels."),
    seed: int = typer.Option(
        0, "--seed", help="The first character's seed; the same seed draws the same faces."
    ),
    intensity: tuple[float, float] = typer.Option(
        (0.6, 1.0), "--intensity", help="Least and most intensity of the expressions, 0 to 1."
    ),
    roughness: float = typer.Option(
        1.0, "--roughness", help="Light, grain, blur and noise: 0 none, 1 as in the wild."
    ),
    workers: int | None = typer.Option(None, "--workers", help="Processes; default: one per processor."),
    as_json: bool = typer.Option(False, "--json", help="Print a report for machines."),
) -> None:
    """Draw anime faces in every expression, with the truth about each in manifest.jsonl."""
    from rich.progress import Progress

    from kaogae.atelier.manifest import Order, contact_sheet, write_folder

    order = Order(size, intensity=intensity, roughness=roughness)
    with Progress(console=err, disable=as_json or not err.is_terminal) as bar:
        task = bar.add_task("drawing", total=characters + scenes)
        rows = write_folder(
            folder,
            order,
            characters,
            scenes,
            seed=seed,
            workers=workers,
            progress=lambda done: bar.update(task, completed=done),
        )
    sheet = contact_sheet(folder, rows)
    if as_json:
        print(json.dumps({"folder": str(folder), "faces": len(rows), "sheet": str(sheet)}))
    else:
        out.print(f"{len(rows)} faces in {folder}; look at {sheet}", soft_wrap=True)
