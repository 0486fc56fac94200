import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest

from runtime.storage import scratch_file
from runtime.storage.scratch_file import ScratchFile


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder that TMPDIR names."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


# In a process of its own, whose files may not grow: the output of the tests may be one.
ON_A_FULL_DISK = """
import resource
from runtime.errors import StorageError
from runtime.storage.scratch_file import ScratchFile

resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
file = ScratchFile()
file.append(bytes(1000))
try:
    file.append(bytes(1))
except StorageError as error:
    print(error.reason.name, error)
"""


def place_of(file):
    return os.path.dirname(os.readlink(f"/proc/self/fd/{file._file.fileno()}"))


def test_what_was_added_is_there_and_cannot_be_changed(folder):
    file = ScratchFile()
    file.append(b"one")
    file.append(np.arange(3, dtype=np.uint8).data)
    found = file.map()
    assert bytes(found) == b"one\0\1\2"
    with pytest.raises(TypeError):
        found[0] = 1


def test_it_has_no_name_that_a_killed_process_could_leave(folder):
    file = ScratchFile()
    file.append(bytes(10_000))
    assert os.listdir(folder) == []
    assert place_of(file) == str(folder)


def test_what_is_mapped_outlives_the_file(folder):
    file = ScratchFile()
    file.append(b"kept")
    found = file.map()
    del file
    assert bytes(found) == b"kept"


def test_a_full_disk_is_named_with_what_to_do(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", ON_A_FULL_DISK],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("DISK_FULL Cannot hold data that are too large")
    assert f"in {tmp_path}: " in done.stdout
    assert "Let TMPDIR name" in done.stdout


def test_where_nobody_named_a_folder_it_is_the_one_for_large_files(
    folder, tmp_path_factory, monkeypatch
):
    large = tmp_path_factory.mktemp("large")
    monkeypatch.setattr(scratch_file, "_LARGE", str(large))
    assert place_of(ScratchFile()) == str(folder)
    monkeypatch.setattr(scratch_file, "_SMALL", str(folder))
    assert place_of(ScratchFile()) == str(large)
    monkeypatch.setattr(scratch_file, "_LARGE", f"{large}/missing")
    assert place_of(ScratchFile()) == str(folder)
