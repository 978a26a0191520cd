"""The catalogue: every picture, face, vote and rejection, in SQLite or PostgreSQL."""

from kaogae.catalog.catalog import Catalog, open_catalog
from kaogae.catalog.models import (
    Annotator,
    Assignment,
    Campaign,
    Contribution,
    Face,
    Item,
    Membership,
    Picture,
    SignIn,
    Vote,
)
from kaogae.catalog.types import storable
from kaogae.catalog.workspace import Workspace

__all__ = [
    "Annotator",
    "Assignment",
    "Campaign",
    "Catalog",
    "Contribution",
    "Face",
    "Item",
    "Membership",
    "Picture",
    "SignIn",
    "Vote",
    "Workspace",
    "open_catalog",
    "storable",
]
