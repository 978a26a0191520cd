"""Stage 5, dataset: freezes labelled faces into an immutable set with splits, and reads such a set."""

from kaogae.dataset.exports import ExportReport, export
from kaogae.dataset.faceset import FaceSet, load
from kaogae.dataset.freezing import FreezeReport, freeze
from kaogae.dataset.manifest import Face
from kaogae.dataset.sheet import contact_sheet
from kaogae.dataset.sources import RawFace, SourceFaces, read_source
from kaogae.dataset.splits import SPLITS, Shares

__all__ = [
    "SPLITS",
    "ExportReport",
    "Face",
    "FaceSet",
    "FreezeReport",
    "RawFace",
    "Shares",
    "SourceFaces",
    "contact_sheet",
    "export",
    "freeze",
    "load",
    "read_source",
]
