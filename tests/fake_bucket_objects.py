"""What `tests/fake_bucket.py` holds: objects, a script of faults, and a log."""

import base64
import dataclasses
import enum

import google_crc32c

NO_BUCKET = "The specified bucket does not exist."
BUCKET = "my-bucket"


class Kind(enum.Enum):
    """What goes wrong, besides an answer with a status code."""

    RESET = "the connection breaks before anything is done"
    STALL = "nothing more comes"
    TRUNCATED = "the body ends in the middle"
    CORRUPTED = "one bit of the body is another"
    HALF_KEPT = "of a part of an upload only the first half is kept"
    LOST = "it is done, and the connection breaks before the answer"


@dataclasses.dataclass
class Fault:
    """One line of the script.

    Attributes:
        operation: Which requests it is for; see `Request.operation`.
        kind: A `Kind` or a status code.
        times: How many of them fail.
        skip: How many of them go well first.
        name: What the object's name must contain.
        message: The server's words.
    """

    operation: str
    kind: "Kind | int"
    times: int = 1
    skip: int = 0
    name: str = ""
    message: str = "Try again."


@dataclasses.dataclass(frozen=True)
class Object:
    content: bytes
    generation: int
    encoding: str | None = None

    @property
    def crc32c(self):
        return base64.b64encode(google_crc32c.Checksum(self.content).digest()).decode()


@dataclasses.dataclass(frozen=True)
class Request:
    """A line of what was asked.

    Attributes:
        at: Seconds.
        operation: stat, list, read, create (in one go or the start of parts), part,
            delete, copy or permissions.
        name: The object's.
        fault: The fault that hit it.
        changed: Whether an object was changed.
    """

    at: float
    operation: str
    name: str
    fault: object
    changed: bool
