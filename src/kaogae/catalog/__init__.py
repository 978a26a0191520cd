"""The catalogue: every picture, face, vote and rejection, in SQLite or PostgreSQL."""

from kaogae.catalog.catalog import Catalog, open_catalog
from kaogae.catalog.models import Annotator, Campaign, Face, Picture, Vote
from kaogae.catalog.types import storable
from kaogae.catalog.workspace import Workspace

__all__ = [
    "Annotator",
    "Campaign",
    "Catalog",
    "Face",
    "Picture",
    "Vote",
    "Workspace",
    "open_catalog",
    "storable",
]
