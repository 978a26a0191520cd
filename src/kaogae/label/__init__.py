"""Stage 3, label: people clean the labels of faces, and judge transfers blind, on their phones."""

from kaogae.label.campaigns import Begun, Settings, Wanted, find, new_clean, set_open
from kaogae.label.exporting import export, export_file
from kaogae.label.importing import Imported, import_votes
from kaogae.label.panels import PanelPicture, new_panel, read_transfers
from kaogae.label.relabelling import Relabelled, relabel
from kaogae.label.report import CampaignReport
from kaogae.label.verdicts import ANSWERS, decide

__all__ = [
    "ANSWERS",
    "Begun",
    "CampaignReport",
    "Imported",
    "PanelPicture",
    "Relabelled",
    "Settings",
    "Wanted",
    "decide",
    "export",
    "export_file",
    "find",
    "import_votes",
    "new_clean",
    "new_panel",
    "read_transfers",
    "relabel",
    "set_open",
]
