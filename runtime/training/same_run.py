"""Whether a run is the one whose checkpoints lie in its folder, and what differs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from runtime.errors import SettingsError


def plainly(name: str, there: Any, here: Any) -> str | None:
    """Says how two values differ; None where they are equal.

    Args:
        name: What they are values of.
        there: The recorded one.
        here: The one of now.
    """
    if there == here:
        return None
    return f"{name}: {_shown(there)} there, {_shown(here)} here."


def by_key(name: str, there: Any, here: Any) -> str | None:
    """Says in which of their keys two mappings differ."""
    if not isinstance(there, dict) or there == here:
        return plainly(name, there, here)
    parts = [
        f"{key} {_shown(there.get(key))} there, {_shown(here.get(key))} here"
        for key in sorted({*there, *here})
        if there.get(key) != here.get(key)
    ]
    return f"{name}: {'; '.join(parts)}."


@dataclasses.dataclass(frozen=True, kw_only=True)
class Trait:
    """Something that a run has in common with the checkpoints it goes on from.

    Attributes:
        name: Under which it is recorded.
        value: A JSON value.
        accept: The flag whose name in --accept_changed lets another value pass; None
            where checkpoints of another value do not fit.
        differ: Says how the name's recorded value and this one differ; None where the
            run is the same.
    """

    name: str
    value: Any
    accept: str | None = None
    differ: Callable[[str, Any, Any], str | None] = plainly

    def difference(self, recorded: Mapping[str, Any]) -> str | None:
        """Says how the recorded value differs; None too where there is none."""
        if self.name not in recorded:
            return None
        # From a file, tuples come back as lists.
        there, here = json.loads(json.dumps([recorded[self.name], self.value]))
        return self.differ(self.name, there, here)


def refuse_other_run(
    holder: str,
    traits: Sequence[Trait],
    *,
    recorded: Mapping[str, Any],
    accepted: Collection[str] = (),
) -> list[str]:
    """Keeps a run from going on with the checkpoints of another one.

    Args:
        holder: What holds the checkpoints.
        traits: What must be equal.
        recorded: What the checkpoints' run has written of itself; what it has not is
            not compared.
        accepted: Flags that may differ.

    Returns:
        A sentence for each difference that was accepted.

    Raises:
        SettingsError: Names all that differs, and the flag that lets it pass.
    """
    found = [
        (trait, sentence)
        for trait in traits
        if (sentence := trait.difference(recorded)) is not None
    ]
    refused = [sentence for trait, sentence in found if trait.accept not in accepted]
    if refused:
        advice = _advice([trait.accept for trait, _ in found])
        raise SettingsError(
            f"{holder} holds the checkpoints of another run. {advice}", *refused
        )
    return [sentence for _, sentence in found]


def refuse_unknown_names(traits: Sequence[Trait], *, accepted: Collection[str]) -> None:
    """Refuses names in --accept_changed that let nothing pass.

    Raises:
        SettingsError: Lists those that would.
    """
    known = list(dict.fromkeys(trait.accept for trait in traits if trait.accept))
    if unknown := sorted(set(accepted) - set(known)):
        raise SettingsError(
            f"--accept_changed: {', '.join(unknown)} is none of the flags that are "
            f"compared: {', '.join(known)}."
        )


def _advice(flags: Sequence[str | None]) -> str:
    names = [flag for flag in dict.fromkeys(flags) if flag is not None]
    if None in flags:
        return "Choose another --output_dir, or pass that run's values:"
    return (
        "Choose another --output_dir, pass that run's values, or go on from there with"
        f" --accept_changed={','.join(names)}:"
    )


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
