"""Every command, one module per room: short bodies, heavy imports inside. Nothing else prints or exits."""

from kaogae.cli import (
    atelier,
    collect,
    collect_files,
    dataset,
    evaluate,
    evaluate_identity,
    evaluate_judge,
    evaluate_panel,
    export,
    faces,
    label,
    label_serve,
    status,
    train,
    transfer,
    upscale,
    weights,
)
from kaogae.cli.application import app, main

__all__ = [
    "app",
    "atelier",
    "collect",
    "collect_files",
    "dataset",
    "evaluate",
    "evaluate_identity",
    "evaluate_judge",
    "evaluate_panel",
    "export",
    "faces",
    "label",
    "label_serve",
    "main",
    "status",
    "train",
    "transfer",
    "upscale",
    "weights",
]
