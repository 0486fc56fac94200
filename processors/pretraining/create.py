"""Text files to TFRecords of sequences, in parts that a stop leaves usable."""

from __future__ import annotations

import collections
import dataclasses
import functools
import itertools
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from processors.pretraining import documents, records, words
from processors.pretraining.corpus import Corpus, Sentences
from processors.pretraining.dataset import Description
from processors.pretraining.documents import EncodedLines, Text
from processors.pretraining.maker import SequenceMaker, mask_id
from processors.pretraining.parts import NewPart, Parts, Reached, Rhythm, open_parts
from processors.pretraining.records import Record
from processors.pretraining.report import (
    PretrainingReport,
    SequenceTally,
    TextCounts,
    refuse_foreign_vocabulary,
)
from processors.pretraining.sequences import Segments
from processors.pretraining.settings import (
    CorpusSettings,
    Mode,
    PretrainingDataSettings,
)
from processors.tokenization import create as tokenizers
from processors.tokenization.base import Tokenizer
from runtime import processes, storage
from runtime.errors import DataError
from runtime.training import stop_request
from runtime.training.progress import ProgressLine
from runtime.training.stop_request import StopRequest

_log = logging.getLogger(__name__)

_LOGGED = 20  # examples, as in the original
_KILOBYTE = 1024


def create(settings: PretrainingDataSettings) -> int:
    """Makes the records that the settings ask for, and a report beside them.

    Until the records are whole, what was made lies in a folder beside them, and the
    same call goes on from there.

    Args:
        settings: Text, tokenizer, masks and files.

    Returns:
        How many sequences were written.

    Raises:
        SettingsError: The tokenizer cannot be made, or no file matches.
        DataError: The text cannot be used, or the vocabulary has no [MASK].
        RunStoppedError: It was asked to stop.
        StorageError: Another process is making them.
    """
    tokenizer = tokenizers.create(settings)
    paths = documents.find_files(settings.input_file)
    with (
        stop_request.of_run() as stop,
        stop.at_the_next_update(),
        open_parts(
            settings.output_file[0] + records.PARTS,
            made_of=_made_of(settings, tokenizer=tokenizer, paths=paths),
        ) as parts,
    ):
        return _Creation(settings, tokenizer=tokenizer, parts=parts, stop=stop).run(
            paths
        )


def open_text(
    paths: Sequence[str], *, tokenizer: Tokenizer, settings: CorpusSettings
) -> Text:
    """Text files that are read and tokenised as the settings say.

    Args:
        paths: The files.
        tokenizer: Texts to ids.
        settings: Encoding, sentences and words.

    Raises:
        SettingsError: There is no such dictionary.
    """
    encode = words.encoder(
        tokenizer,
        whole_words=settings.do_whole_word_mask,
        dictionary=settings.mecab_dic or settings.word_dic,
    )
    return Text(
        paths,
        encode=encode,
        vocab_size=tokenizer.vocab_size,
        encoding=settings.text_encoding,
        split_sentences=settings.split_sentences,
    )


def lines_encoded(settings: CorpusSettings) -> EncodedLines | None:
    """How lines become tokens in several processes; None in this one."""
    if settings.workers == 1:
        return None
    return functools.partial(
        processes.in_order,
        make_work=functools.partial(line_encoder, settings),
        workers=settings.workers,
    )


def line_encoder(settings: CorpusSettings) -> Callable[[list[str]], Sentences]:
    """Reads the tokenizer anew, in a process of its own; see `Text.encode_lines`."""
    tokenizer = tokenizers.create(settings)
    return open_text((), tokenizer=tokenizer, settings=settings).encode_lines


def corpus_of(
    text: Sequence[Sentences], *, tokenizer: Tokenizer, paths: Sequence[str]
) -> Corpus:
    """Lays a text together that can be learnt from.

    Args:
        text: Its parts.
        tokenizer: What made its tokens.
        paths: Where it came from, for errors.

    Raises:
        DataError: There is no text, or the vocabulary lacks most of it.
    """
    corpus = Corpus(Sentences.concatenate(text))
    if not len(corpus):
        raise DataError(f"There is no text in {', '.join(paths)}.")
    counts = TextCounts.of(corpus, tokenizer=tokenizer)
    refuse_foreign_vocabulary(counts, tokenizer=tokenizer)
    return corpus


def describe(
    settings: CorpusSettings,
    *,
    tokenizer: Tokenizer,
    mode: Mode,
    rates: tuple[float, ...],
) -> Description:
    """What the sequences of these settings have in common.

    Args:
        settings: How they are cut and masked.
        tokenizer: What made their tokens.
        mode: Whether they are masked.
        rates: Share of the tokens that are masked: one, or a schedule.

    Raises:
        DataError: The vocabulary has no [MASK].
    """
    return Description(
        mode=mode,
        objective=settings.objective.value,
        max_seq_length=settings.max_seq_length,
        max_predictions_per_seq=settings.max_predictions_per_seq,
        mlm_rates=rates,
        tokenizer=tokenizer.fingerprint(),
        vocab_size=tokenizer.vocab_size,
        special_ids={
            **dataclasses.asdict(tokenizer.special),
            "mask": mask_id(tokenizer),
        },
    )


class _Creation:
    """The work: read, make, write, report.

    Args:
        settings: What was asked for.
        tokenizer: Texts to ids.
        parts: What a stopped run has left, and where this one leaves its own.
        stop: Whether to end early.
    """

    def __init__(
        self,
        settings: PretrainingDataSettings,
        *,
        tokenizer: Tokenizer,
        parts: Parts,
        stop: StopRequest,
    ) -> None:
        self._settings = settings
        self._tokenizer = tokenizer
        self._parts = parts
        self._stop = stop
        self._rhythm = Rhythm()
        self._counts: collections.Counter[str] = collections.Counter()
        self._tally = SequenceTally(
            max_seq_length=settings.max_seq_length, vocab_size=tokenizer.vocab_size
        )
        self._description = describe(
            settings,
            tokenizer=tokenizer,
            mode=settings.mode,
            rates=tuple(map(float, settings.mlm_schedule))
            or (settings.masked_lm_prob,),
        )

    def run(self, paths: Sequence[str]) -> int:
        """Does all of it; returns how many sequences were written."""
        corpus = corpus_of(self._read(paths), tokenizer=self._tokenizer, paths=paths)
        maker = SequenceMaker(
            corpus,
            tokenizer=self._tokenizer,
            settings=self._settings,
            mode=self._settings.mode,
            seed=self._settings.random_seed,
        )
        self._make(maker, total=self._settings.passes * len(corpus))
        text = TextCounts.of(corpus, tokenizer=self._tokenizer)
        del corpus
        count = self._write(maker)
        self._report(text)
        return count

    # -- text -------------------------------------------------------------------------

    def _read(self, paths: Sequence[str]) -> list[Sentences]:
        """The whole text as tokens; what is new of it is left in parts."""
        text = open_text(paths, tokenizer=self._tokenizer, settings=self._settings)
        done = self._parts.texts()
        size = sum(map(storage.size, paths)) // _KILOBYTE
        new: list[Sentences] = []
        with ProgressLine(size, stream=sys.stderr, what="kB of text read") as line:
            lines_done = sum(part.lines for part in done)
            encoded = lines_encoded(self._settings)
            for sentences in text.sentences(skip=lines_done, encoded=encoded):
                new.append(sentences)
                read = min(text.bytes_read // _KILOBYTE, size)
                line.update(read, tokens=len(sentences.tokens))
                if self._is_due(_tokens(new), before=_tokens(done)):
                    done.append(self._kept_text(new))
                    new = []
                self._stop.refuse_to_go_on()
        return [*done, self._kept_text(new)] if new else done

    def _kept_text(self, sentences: Sequence[Sentences]) -> Sentences:
        part = Sentences.concatenate(sentences)
        self._parts.add_text(part)
        return part

    def _is_due(self, size: int, *, before: int) -> bool:
        """Whether a part is to end here, and is worth keeping."""
        return self._rhythm.is_due(size, before=before) or bool(self._stop.cause)

    # -- sequences --------------------------------------------------------------------

    def _make(self, maker: SequenceMaker, *, total: int) -> None:
        """Makes what a stopped run has not made, part after part."""
        for payloads in self._parts.sequences():
            for block in records.in_blocks(payloads):
                self._tally.add(records.decode(block))
        done = 0
        if (reached := self._parts.reached) is not None:
            maker.rng.setstate(reached.random_state)
            self._counts.update(reached.counts)
            done = reached.documents
        with ProgressLine(
            total, stream=sys.stderr, what="documents", start=done
        ) as line:
            while done < total:
                with self._parts.add_sequences() as part:
                    done = self._make_part(part, maker, done, total=total, line=line)
                self._stop.refuse_to_go_on()

    def _make_part(
        self,
        part: NewPart,
        maker: SequenceMaker,
        done: int,
        *,
        total: int,
        line: ProgressLine,
    ) -> int:
        """Makes sequences until the part is due; returns the documents done by then."""
        block: list[Record] = []
        while done < total:
            for record, segments in maker.sequences(done):
                block.append(record)
                self._count(segments)
                if len(block) == records.EXAMPLES_A_BLOCK:
                    self._add(block, part, line, done)
                    block = []
            done += 1
            if self._is_due(part.bytes, before=self._parts.bytes):
                break
        if block:
            self._add(block, part, line, done)
        part.reached = Reached(done, maker.rng.getstate(), dict(self._counts))
        return done

    def _add(
        self, block: list[Record], part: NewPart, line: ProgressLine, done: int
    ) -> None:
        columns, payloads = records.encode(block, description=self._description)
        self._tally.add(columns)
        for payload in payloads:
            part.write(payload)
        line.update(done, tokens=sum(len(record.ids) for record in block))

    def _count(self, segments: Segments) -> None:
        self._counts["borrowed"] += segments.borrowed
        why = "cut_lines" if segments.has_long_line else "cut_to_fit"
        self._counts[why] += segments.lost

    # -- files ------------------------------------------------------------------------

    def _write(self, maker: SequenceMaker) -> int:
        paths = self._settings.output_file
        for folder in {storage.dirname(path) or "." for path in paths}:
            storage.delete_abandoned(folder)
        payloads = self._parts.shuffled(rng=maker.rng)
        first = list(itertools.islice(payloads, _LOGGED))
        self._log_examples(first)
        count = records.write(
            paths,
            self._watched(itertools.chain(first, payloads)),
            description=self._description,
        )
        _log.info("Wrote %d total instances", count)
        return count

    def _watched(self, payloads: Iterable[bytes]) -> Iterator[bytes]:
        total = len(self._parts)
        with ProgressLine(
            total, stream=sys.stderr, what="sequences written in random order"
        ) as line:
            for count, payload in enumerate(payloads, start=1):
                yield payload
                if count % records.EXAMPLES_A_BLOCK == 0 or count == total:
                    line.update(count)
                    self._stop.refuse_to_go_on()

    def _log_examples(self, payloads: Sequence[bytes]) -> None:
        for payload in payloads:
            columns = records.decode([payload])
            mask = columns["input_mask"].values
            ids = columns["input_ids"].values[: int(mask.sum()) or None]
            tokens = self._tokenizer.convert_ids_to_tokens(ids.tolist())
            is_real = columns["masked_lm_weights"].values > 0
            _log.info("*** Example ***")
            _log.info("tokens: %s", " ".join(tokens))
            for name, column in (("positions", "positions"), ("labels", "ids")):
                values = columns[f"masked_lm_{column}"].values[is_real]
                _log.info("%s: %s", name, " ".join(map(str, values)))
            labels = columns["next_sentence_labels"].values.tolist()
            _log.info("next_sentence_label: %s", labels[0] if labels else None)

    def _report(self, text: TextCounts) -> None:
        report = PretrainingReport(
            text=text,
            tally=self._tally,
            counts=self._counts,
            passes=self._settings.passes,
            is_masked=self._settings.mode is Mode.STATIC,
            settings=self._settings,
            tokenizer=self._tokenizer,
        )
        path = self._settings.output_file[0] + records.REPORT
        lines = report.lines()
        storage.write_text(path, "\n".join(lines) + "\n")
        for line in lines:
            _log.log(
                logging.WARNING if line.startswith("WARNING") else logging.INFO,
                "%s",
                line,
            )


def _made_of(
    settings: PretrainingDataSettings, *, tokenizer: Tokenizer, paths: Sequence[str]
) -> dict[str, Any]:
    """What decides the parts: equal means equal bytes, however many processes work."""
    deciding = {k: v for k, v in vars(settings).items() if k != "workers"}
    return {
        "settings": {name: str(value) for name, value in deciding.items()},
        "tokenizer": tokenizer.fingerprint(),
        "text": {path: _version(path) for path in paths},
    }


def _version(path: str) -> str:
    found = storage.stat(path)
    return found.version if found is not None else ""


def _tokens(parts: Iterable[Sentences]) -> int:
    return sum(len(part.tokens) for part in parts)
