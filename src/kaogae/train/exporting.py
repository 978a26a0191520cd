"""From a run to a file for others: ONNX, or the checkpoint itself."""

from pathlib import Path

import numpy as np
import torch

from kaogae.atelier.portrait import Portrait, sample_rig
from kaogae.errors import UsageError
from kaogae.expressions import EXPRESSIONS
from kaogae.images import to_network
from kaogae.stargan import load_checkpoint, save_checkpoint
from kaogae.stargan.export import ExportReport, export_onnx

KINDS = ("onnx", "safetensors")
CHECKED_FACES = 3
"""Drawn faces on which the ONNX file must give what PyTorch gives."""


def export_run(run: Path, kind: str, out: Path, *, half: bool = True) -> ExportReport:
    """Write the generator of a run.

    Args:
        run: a run's folder, or a checkpoint.
        kind: one of `KINDS`.
        half: for ONNX, store the large weights as float16.

    Raises:
        UsageError: unknown kind, or `out` is the checkpoint itself.
        ModelError: there is no checkpoint, it is damaged, or the ONNX file differs from PyTorch.
    """
    if kind not in KINDS:
        raise UsageError(f"A generator is exported as {' or '.join(KINDS)}, not as '{kind}'.")
    checkpoint = run / "generator.safetensors" if run.is_dir() else run
    if out.resolve() == checkpoint.resolve():
        raise UsageError(f"{out} is the checkpoint itself: choose another file with --out.")
    generator, header = load_checkpoint(checkpoint)
    if kind == "onnx":
        return export_onnx(generator, header, out, _faces(header.image_size), half=half)
    save_checkpoint(out, generator, header)
    return ExportReport(out.stat().st_size, 0.0)


def _faces(size: int) -> torch.Tensor:
    """[CHECKED_FACES, 3, size, size] in [−1, 1]."""
    pictures = [
        Portrait.from_seed(seed).render(sample_rig(seed, EXPRESSIONS[seed], 1.0), size)
        for seed in range(CHECKED_FACES)
    ]
    return torch.from_numpy(to_network(np.stack(pictures)))
