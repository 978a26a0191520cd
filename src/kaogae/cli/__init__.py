"""Every command, one module per room: short bodies, heavy imports inside. Nothing else prints or exits."""

from kaogae.cli import atelier, collect, dataset, train, transfer
from kaogae.cli.application import app, main

__all__ = ["app", "atelier", "collect", "dataset", "main", "train", "transfer"]
