"""Greedy and beam search as one program: a loop on the device, ended by the last text.

All beams of a text are rows of one attention: their queries meet the keys of all beams
of that text, of which a mask leaves each beam those of its own past. So neither the
encoder's keys nor the decoder's are ever copied from beam to beam; what is reordered is
a table of small integers.

Tensors are written `[texts, beams, ...]`. Greedy search is a beam search with one beam
that stops at its first end.

Source: transformers, generation/utils.py (`_beam_search`) and
    generation/logits_process.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from keras import ops

from tf_bert.model.modeling import masked_bias
from tf_bert.seq2seq.modeling import BertEncoderDecoder, DecoderLayer
from tf_bert.seq2seq.search_settings import EarlyStopping, SearchSettings

_NEVER = float("-inf")  # the total of what must not be or is not there


class _Beams(NamedTuple):
    """What is written so far.

    Attributes:
        length: int32 scalar, tokens written.
        ids: int32 `[texts, beams, 1 + most]`, [CLS] and the tokens, then filler.
        totals: float32 `[texts, beams]`, sums of log-probabilities, best first.
        places: int32 `[texts, beams, most]`, in which beam's row of the cache each
            token of a beam lies, the last one too; filler behind.
        ended_ids: int32 `[texts, beams, 1 + most]`, whole texts.
        scores: float32 `[texts, beams]`, theirs, best first.
        is_done: bool `[texts]`.
        cache: Keys and values of each layer, `[texts, heads, most * beams, size]`.
    """

    length: Any
    ids: Any
    totals: Any
    places: Any
    ended_ids: Any
    scores: Any
    is_done: Any
    cache: Any


class _Candidates(NamedTuple):
    """The best ways to go on, twice as many as beams, best first.

    Attributes:
        totals: float32 `[texts, candidates]`.
        parents: int32 `[texts, candidates]`, the beams that go on so.
        words: int32 `[texts, candidates]`, their next tokens.
    """

    totals: Any
    parents: Any
    words: Any


class Search:
    """Writes what a decoder finds most likely.

    Args:
        settings: Which search.
        cls_id: The token that a text begins with.
        sep_id: The token that ends it.
        pad_id: What stands behind the end.
    """

    def __init__(
        self, settings: SearchSettings, *, cls_id: int, sep_id: int, pad_id: int
    ) -> None:
        self._settings = settings
        self._beams = settings.num_beams
        self._most = settings.max_target_length
        self._cls_id, self._sep_id, self._pad_id = cls_id, sep_id, pad_id

    def outputs(
        self, model: BertEncoderDecoder, block: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Writes a text for each source.

        Args:
            model: The encoder-decoder.
            block: int32 `[texts, source_len]`: `input_ids`, `position_ids` and
                `example_ids`, one text a row.

        Returns:
            ids: int32 `[texts, returned, max_target_length]`, the best first; [SEP]
                ends a text that is not cut, [PAD] stands behind.
            scores: float32 `[texts, returned]`.
        """
        step = _Step(model, block, beams=self._beams, most=self._most)

        def go_on(beams: _Beams) -> tuple[_Beams]:
            logits, cache = step(beams)
            return (self._grown(beams, self._candidates(logits, beams), cache),)

        [found] = ops.while_loop(
            lambda beams: ops.logical_not(ops.all(beams.is_done)),
            go_on,
            (self._start(step, is_filler=ops.all(block["example_ids"] == 0, axis=1)),),
        )
        returned = self._settings.num_return_sequences
        return {
            "ids": found.ended_ids[:, :returned, 1:],
            "scores": found.scores[:, :returned],
        }

    def _start(self, step: _Step, *, is_filler: Any) -> _Beams:
        """One beam with [CLS]; the others are not there yet.

        Args:
            step: The decoder.
            is_filler: bool `[texts]`, which have no token: nothing is written for them.
        """
        texts = ops.shape(is_filler)[0]
        ids = ops.full((texts, self._beams, 1 + self._most), self._pad_id, "int32")
        first = ops.full((texts, self._beams, 1), self._cls_id, "int32")
        alone = ops.where(ops.arange(self._beams) == 0, 0.0, _NEVER)
        return _Beams(
            length=ops.convert_to_tensor(0, "int32"),
            ids=ops.concatenate([first, ids[:, :, 1:]], axis=-1),
            totals=ops.zeros((texts, self._beams), "float32") + alone,
            places=self._placed(ids[:, :, 1:], 0),
            ended_ids=ids,
            scores=ops.full((texts, self._beams), _NEVER, "float32"),
            is_done=is_filler,
            cache=step.empty_cache(texts),
        )

    def _placed(self, places: Any, length: Any) -> Any:
        """Says of the next tokens that each lies in its own beam's row."""
        is_next = ops.arange(self._most) == length
        return ops.where(is_next, ops.arange(self._beams)[:, None], places)

    # -- one token more ---------------------------------------------------------------

    def _candidates(self, logits: Any, beams: _Beams) -> _Candidates:
        """The best of all beams and tokens; the earlier beam and lower id before.

        Args:
            logits: float32 `[texts, beams, vocabulary]`.
            beams: What goes on.
        """
        each = self._allowed(ops.log_softmax(logits), beams)
        count = 2 * self._beams
        best, words = ops.top_k(each, k=min(count, logits.shape[-1]))
        totals = ops.reshape(
            beams.totals[:, :, None] + best, (-1, self._beams * best.shape[-1])
        )
        found, flat = ops.top_k(totals, k=min(count, totals.shape[-1]))
        flat = ops.cast(flat, "int32")
        words = ops.reshape(ops.cast(words, "int32"), (-1, totals.shape[-1]))
        return _Candidates(
            totals=found,
            parents=flat // best.shape[-1],
            words=ops.take_along_axis(words, flat, axis=1),
        )

    def _allowed(self, each: Any, beams: _Beams) -> Any:
        """The log-probabilities, -infinity for tokens that must not come next."""
        settings = self._settings
        vocabulary = ops.arange(each.shape[-1])
        if settings.min_target_length > 1:
            is_short = 1 + beams.length < settings.min_target_length
            is_banned = ops.logical_and(is_short, vocabulary == self._sep_id)
            each = ops.where(is_banned, _NEVER, each)
        if 0 < settings.no_repeat_ngram_size <= self._most:
            is_banned = repeated(
                beams.ids,
                length=1 + beams.length,
                size=settings.no_repeat_ngram_size,
                vocabulary=each.shape[-1],
            )
            each = ops.where(is_banned, _NEVER, each)
        return each

    def _grown(self, beams: _Beams, found: _Candidates, cache: Any) -> _Beams:
        """The beams with one more token each; texts that are done stay as they are."""
        length = beams.length + 1
        place = ops.arange(1 + self._most) == length
        ids = ops.where(
            place, found.words[:, :, None], _of_beams(beams.ids, found.parents)
        )
        has_ended = ops.logical_or(found.words == self._sep_id, length == self._most)
        ended_ids, scores = self._ended(beams, found, ids, has_ended=has_ended)
        running = ops.where(has_ended, _NEVER, found.totals)
        totals, kept = ops.top_k(running, k=self._beams)
        kept = ops.cast(kept, "int32")
        parents = ops.take_along_axis(found.parents, kept, axis=1)
        stops = self._stops(totals, scores, length=length)
        stops = ops.logical_or(stops, ops.all(has_ended, axis=1))
        was_done = beams.is_done[:, None]
        return _Beams(
            length=length,
            ids=_of_beams(ids, kept),
            totals=totals,
            places=self._placed(_of_beams(beams.places, parents), length),
            ended_ids=ops.where(was_done[:, :, None], beams.ended_ids, ended_ids),
            scores=ops.where(was_done, beams.scores, scores),
            is_done=ops.logical_or(beams.is_done, stops),
            cache=cache,
        )

    def _ended(
        self, beams: _Beams, found: _Candidates, ids: Any, *, has_ended: Any
    ) -> tuple[Any, Any]:
        """The best whole texts and their scores, with those that have just ended.

        Only candidates among the first as many as beams count.
        """
        most = slice(self._beams)
        penalty = self._penalty(beams.length + 1)
        new = ops.where(has_ended[:, most], found.totals[:, most] / penalty, _NEVER)
        scores, kept = ops.top_k(
            ops.concatenate([beams.scores, new], axis=1), k=self._beams
        )
        texts = ops.concatenate([beams.ended_ids, ids[:, most]], axis=1)
        return _of_beams(texts, ops.cast(kept, "int32")), scores

    def _stops(self, totals: Any, scores: Any, *, length: Any) -> Any:
        """Whether nothing better is awaited, bool `[texts]`."""
        settings, worst = self._settings, scores[:, -1]
        is_full = worst > _NEVER
        if self._beams == 1 or settings.early_stopping is EarlyStopping.TRUE:
            return is_full
        is_patient = settings.early_stopping is EarlyStopping.NEVER
        if is_patient and settings.length_penalty > 0:
            length = ops.full_like(length, self._most)
        return ops.logical_and(is_full, totals[:, 0] / self._penalty(length) <= worst)

    def _penalty(self, length: Any) -> Any:
        return ops.cast(length, "float32") ** self._settings.length_penalty


class _Step:
    """One token of every beam through the decoder, with what is kept of those before.

    Args:
        model: The encoder-decoder.
        block: The sources.
        beams: Beams of a text.
        most: Tokens of a text.
    """

    def __init__(
        self,
        model: BertEncoderDecoder,
        block: Mapping[str, Any],
        *,
        beams: int,
        most: int,
    ) -> None:
        self._model = model
        self._beams, self._most = beams, most
        self._layers: Sequence[DecoderLayer] = model.decoder.bert.encoder.blocks
        memory = model.encode(block)
        self._memory = [
            layer.crossattention.heads.keys_and_values(memory) for layer in self._layers
        ]
        self._memory_bias = masked_bias(
            block["example_ids"][:, None, None] > 0, dtype=model.compute_dtype
        )

    def empty_cache(self, texts: Any) -> list[tuple[Any, Any]]:
        """Keys and values of no token."""
        caches = []
        for key, _ in self._memory:
            _, heads, _, size = key.shape
            shape = (texts, heads, self._most * self._beams, size)
            zeros = ops.zeros(shape, self._model.compute_dtype)
            caches.append((zeros, zeros))
        return caches

    def __call__(self, beams: _Beams) -> tuple[Any, list[tuple[Any, Any]]]:
        """What comes next.

        Args:
            beams: Whose last tokens are not in the cache yet.

        Returns:
            float32 logits `[texts, beams, vocabulary]`, and the cache with this token.
        """
        stack = self._model.decoder.bert
        last = ops.take(beams.ids, beams.length, axis=2)
        hidden = stack.embed(last, ops.zeros_like(last) + beams.length)
        bias, cache = self._bias(beams), []
        for layer, kept, memory in zip(
            self._layers, beams.cache, self._memory, strict=True
        ):
            attention = layer.attention
            new = attention.heads.keys_and_values(hidden)
            key, value = (
                self._put(old, each, beams.length)
                for old, each in zip(kept, new, strict=True)
            )
            cache.append((key, value))
            hidden = _attended(attention, hidden, key, value, bias=bias)
            hidden = _attended(
                layer.crossattention, hidden, *memory, bias=self._memory_bias
            )
            hidden = layer.feed_forward(hidden)
        return self._model.logits(self._model.decoder.head(hidden)), cache

    def _bias(self, beams: _Beams) -> Any:
        """Leaves each beam the keys of its own past, `[texts, 1, beams, keys]`."""
        is_own = beams.places[..., None] == ops.arange(self._beams)
        is_past = ops.arange(self._most) <= beams.length
        allowed = ops.logical_and(is_own, is_past[:, None])
        flat = ops.reshape(allowed, (-1, 1, self._beams, self._most * self._beams))
        return masked_bias(flat, dtype=self._model.compute_dtype)

    def _put(self, old: Any, new: Any, length: Any) -> Any:
        """The cache with the keys or values of a token of every beam."""
        return ops.slice_update(old, (0, 0, length * self._beams, 0), new)


def _attended(attention: Any, hidden: Any, key: Any, value: Any, *, bias: Any) -> Any:
    """An attention with its residual, on keys and values that are there."""
    query = attention.heads.split_queries(hidden)
    context = attention.heads.attend(query, key, value, bias=bias)
    return attention.projection(context, residual=hidden)


def repeated(ids: Any, *, length: Any, size: int, vocabulary: int) -> Any:
    """The tokens that would make as many tokens occur twice.

    Args:
        ids: int32 `[texts, beams, places]`.
        length: int32 scalar, how many of the places are written.
        size: How many tokens are not to occur twice.
        vocabulary: How many tokens there are.

    Returns:
        bool `[texts, beams, vocabulary]`.
    """
    texts, beams, places = ops.shape(ids)
    windows = places - size + 1
    is_same = ops.arange(windows) + size <= length
    for offset in range(size - 1):
        last = ops.take(ids, ops.maximum(length - size + 1 + offset, 0), axis=2)
        is_same = ops.logical_and(
            is_same, ids[:, :, offset : offset + windows] == last[:, :, None]
        )
    words = ids[:, :, size - 1 :]
    rows = ops.reshape(ops.arange(texts * beams), (texts, beams, 1)) * vocabulary
    counts = ops.scatter(
        ops.reshape(rows + words, (-1, 1)),
        ops.reshape(ops.cast(is_same, "int32") + ops.zeros_like(words), (-1,)),
        (texts * beams * vocabulary,),
    )
    return ops.reshape(counts, (texts, beams, vocabulary)) > 0


def _of_beams(values: Any, beams: Any) -> Any:
    """Rows of `[texts, beams, ...]` in another order, int32 `[texts, chosen]`."""
    return ops.take_along_axis(values, beams[:, :, None], axis=1)
