"""What every tokenizer can do, whichever family its vocabulary is of."""

from __future__ import annotations

import abc
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

from processors.tokenization.helpers import Helpers
from processors.tokenization.vocabulary import Vocabulary
from runtime.errors import DataError

_NAMES = {
    # SentencePiece writes <unk> and, where it was asked for one, <pad>.
    "pad": ("[PAD]", "<pad>"),
    "unk": ("[UNK]", "<unk>"),
    "cls": ("[CLS]",),
    "sep": ("[SEP]",),
    "mask": ("[MASK]",),
}
_NEEDED = ("unk", "cls", "sep")
_NEVER_TEXT = ("<s>", "</s>")  # which SentencePiece puts into every vocabulary


@dataclasses.dataclass(frozen=True)
class SpecialTokens:
    """Ids of the tokens that mean something to the model, found by name.

    Attributes:
        pad: `[PAD]` or `<pad>`; 0, with which the original programs fill up a row
            whatever stands there, when the vocabulary has neither.
        unk: `[UNK]` or `<unk>`.
        cls: `[CLS]`.
        sep: `[SEP]`.
        mask: `[MASK]`; None when the vocabulary has none.
    """

    pad: int
    unk: int
    cls: int
    sep: int
    mask: int | None

    @classmethod
    def of(
        cls, vocabulary: Vocabulary, *, names: Mapping[str, str] | None = None
    ) -> SpecialTokens:
        """Finds the special tokens of `vocabulary`.

        Args:
            vocabulary: Tokens and ids.
            names: Role to token, where it is another than those above.

        Raises:
            DataError: `[CLS]`, `[SEP]` or the unknown token is not in it.
        """
        named = {role: (name,) for role, name in (names or {}).items()}
        sought = {**_NAMES, **named}
        ids = {role: _first(vocabulary.ids, sought[role]) for role in _NAMES}
        unk, start, end = (ids[role] for role in _NEEDED)
        if unk is None or start is None or end is None:
            absent = [sought[role] for role in _NEEDED if ids[role] is None]
            raise DataError(_missing(absent), path=vocabulary.path)
        return cls(pad=ids["pad"] or 0, unk=unk, cls=start, sep=end, mask=ids["mask"])

    def known(self) -> dict[str, int]:
        """Returns the ids by name, of those that there are."""
        ids = dataclasses.asdict(self)
        return {name: each for name, each in ids.items() if each is not None}


@dataclasses.dataclass(frozen=True)
class EncodedText:
    """The tokens of a text and where they stand in it.

    Attributes:
        tokens: As they are in the vocabulary; unknown text as `tokenize` gives it.
        ids: Their ids, without those of `[CLS]` and `[SEP]`.
        spans: For each token the first character of the text that it stands for, and
            the one after the last. Both only grow. Tokens that one character was
            written as (three of ㍿, say) share its span; a token that stands for no
            character, as SentencePiece's first "▁", has an empty one.
    """

    tokens: list[str]
    ids: list[int]
    spans: list[tuple[int, int]]


class Tokenizer(abc.ABC):
    """Texts to tokens and ids.

    Attributes:
        kind: Name of the family, as it stands in fingerprints.
        vocabulary: Tokens and ids.
        special: Ids of the special tokens.
    """

    kind: ClassVar[str]

    def __init__(
        self, vocabulary: Vocabulary, *, names: Mapping[str, str] | None = None
    ) -> None:
        self.vocabulary = vocabulary
        self.special = SpecialTokens.of(vocabulary, names=names)
        self._helpers: Helpers | None = None

    def help_by(self, make: Callable[[], Tokenizer], *, workers: int) -> None:
        """Lets other processes help with long streams of texts.

        Args:
            make: Makes the same tokenizer there; to be pickled.
            workers: How many processes; one is this one, and nothing changes.
        """
        self._helpers = Helpers(make, workers) if workers > 1 else None

    @property
    def vocab_size(self) -> int:
        """Number of ids, which the rows of an embedding table must match."""
        return self.vocabulary.size

    @property
    def do_lower_case(self) -> bool:
        """Whether texts are put into lower case."""
        return bool(self.fingerprint()["do_lower_case"])

    @abc.abstractmethod
    def tokenize(self, text: str) -> list[str]:
        """Returns the tokens of `text`."""

    @abc.abstractmethod
    def encode(self, text: str) -> list[int]:
        """Returns the ids of the tokens of `text`, without `[CLS]` and `[SEP]`."""

    @abc.abstractmethod
    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns what `encode` gives for each text, faster."""

    def encode_stream(
        self, lists: Iterable[Sequence[str]]
    ) -> Iterator[list[list[int]]]:
        """Yields what `encode_batch` gives for each list of texts; see `help_by`.

        Args:
            lists: They are streamed, a few read ahead.
        """
        if self._helpers is None:
            return map(self.encode_batch, lists)
        return self._helpers.encode(lists, here=self.encode_batch)

    @abc.abstractmethod
    def encode_with_offsets(self, text: str) -> EncodedText:
        """Returns the tokens of `text` with their places in it, slower than `encode`.

        For highlighting and for the analysis of errors: `text[start:end]` is what a
        token was made of, before any normalisation.
        """

    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]:
        """Returns the id of each token.

        Raises:
            DataError: A token is not in the vocabulary.
        """
        try:
            return [self.vocabulary.ids[token] for token in tokens]
        except KeyError as error:
            raise DataError(
                f"expected tokens of this vocabulary, found {error}",
                path=self.vocabulary.path,
            ) from error

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """Returns the token of each id.

        Raises:
            DataError: An id has no token.
        """
        try:
            return [self.vocabulary.tokens[index] for index in ids]
        except KeyError as error:
            raise DataError(
                f"expected ids below {self.vocab_size} that have a token, found "
                f"{error}",
                path=self.vocabulary.path,
            ) from error

    def decode(self, ids: Sequence[int], *, unknown_text: str = "") -> str:
        """Returns the text that ids spell, as far as a vocabulary keeps it.

        Args:
            ids: Ids of tokens, up to the end or to the first `[SEP]`. Other special
                tokens among them are left out.
            unknown_text: What stands for the unknown token.
        """
        end = self.special.sep
        kept = list(itertools.takewhile(lambda index: index != end, ids))
        runs = itertools.groupby(kept, key=self.special.unk.__eq__)
        parts = [
            unknown_text * len(list(run)) if is_unknown else self._spelled(list(run))
            for is_unknown, run in runs
        ]
        return "".join(parts).strip()

    def _spelled(self, ids: Sequence[int]) -> str:
        """Returns the text of ids among which no unknown token is."""
        left_out = {self.special.pad, self.special.cls, self.special.mask}
        named = {self.vocabulary.ids.get(name) for name in _NEVER_TEXT}
        return self._join([i for i in ids if i not in left_out | named])

    @abc.abstractmethod
    def _join(self, ids: Sequence[int]) -> str:
        """Returns the text of ids of plain tokens."""

    @abc.abstractmethod
    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which ids a text gets: equal means equal ids.

        `kind` and `do_lower_case` are among it, whatever the family.
        """


def _first(ids: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((ids[name] for name in names if name in ids), None)


def _missing(absent: Sequence[Sequence[str]]) -> str:
    labels = ", ".join(" or ".join(names) for names in absent)
    return (
        f"expected a vocabulary for BERT, but it lacks {labels}; use the "
        "vocabulary that the model was pretrained with, or train one with the control "
        "symbols [PAD],[CLS],[SEP],[MASK]"
    )
