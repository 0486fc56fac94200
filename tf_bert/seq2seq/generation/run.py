"""Writes for the lines of a file, or of standard input as they come.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
from collections.abc import Iterator
from typing import BinaryIO

from processors.readers.lines import TextFile
from runtime import storage
from runtime.devices.placement import Placement
from runtime.errors import DataError
from tf_bert.seq2seq.generation.preparation import WritingJob
from tf_bert.seq2seq.generation.settings import WritingSettings
from tf_bert.seq2seq.generation.writer import Writer

_STANDARD_INPUT = "standard input"
_BATCHES_AT_ONCE = 8  # of a file: sorted by length among themselves

_log = logging.getLogger(__name__)


def run(
    job: WritingJob, *, placement: Placement, stdin: BinaryIO, stdout: BinaryIO
) -> int:
    """Writes a JSON line for each line, in their order.

    Args:
        job: From `tf_bert.seq2seq.generation.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.
        stdin: Read where no input file is named.
        stdout: Written where no output file is named.

    Returns:
        How many lines there were.

    Raises:
        DataError: A line is empty or no text, by its number.
        CheckpointError: The weights do not fit, or are not trained.
    """
    settings = job.settings
    settings.refuse_other_cores(placement)
    _log.info("Running on %s", placement.describe())
    writer = Writer(job, placement=placement)
    lines, count = _sources(settings, stdin), 0
    at_once = settings.batch_size * (_BATCHES_AT_ONCE if settings.input_file else 1)
    with _output(settings, stdout) as output:
        while chunk := list(itertools.islice(lines, at_once)):
            for offset, texts in enumerate(writer.write(chunk)):
                generated = [text.as_json() for text in texts]
                line = {"guid": str(count + offset), "generated": generated}
                output.write(f"{json.dumps(line, ensure_ascii=False)}\n".encode())
            output.flush()
            count += len(chunk)
    return count


def _sources(settings: WritingSettings, stdin: BinaryIO) -> Iterator[str]:
    """Streams the texts.

    Raises:
        DataError: One is empty, or no text: a model must not invent from nothing.
    """
    path = settings.input_file or _STANDARD_INPUT
    lines = _of_file(settings) if settings.input_file else _of_stream(stdin)
    for number, text in lines:
        if not text.strip():
            raise DataError("source is empty.", path=path, line=number)
        yield text


def _of_file(settings: WritingSettings) -> Iterator[tuple[int, str]]:
    for line in TextFile(str(settings.input_file), encoding=settings.encoding).lines():
        if line.bad is not None:
            raise line.bad.error
        yield line.number, line.text


def _of_stream(stdin: BinaryIO) -> Iterator[tuple[int, str]]:
    for number, raw in enumerate(stdin, start=1):
        try:
            yield number, raw.decode().rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise DataError(
                f"expected UTF-8, found the byte {raw[error.start]:#04x}.",
                path=_STANDARD_INPUT,
                line=number,
            ) from error


@contextlib.contextmanager
def _output(settings: WritingSettings, stdout: BinaryIO) -> Iterator[BinaryIO]:
    """Where the lines go; a file is there when it is whole."""
    if settings.output_file is None:
        yield stdout
        return
    with storage.open_write(settings.output_file) as file:
        yield file
