"""`kaogae export`."""

import hashlib
from pathlib import Path
from typing import Any

import typer

from kaogae.cli.application import WORKSPACE, app, err, found, out, plain
from kaogae.errors import EvaluationError, HubError, UsageError


@app.command()
def export(
    run: str = typer.Argument(
        ..., metavar="RUN", help="Name or folder of a run, a checkpoint, or hf://OWNER/NAME."
    ),
    kind: str = typer.Option("onnx", "--to", help="onnx, safetensors, torchscript or hub."),
    output: Path | None = typer.Option(
        None, "--out", "-o", help="The file, for hub a new folder; default: named after RUN."
    ),
    half: bool = typer.Option(True, "--half/--full", help="Store the weights of an ONNX file as float16."),
    push: str | None = typer.Option(
        None, "--push", metavar="OWNER/NAME", help="With --to hub: publish the folder on the Hub."
    ),
    private: bool = typer.Option(False, "--private", help="With --push: for nobody but the owner."),
    workspace: Path = WORKSPACE,
) -> None:
    """Write the generator of a run for others, checked against PyTorch on 32 faces."""
    from kaogae import hub

    if push is not None and kind != "hub":
        raise UsageError("--push publishes a whole folder: add --to hub.")
    if private and push is None:
        raise UsageError("--private is for what is published: add --push OWNER/NAME.")
    if push is not None:
        hub.check_push(push)
    from kaogae.train.exporting import CHECKPOINT, ENDINGS, export_run

    if hub.is_address(run):
        address = hub.parse_address(run)
        place, name = hub.fetch(address, CHECKPOINT), address.name
    else:
        place = found(run, workspace / "runs", CHECKPOINT)
        name = place.resolve().name if place.is_dir() else place.stem
    target = output or Path(f"{name}{ENDINGS.get(kind, '')}")
    checkpoint = place / CHECKPOINT if place.is_dir() else place
    evaluations = _evaluations(workspace / "evaluations" / name, checkpoint)
    report = export_run(place, kind, target, half=half, name=name, repo=push, evaluations=evaluations)
    lines = [f"{target}: {report.bytes / 1e6:.1f} MB, at most {report.difference:.5f} from PyTorch"]
    if evaluations:
        lines.append(f"with what was measured of it on {', '.join(evaluations)}")
    if kind == "hub":
        lines.append("files: " + ", ".join(sorted(path.name for path in target.iterdir())))
    for line in lines:
        out.print(line, soft_wrap=True, highlight=False, markup=False)
    if push is not None:
        try:
            page = hub.push(target, push, private=private)
        except HubError as error:
            raise HubError(
                f"{error} `hf upload {push} {target}` sends the folder once that is mended."
            ) from error
        out.print(f"published: {page}", soft_wrap=True, highlight=False, markup=False)


def _evaluations(folder: Path, checkpoint: Path) -> dict[str, Any]:
    """What was measured of exactly this checkpoint, by the inputs' name. One that is damaged is told and left
    out: the model is as good as before.
    """
    from kaogae.evaluate.snapshots import FILE, read_evaluation

    places = sorted(path.parent for path in folder.glob(f"[!.]*/{FILE}"))  # dots are what isn't finished
    if not places or not checkpoint.is_file():
        return {}
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    found: dict[str, Any] = {}
    for place in places:
        try:
            one = read_evaluation(place)
        except EvaluationError as error:
            err.print(plain(f"Left out: {error}"), soft_wrap=True, highlight=False, markup=False)
            continue
        if one.model.sha256 == digest and one.confusion is not None and one.judge is not None:
            matrix = one.confusion.counts.tolist()
            found[place.name] = {"matrix": matrix, "judge": one.judge.sha256, "summary": one.summary()}
    return found
