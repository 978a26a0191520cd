"""The workspace: one folder with everything that the stages make."""

from dataclasses import dataclass
from pathlib import Path

from kaogae.catalog.catalog import Catalog, open_catalog
from kaogae.errors import UsageError


@dataclass(frozen=True)
class Workspace:
    """Where things lie. Folders are made by whoever writes into them."""

    folder: Path
    catalog_url: str | None = None
    """A database of its own; None: catalog.db in the workspace."""

    @property
    def pictures(self) -> Path:
        """Collected pictures: pictures/<site>/<first two letters>/<SHA-256>.<ending>."""
        return self.folder / "pictures"

    @property
    def faces(self) -> Path:
        """Aligned crops: faces/<first two letters>/<hash of the pixels>.png."""
        return self.folder / "faces"

    @property
    def sets(self) -> Path:
        """Frozen sets."""
        return self.folder / "sets"

    def open(self) -> Catalog:
        """The workspace's catalogue; errors as in `open_catalog`."""
        return open_catalog(self.catalog_url or self.folder / "catalog.db")

    def existing(self, advice: str = "collect pictures first (`kaogae collect`)") -> Catalog:
        """The same, for those who only work on what is there: none is made.

        Raises:
            UsageError: there is none: ends with `advice`.
        """
        if self.catalog_url is None and not (self.folder / "catalog.db").is_file():
            raise UsageError(f"There is no catalogue in {self.folder}: {advice}.")
        return self.open()
