"""A tokenizer as a graph of another program has it, or why none can."""

from __future__ import annotations

from pipelines.serving.served import Served
from processors.tokenization.base import Tokenizer
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime import storage
from runtime.errors import SettingsError
from runtime.exports.text_rows import SentencePiece, TextRows

_TIES = (
    "Where two ways to cut a text are equally probable, as 6 66 and 66 6,"
    " tensorflow-text may take the other one: so it was in 3 of 1,578 texts, whose"
    " probabilities moved by up to 3e-4."
)


def text_rows(served: Served) -> TextRows:
    """How texts become rows of a model.

    Args:
        served: The model.

    Raises:
        SettingsError: No graph can do that; says why.
    """
    if served.reading.in_windows:
        raise SettingsError(
            "--long_texts=chunk reads a text in as many rows as it is long."
        )
    special = served.tokenizer.special
    return TextRows(
        tokenizer=_in_graph(served.tokenizer),
        pairs=bool(served.pairs),
        max_seq_length=served.reading.max_seq_length,
        keeps_end=served.reading.keeps_end,
        first=special.cls if served.has_special_tokens else None,
        between=special.sep,
        unknown=special.unk,
    )


def rows_and_notes(served: Served) -> tuple[TextRows | None, tuple[str, ...]]:
    """How texts become rows of a model and how far, or None and why no graph can.

    Args:
        served: The model.
    """
    try:
        return text_rows(served), (_TIES,)
    except SettingsError as error:
        return None, (f"No signature of strings: {error}",)


def _in_graph(tokenizer: Tokenizer) -> SentencePiece:
    if isinstance(tokenizer, SentencePieceTokenizer):
        return _sentence_piece(tokenizer)
    if isinstance(tokenizer, WordPieceTokenizer):
        raise SettingsError(
            "tensorflow-text's WordPiece folds case and parts words at spaces otherwise"
            " (188 of 794 lines of all kinds have other ids, cased 20): a server is"
            " asked with ids."
        )
    raise SettingsError(
        f"tensorflow-text has no tokenizer of the kind {tokenizer.kind}: a server is"
        " asked with ids."
    )


def _sentence_piece(tokenizer: SentencePieceTokenizer) -> SentencePiece:
    if tokenizer.refuses_bytes:
        raise SettingsError("tensorflow-text always writes unknown text with bytes.")
    if not tokenizer.ids_are_own:
        raise SettingsError("the ids are not those of the SentencePiece model.")
    return SentencePiece(
        model=storage.read_bytes(tokenizer.model_file),
        ids=tuple(range(tokenizer.vocab_size)),
        do_lower_case=tokenizer.do_lower_case,
    )
