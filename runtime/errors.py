"""The errors a run can end with, each a sentence for the person who started it."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import ClassVar


class ToolkitError(Exception):
    """Base of every error this toolkit raises on purpose.

    Attributes:
        EXIT_CODE: What a command ends with.
    """

    EXIT_CODE: ClassVar[int] = 1


class SettingsError(ToolkitError, ValueError):
    """Flags or settings that contradict each other, the data or the checkpoint.

    Args:
        problems: One sentence for each wrong setting; they are reported together.
    """

    def __init__(self, *problems: str) -> None:
        self.problems: Sequence[str] = problems
        super().__init__("\n".join(problems))


class DataError(ToolkitError, ValueError):
    """A row, record or file that cannot be used.

    Args:
        message: What was expected and what came.
        path: The file.
        line: 1-based line number in a text file.
        offset: Byte offset in a binary file.

    Attributes:
        message: The message without the place.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | None = None,
        line: int | None = None,
        offset: int | None = None,
    ) -> None:
        self.message = message
        self.path = path
        self.line = line
        self.offset = offset
        super().__init__(f"{self._place()}{message}")

    def _place(self) -> str:
        if self.path is None:
            return ""
        if self.line is not None:
            return f"{self.path}:{self.line}: "
        if self.offset is not None:
            return f"{self.path}, byte {self.offset}: "
        return f"{self.path}: "


class CheckpointError(ToolkitError):
    """A checkpoint that is missing, damaged or does not fit the model."""


class StorageReason(enum.Enum):
    """Why a path could not be used."""

    MISSING = "missing"
    NO_BUCKET = "no such bucket"
    EXISTS = "exists already"
    NOT_ALLOWED = "not allowed"
    UNKNOWN_CALLER = "credentials not accepted"
    NO_ANSWER = "could not ask"
    QUOTA = "quota used up"
    DISK_FULL = "disk full"
    CHANGED = "changed by another writer"
    DAMAGED = "damaged on the way"
    UNSUPPORTED = "not supported there"
    OTHER = "other"


class StorageError(ToolkitError, OSError):
    """A path that could not be read, written or listed.

    Args:
        message: What was tried, on which path, and why it failed.
        reason: The kind of failure, for callers that treat kinds apart.
    """

    def __init__(
        self, message: str, *, reason: StorageReason = StorageReason.OTHER
    ) -> None:
        self.reason = reason
        super().__init__(message)


class PlacementError(ToolkitError):
    """The accelerator or backend that was asked for is not there."""


class TrainingError(ToolkitError):
    """Training that cannot go on, such as a loss that is not a number."""


class RunStoppedError(BaseException):
    """The run was asked to stop, and did; the same command goes on from there.

    No Exception, as KeyboardInterrupt is none: it is raised wherever the request finds
    the run, and who handles the errors of what he called must not take it for one.

    Attributes:
        EXIT_CODE: What a command ends with. Source: EX_TEMPFAIL in sysexits.h.
    """

    EXIT_CODE: ClassVar[int] = 75


class CompilationError(ToolkitError):
    """A step that the compiler of an accelerator refuses."""
