"""What a trained run brings along for those who evaluate it or predict with it."""

from __future__ import annotations

import enum
import logging
import typing
from collections.abc import Mapping, Set
from typing import Any

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import SettingsError
from runtime.settings import flags_of
from runtime.training.run_settings import RunSettings

_FILE = ("_file", "_dir")  # how the flags end that name files

_log = logging.getLogger(__name__)


def state_of(path: str | None) -> dict[str, Any]:
    """The state of the checkpoint that a path means; empty where it means none of ours.

    Args:
        path: A run's output directory, or a `step-*` folder.
    """
    folder = checkpoints.meant_by(path) if path else None
    return {} if folder is None else checkpoints.read_state(folder)


def fill(
    kind: type[RunSettings], values: Mapping[str, Any], *, given: Set[str]
) -> dict[str, Any]:
    """Takes what nobody has said of an evaluation from the run that is evaluated.

    Args:
        kind: The settings to be made.
        values: Their fields.
        given: Flags that the command line gave: they stay.

    Returns:
        The fields; those of a run that trains as they were.

    Raises:
        SettingsError: A file that the run was given is no longer there.
    """
    if values["do_train"]:
        return dict(values)
    run, carried = _carried(values["output_dir"], values.get("init_checkpoint"))
    fields, types = flags_of(kind), typing.get_type_hints(kind)
    taken = {
        flag: carried[flag]
        for group in kind.CARRIED
        for flag in group.flags
        if flag in carried and flag not in given and given.isdisjoint(group.unless)
    }
    changed = {
        flag: found
        for flag, value in taken.items()
        if (found := _parsed(value, types[fields[flag].name])) != fields[flag].default
    }
    _refuse_moved(changed, run=run)
    if changed:
        flags = " ".join(f"--{flag}={_text(value)}" for flag, value in changed.items())
        _log.info("Of the run in %s: %s", run, flags)
    return {**values, **{fields[flag].name: value for flag, value in changed.items()}}


def _carried(*paths: str | None) -> tuple[str, dict[str, Any]]:
    """The first of some runs, and what it brings along."""
    for path in paths:
        if path and (state := state_of(path)):
            return path, state.get("settings", {})
    return "", {}


def _parsed(value: Any, kind: Any) -> Any:
    """A flag's value as its field has it, of one from a JSON file."""
    for part in typing.get_args(kind) or (kind,):
        if isinstance(part, enum.EnumType) and value is not None:
            return part(value)
    return tuple(value) if isinstance(value, list) else value


def _text(value: Any) -> str:
    return str(value.value if isinstance(value, enum.Enum) else value)


def _refuse_moved(values: Mapping[str, Any], *, run: str) -> None:
    missing = [
        f"The run in {run} was trained with --{flag}={path}, which is no longer there:"
        f" give --{flag} with where it lies now."
        for flag, path in values.items()
        if flag.endswith(_FILE) and not storage.exists(path)
    ]
    if missing:
        raise SettingsError(*missing)
