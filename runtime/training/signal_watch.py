"""Signals at the instant they come.

Python runs a signal's handler between two bytecodes of the main thread. While that is
in one call of a device there are none, for minutes perhaps. What the system's own
handler writes into a socket, another thread can read meanwhile.

Source: https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
"""

from __future__ import annotations

import contextlib
import signal
import socket
import threading
from collections.abc import Callable, Collection, Iterator


@contextlib.contextmanager
def watch(numbers: Collection[int], *, tell: Callable[[int], object]) -> Iterator[None]:
    """Tells of signals within the `with` block; main thread only.

    A signal needs a handler of Python as well, else the system's own one acts. Who
    watched before hears nothing meanwhile.

    Args:
        numbers: The signals.
        tell: Called with the number of each, in another thread.
    """
    reader, writer = socket.socketpair()
    with reader, writer:
        writer.setblocking(False)  # as set_wakeup_fd asks for
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

        def read() -> None:
            while data := reader.recv(1):
                if data[0] in numbers:
                    tell(data[0])

        thread = threading.Thread(target=read, name="signals", daemon=True)
        thread.start()
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)
            writer.shutdown(socket.SHUT_WR)
            thread.join()
