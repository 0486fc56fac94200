"""What a text has become, as a page to read before training on it.

Each warning names what a score would hide: a model that always says the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from processors.data_check import text_table
from processors.pretraining.corpus import Corpus
from processors.pretraining.settings import CorpusSettings, PretrainingTask
from processors.records.example_columns import Column
from processors.tokenization.base import Tokenizer
from runtime.errors import DataError

# Above it a model that always says [UNK] predicts most masked tokens.
_MOST_UNKNOWN = 0.5
# A vocabulary made for a language leaves about one token in a hundred unknown.
_MANY_UNKNOWN = 0.05
# A vocabulary made of lower-case text has no capital letters, a cased one thousands; a
# Japanese one has the Latin alphabet.
_CASED = 0.01
# Where nothing is wrong, half to two thirds of the second segments are random ones.
_ONE_SIDED = 0.9
# The cut to a sequence's length takes some per cent of ordinary sentences.
_MUCH_LOST = 0.1
# In natural text no token takes more than a twentieth, so a fifth is no language.
_ONE_PIECE = 0.2
_SHORT = 16  # tokens
_MANY_SHORT = 0.5
_SHOWN = 10


class SequenceTally:
    """Counts what sequences are like.

    Args:
        max_seq_length: Tokens of the longest there may be.
        vocab_size: Ids are below.

    Attributes:
        lengths: Sequences of each length, int64 [max_seq_length + 1].
        pieces: How often each id is masked, or, where training decides that, stands in
            a sequence; int64 [vocab_size].
        labels: How many have the label 0, 1 and none.
    """

    def __init__(self, *, max_seq_length: int, vocab_size: int) -> None:
        self.lengths = np.zeros(max_seq_length + 1, np.int64)
        self.pieces = np.zeros(vocab_size, np.int64)
        self.labels: dict[int | None, int] = {0: 0, 1: 0, None: 0}

    def add(self, columns: Mapping[str, Column]) -> None:
        """Counts a block of sequences, as `processors.pretraining.records` has them."""
        ids, labels = columns["input_ids"], columns["next_sentence_labels"]
        lengths, pieces = ids.lengths, ids.values
        if "input_mask" in columns and columns["input_mask"].values.size:
            mask = columns["input_mask"].values.reshape(len(lengths), -1)
            lengths = mask.sum(axis=1)
            is_real = columns["masked_lm_weights"].values > 0
            pieces = columns["masked_lm_ids"].values[is_real]
        self.lengths += np.bincount(lengths, minlength=len(self.lengths))
        self.pieces += np.bincount(pieces, minlength=len(self.pieces))
        for label in (0, 1):
            self.labels[label] += int(np.count_nonzero(labels.values == label))
        self.labels[None] += len(lengths) - len(labels.values)

    @property
    def count(self) -> int:
        """How many sequences there are."""
        return int(self.lengths.sum())

    def percentile(self, share: float) -> int:
        """The length that this share of the sequences does not exceed."""
        return int(np.searchsorted(np.cumsum(self.lengths), share * self.count))

    def shorter_than(self, length: int) -> float:
        """The share of the sequences with fewer tokens."""
        return float(self.lengths[:length].sum() / max(self.count, 1))


@dataclasses.dataclass(frozen=True)
class TextCounts:
    """What a text is like.

    Attributes:
        documents: How many there are.
        single: How many of them have but one sentence.
        sentences: How many there are.
        tokens: How many there are.
        longest: Tokens of the longest sentence.
        unknown: How many tokens the vocabulary lacks.
    """

    documents: int
    single: int
    sentences: int
    tokens: int
    longest: int
    unknown: int

    @classmethod
    def of(cls, corpus: Corpus, *, tokenizer: Tokenizer) -> TextCounts:
        """Counts a corpus that has a token at least."""
        return cls(
            documents=len(corpus),
            single=int(np.count_nonzero(corpus.sentence_counts == 1)),
            sentences=len(corpus.lengths),
            tokens=len(corpus.tokens),
            longest=int(corpus.lengths.max()),
            unknown=corpus.count(tokenizer.special.unk),
        )


def refuse_foreign_vocabulary(text: TextCounts, *, tokenizer: Tokenizer) -> None:
    """Keeps a model from learning to say [UNK].

    Raises:
        DataError: The vocabulary lacks most of the text.
    """
    share = text.unknown / text.tokens
    if share > _MOST_UNKNOWN:
        raise DataError(
            f"{share:.1%} of the {text.tokens:,} tokens of the text are "
            f"{_name(tokenizer, tokenizer.special.unk)}: most of what is masked would "
            f"be, and a model that always predicts it would look good. {_FOREIGN}",
            path=tokenizer.vocabulary.path,
        )


_FOREIGN = (
    "Give a vocabulary of the text's language (scripts/train_tokenizer.py makes one), "
    "and check --tokenizer, --do_lower_case and --text_encoding."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingReport:
    """What is told at the end.

    Attributes:
        text: What the text is like.
        tally: What the sequences are like.
        counts: What was counted while they were made: tokens `borrowed`, `cut_lines`
            and `cut_to_fit`.
        passes: How often the text was gone through.
        is_masked: Whether the sequences are masked, or will be in training.
        settings: How they were made.
        tokenizer: What made the tokens.
    """

    text: TextCounts
    tally: SequenceTally
    counts: Mapping[str, int]
    passes: int
    is_masked: bool
    settings: CorpusSettings
    tokenizer: Tokenizer

    def lines(self) -> list[str]:
        """The report, then what is wrong."""
        table = text_table.aligned([list(row) for row in self._rows()], left=2)
        warnings = [f"WARNING: {warning}" for warning in self.warnings()]
        return [*table.splitlines(), *warnings]

    # -- what is there ----------------------------------------------------------------

    def _rows(self) -> Iterator[tuple[str, str]]:
        text, tally, total = self.text, self.tally, self._tokens
        lost = self._lost("cut_lines") + self._lost("cut_to_fit")
        yield "text: documents", f"{text.documents:,}, {text.single:,} of one sentence"
        yield (
            "text: sentences",
            f"{text.sentences:,}, the longest of {text.longest:,} tokens",
        )
        yield (
            "text: tokens",
            f"{text.tokens:,}, {_share(text.unknown, text.tokens)} unknown",
        )
        yield "text: passes", f"{self.passes}, {total:,} tokens"
        yield "  kept", _count(total - lost, total)
        yield "  lost: sentences longer than a sequence", self._counted("cut_lines")
        yield "  lost: pairs longer than a sequence", self._counted("cut_to_fit")
        yield "  from other documents besides", f"{self.counts.get('borrowed', 0):,}"
        yield "sequences made", f"{tally.count:,}"
        quantiles = (tally.percentile(share) for share in (0.05, 0.5, 0.95, 1.0))
        yield "  tokens: 5 %, 50 %, 95 %, longest", ", ".join(map(str, quantiles))
        yield f"  under {_SHORT} tokens", f"{tally.shorter_than(_SHORT):.1%}"
        if self.settings.objective is not PretrainingTask.MLM:
            yield from self._label_rows()
        yield from self._piece_rows()

    def _label_rows(self) -> Iterator[tuple[str, str]]:
        names: dict[int | None, str]
        names = {0: "the next sentences", 1: "random ones", None: "no second segment"}
        if self.settings.objective is PretrainingTask.MLM_SOP:
            names = {0: "in order", 1: "swapped", None: "no second segment"}
        for label, name in names.items():
            shown = "none" if label is None else label
            yield (
                f"  label {shown}: {name}",
                _count(self.tally.labels[label], self.tally.count),
            )

    def _piece_rows(self) -> Iterator[tuple[str, str]]:
        pieces = self._pieces
        total = int(pieces.sum())
        yield ("masked" if self.is_masked else "to be masked from"), f"{total:,}"
        for piece in np.argsort(-pieces, kind="stable")[:_SHOWN].tolist():
            if pieces[piece]:
                yield f"  {_name(self.tokenizer, piece)}", _count(pieces[piece], total)

    # -- what is wrong ----------------------------------------------------------------

    def warnings(self) -> Iterator[str]:
        """A sentence for each thing that a model should not learn from."""
        yield from self._vocabulary_warnings()
        yield from self._loss_warnings()
        yield from self._label_warnings()
        yield from self._piece_warnings()
        if (share := self.tally.shorter_than(_SHORT)) > _MANY_SHORT:
            yield (
                f"{share:.1%} of the sequences have fewer than {_SHORT} tokens: the "
                "documents are short. Are there blank lines within documents?"
            )

    def _vocabulary_warnings(self) -> Iterator[str]:
        unknown = self.text.unknown / self.text.tokens
        if unknown > _MANY_UNKNOWN:
            yield (
                f"{unknown:.1%} of the tokens are "
                f"{_name(self.tokenizer, self.tokenizer.special.unk)}. {_FOREIGN}"
            )
        cased = sum(map(_has_capital, self.tokenizer.vocabulary.ids))
        if self.tokenizer.do_lower_case and cased > _CASED * self.tokenizer.vocab_size:
            yield (
                f"{cased:,} of {self.tokenizer.vocab_size:,} tokens of the vocabulary "
                "have capital letters, which no text has after --do_lower_case: they "
                "are never learnt. Is it a cased one? Add --nodo_lower_case."
            )

    def _loss_warnings(self) -> Iterator[str]:
        lost = self._lost("cut_lines")
        if lost > _MUCH_LOST * self._tokens:
            yield (
                f"{lost:,} of {self._tokens:,} tokens ({lost / self._tokens:.1%}) are "
                "lost, because a sentence longer than a sequence is cut to its length, "
                "as by the original. Put a sentence a line, add --split_sentences, or "
                "use --objective=mlm or mlm_sop, which go on with the rest."
            )

    def _label_warnings(self) -> Iterator[str]:
        objective, labels = self.settings.objective, self.tally.labels
        for label in (0, 1):
            if labels[label] > _ONE_SIDED * self.tally.count:
                yield (
                    f"{labels[label]:,} of {self.tally.count:,} next-sentence labels "
                    f"are {label}, {labels[1 - label]:,} are {1 - label}: a model that "
                    f"always says {label} is right, and next_sentence_accuracy tells "
                    "nothing. "
                    f"{self.text.single:,} of {self.text.documents:,} documents have "
                    "one sentence: leave no blank line within a document, or use "
                    "--objective=mlm."
                )
        if objective is PretrainingTask.MLM_SOP and labels[None] * 2 > self.tally.count:
            yield (
                f"{labels[None]:,} of {self.tally.count:,} sequences have no order to "
                "ask for, because there is one sentence in them: leave no blank line "
                "within a document, or use --objective=mlm."
            )

    def _piece_warnings(self) -> Iterator[str]:
        pieces = self._pieces
        total, most = int(pieces.sum()), int(pieces.argmax())
        if total and pieces[most] > _ONE_PIECE * total:
            yield (
                f"{pieces[most] / total:.1%} of what is masked is "
                f"{_name(self.tokenizer, most)}: a model that always says so is as "
                "often right. Is it text, and in the vocabulary's language?"
            )

    # -- numbers ----------------------------------------------------------------------

    @property
    def _tokens(self) -> int:
        """Of the text, in all passes together."""
        return self.text.tokens * self.passes

    @property
    def _pieces(self) -> np.ndarray:
        """The tally's without those that are never masked."""
        pieces = self.tally.pieces.copy()
        pieces[[self.tokenizer.special.cls, self.tokenizer.special.sep]] = 0
        return pieces

    def _lost(self, name: str) -> int:
        return self.counts.get(name, 0)

    def _counted(self, name: str) -> str:
        return _count(self._lost(name), self._tokens)


def _has_capital(token: str) -> bool:
    return token != token.lower() and token[0] + token[-1] not in ("[]", "<>")


def _name(tokenizer: Tokenizer, token: int) -> str:
    return tokenizer.convert_ids_to_tokens([token])[0]


def _count(part: int, total: int) -> str:
    return f"{part:,} ({_share(part, total)})"


def _share(part: int, total: int) -> str:
    return f"{part / max(total, 1):.1%}"
