"""What becomes of rows: each is accepted, or refused with a reason.

Accepted and refused rows together are the rows read, of every file.
"""

from __future__ import annotations

import base64
import collections
import contextlib
import enum
import functools
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO, TypeVar

from processors.readers.row import BadRow, Row
from runtime import storage
from runtime.errors import DataError

_Made = TypeVar("_Made")

Unfit = Callable[[Any], str | None]
"""Says what keeps that from being used which a row has become; None: nothing."""


def fits(made: object) -> None:
    """Finds no fault with what was made of a row."""
    del made


class OnBadRow(enum.Enum):
    """What a row that cannot be used does."""

    ERROR = "error"
    REJECT = "reject"


class Sieve:
    """Makes something of rows, and ends with an error at the first bad one.

    Args:
        unfit: Which rows are bad, beside those of which nothing can be made.

    Attributes:
        accepted: Rows that became something, by file.
        rejected: Rows that did not, by file.
        problem: Says why what was made of a row cannot be used; None where it can.
    """

    def __init__(self, *, unfit: Unfit = fits) -> None:
        self._unfit = unfit
        self.accepted: collections.Counter[str] = collections.Counter()
        self.rejected: collections.Counter[str] = collections.Counter()
        self._first_error: DataError | None = None

    def sift(
        self, rows: Iterable[Row | BadRow], make: Callable[[Row], _Made | None]
    ) -> Iterator[_Made]:
        """Yields what is made of the good rows.

        Args:
            rows: All rows.
            make: What to make of one; None passes it over as no part of the data.

        Raises:
            DataError: a row is bad, and bad rows are not rejected.
        """
        for row in rows:
            try:
                made = self._of(row, make)
            except DataError as error:
                self._refuse(row, error)
                self._first_error = self._first_error or error
                self.rejected[row.path] += 1
                continue
            if made is not None:
                self.accepted[row.path] += 1
                yield made

    def describe(self) -> str:
        """Returns a line on the rows of each file that has bad ones."""
        return "\n".join(
            f"{path}: {count + self.accepted[path]} rows read,"
            f" {self.accepted[path]} accepted, {count} rejected"
            for path, count in sorted(self.rejected.items())
        )

    def nothing_left(self, message: str, *, path: str) -> DataError:
        """Returns the error that there is nothing in a file, and why there is not.

        Args:
            message: What is missing.
            path: The file.
        """
        if self._first_error is not None:
            count = self.rejected.total()
            message = f"{message}; {count} rejected, the first: {self._first_error}"
        return DataError(message, path=path)

    def rehearsal(self) -> Sieve:
        """Returns a sieve for a look at rows that this one is to sift later."""
        return Sieve()

    def _of(
        self, row: Row | BadRow, make: Callable[[Row], _Made | None]
    ) -> _Made | None:
        if isinstance(row, BadRow):
            raise row.error
        made = make(row)
        if made is not None and (problem := self._unfit(made)):
            raise row.error(problem)
        return made

    def _refuse(self, row: Row | BadRow, error: DataError) -> None:
        del row
        raise error


class SilentSieve(Sieve):
    """Passes bad rows over."""

    def rehearsal(self) -> Sieve:
        """See base class."""
        return SilentSieve()

    def _refuse(self, row: Row | BadRow, error: DataError) -> None:
        pass


class RejectingSieve(Sieve):
    """Writes bad rows to a file, each with the reason.

    Args:
        open_file: Opens the file, and is called for the first bad row. One JSON object
            a line goes there: `file`, `line`, `reason`, and `row`, the row as it stood
            in its file, or `row_base64` where that is no text.
        unfit: See base class.
    """

    def __init__(
        self, open_file: Callable[[], BinaryIO], *, unfit: Unfit = fits
    ) -> None:
        super().__init__(unfit=unfit)
        self._open = functools.cache(open_file)

    def rehearsal(self) -> Sieve:
        """See base class; bad rows are passed over, to be written once."""
        return SilentSieve()

    def _refuse(self, row: Row | BadRow, error: DataError) -> None:
        entry = {"file": row.path, "line": error.line, "reason": error.message}
        if isinstance(row.source, bytes):
            entry["row_base64"] = base64.b64encode(row.source).decode()
        else:
            entry["row"] = row.source
        self._open().write(json.dumps(entry, ensure_ascii=False).encode() + b"\n")


@contextlib.contextmanager
def open_sieve(on_bad_row: OnBadRow, *, rejects_path: str) -> Iterator[Sieve]:
    """Opens the sieve that does with bad rows what was asked for.

    Args:
        on_bad_row: What was asked for.
        rejects_path: The file that rejected rows go to; without one it stays as it is.

    Yields:
        The sieve.
    """
    if on_bad_row is OnBadRow.ERROR:
        yield Sieve()
        return
    with contextlib.ExitStack() as stack:
        yield RejectingSieve(
            lambda: stack.enter_context(storage.open_write(rejects_path))
        )
