"""Whether the other processes of a run are still there.

A process that ends alone would leave the others waiting for its part of a sum, for
minutes or for ever. So each holds a connection to the chief, which the system closes
however a process ends, and which breaks when nothing is heard from its machine. Who
ends says before how; the chief passes it on.
"""

from __future__ import annotations

import contextlib
import enum
import ipaddress
import logging
import secrets
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

from runtime.devices.placement import Placement, gather
from runtime.errors import RunStoppedError
from runtime.training.stop_request import StopRequest

_MEETING_SECONDS = 10.0
_ERROR_SECONDS = 5.0  # an error is most often that of all, who say it themselves
_KEEP_ALIVE = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3}  # 20 seconds
_HELLO = struct.Struct(">II")  # the chief's secret, who says it
_MESSAGE = struct.Struct(">BI")  # how a process has ended, which

_log = logging.getLogger(__name__)


class End(enum.Enum):
    """How a process has ended."""

    WELL = 0
    STOPPED = 1
    FAILED = 2
    DIED = 3


@dataclass(frozen=True, eq=False)
class Link:
    """A connection to another process.

    Attributes:
        process: Which, from 0.
        socket: Stream of messages.
    """

    process: int
    socket: socket.socket

    def tell(self, end: End, process: int) -> None:
        """Says how a process has ended; nothing where nobody is there to listen."""
        with contextlib.suppress(OSError):
            self.socket.sendall(_MESSAGE.pack(end.value, process))

    def messages(self) -> Iterator[tuple[End, int]]:
        """What the other says of itself and of others; of itself last."""
        process = None
        while process != self.process:
            end, process = self._message()
            yield end, process

    def _message(self) -> tuple[End, int]:
        try:
            data = self.socket.recv(_MESSAGE.size, socket.MSG_WAITALL)
        except OSError:
            data = b""
        if len(data) < _MESSAGE.size:
            return End.DIED, self.process
        end, process = _MESSAGE.unpack(data)
        return End(end), process


class Peers:
    """Watches the other processes, in a `with` statement.

    Args:
        links: From the chief to all others, or from another process to the chief.
        own: Which process this is.
        stop: Ends this process where another has ended alone.
    """

    def __init__(self, links: Sequence[Link], *, own: int, stop: StopRequest) -> None:
        self._links = links
        self._own = own
        self._stop = stop
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._listen, args=(link,), daemon=True)
            for link in links
        ]

    def __enter__(self) -> Peers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ending.set()
        for link in self._links:
            link.tell(_end_by(kind), self._own)
            with contextlib.suppress(OSError):  # the other has closed it
                link.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for link in self._links:
            link.socket.close()

    def _listen(self, link: Link) -> None:
        for end, process in link.messages():
            if self._ending.is_set():
                return
            if end is not End.WELL:
                self._pass_on(end, process, told_by=link)
                self._act(end, process)

    def _pass_on(self, end: End, process: int, *, told_by: Link) -> None:
        for link in self._links:
            if link is not told_by:
                link.tell(end, process)

    def _act(self, end: End, process: int) -> None:
        if end is End.STOPPED:
            self._stop.ask_once(f"process {process}, which was asked to stop")
        elif end is End.DIED or not self._ending.wait(_ERROR_SECONDS):
            _log.error("error: %s", _sentence(end, process))
            self._stop.leave(1)


def _end_by(kind: type[BaseException] | None) -> End:
    if kind is None:
        return End.WELL
    is_asked = issubclass(kind, (RunStoppedError, KeyboardInterrupt))
    return End.STOPPED if is_asked else End.FAILED


def _sentence(end: End, process: int) -> str:
    how = {
        End.FAILED: "ended by an error, which its own log names",
        End.DIED: "was killed, or its machine cannot be reached any more",
    }
    return (
        f"Process {process} of this run {how[end]}. The others cannot go on without it:"
        " start all of them again, and they go on from the newest checkpoint."
    )


# Meeting -----------------------------------------------------------------------------


@contextlib.contextmanager
def watch(placement: Placement, *, stop: StopRequest) -> Iterator[None]:
    """Ends this process soon after another one ends alone, within the `with` block.

    Args:
        placement: Of the run; every process must call.
        stop: Is asked where another was, and ends this process.
    """
    if placement.processes == 1:
        yield
        return
    secret = secrets.randbelow(2**31)
    with socket.create_server(("", 0)) as server:
        address = int(ipaddress.IPv4Address(_own_address()))
        port = server.getsockname()[1]
        row = [placement.is_chief, secret, address >> 16, address & 0xFFFF, port]
        of_all = gather(placement, row)
        own = of_all.index(row)
        if placement.is_chief:
            links = _accepted(server, secret=secret, count=placement.processes)
        else:
            links = _connected(next(each for each in of_all if each[0]), own=own)
    with Peers(links, own=own, stop=stop):
        yield


def _accepted(server: socket.socket, *, secret: int, count: int) -> list[Link]:
    """Connections to all other processes, or to those that come in time."""
    links: list[Link] = []
    server.settimeout(_MEETING_SECONDS)
    try:
        while len(links) < count - 1:
            connection, _ = server.accept()
            connection.settimeout(_MEETING_SECONDS)
            hello = connection.recv(_HELLO.size, socket.MSG_WAITALL)
            if len(hello) < _HELLO.size or _HELLO.unpack(hello)[0] != secret:
                connection.close()  # a stranger
                continue
            links.append(Link(_HELLO.unpack(hello)[1], _kept_alive(connection)))
    except OSError as error:
        _warn(f"{count - 1 - len(links)} of {count - 1} processes did not come", error)
    return links


def _connected(chief: Sequence[int], *, own: int) -> list[Link]:
    """The connection to the chief, whose row of numbers this is."""
    _, secret, high, low, port = chief
    host = str(ipaddress.IPv4Address(high << 16 | low))
    try:
        connection = socket.create_connection((host, port), timeout=_MEETING_SECONDS)
        connection.sendall(_HELLO.pack(secret, own))
    except OSError as error:
        _warn(f"process 0 does not answer at {host}:{port}", error)
        return []
    return [Link(0, _kept_alive(connection))]


def _kept_alive(connection: socket.socket) -> socket.socket:
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEP_ALIVE.items():
        if hasattr(socket, name):  # elsewhere than on Linux some are missing
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return connection


def _own_address() -> str:
    """The address by which others reach this machine; nothing is sent for it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # RFC 5737: an address of nobody
            return str(probe.getsockname()[0])
        except OSError:  # no network but the loopback
            return "127.0.0.1"


def _warn(what: str, error: OSError) -> None:
    _log.warning(
        "The processes of this run do not watch each other, because %s: %s. Should one"
        " end alone, the others may wait for it.",
        *(what, error),
    )
