"""Work in several processes whose results come in the order of the items."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from runtime.errors import SettingsError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")

_AHEAD = 2  # items a process that wait for it, or for those before them


def in_order(
    items: Iterable[_Item],
    *,
    make_work: Callable[[], Callable[[_Item], _Result]],
    workers: int,
) -> Generator[_Result, None, None]:
    """Yields what a function makes of each item, as `map` would.

    Items are read a few ahead, never all of them.

    Args:
        items: To be pickled.
        make_work: Makes the function, in each process; a function of a module, or a
            `functools.partial` of one.
        workers: Processes.

    Raises:
        SettingsError: One of them ended on its own.
    """
    pool = ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context("spawn"),  # no copy of open files
        initializer=_begin,
        initargs=(make_work,),
    )
    waiting: deque[Future[_Result]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(_do, item))
            if len(waiting) > _AHEAD * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise SettingsError(
            f"one of {workers} processes ended on its own: for want of memory (try"
            " fewer --workers), or because the program that asked for them lacks"
            ' `if __name__ == "__main__":`.'
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


# In another process ------------------------------------------------------------------

_WORK: dict[str, Callable[[Any], Any]] = {}


def _begin(make_work: Callable[[], Callable[[Any], Any]]) -> None:
    # Ctrl-C goes to all processes of a terminal; the first ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _WORK["here"] = make_work()


def _do(item: Any) -> Any:
    return _WORK["here"](item)


def _end_with_parent() -> None:
    """Ends the process of a parent that was killed, which would wait forever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
