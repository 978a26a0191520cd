"""From a run to files for others: ONNX, the checkpoint itself, TorchScript, or a folder for the Hub."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch

from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.dataset.drafts import drafting
from kaogae.errors import ManifestError, ModelError, UsageError
from kaogae.expressions import EXPRESSIONS
from kaogae.files import write_whole
from kaogae.images import to_network
from kaogae.stargan import Generator, Header, load_checkpoint
from kaogae.stargan.checking import TOLERANCE, ExportReport, Signature, check_same, running
from kaogae.stargan.checkpoint import pack, unpack
from kaogae.train.card import write_card
from kaogae.train.past import Past

Opened: TypeAlias = tuple[Generator, Header]

ENDINGS = {"onnx": ".onnx", "safetensors": ".safetensors", "torchscript": ".pt", "hub": "-hub"}
"""Of what each kind is called if nobody names it."""
KINDS = tuple(ENDINGS)
CHECKPOINT, MODEL, CARD = "generator.safetensors", "model.onnx", "README.md"
"""Names in the folder for the Hub."""
CHECKED_FACES = 32
"""Drawn faces on which what is exported must give what PyTorch gives."""


def export_run(
    run: Path,
    kind: str,
    out: Path,
    *,
    half: bool = True,
    name: str | None = None,
    repo: str | None = None,
    evaluations: Mapping[str, Any] | None = None,
) -> ExportReport:
    """Write the generator of a run, once it gives what PyTorch gives on `CHECKED_FACES` drawn faces.

    Args:
        run: a run's folder, or a checkpoint.
        kind: one of `KINDS`.
        out: the file; for the Hub a folder that isn't there yet.
        half: for ONNX, store the large weights as float16.
        name: what the card calls the model if `run` is a checkpoint; by default as the file.
        repo: owner/name of the model on the Hub, for its card.
        evaluations: what was measured of it, for its header and card, by the inputs' name: `matrix` [5, 6],
            `judge`, the hash of who saw it, and `summary`, numbers by name.

    Raises:
        UsageError: unknown kind, `out` is the checkpoint itself or a folder, or for the Hub is there already.
        ModelError: there is no checkpoint, it is damaged, what is exported differs from PyTorch, or the file
            can't be written.
    """
    if kind not in KINDS:
        raise UsageError(
            f"A generator is exported as {', '.join(KINDS[:-1])} or {KINDS[-1]}, not as '{kind}'."
        )
    checkpoint = run / CHECKPOINT if run.is_dir() else run
    if not checkpoint.is_file():
        state = "has no checkpoint yet" if run.is_dir() else "isn't there"
        raise ModelError(f"{run} {state}: name a run of this workspace, its folder, or a checkpoint.")
    if out.resolve() == checkpoint.resolve():
        raise UsageError(f"{out} is the checkpoint itself: choose another place with --out.")
    if kind == "hub":
        past = Past.read(run) if run.is_dir() else Past(name or run.stem)
        return _export_folder(_opened(checkpoint, evaluations), past, out, half=half, repo=repo)
    if out.is_dir():
        raise UsageError(f"{out} is a folder: name a file with --out.")
    return _export(kind, _opened(checkpoint, evaluations), out, half=half)


def export_checkpoint(generator: Generator, header: Header, path: Path, faces: torch.Tensor) -> ExportReport:
    """Write a checkpoint that was read back first: strictly, to the same bytes and the same pictures.

    Args:
        faces: pictures [N, 3, S, S] in [−1, 1].

    Raises:
        ModelError: it isn't the same, or it can't be written.
    """
    data = pack(generator, header)
    again, header_again = unpack(data, str(path))
    if pack(again, header_again) != data:
        raise ModelError("The checkpoint isn't the same when it is read back, so it wasn't written.")
    run = running(Signature(again).eval())
    difference = check_same(run, generator, faces, TOLERANCE["safetensors"])
    write_whole(data, path, ModelError)
    return ExportReport(len(data), difference)


@cache
def drawn_faces(size: int) -> torch.Tensor:
    """[CHECKED_FACES, 3, size, size] in [−1, 1]: characters that no run learns from, every expression."""
    rigs = [sample_rig(seed, EXPRESSIONS[seed % len(EXPRESSIONS)], 1.0) for seed in range(CHECKED_FACES)]
    pictures = [Portrait.from_seed(seed).render(rig, size) for seed, rig in enumerate(rigs)]
    return torch.from_numpy(to_network(np.stack(pictures)))


def _opened(checkpoint: Path, evaluations: Mapping[str, Any] | None) -> Opened:
    generator, header = load_checkpoint(checkpoint)
    if evaluations:
        header = replace(header, metrics=header.metrics | {"evaluations": dict(evaluations)})
    return generator, header


def _export(kind: str, opened: Opened, out: Path, *, half: bool) -> ExportReport:
    generator, header = opened
    faces = drawn_faces(header.image_size)
    match kind:
        case "onnx":
            from kaogae.stargan.export import export_onnx

            return export_onnx(generator, header, out, faces, half=half)
        case "torchscript":
            from kaogae.stargan.torchscript import export_torchscript

            return export_torchscript(generator, header, out, faces)
        case _:
            return export_checkpoint(generator, header, out, faces)


def _export_folder(opened: Opened, past: Past, out: Path, *, half: bool, repo: str | None) -> ExportReport:
    """All that belongs to a published model, but no faces that the data's licences don't let anybody show."""
    try:
        with drafting(out, f"The folder {out}") as draft:
            try:
                difference = _fill(draft, opened, past, half=half, repo=repo)
            except ModelError as error:  # a person knows where it should go, not where it lies meanwhile
                raise ModelError(str(error).replace(str(draft), str(out))) from error
            size = sum(path.stat().st_size for path in draft.iterdir())
    except ManifestError as error:
        raise ModelError(str(error)) from error
    return ExportReport(size, difference)


def _fill(draft: Path, opened: Opened, past: Past, *, half: bool, repo: str | None) -> float:
    reports = [
        _export("safetensors", opened, draft / CHECKPOINT, half=half),
        _export("onnx", opened, draft / MODEL, half=half),
    ]
    pictures = {"losses.png": past.curves, "samples.png": past.samples if past.may_be_shown else None}
    for file, data in pictures.items():
        if data:
            write_whole(data, draft / file, ModelError)
    card = write_card(past, opened[1], repo=repo, files=[path.name for path in draft.iterdir()])
    write_whole(card.encode(), draft / CARD, ModelError)
    return max(report.difference for report in reports)
