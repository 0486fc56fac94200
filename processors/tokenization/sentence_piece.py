"""SentencePiece, with the ids of bert-japanese's tokenizer."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import sentencepiece

from processors.tokenization.alignment import Aligned, Lowered
from processors.tokenization.base import EncodedText, Tokenizer
from processors.tokenization.surrogates import refuse_surrogates, refuse_surrogates_in
from processors.tokenization.vocabulary import Vocabulary, read_sentence_piece
from runtime import storage
from runtime.errors import DataError

# The id that the original gives a piece its vocabulary file lacks, whatever is there.
_UNKNOWN_ID = 0
_UNKNOWN = "<unk>"

# Stands for a space, and for the start of a text.
_SPACE = "▁"


class SentencePieceTokenizer(Tokenizer):
    """The pieces of a SentencePiece model; the model brings its own normalisation.

    Lowering the case is plain `str.lower`: accents and voicing marks stay. Control
    symbols written in a text are split like any other text.

    Args:
        model_file: The `.model` that SentencePiece trained.
        vocab_file: The `.vocab` beside it. A piece's id is then its line in this
            file, and 0 when it is not there. Without it the ids are the model's own.
        do_lower_case: Lower the case of a text before the model sees it.
        byte_fallback: Whether a model that has pieces for single bytes writes unknown
            text with them. Otherwise unknown text is one unknown piece, as in a model
            without bytes, for which this decides nothing.

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
        byte_fallback: bool = True,
    ) -> None:
        data = storage.read_bytes(model_file)
        processor = _load(data, path=model_file)
        pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
        own = Vocabulary.of(pieces, path=model_file, data=data)
        vocabulary = read_sentence_piece(vocab_file) if vocab_file else own
        super().__init__(vocabulary)
        self.model_file = model_file
        self._processor = processor
        self._model_sha256 = own.sha256
        self._do_lower_case = do_lower_case
        self._unknown_id = _UNKNOWN_ID if vocab_file else processor.unk_id()
        self.ids_are_own = vocabulary is own or _same_ids(vocabulary, own, processor)
        self._byte_ids = frozenset(filter(processor.is_byte, own.tokens))
        self._byte_fallback = byte_fallback and bool(self._byte_ids)
        self._refused_bytes = frozenset() if byte_fallback else self._byte_ids
        self.refuses_bytes = bool(self._refused_bytes)

    def tokenize(self, text: str) -> list[str]:
        """Returns the pieces of `text`; an unknown one is the text it stands for.

        Raises:
            DataError: Half of a surrogate pair is in the text.
        """
        prepared = self._prepared(text)
        if self._refused_bytes:
            return [piece.token for piece in self._pieces(prepared)]
        return self._processor.encode(prepared, out_type=str)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of the pieces of `text`, without `[CLS]` and `[SEP]`.

        Raises:
            DataError: Half of a surrogate pair is in the text.
        """
        if not self.ids_are_own:
            return self.convert_tokens_to_ids(self.tokenize(text))
        ids = self._processor.encode(self._prepared(text), out_type=int)
        return self._without_bytes(ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns what `encode` gives for each text, on every core.

        Raises:
            DataError: Half of a surrogate pair is in a text.
        """
        if not self.ids_are_own:
            return [self.encode(text) for text in texts]
        prepared = [t.lower() for t in texts] if self._do_lower_case else list(texts)
        refuse_surrogates_in(prepared)
        rows = self._processor.encode(prepared, out_type=int)
        if not self._refused_bytes:
            return rows
        return [self._without_bytes(row) for row in rows]

    def encode_with_offsets(self, text: str) -> EncodedText:
        """Returns the pieces of `text` with their places in it.

        Raises:
            DataError: Half of a surrogate pair is in the text.
        """
        prepared = Aligned.of(text)
        if self._do_lower_case:
            prepared = Lowered().align(prepared)
        _, sources = self._processor.normalize(prepared.text, with_offsets=True)
        pieces = self._pieces(prepared.text)
        tokens = [piece.token for piece in pieces]
        ids = [piece.id for piece in pieces]
        return EncodedText(
            tokens,
            ids=ids if self.ids_are_own else self.convert_tokens_to_ids(tokens),
            spans=[_span(piece, sources=sources, text=prepared) for piece in pieces],
        )

    def convert_tokens_to_ids(self, tokens: Sequence[str]) -> list[int]:
        """Returns the id of each piece; that of an unknown piece for a strange one."""
        ids = self.vocabulary.ids
        return [ids.get(token, self._unknown_id) for token in tokens]

    def convert_ids_to_tokens(self, ids: Sequence[int]) -> list[str]:
        """Returns the piece of each id; `<unk>` for an id outside the vocabulary."""
        tokens = self.vocabulary.tokens
        return [tokens.get(index, _UNKNOWN) for index in ids]

    def _join(self, ids: Sequence[int]) -> str:
        pieces = self.convert_ids_to_tokens(ids)
        text: str = self._processor.decode_pieces(pieces)
        # Runs between unknown pieces keep the space that they begin with.
        return f" {text}" if pieces and pieces[0].startswith(_SPACE) else text

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which ids a text gets: equal means equal ids.

        A `.vocab` file that repeats the model's own ids decides nothing and counts as
        not given.
        """
        return {
            "kind": self.kind,
            "model_sha256": self._model_sha256,
            "vocabulary_sha256": (
                self._model_sha256 if self.ids_are_own else self.vocabulary.sha256
            ),
            "do_lower_case": self._do_lower_case,
            "byte_fallback": self._byte_fallback,
        }

    def _without_bytes(self, ids: list[int]) -> list[int]:
        """Returns the ids with one unknown id for each run of refused bytes."""
        if self._refused_bytes.isdisjoint(ids):
            return ids
        unknown = self._processor.unk_id()
        runs = itertools.groupby(ids, key=self._refused_bytes.__contains__)
        return [i for is_bytes, run in runs for i in ([unknown] if is_bytes else run)]

    def _pieces(self, prepared: str) -> list[_Piece]:
        """Returns the pieces with their places in the model's normal form."""
        tokens = self._processor.encode(prepared, out_type=str)
        ids = self._processor.encode(prepared, out_type=int)
        pieces = []
        end = 0
        for token, index in zip(tokens, ids, strict=True):
            if index in self._byte_ids:
                start = end - 1 if _goes_on(token) else end
                end = start + 1
            else:
                start, end = end, end + len(token)
            pieces.append(_Piece(token, index, start, end))
        return self._without_byte_pieces(pieces, prepared=prepared)

    def _without_byte_pieces(
        self, pieces: list[_Piece], *, prepared: str
    ) -> list[_Piece]:
        if self._refused_bytes.isdisjoint(piece.id for piece in pieces):
            return pieces
        normal = self._processor.normalize(prepared)
        unknown = self._processor.unk_id()
        kept = []
        for is_bytes, run in itertools.groupby(
            pieces, key=lambda piece: piece.id in self._refused_bytes
        ):
            if is_bytes:
                whole = list(run)
                start, end = whole[0].start, whole[-1].end
                kept.append(_Piece(normal[start:end], unknown, start, end))
            else:
                kept += run
        return kept

    def _prepared(self, text: str) -> str:
        if self._do_lower_case:
            text = text.lower()
        refuse_surrogates(text)
        return text


class _Piece(NamedTuple):
    """A piece and its characters in the model's normal form of the text."""

    token: str
    id: int
    start: int
    end: int


def _goes_on(byte_piece: str) -> bool:
    """Whether the piece, written <0xE3>, is not the first byte of its character."""
    return 0x80 <= int(byte_piece[1:-1], 16) < 0xC0


def _span(piece: _Piece, *, sources: Sequence[int], text: Aligned) -> tuple[int, int]:
    """Returns the characters of the original that a piece stands for.

    Args:
        piece: The piece.
        sources: For each character of the normal form, and for its end, where in the
            text the character starts that it comes from.
        text: The text before the model's normalisation.
    """
    start, last = sources[piece.start], sources[piece.end - 1]
    if piece.token == _SPACE and sources[piece.end] == start:
        return _empty(start, text=text)  # the one that is put before every text
    end = piece.end
    while sources[end] <= last:
        end += 1
    return text.span(start, sources[end])


def _empty(place: int, *, text: Aligned) -> tuple[int, int]:
    start = text.starts[place]
    return start, start


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
