"""What tests of readers share."""

import tracemalloc

import pytest

from processors.readers.sieve import Sieve


@pytest.fixture
def write(tmp_path):
    """Writes a file, text as UTF-8; returns its path."""

    def write_one(content, name="data.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write_one


@pytest.fixture
def good():
    """All rows of a file; fails at a bad one."""
    return lambda rows: list(Sieve().sift(rows, lambda row: row))


@pytest.fixture
def peak_of():
    """What a function returns, and the most bytes it held meanwhile."""

    def measure(function):
        tracemalloc.start()
        try:
            return function(), tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    return measure
