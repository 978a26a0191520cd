"""Every error that a user can cause: one sentence that says what is wrong and what to do.

The library raises these; the command line prints the sentence and exits with code 2.
"""


class KaogaeError(Exception):
    """Base of all errors of Kaogae. `str(error)` is a whole sentence for a person."""


class UsageError(KaogaeError):
    """An argument that can't be: unknown expression, strength out of range, output equal to input."""


class PictureError(KaogaeError):
    """A picture that can't be read or written: damaged, too large, not a picture, no permission."""

    def __init__(self, sentence: str, reason: str = "damaged") -> None:
        """`reason`: the same in words that can be counted: no file, empty, not a picture, too large."""
        super().__init__(sentence)
        self.reason = reason


class NoFaceError(KaogaeError):
    """No face was found, or not the one that was asked for."""


class ModelError(KaogaeError):
    """A checkpoint or model file that is damaged, foreign, or of another version or vocabulary."""


class ConfigError(KaogaeError):
    """A preset or setting that doesn't hold together; all problems are in the one message."""


class ManifestError(KaogaeError):
    """A data set that can't be used: missing or changed files, unknown labels, paths that lead outside."""


class CatalogError(KaogaeError):
    """A catalogue that can't be used: newer than this version, locked, read-only, full disk, no server."""


class CollectError(KaogaeError):
    """A site, project or folder that pictures can't be collected from."""


class WeightsError(KaogaeError):
    """Weights that can't be fetched or aren't the ones that they should be."""


class HubError(KaogaeError):
    """A model on the Hub that can't be fetched or published."""


class LabelError(KaogaeError):
    """A campaign, invitation or file of votes that can't be made or used."""


class EvaluationError(KaogaeError):
    """An evaluation, judge or panel that can't be made, read or trusted."""


class WorkerError(KaogaeError):
    """Worker processes that die, or can't be started."""
