"""Models on the Hugging Face Hub: `hf://owner/name[@revision]` comes into its cache, a folder goes there.

The token is the library's own affair: HF_TOKEN or `hf auth login`. So are the server (HF_ENDPOINT), the cache
(HF_HOME) and working without a network (HF_HUB_OFFLINE). Nothing here needs torch.
"""

import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from kaogae import __version__
from kaogae.errors import HubError, UsageError

PREFIX = "hf://"
MODEL_BYTES = 512 * 2**20
"""Most bytes of a file that is fetched, as of a model that is read."""

_PART = r"[A-Za-z0-9](?:[\w.-]{0,94}[A-Za-z0-9_])?"
_REPO = re.compile(rf"{_PART}/{_PART}", re.ASCII)
_REVISION = re.compile(r"[A-Za-z0-9][\w./-]{0,199}", re.ASCII)


@dataclass(frozen=True)
class Address:
    """A model on the Hub."""

    repo: str
    """owner/name."""
    revision: str | None = None
    """Branch, tag or commit; None for the newest."""

    @property
    def name(self) -> str:
        return self.repo.partition("/")[2]

    def __str__(self) -> str:
        return f"{PREFIX}{self.repo}" + (f"@{self.revision}" if self.revision else "")


def is_address(text: str) -> bool:
    """Whether `text` names a model on the Hub and not a file."""
    return text.startswith(PREFIX)


def parse_address(text: str) -> Address:
    """`hf://owner/name` or `hf://owner/name@revision`.

    Raises:
        UsageError: it is neither.
    """
    repo, sign, revision = text.removeprefix(PREFIX).partition("@")
    if not is_address(text) or (sign and not (_REVISION.fullmatch(revision) and _is_plain(revision))):
        raise UsageError(f"'{text}' isn't an address of a model: write {PREFIX}owner/name[@revision].")
    return Address(check_repo(repo), revision or None)


def check_repo(text: str) -> str:
    """`text` if it is owner/name.

    Raises:
        UsageError: it isn't.
    """
    if not _REPO.fullmatch(text) or not _is_plain(text) or "--" in text or text.endswith(".git"):
        raise UsageError(
            f"'{text}' isn't the name of a model on the Hub: write owner/name, in letters, digits, - and _."
        )
    return text


def _is_plain(text: str) -> bool:
    """Nothing in it leads to another folder of the cache, or of the server."""
    return ".." not in text and "//" not in text and not text.endswith((".lock", "/", "."))


def fetch(address: Address, file: str) -> Path:
    """The file called `file` of a model: in the Hub's cache, fetched if it isn't there or has changed.

    Without a network it is the one that the cache has.

    Raises:
        HubError: no such model, revision or file, no permission, no network, too large, or no room for it.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download, hf_hub_url

    with _explained(f"{file} of {address} can't be had"):
        if constants.HF_HUB_OFFLINE:
            return _cached(address, file) or _refuse("HF_HUB_OFFLINE is set, and it isn't in the cache")
        url = hf_hub_url(address.repo, file, revision=address.revision)
        try:
            size = get_hf_file_metadata(url, library_name="kaogae", library_version=__version__).size
        except Exception as error:
            known = None if _is_final(error) else _cached(address, file)
            if known is None:
                raise
            return known
        if size is None or size > MODEL_BYTES:
            _refuse(f"it has {size or 'an unknown number of'} bytes, and a model at most {MODEL_BYTES:,}")
        path = hf_hub_download(
            address.repo,
            file,
            revision=address.revision,
            library_name="kaogae",
            library_version=__version__,
            tqdm_class=_meter(),
        )
        return Path(path)


def check_push(repo: str) -> None:
    """See whether somebody may be about to push to `repo`, before long work for it begins.

    Raises:
        UsageError: `repo` isn't owner/name.
        HubError: nobody is signed in, or working offline was asked for.
    """
    from huggingface_hub import constants, get_token

    check_repo(repo)
    if constants.HF_HUB_OFFLINE:
        raise HubError(f"{repo} can't be pushed: HF_HUB_OFFLINE is set.")
    if get_token() is None:
        raise HubError(f"{repo} can't be pushed: run `hf auth login` or set HF_TOKEN, to be somebody there.")


def push(folder: Path, repo: str, *, private: bool = False) -> str:
    """Publish the files in `folder` as one commit; the model is made if it isn't there.

    Args:
        repo: owner/name.
        private: for nobody but the owner. A model that is there and public is refused then.

    Returns:
        Its address on the web.

    Raises:
        UsageError, HubError: as `check_push`, or the server doesn't take it.
    """
    from huggingface_hub import CommitOperationAdd, HfApi

    check_push(repo)
    api = HfApi(library_name="kaogae", library_version=__version__)
    files = sorted(path for path in folder.iterdir() if path.is_file())
    with _explained(f"{repo} can't be pushed"):
        api.create_repo(repo, private=private or None, exist_ok=True)
        if private and not api.model_info(repo).private:
            _refuse("it is there already, and public: leave --private out, or take another name")
        additions = [CommitOperationAdd(path.name, path) for path in files]
        api.create_commit(repo, additions, commit_message=f"Published with Kaogae {__version__}")
    return f"{api.endpoint}/{repo}"


def _cached(address: Address, file: str) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(address.repo, file, revision=address.revision)
    return Path(found) if isinstance(found, str) else None


def _meter() -> Any:
    """The library's progress bar, which also sees to it that a server sends no more than it said."""
    from huggingface_hub.utils import tqdm

    class Meter(tqdm):  # pyright: ignore[reportMissingTypeArgument, reportUntypedBaseClass]
        received = 0

        def update(self, n: float | None = 1) -> bool | None:
            self.received += n or 0
            if self.received > MODEL_BYTES:
                _refuse(f"the server sends more than {MODEL_BYTES:,} bytes, as no model has")
            return super().update(n)

    return Meter


class _RefusedError(Exception):
    """Why we don't take it."""


def _refuse(reason: str) -> NoReturn:
    raise _RefusedError(reason)


@contextmanager
def _explained(what: str) -> Generator[None]:
    """Errors of the library in the block become one sentence that begins with `what`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about little room on the disk: what is wrong is raised
        try:
            yield
        except Exception as error:  # those of its network library have no public name
            raise HubError(f"{what}: {_why(error)}.") from error


def _is_final(error: Exception) -> bool:
    """Whether the server said no, so that what the cache has isn't meant any more."""
    from huggingface_hub import errors

    return isinstance(
        error, errors.RepositoryNotFoundError | errors.RevisionNotFoundError | errors.EntryNotFoundError
    )


def _why(error: BaseException) -> str:
    """What happened and what to do: the library's own words fill a screen."""
    from huggingface_hub import constants, errors

    answer = getattr(error, "response", None)
    if isinstance(error, _RefusedError):
        return str(error)
    if isinstance(error, errors.GatedRepoError):
        return "its owner gives it to those who ask: do so on its page, then run `hf auth login`"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "there is no such model, or it is private: check the name, or run `hf auth login`"
    if isinstance(error, errors.RevisionNotFoundError):
        return "there is no such revision: name a branch, a tag or a commit of it"
    if isinstance(error, errors.RemoteEntryNotFoundError):
        return "there is no such file in it, so it isn't a model of Kaogae's"
    if isinstance(error, errors.FileMetadataError):
        return f"{constants.ENDPOINT} doesn't answer as the Hub does: look at HF_ENDPOINT and at your proxy"
    if answer is not None:
        status = answer.status_code
        rights = ": your token doesn't allow it, or is of another account" if status in (401, 403) else ""
        return f"{constants.ENDPOINT} answers {status}{rights}"
    if isinstance(error, OSError) and error.errno and error.strerror:
        return f"{error.strerror} ({error.filename or 'the cache'})"
    if error.__cause__ is not None and not isinstance(error, _network_errors()):
        return _why(error.__cause__)
    if isinstance(error, _network_errors()):
        return f"no connection to {constants.ENDPOINT}"
    return f"{type(error).__name__}: {(str(error).splitlines() or [''])[0][:160]}"


def _network_errors() -> tuple[type[BaseException], ...]:
    """Of the network library that this version of the Hub's library uses."""
    from huggingface_hub import errors

    return tuple(base for base in errors.HfHubHTTPError.__mro__ if base.__name__ == "HTTPError")
