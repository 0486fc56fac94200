"""A folder for what long work has made so far: a stopped one goes on from there."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Iterator, Mapping
from typing import Any

from runtime import storage
from runtime.errors import DataError, SettingsError
from runtime.training import run_lock

_MADE_OF = "made_of.json"

_log = logging.getLogger(__name__)


@contextlib.contextmanager
def open_folder(folder: str, *, made_of: Mapping[str, Any]) -> Iterator[None]:
    """Opens the folder for one process at a time.

    When the block ends well the work is done and the folder goes; so it does when the
    work cannot be done. Else it stays.

    Args:
        folder: Where the parts are to lie; it is made. What was made of something else
            is deleted.
        made_of: What decides them, to be written as JSON.

    Yields:
        Nothing.

    Raises:
        StorageError: Another process is at work there: reason EXISTS.
        DataError: From the block.
        SettingsError: From the block.
    """
    try:
        with run_lock.hold(folder):
            about = json.dumps(made_of, indent=2, sort_keys=True) + "\n"
            _keep_only(folder, made_of=about)
            try:
                yield
            except (DataError, SettingsError):
                _clear(folder)
                raise
            _clear(folder)
    finally:
        if storage.is_dir(folder) and not storage.list_dir(folder):
            storage.delete_tree(folder)  # with what killed writes have left


def _keep_only(folder: str, *, made_of: str) -> None:
    """Throws parts away that were made of something else."""
    path = storage.join(folder, _MADE_OF)
    if storage.exists(path):
        if storage.read_text(path) == made_of:
            _log.info("Going on with what a stopped run has left in %s.", folder)
            return
        _log.info(
            "%s was left by a run with other settings, vocabulary or text: starting "
            "anew.",
            folder,
        )
    _clear(folder)
    storage.write_text(path, made_of)


def _clear(folder: str) -> None:
    """Deletes the parts, first what says that they can be used."""
    names = storage.list_dir(folder)
    for name in sorted(names, key=lambda name: (name != _MADE_OF, name)):
        if name != run_lock.LOCK_FILE:
            storage.delete(storage.join(folder, name))
