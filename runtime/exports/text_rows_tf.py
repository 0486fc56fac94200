"""Texts to rows of ids in TensorFlow's graph, by tensorflow-text.

Of SentencePiece alone: its WordPiece folds case and parts words at spaces otherwise
than google-research/bert.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_text as tf_text

from runtime.exports.text_rows import SentencePiece, TextRows

Ids = Callable[[tf.Tensor], tf.RaggedTensor]


def tokenizer(said: SentencePiece) -> tuple[Ids, list[Any]]:
    """Texts to ids.

    Args:
        said: Which.

    Returns:
        From strings `[texts]` to ragged int32 `[texts, tokens]`; and what of it a
        SavedModel must hold.
    """
    pieces = tf_text.SentencepieceTokenizer(model=said.model, out_type=tf.int32)
    known = tf.constant(said.ids, tf.int32)

    def ids_of(texts: tf.Tensor) -> tf.RaggedTensor:
        if said.do_lower_case:
            texts = tf.strings.lower(texts, encoding="utf-8")
        return tf.ragged.map_flat_values(
            lambda ids: tf.gather(known, ids), pieces.tokenize(texts)
        )

    return ids_of, [pieces]


def rows(
    said: TextRows, ids_of: Ids, texts: tf.Tensor, seconds: tf.Tensor | None = None
) -> dict[str, tf.Tensor]:
    """The rows of some texts.

    Args:
        said: How they are made.
        ids_of: Texts to ids.
        texts: Strings `[texts]`.
        seconds: The second texts of pairs; None where there are none.

    Returns:
        See `runtime.exports.row_inputs.INPUTS`.
    """
    first = ids_of(texts)
    second = ids_of(seconds) if seconds is not None else first[:, :0]
    if said.first is None:
        return _bare(said, first, second, is_pair=seconds is not None)
    has_second = second.row_lengths() > 0
    room = said.max_seq_length - 2 - tf.cast(has_second, tf.int64)
    # As google-research/bert's _truncate_seq_pair; see processors.batches.long_texts.
    left = tf.maximum(room - first.row_lengths(), room // 2)
    keep_second = tf.minimum(second.row_lengths(), left)
    keep_first = tf.minimum(first.row_lengths(), room - keep_second)
    first = _kept(first, keep_first, keeps_end=said.keeps_end)
    second = _kept(second, keep_second, keeps_end=said.keeps_end)
    ones = tf.ones_like(keep_first)
    ids = tf.concat(
        [
            _each(said.first, ones),
            first,
            _each(said.between, ones),
            second,
            _each(said.between, tf.cast(has_second, tf.int64)),
        ],
        axis=1,
    )
    return _padded(ids, segment_from=first.row_lengths() + 2)


def _bare(
    said: TextRows, first: tf.RaggedTensor, second: tf.RaggedTensor, *, is_pair: bool
) -> dict[str, tf.Tensor]:
    """Rows without special tokens at their ends."""
    between = tf.fill(tf.shape(first.row_lengths()), tf.cast(is_pair, tf.int64))
    ids = tf.concat([first, _each(said.between, between), second], axis=1)
    ids = ids[:, : said.max_seq_length]
    is_empty = tf.cast(ids.row_lengths() == 0, tf.int64)
    ids = tf.concat([ids, _each(said.unknown, is_empty)], axis=1)
    return _padded(ids, segment_from=ids.row_lengths())


def _each(token: int, counts: tf.Tensor) -> tf.RaggedTensor:
    """So many of a token for each text."""
    values = tf.fill([tf.reduce_sum(counts)], tf.constant(token, tf.int32))
    return tf.RaggedTensor.from_row_lengths(values, counts)


def _kept(ids: tf.RaggedTensor, size: tf.Tensor, *, keeps_end: bool) -> tf.RaggedTensor:
    lengths = ids.row_lengths()
    head = -(-size // 4) if keeps_end else size
    places = tf.ragged.range(lengths)
    end = lengths - (size - head)
    flat = places.values
    is_head = flat < tf.gather(head, places.value_rowids())
    is_tail = flat >= tf.gather(end, places.value_rowids())
    return tf.ragged.boolean_mask(ids, places.with_values(is_head | is_tail))


def _padded(ids: tf.RaggedTensor, *, segment_from: tf.Tensor) -> dict[str, tf.Tensor]:
    dense = ids.to_tensor(0)
    places = tf.range(tf.shape(dense)[1], dtype=tf.int32)[None]
    length = tf.cast(ids.row_lengths(), tf.int32)[:, None]
    mask = tf.cast(places < length, tf.int32)
    after = tf.cast(places >= tf.cast(segment_from, tf.int32)[:, None], tf.int32)
    return {"input_ids": dense, "input_mask": mask, "segment_ids": after * mask}
