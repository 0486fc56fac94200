"""Keras, on the backend of a run and without what no run needs."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

from runtime.errors import PlacementError

_FOR_KERAS = ("matplotlib", "sklearn")
_LEFT_OUT = {"tensorflow": (*_FOR_KERAS, "jax"), "jax": _FOR_KERAS}


def bind_keras(backend: str) -> None:
    """Makes Keras use a backend when it is imported.

    Args:
        backend: As KERAS_BACKEND names it.

    Raises:
        PlacementError: Keras was imported with another one.
    """
    if "keras" in sys.modules:
        bound = sys.modules["keras"].backend.backend()
        if bound != backend:
            raise PlacementError(
                f"Keras already runs on {bound}; {backend} was asked for. Choose "
                "the backend before importing keras, or start a new process."
            )
    os.environ["KERAS_BACKEND"] = backend


@contextlib.contextmanager
def imported_lean(backend: str) -> Iterator[None]:
    """Imports Keras in half the time, when it is imported within the block.

    The other half are matplotlib, for its picture galleries, and scikit-learn, for its
    wrappers, which it imports where they are installed and does without elsewhere; as
    TensorFlow does with JAX, for a converter. Who wants these imports keras first.

    Args:
        backend: Of Keras.
    """
    hidden = [name for name in _LEFT_OUT[backend] if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
