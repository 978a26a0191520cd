import errno
import os

import pytest

from kaogae.errors import ManifestError, ModelError
from kaogae.files import beside, write_whole


def test_the_file_and_its_folder_are_there_and_nothing_else(tmp_path):
    path = tmp_path / "new" / "folder" / "file"
    write_whole(b"first", path, ModelError)
    write_whole(b"second", path, ModelError)
    assert path.read_bytes() == b"second"
    assert list(path.parent.iterdir()) == [path]


def test_a_write_that_fails_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_whole(b"before", path, ModelError)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ModelError, match=r"file can't be written: No space left on device\.$"):
        write_whole(b"after", path, ModelError)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["x" * 300, "folder", "file/below"])
def test_a_place_that_cannot_be_is_the_callers_error(tmp_path, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ManifestError, match="can't be written"):
        write_whole(b"", tmp_path / name, ManifestError)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_what_was_not_renamed_is_gone_after_the_block(tmp_path):
    def stop() -> None:
        with beside(tmp_path / "file", ModelError) as draft:
            draft.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert list(tmp_path.iterdir()) == []
