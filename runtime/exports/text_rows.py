"""What says how texts become rows of ids, for a graph that does it by itself."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class SentencePiece:
    """The pieces of a SentencePiece model.

    Attributes:
        model: Its file.
        ids: The id of each of its pieces.
        do_lower_case: Whether texts are put into lower case first.
    """

    model: bytes
    ids: tuple[int, ...]
    do_lower_case: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class TextRows:
    """Texts to rows.

    Attributes:
        tokenizer: Texts to ids.
        pairs: Whether two texts make a row.
        max_seq_length: Tokens of the longest row.
        keeps_end: Whether of a longer text a quarter is its start and the rest its end;
            else the start is read.
        first: Id of the token that a row starts with; None where rows have neither that
            nor one at their end.
        between: Id of the token after each text; with no `first`, between the two.
        unknown: Id that stands for a text of no token, where rows have no `first`.
    """

    tokenizer: SentencePiece
    pairs: bool
    max_seq_length: int
    keeps_end: bool = False
    first: int | None
    between: int
    unknown: int
