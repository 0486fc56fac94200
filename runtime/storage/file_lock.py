"""The system's locks on open files; it frees them when a process ends, however it ends.

Windows has no such locks, and nothing of the toolkit was run there: what asks for one
is told that it is unsupported.
"""

from __future__ import annotations

import enum
import errno
import importlib.util

AVAILABLE = importlib.util.find_spec("fcntl") is not None
"""Whether the system has such locks."""

_UNSUPPORTED = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.ENOLCK}


class Outcome(enum.Enum):
    """What became of a wish to lock a file."""

    TAKEN = "taken"
    HELD = "held by another"
    UNSUPPORTED = "unsupported"


def take(descriptor: int) -> Outcome:
    """Locks an open file until it is closed, without waiting.

    Args:
        descriptor: The file, open for writing.

    Returns:
        What became of it; UNSUPPORTED where the system or the file system has no locks.

    Raises:
        OSError: It failed otherwise.
    """
    if not AVAILABLE:
        return Outcome.UNSUPPORTED
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return Outcome.HELD
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
        return Outcome.UNSUPPORTED
    return Outcome.TAKEN
