"""Many texts through a model: in as a stream, out in their order."""

from __future__ import annotations

import dataclasses
import itertools
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any, BinaryIO

import tqdm

from pipelines.serving import rows, sinks
from pipelines.serving.answer import Answer
from pipelines.serving.predictor import Predictor
from pipelines.serving.settings import STANDARD, OutputFormat, PredictionSettings
from pipelines.serving.sinks import Sink
from runtime import storage

# As predictions.tsv has them: a cell never runs over a line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")

_log = logging.getLogger(__name__)


def run(
    settings: PredictionSettings,
    predictor: Predictor,
    *,
    stdin: BinaryIO,
    stdout: BinaryIO,
) -> int:
    """Answers every text of the input.

    Args:
        settings: Where texts come from and answers go.
        predictor: The model.
        stdin: Standard input.
        stdout: Standard output, without a buffer.

    Returns:
        How many were answered, those of a work that was gone on with included. Where
        the reader of standard output has gone, that is the end.

    Raises:
        DataError: A row cannot be read, and such are not rejected.
        SettingsError: The columns that are named do not make what the model reads.
    """
    texts = rows.open_texts(settings, pairs=predictor.takes_pairs, stdin=stdin)
    sink = _open_sink(settings, predictor, stdout=stdout)
    count = 0
    with texts as source, sink as target:
        left = itertools.islice(source, target.done, None)
        try:
            count = _answer(
                predictor, left, target, line_of=_LINES[settings.written_as]
            )
        except BrokenPipeError:
            _log.info("The reader of the answers has gone.")
    _tell_cut(predictor)
    return count


def _answer(
    predictor: Predictor, texts: Any, sink: Sink, *, line_of: Callable[[Answer], str]
) -> int:
    answers = predictor.stream(texts)
    count = sink.done
    with tqdm.tqdm(
        initial=count, unit=" texts", disable=None, file=sys.stderr
    ) as progress:
        while chunk := list(itertools.islice(answers, predictor.chunk)):
            sink.write(f"{line_of(answer)}\n".encode() for answer in chunk)
            progress.update(len(chunk))
            count += len(chunk)
    return count


def _open_sink(
    settings: PredictionSettings, predictor: Predictor, *, stdout: BinaryIO
) -> AbstractContextManager[Sink]:
    if settings.output == STANDARD:
        return sinks.open_stream(stdout)
    return sinks.open_file(
        settings.output,
        identity=_identity(settings, predictor),
        chunk=predictor.chunk,
    )


def _identity(settings: PredictionSettings, predictor: Predictor) -> dict[str, Any]:
    """What decides the answers; of standard input nobody knows whether it is the same.

    JSON values.
    """
    is_file = settings.input != STANDARD
    stat = storage.stat(settings.input) if is_file else None
    values = {**dataclasses.asdict(settings), "step": predictor.step}
    return {name: repr(value) for name, value in {**values, "stat": stat}.items()}


def _tell_cut(predictor: Predictor) -> None:
    lengths, most = predictor.seen.lengths, predictor.max_seq_length
    cut = sum(count for length, count in lengths.items() if length > most)
    if cut:
        _log.info(
            "%d of %d texts are longer than the %d tokens that are read at once.",
            *(cut, lengths.total(), most),
        )


def _tab_separated(answer: Answer) -> str:
    """Answer, its probability and its text, or texts."""
    parts = (answer.text,) if isinstance(answer.text, str) else answer.text
    return "\t".join(_cell(each) for each in (answer.said, *_how_sure(answer), *parts))


def _how_sure(answer: Answer) -> Iterator[str]:
    if answer.labels is not None:
        found = (str(answer.probabilities[label]) for label in answer.labels)
        yield ", ".join(found)
    elif answer.probability is not None:
        yield str(answer.probability)


def _cell(text: str) -> str:
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _json_line(answer: Answer) -> str:
    text = answer.text if isinstance(answer.text, str) else list(answer.text)
    return json.dumps({"text": text, **answer.as_json()}, ensure_ascii=False)


_LINES: dict[OutputFormat, Callable[[Answer], str]] = {
    OutputFormat.TSV: _tab_separated,
    OutputFormat.JSONL: _json_line,
}
