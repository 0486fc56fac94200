"""Copies of MeCab's dictionaries that segment faster, made once a machine.

A copy lies in this user's cache, under a name made of all that it was made from. The
list of its files' checksums is written last: what has none, or another one, is not
used and made anew. Such folders can be deleted whenever no program runs.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import time
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import sha256

import fugashi
import numpy as np

from processors.tokenization import mecab_dictionary
from processors.tokenization.mecab_dictionary import ContextCounts, Dictionary
from runtime import storage
from runtime.errors import DataError, StorageError, StorageReason
from runtime.storage.base import Lock

_LOG = logging.getLogger(__name__)

# Changes with what is made of the same dictionary.
_FORMAT = "1"

_MADE = (mecab_dictionary.KNOWN, mecab_dictionary.UNKNOWN, mecab_dictionary.MATRIX)
_KEPT = ("char.bin", "dicrc")
_CHECKSUMS = "checksums.json"
_WAIT_SECONDS = 0.1  # until another process is asked for again

# Settings with which more than the words of the best path count, or more dictionaries.
_MORE = re.compile(
    r"^\s*(userdic|nbest|all-morphs|marginal|partial|lattice-level)\s*=", re.MULTILINE
)

# Contexts are counted in the lattices of these lines, in a tenth of a second. In their
# order MeCab is 1.42 times as fast as before, in that of how many words have them 1.22.
_TEXT = storage.join(
    storage.dirname(storage.dirname(__file__)), "data", "authors", "dev.tsv"
)
_LINES = 100
_ALL_NODES = '-O "" -B "" -E "" -a -F %phl,%phr, -U %phl,%phr,'


def find_or_make(folder: str, *, settings: str, cache: str | None = None) -> str:
    """Returns the folder of a dictionary that gives the same words faster.

    That is a copy, or where none can be made the dictionary as it is; the log says why.

    Args:
        folder: Of a compiled dictionary, which MeCab can open.
        settings: MeCab's file of settings, mecabrc.
        cache: Where copies are; by default below `~/.cache`.
    """
    try:
        for path in (storage.join(folder, "dicrc"), settings):
            _refuse_more(path)
        copy = storage.join(cache or storage.user_cache("mecab"), _key(folder))
        if not _is_whole(copy):
            with _alone(storage.join(copy, "lock")):
                if not _is_whole(copy):
                    _make(copy, folder=folder)
    except (DataError, StorageError) as error:
        _LOG.warning("MeCab goes on with its dictionary as it is: %s", error)
        return folder
    return copy


def hash_files(paths: Iterable[str]) -> str:
    """Returns the SHA-256 of files, one after the other."""
    digest = sha256()
    for path in paths:
        with storage.open_read(path) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _refuse_more(path: str) -> None:
    found = _MORE.search(storage.read_text(path, encoding="latin-1"))
    if found:
        raise DataError(f"sets {found[1]}, with which no copy is made", path=path)


@contextlib.contextmanager
def _alone(path: str) -> Iterator[None]:
    """Lets one process of this machine at a time do what the `with` block does.

    A copy takes hundreds of megabytes while it is made. Without locks all make it.

    Args:
        path: Of the lock.

    Raises:
        StorageError: There is no place for it.
    """
    lock: Lock | None = None
    while lock is None:
        try:
            lock = storage.lock(path, content=b"", is_dead=lambda _: False)
        except StorageError as error:
            if error.reason is StorageReason.UNSUPPORTED:
                break
            if error.reason is not StorageReason.EXISTS:
                raise
            time.sleep(_WAIT_SECONDS)
    try:
        yield
    finally:
        if lock is not None:
            lock.release()


def _key(folder: str) -> str:
    files = [storage.join(folder, name) for name in (*_MADE, *_KEPT)]
    return f"{hash_files([*files, _TEXT])}-{_FORMAT}"


def _is_whole(copy: str) -> bool:
    path = storage.join(copy, _CHECKSUMS)
    if not storage.exists(path):
        return False
    return storage.read_bytes(path) == _checksums(copy)


def _checksums(copy: str) -> bytes:
    """Returns the CRC32C of each file that is there; 70 MB take 20 ms."""
    paths = {name: storage.join(copy, name) for name in sorted(_MADE + _KEPT)}
    found = {
        name: storage.checksum(p) for name, p in paths.items() if storage.exists(p)
    }
    return json.dumps(found).encode()


def _make(copy: str, *, folder: str) -> None:
    start = time.monotonic()
    storage.make_dirs(copy)  # where that fails, it fails before the work
    storage.delete_abandoned(copy)
    whole = mecab_dictionary.read(folder)
    counts = _count_contexts(folder, sizes=whole.costs.shape)
    pruned = mecab_dictionary.prune(whole, counts=counts)
    mecab_dictionary.write(pruned, copy)
    for name in _KEPT:
        storage.copy(storage.join(folder, name), storage.join(copy, name))
    storage.write_bytes(storage.join(copy, _CHECKSUMS), _checksums(copy))
    _LOG.info(
        "Made a copy of MeCab's dictionary %s that segments faster, %s, in %.1f s: "
        "contexts %s, words %s.",
        folder,
        copy,
        time.monotonic() - start,
        *_changes(whole, pruned),
    )


def _changes(whole: Dictionary, pruned: Dictionary) -> tuple[str, str]:
    contexts = [" x ".join(map(str, each.costs.shape)) for each in (whole, pruned)]
    words = [str(len(each.known.words)) for each in (whole, pruned)]
    return " -> ".join(contexts), " -> ".join(words)


def _count_contexts(folder: str, *, sizes: tuple[int, ...]) -> ContextCounts:
    tagger = fugashi.GenericTagger(f'-d "{folder}" -r /dev/null {_ALL_NODES}')
    lines = unicodedata.normalize("NFKC", storage.read_text(_TEXT)).split("\n")
    nodes = "".join(map(tagger.parse, lines[:_LINES]))
    ids = np.fromstring(nodes, np.int64, sep=",").reshape(-1, 2)
    left, right = (
        np.bincount(ids[:, side], minlength=sizes[side]) for side in range(2)
    )
    return ContextCounts(left, right=right)
