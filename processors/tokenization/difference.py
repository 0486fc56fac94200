"""What tells two tokenizers apart, in words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_FILES = ("vocabulary_sha256", "model_sha256")
_FLAGS = ("do_lower_case", "keep_voicing_marks", "byte_fallback", "units")


def in_words(name: str, there: Any, here: Any) -> str | None:
    """Says how two tokenizers' fingerprints differ; None where they are equal.

    Args:
        name: What they are fingerprints of.
        there: One.
        here: The other.
    """
    if there == here:
        return None
    if not (there and here):
        kinds = [each.get("kind") if each else "unknown" for each in (there, here)]
        return f"{name}: {kinds[0]} there, {kinds[1]} here."
    parts = _parts(there, here)
    return f"{name}: {'; '.join(parts)}."


def _parts(there: Mapping[str, Any], here: Mapping[str, Any]) -> list[str]:
    different = [key for key in {**there, **here} if there.get(key) != here.get(key)]
    if "do_lower_case" in different and "strip_accents" in different:
        different.remove("strip_accents")  # by default one follows from the other
    if "kind" in different:
        return [f"{there.get('kind')} there, {here.get('kind')} here"]
    parts = [
        f"{'--' if key in _FLAGS else ''}{key} {_shown(there, key)} there,"
        f" {_shown(here, key)} here"
        for key in different
        if key not in _FILES
    ]
    if not set(_FILES).isdisjoint(different):
        parts.append("the vocabulary is another")
    return parts


def _shown(fingerprint: Mapping[str, Any], key: str) -> str:
    value = fingerprint.get(key)
    return value if isinstance(value, str) else json.dumps(value)
