"""WebDataset: tar files that a training program reads from front to back."""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import chain, groupby, islice
from pathlib import Path

from kaogae.dataset.manifest import Face

SHARD_SIZE = 1000
"""Faces per file, if nobody says otherwise."""


_Pair = tuple[Face, bytes]


def write_webdataset(contents: Iterable[_Pair], folder: Path, shard_size: int) -> None:
    """<split>-000000.tar and so on, `shard_size` faces each: <hash>.png, .cls (index), .json (all the rest).

    The order is that of the hashes, so the expressions are mixed. The files carry no time and no owner: the
    same set gives the same bytes.
    """
    for split, faces in groupby(contents, lambda pair: pair[0].split):
        for number, part in enumerate(_parts(faces, shard_size)):
            with tarfile.open(folder / f"{split}-{number:06}.tar", "w", format=tarfile.USTAR_FORMAT) as shard:
                for face, content in part:
                    _add_face(shard, face, content)


def _parts(faces: Iterator[_Pair], size: int) -> Iterator[Iterator[_Pair]]:
    """`faces` in parts of `size`, each to be used up before the next; none of them empty."""
    for first in faces:
        yield chain([first], islice(faces, size - 1))


def _add_face(shard: tarfile.TarFile, face: Face, content: bytes) -> None:
    key = face.sha256[:24]
    about = {name: value for name, value in asdict(face).items() if name != "file"}
    _add(shard, f"{key}.png", content)
    _add(shard, f"{key}.cls", str(face.expression.position).encode())
    _add(shard, f"{key}.json", json.dumps(about, ensure_ascii=False).encode())


def _add(shard: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)  # of its own accord: time 0, no owner, mode 0644
    member.size = len(content)
    shard.addfile(member, io.BytesIO(content))
