"""Files that others published and that Kaogae doesn't bring along: fetched once, checked, kept for this user.

Nothing here needs torch: what only a network can tell about a file, the command line asks its room.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, cast

from kaogae.errors import UsageError, WeightsError

WEIGHTS_BYTES = 32 * 2**20
"""Most bytes of a file that is fetched, unless it is known to be larger."""

FOLDER = "KAOGAE_WEIGHTS"
"""The environment variable that names another folder than the user's cache."""

TIMEOUT = 30.0
"""Seconds that a server may be silent."""

LONGEST = 1800.0
"""Seconds that a download may take."""


@dataclass(frozen=True)
class Weights:
    """One published file."""

    name: str
    file: str
    url: str
    sha256: str | None
    """None: nobody published it. It is then what came first, and has to stay the same."""
    about: str
    """What it is, by whom, under which licence."""
    limit: int = WEIGHTS_BYTES
    """Most bytes that are read of it."""


WEIGHTS = (
    Weights(
        "carn-m",
        "carn_m.pth",
        "https://github.com/nmhkahn/CARN-pytorch/raw/master/checkpoint/carn_m.pth",
        "d48a759a84509351facb6b7c6d5bd6edec98b98519b8c464ee4ab44d2ba964ff",
        "CARN-M, 414,811 parameters; Namhyuk Ahn, MIT",
    ),
    Weights(
        "carn",
        "carn.pth",
        "https://github.com/nmhkahn/CARN-pytorch/raw/master/checkpoint/carn.pth",
        None,
        "CARN; Namhyuk Ahn, MIT",
    ),
    Weights(
        "lbpcascade",
        "lbpcascade_animeface.xml",
        "https://raw.githubusercontent.com/nagadomi/lbpcascade_animeface/master/lbpcascade_animeface.xml",
        "9376d30ac38db6bda2a68b88b3b76bbd7e6aa33af47f7f5c76bc88ca75f1ce30",
        "boxes of anime faces; nagadomi, MIT",
    ),
    Weights(
        "inception",
        "weights-inception-2015-12-05-6726825d.pth",
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        "FID's Inception network, 91 MiB; Google's of 2015, converted by Anton Obukhov, Apache 2.0",
        limit=96 * 2**20,
    ),
)


@dataclass(frozen=True)
class Place:
    """Where one of the files lies, or would lie."""

    weights: Weights
    path: Path
    state: str
    """there, missing, or damaged: another checksum than it should have."""
    sha256: str | None
    """Of the file that is there."""


class _Writes(Protocol):
    def write(self, data: bytes, /) -> int: ...
    def flush(self) -> None: ...


def folder() -> Path:
    """Where the files are kept: `KAOGAE_WEIGHTS`, or this user's cache."""
    own = os.environ.get(FOLDER)
    if own:
        return Path(own)
    import pooch

    return Path(pooch.os_cache("kaogae"))


def named(name: str) -> Weights:
    """What is known about the file called `name`.

    Raises:
        UsageError: no such file.
    """
    for weights in WEIGHTS:
        if weights.name == name:
            return weights
    known = ", ".join(weights.name for weights in WEIGHTS)
    raise UsageError(f"There are no weights called '{name}': choose one of {known}.")


def find(name: str) -> Path:
    """The file called `name`, checked against its checksum.

    Raises:
        UsageError: no such name.
        WeightsError: it wasn't fetched yet, or it is damaged.
    """
    place = look(named(name))
    if place.state == "missing":
        raise WeightsError(f"The file {place.path.name} isn't there yet: run `kaogae weights fetch {name}`.")
    if place.state == "damaged":
        raise WeightsError(
            f"{place.path} isn't the file that it should be (SHA-256 {place.sha256}): delete it and run"
            f" `kaogae weights fetch {name}`."
        )
    return place.path


def look(weights: Weights) -> Place:
    """Whether the file is there and whole.

    Raises:
        WeightsError: it can't be read.
    """
    path = folder() / weights.file
    if not path.is_file():
        return Place(weights, path, "missing", None)
    found = hashlib.sha256(read(path, weights.limit)).hexdigest()
    wanted = _wanted(weights, path.parent)
    return Place(weights, path, "there" if wanted in (None, found) else "damaged", found)


def fetch(
    name: str,
    *,
    source: Path | None = None,
    url: str | None = None,
    check: Callable[[Path], object] | None = None,
) -> Place:
    """Bring the file called `name` into the folder, whole and checked, or leave everything as it was.

    Args:
        source: a file that somebody brought by hand; None downloads it.
        url: another place to download it from.
        check: looks at the file before it is kept, and raises if it is no good.

    Raises:
        UsageError: no such name; both `source` and `url`; an address that isn't http or https.
        WeightsError: no network, nothing at the address, another checksum, too large, or it can't be written.
        Whatever `check` raises.
    """
    weights = named(name)
    if source is not None and url is not None:
        raise UsageError("A file comes from a folder or from an address: give --from or --url, not both.")
    if source is None and url is None and look(weights).state == "there":
        return look(weights)
    path = folder() / weights.file
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".fetching-", dir=path.parent) as drafts:
            draft = Path(drafts) / weights.file
            if source is None:
                _download(weights, url or weights.url, draft)
            else:
                draft.write_bytes(read(source, weights.limit))
            _keep(weights, draft, path, source or url or weights.url, check)
    except OSError as error:
        raise WeightsError(
            f"{error.filename or path} can't be used ({error.strerror or error}): make room, or set {FOLDER}"
            " to a folder that can be written."
        ) from error
    return look(weights)


def _keep(
    weights: Weights,
    draft: Path,
    path: Path,
    origin: object,
    check: Callable[[Path], object] | None,
) -> None:
    found = hashlib.sha256(read(draft, weights.limit)).hexdigest()
    wanted = _wanted(weights, path.parent)
    if wanted not in (None, found):
        raise WeightsError(
            f"What came from {origin} isn't {weights.file}: its SHA-256 is {found}, not {wanted}; try again,"
            f" or bring the right file with {_by_hand(weights)}."
        )
    if check is not None:
        try:
            check(draft)
        except WeightsError as error:  # a person knows where it came from, not where it lies meanwhile
            raise WeightsError(str(error).replace(str(draft), str(origin))) from error
    if wanted is None:  # whoever comes first says what it is from now on
        pin = draft.with_name("pin")
        pin.write_text(found + "\n", "ascii")
        pin.replace(_pin(weights, path.parent))
    draft.replace(path)


def _wanted(weights: Weights, place: Path) -> str | None:
    """The published checksum, or that of the first file that was accepted here; None before that."""
    if weights.sha256 is not None:
        return weights.sha256
    try:
        return _pin(weights, place).read_text("ascii").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise WeightsError(
            f"{_pin(weights, place)} can't be read: delete it and fetch {weights.name} again."
        ) from error


def _pin(weights: Weights, place: Path) -> Path:
    return place / f"{weights.file}.sha256"


def _by_hand(weights: Weights) -> str:
    return f"`kaogae weights fetch {weights.name} --from FILE`"


def _download(weights: Weights, url: str, draft: Path) -> None:
    """With pooch; half a file, the wrong file or none leaves nothing behind."""
    import pooch
    import requests

    if not url.startswith(("https://", "http://")):
        raise UsageError(f"'{url}' isn't an address that begins with https:// or http://.")
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(
            url,
            known_hash=None,
            fname=draft.name,
            path=draft.parent,
            downloader=cast(Any, partial(_download_bounded, weights.limit)),
        )
    except (requests.exceptions.RequestException, ValueError) as error:
        raise WeightsError(
            f"{weights.file} can't be fetched from {url} ({_why(error)}): try again later, or download it in"
            f" another way and bring it with {_by_hand(weights)}."
        ) from error


def _download_bounded(limit: int, url: str, output_file: Any, pooch: Any, **_: Any) -> None:
    from pooch import HTTPDownloader

    with Path(output_file).open("wb") as file:
        HTTPDownloader(timeout=TIMEOUT, chunk_size=2**10)(url, _Bounded(file, url, limit), pooch)


class _Bounded:
    """A file that takes no more than the weights have."""

    def __init__(self, file: _Writes, url: str, limit: int) -> None:
        self._file, self._url, self._limit, self._left = file, url, limit, limit
        self._until = time.monotonic() + LONGEST

    def write(self, data: bytes) -> int:
        """As a file's.

        Raises:
            WeightsError: it is too much, or takes too long.
        """
        self._left -= len(data)
        if self._left < 0:
            raise WeightsError(
                f"{self._url} sends more than {self._limit / 2**20:g} MiB, as these weights don't: give"
                " another."
            )
        if time.monotonic() > self._until:
            raise WeightsError(
                f"{self._url} takes more than {LONGEST:g} s: try again later, or give another."
            )
        return self._file.write(data)

    def flush(self) -> None:
        """As a file's."""
        self._file.flush()


def _why(error: Exception) -> str:
    """What happened, in a few words: libraries put whole addresses and objects into theirs."""
    import requests

    response = getattr(error, "response", None)
    if response is not None:
        return f"the server answers {response.status_code}"
    if isinstance(error, requests.exceptions.Timeout):
        return "the server is silent"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke in the middle"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "no connection"
    return type(error).__name__


def read(path: Path, limit: int) -> bytes:
    """A file's content, if it has at most `limit` bytes.

    Raises:
        WeightsError: it isn't a file, can't be read, or is too large.
    """
    if not path.is_file():
        raise WeightsError(f"{path} isn't there or isn't a file: give the file that was downloaded.")
    try:
        with path.open("rb") as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise WeightsError(f"{path} can't be read ({error.strerror}): make it readable.") from error
    if len(data) > limit:
        raise WeightsError(
            f"{path} is larger than {limit / 2**20:g} MiB, which these weights aren't: give another file."
        )
    return data
