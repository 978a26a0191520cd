"""Stage 5, dataset: freezes labelled faces into an immutable set with splits, and reads such a set."""

from kaogae.dataset.faceset import Face, FaceSet, load
from kaogae.dataset.freezing import FreezeReport, freeze
from kaogae.dataset.sheet import contact_sheet
from kaogae.dataset.sources import RawFace, read_source
from kaogae.dataset.splits import SPLITS, Shares

__all__ = [
    "SPLITS",
    "Face",
    "FaceSet",
    "FreezeReport",
    "RawFace",
    "Shares",
    "contact_sheet",
    "freeze",
    "load",
    "read_source",
]
