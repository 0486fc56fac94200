"""Ids of the tokens that mean something to a model, in the words of each format.

A model of bert-japanese has `<unk>` at 0 and `[PAD]` at 3: a program that is told the
original's 0 pads with the unknown token, and never trains it.

Source: transformers, configuration_utils.py (`pad_token_id` and its kin).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeGuard

_NAMES = {
    "pad": ("[PAD]", "<pad>"),
    "unk": ("[UNK]", "<unk>"),
    "cls": ("[CLS]",),
    "sep": ("[SEP]",),
    "mask": ("[MASK]",),
    "bos": (),
    "eos": (),
    "decoder_start": (),
}
ROLES = tuple(_NAMES)
"""What a token can be; beginnings and ends are named by a folder or not there."""

SpecialIds = Mapping[str, int]
"""Role -> id, of the roles that are known."""


def from_settings(values: Mapping[str, Any]) -> dict[str, int]:
    """The ids that the keys of a configuration say, such as `pad_token_id`."""
    found = ((role, values.get(key_of(role))) for role in ROLES)
    return {role: int(each) for role, each in found if _is_id(each)}


def to_settings(ids: SpecialIds) -> dict[str, int]:
    """The keys of a configuration that say these ids."""
    return {key_of(role): ids[role] for role in ROLES if role in ids}


def key_of(role: str) -> str:
    """The key of a configuration that says a role's id."""
    return f"{role}_token_id"


def of_vocabulary(
    ids: Mapping[str, int], *, tokens: Mapping[str, str]
) -> dict[str, int]:
    """The ids of the special tokens in a vocabulary.

    Args:
        ids: Token -> id.
        tokens: What a folder calls some of them, by role.
    """
    found: dict[str, int] = {}
    for role, names in _NAMES.items():
        called = (tokens[role],) if role in tokens else names
        name = next((name for name in called if name in ids), None)
        if name is not None:
            found[role] = ids[name]
    return found


def unusual_tokens(ids: Mapping[str, int]) -> dict[str, str]:
    """Role -> name of special tokens that Hugging Face would look for in vain."""
    return {
        role: other
        for role, (usual, *others) in ((r, n) for r, n in _NAMES.items() if n)
        for other in others
        if usual not in ids and other in ids
    }


def _is_id(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
