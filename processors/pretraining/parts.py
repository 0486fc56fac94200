"""What long work has made so far, in a folder: a stopped one goes on from there.

    made_of.json             settings and text; parts of others are thrown away
    text-00000.npz           tokens of some lines
    sequences-00000.tf_record
    sequences-00000.json     written after it, with the random numbers' state

Each file is whole or absent. Sequences lie in the order in which they were made, as
they will be written; `shuffled` reads them in another without holding them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import logging
import time
import zipfile
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, BinaryIO, cast

from processors.batches.token_dataset import offsets_of
from processors.pretraining.corpus import Sentences
from processors.pretraining.static_masks import shuffle
from runtime import storage
from runtime.errors import DataError
from runtime.files import tfrecord
from runtime.training import unfinished_work

_SECONDS = 10.0  # of work, at most, that a kill makes do again while there is little;
_SHARE = 0.05  # later this share of all work, so that there are not too many files

_log = logging.getLogger(__name__)


class Rhythm:
    """When a part is due.

    Args:
        clock: Seconds since any moment, never going back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._start = clock()

    def is_due(self, size: int, *, before: int) -> bool:
        """Whether a part is large enough; then the time of the next one starts.

        Args:
            size: Of the part.
            before: Of all parts before it.
        """
        now = self._clock()
        if now - self._start < _SECONDS or size < before * _SHARE:
            return False
        self._start = now
        return True


@dataclasses.dataclass(frozen=True)
class Reached:
    """How far the sequences are.

    Attributes:
        documents: How many were cut, in all passes together.
        random_state: Of the random numbers after them.
        counts: What was counted meanwhile, by name.
    """

    documents: int
    random_state: Any
    counts: Mapping[str, int]

    @classmethod
    def parsed(cls, text: str) -> Reached:
        """What was written as JSON."""
        fields = json.loads(text)
        version, words, gauss = fields["random_state"]
        return cls(**{**fields, "random_state": (version, tuple(words), gauss)})


class Parts:
    """The parts in a folder; see `open_parts`.

    Args:
        folder: Where they lie.

    Attributes:
        reached: How far the sequences are; None before the first part.
        bytes: Of all sequences.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._texts = 0
        self._files: list[str] = []
        self._firsts: list[int] = []  # sequences before each part
        self._sizes = array("I")  # of each sequence
        self.reached: Reached | None = None
        self.bytes = 0

    # -- text -------------------------------------------------------------------------

    def texts(self) -> list[Sentences]:
        """Reads the text that was tokenised before.

        Raises:
            DataError: A file is damaged.
        """
        found: list[Sentences] = []
        while storage.exists(path := self._path(f"text-{len(found):05d}.npz")):
            with _damage_is_told(path):
                found.append(Sentences.load(path))
        self._texts = len(found)
        return found

    def add_text(self, sentences: Sentences) -> None:
        """Adds text that follows."""
        sentences.save(self._path(f"text-{self._texts:05d}.npz"))
        self._texts += 1

    # -- sequences --------------------------------------------------------------------

    def __len__(self) -> int:
        """How many sequences there are."""
        return len(self._sizes)

    def sequences(self) -> Iterator[list[bytes]]:
        """Reads the sequences that were made before, part by part.

        Raises:
            DataError: A file is damaged.
        """
        while storage.exists(state := self._state_path()):
            payloads = list(tfrecord.iter_payloads(self._sequences_path()))
            with _damage_is_told(state):
                reached = Reached.parsed(storage.read_text(state))
            self._take([len(payload) for payload in payloads], reached)
            yield payloads

    @contextlib.contextmanager
    def add_sequences(self) -> Iterator[NewPart]:
        """Adds a part; it is there when the `with` block has ended well.

        Yields:
            What takes its sequences.

        Raises:
            ValueError: The block has not said how far they go.
        """
        with tfrecord.RecordWriter(self._sequences_path()) as writer:
            part = NewPart(writer)
            yield part
        if part.reached is None:
            raise ValueError("a part without `reached`")
        text = json.dumps(dataclasses.asdict(part.reached))
        storage.write_text(self._state_path(), text + "\n")
        self._take(part.sizes, part.reached)

    def shuffled(self, *, rng: Random) -> Iterator[bytes]:
        """Yields all sequences in random order."""
        order = array("I", range(len(self)))
        shuffle(order, rng=rng)
        starts = offsets_of(self._sizes)[:-1]
        with contextlib.ExitStack() as stack:
            files = [
                _unbuffered(stack.enter_context(storage.open_read(path)))
                for path in self._files
            ]
            for number in order:
                part = bisect_right(self._firsts, number) - 1
                first = self._firsts[part]
                before = int(starts[number] - starts[first])
                frames = tfrecord.FRAME_BYTES * (number - first)
                files[part].seek(before + frames + tfrecord.HEADER_BYTES)
                yield files[part].read(self._sizes[number])

    def _take(self, sizes: array[int] | list[int], reached: Reached) -> None:
        path = self._sequences_path()
        self._firsts.append(len(self))
        self._sizes.extend(sizes)
        self._files.append(path)
        self.bytes += sum(sizes)
        self.reached = reached

    def _sequences_path(self) -> str:
        return self._path(f"sequences-{len(self._files):05d}.tf_record")

    def _state_path(self) -> str:
        return self._path(f"sequences-{len(self._files):05d}.json")

    def _path(self, name: str) -> str:
        return storage.join(self._folder, name)


class NewPart:
    """Sequences that are being written.

    Args:
        writer: Takes them.

    Attributes:
        sizes: Bytes of each sequence.
        bytes: Of all of them.
        reached: How far they go; to be set before the part ends.
    """

    def __init__(self, writer: tfrecord.RecordWriter) -> None:
        self._writer = writer
        self.sizes = array("I")
        self.bytes = 0
        self.reached: Reached | None = None

    def write(self, payload: bytes) -> None:
        """Adds a sequence."""
        self._writer.write(payload)
        self.sizes.append(len(payload))
        self.bytes += len(payload)


@contextlib.contextmanager
def open_parts(folder: str, *, made_of: Mapping[str, Any]) -> Iterator[Parts]:
    """Opens a folder of parts for one process at a time.

    Args:
        folder: Where the parts are to lie; see `unfinished_work.open_folder`.
        made_of: What decides them, to be written as JSON.

    Yields:
        Those that were made of the same, or none.

    Raises:
        StorageError: Another process is at work there: reason EXISTS.
    """
    with unfinished_work.open_folder(folder, made_of=made_of):
        yield Parts(folder)


@contextlib.contextmanager
def _damage_is_told(path: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"expected a part of unfinished work, which this no longer is: {error}. "
            "Run the same command again: it starts anew.",
            path=path,
        ) from error


def _unbuffered(file: BinaryIO) -> BinaryIO:
    """The file without its buffer, which each read elsewhere would fill anew."""
    return cast(BinaryIO, file.raw) if isinstance(file, io.BufferedReader) else file
