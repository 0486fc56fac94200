"""Functions worth one kernel.

On a CPU, TensorFlow runs each operation as a pass over memory, and a GELU is a dozen.
A function marked `fused` stays plain Keras code; an engine that can compile it into
one kernel does so while it runs the model. Backends that compile the whole step (JAX)
leave it as it is.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
from collections.abc import Callable, Iterator
from typing import Any

Compiler = Callable[[Callable[..., Any]], Callable[..., Any]]

_compiler: contextvars.ContextVar[Compiler | None] = contextvars.ContextVar(
    "fusion_compiler", default=None
)


@contextlib.contextmanager
def compiled_by(compiler: Compiler) -> Iterator[None]:
    """Compiles every fused function called inside.

    Args:
        compiler: Takes a function of tensors, returns an equal one.

    Yields:
        Nothing.
    """
    token = _compiler.set(compiler)
    try:
        yield
    finally:
        _compiler.reset(token)


def fused(function: Callable[..., Any]) -> Callable[..., Any]:
    """Marks a pure function of tensors, without random numbers, to be fused.

    Args:
        function: Takes tensors by position and Python numbers by keyword, returns one
            tensor.

    Returns:
        The function, compiled where `compiled_by` is open.
    """

    @functools.wraps(function)
    def call(*tensors: Any, **numbers: float) -> Any:
        compiler = _compiler.get()
        if compiler is None:
            return function(*tensors, **numbers)
        return compiler(_bound(function, tuple(numbers.items())))(*tensors)

    return call


@functools.cache
def _bound(
    function: Callable[..., Any], numbers: tuple[tuple[str, float], ...]
) -> Callable[..., Any]:
    """The same object for the same arguments, so that compilers can keep it."""
    return functools.partial(function, **dict(numbers))
