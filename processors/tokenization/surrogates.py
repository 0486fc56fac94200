"""Half of a surrogate pair: what no tokenizer that wants UTF-8 can be given."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.errors import DataError


def refuse_surrogates(text: str) -> None:
    """Returns when `text` can be written as UTF-8.

    Raises:
        DataError: Half of a surrogate pair is in it.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise DataError(_message(text, at=error.start)) from error


def refuse_surrogates_in(texts: Sequence[str]) -> None:
    """Returns when all texts can be written as UTF-8, faster than one by one.

    Raises:
        DataError: Half of a surrogate pair is in one.
    """
    try:
        "".join(texts).encode("utf-8")
    except UnicodeEncodeError:
        for text in texts:
            refuse_surrogates(text)


def _message(text: str, *, at: int) -> str:
    return (
        f"expected Unicode text, found U+{ord(text[at]):04X}, half of a surrogate "
        f"pair, as character {at + 1}, in {text[max(0, at - 20) : at + 20]!r}; it "
        "cannot be written as UTF-8: remove it, or read the file again with its right "
        "encoding"
    )
