"""Stage 6, train: settings, drawn pairs, one update of each network, and a loop that can be stopped."""

from kaogae.train.config import TrainConfig
from kaogae.train.exporting import KINDS, export_run
from kaogae.train.loop import RunReport, Step, train
from kaogae.train.settings import PRESETS, load_settings

__all__ = ["KINDS", "PRESETS", "RunReport", "Step", "TrainConfig", "export_run", "load_settings", "train"]
