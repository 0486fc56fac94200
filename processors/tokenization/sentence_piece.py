"""SentencePiece, with the ids of bert-japanese's tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import sentencepiece

from processors.tokenization.base import Tokenizer
from processors.tokenization.vocabulary import Vocabulary, read_sentence_piece
from runtime import storage
from runtime.errors import DataError

# The id that the original gives a piece its vocabulary file lacks, whatever is there.
_UNKNOWN_ID = 0
_UNKNOWN = "<unk>"


class SentencePieceTokenizer(Tokenizer):
    """The pieces of a SentencePiece model; the model brings its own normalisation.

    Lowering the case is plain `str.lower`: accents and voicing marks stay. Control
    symbols written in a text are split like any other text.

    Args:
        model_file: The `.model` that SentencePiece trained.
        vocab_file: The `.vocab` beside it. A piece's id is then its line in this
            file, and 0 when it is not there. Without it the ids are the model's own.
        do_lower_case: Lower the case of a text before the model sees it.

    Raises:
        DataError: A file is not what it should be, or `[CLS]`, `[SEP]` or the unknown
            piece is not in the vocabulary.

    Source: yoheikikuta/bert-japanese, src/tokenization_sentencepiece.py.
    """

    kind: ClassVar[str] = "sentencepiece"

    def __init__(
        self,
        model_file: str,
        *,
        vocab_file: str | None = None,
        do_lower_case: bool = True,
    ) -> None:
        data = storage.read_bytes(model_file)
        processor = _load(data, path=model_file)
        pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
        own = Vocabulary.of(pieces, path=model_file, data=data)
        vocabulary = read_sentence_piece(vocab_file) if vocab_file else own
        super().__init__(vocabulary)
        self._processor = processor
        self._model_sha256 = own.sha256
        self._do_lower_case = do_lower_case
        self._unknown_id = _UNKNOWN_ID if vocab_file else processor.unk_id()
        self._ids_are_own = vocabulary is own or _same_ids(vocabulary, own, processor)

    def tokenize(self, text: str) -> list[str]:
        """Returns the pieces of `text`; an unknown one is the text it stands for.

        Raises:
            DataError: Half of a surrogate pair is in the text.
        """
        return self._processor.encode(self._prepared(text), out_type=str)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of the pieces of `text`, without `[CLS]` and `[SEP]`.

        Raises:
            DataError: Half of a surrogate pair is in the text.
        """
        prepared = self._prepared(text)
        if self._ids_are_own:
            return self._processor.encode(prepared, out_type=int)
        pieces = self._processor.encode(prepared, out_type=str)
        return self.convert_tokens_to_ids(pieces)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns what `encode` gives for each text, on every core.

        Raises:
            DataError: Half of a surrogate pair is in a text.
        """
        prepared = [self._prepared(text) for text in texts]
        if self._ids_are_own:
            return self._processor.encode(prepared, out_type=int)
        pieces = self._processor.encode(prepared, out_type=str)
        return [self.convert_tokens_to_ids(row) for row in pieces]

    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]:
        """Returns the id of each piece; that of an unknown piece for a strange one."""
        ids = self.vocabulary.ids
        return [ids.get(token, self._unknown_id) for token in tokens]

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """Returns the piece of each id; `<unk>` for an id outside the vocabulary."""
        tokens = self.vocabulary.tokens
        return [tokens.get(index, _UNKNOWN) for index in ids]

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which ids a text gets: equal means equal ids.

        A `.vocab` file that repeats the model's own ids decides nothing and counts as
        not given.
        """
        return {
            "kind": self.kind,
            "model_sha256": self._model_sha256,
            "vocabulary_sha256": (
                self._model_sha256 if self._ids_are_own else self.vocabulary.sha256
            ),
            "do_lower_case": self._do_lower_case,
        }

    def _prepared(self, text: str) -> str:
        if self._do_lower_case:
            text = text.lower()
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise DataError(_surrogate(text, at=error.start)) from error
        return text


def _load(data: bytes, *, path: str) -> sentencepiece.SentencePieceProcessor:
    if not data:  # which the library would take for a model without pieces
        raise DataError(
            "expected a SentencePiece model, found an empty file", path=path
        )
    try:
        return sentencepiece.SentencePieceProcessor(model_proto=data)
    except RuntimeError as error:
        raise DataError(
            "expected the .model file of SentencePiece, found something else or a "
            "part of one",
            path=path,
        ) from error


def _same_ids(
    vocabulary: Vocabulary,
    own: Vocabulary,
    processor: sentencepiece.SentencePieceProcessor,
) -> bool:
    """Whether the model's own ids of any text are those of the vocabulary file."""
    return (
        vocabulary.ids == own.ids
        and processor.unk_id() == _UNKNOWN_ID
        and not _unknown_text_can_spell_special(own, processor)
    )


def _unknown_text_can_spell_special(
    own: Vocabulary, processor: sentencepiece.SentencePieceProcessor
) -> bool:
    """Whether the name of a special piece can come out as a run of unknown text.

    The file would give such a run ("[CLS]" in a text, where the model knows none of
    these characters) the id of the special piece, the model that of the unknown one.
    """
    special = {piece for piece, i in own.ids.items() if _is_special(processor, i)}
    ordinary = own.ids.keys() - special
    return any(ordinary.isdisjoint(piece) for piece in special)


def _is_special(processor: sentencepiece.SentencePieceProcessor, index: int) -> bool:
    return (
        processor.is_control(index)
        or processor.is_unknown(index)
        or processor.is_unused(index)
        or processor.is_byte(index)
    )


def _surrogate(text: str, *, at: int) -> str:
    return (
        f"expected Unicode text, found U+{ord(text[at]):04X}, half of a surrogate "
        f"pair, as character {at + 1}, in {text[max(0, at - 20) : at + 20]!r}; it "
        "cannot be written as UTF-8: remove it, or read the file again with its right "
        "encoding"
    )
