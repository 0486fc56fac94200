"""What is odd about a file without being wrong: said once, however often it is read."""

from __future__ import annotations

import functools
import logging

_LOG = logging.getLogger(__name__)


@functools.lru_cache(maxsize=1024)
def tell(sentence: str) -> None:
    """Logs a warning, unless it was logged before."""
    _LOG.warning("%s", sentence)
