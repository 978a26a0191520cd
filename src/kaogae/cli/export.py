"""`kaogae export`."""

from pathlib import Path

import typer

from kaogae.cli.application import WORKSPACE, app, out


@app.command()
def export(
    run: Path = typer.Argument(..., metavar="RUN", help="Name or folder of a run, or a checkpoint."),
    kind: str = typer.Option("onnx", "--to", help="onnx or safetensors."),
    output: Path | None = typer.Option(
        None, "--out", "-o", help="The file; default: RUN.onnx or RUN.safetensors."
    ),
    half: bool = typer.Option(True, "--half/--full", help="Store the weights of an ONNX file as float16."),
    workspace: Path = WORKSPACE,
) -> None:
    """Write the generator of a run as a file, checked against PyTorch."""
    from kaogae.train import export_run

    place = run if run.exists() else workspace / "runs" / run
    target = output or Path(f"{place.name if place.is_dir() else place.stem}.{kind}")
    report = export_run(place, kind, target, half=half)
    out.print(
        f"{target}: {report.bytes / 1e6:.1f} MB, at most {report.difference:.5f} from PyTorch",
        soft_wrap=True,
        highlight=False,
    )
