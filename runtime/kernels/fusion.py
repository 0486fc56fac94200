"""Functions worth one kernel.

On a CPU, TensorFlow runs each operation as a pass over memory, and a GELU is a dozen.
A function marked `fused` stays plain Keras code; an engine that can compile it into
one kernel does so while it runs the model. Backends that compile the whole step (JAX)
leave it as it is.
"""

from __future__ import annotations

import contextvars
import functools
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from runtime.scoped import scoped

Function = Callable[..., Any]


class Compiler(Protocol):
    """Makes kernels of functions of tensors."""

    def fused(self, function: Function, /) -> Function:
        """A kernel of a function that returns one tensor, and one of its gradient."""

    def kernel(self, function: Function, /) -> Function:
        """A kernel of a function whose gradient is never asked for."""


_compiler: contextvars.ContextVar[Compiler | None] = contextvars.ContextVar(
    "fusion_compiler", default=None
)


def compiled_by(compiler: Compiler) -> AbstractContextManager[object]:
    """Compiles every fused function called inside.

    Args:
        compiler: A module or object that makes kernels.

    Returns:
        A context manager.
    """
    return scoped(_compiler, compiler)


def fused(function: Function) -> Function:
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
        return compiler.fused(_bound(function, tuple(numbers.items())))(*tensors)

    return call


def kernel(function: Function) -> Function:
    """What is to be called in a function's place within a hand-written gradient.

    A backward pass is traced where `compiled_by` is closed again, so this is asked in
    the forward pass for the functions of both.

    Args:
        function: A pure function of tensors of a module, without random numbers.

    Returns:
        A kernel where `compiled_by` is open, else the function itself.
    """
    compiler = _compiler.get()
    return function if compiler is None else compiler.kernel(function)


@functools.cache
def _bound(function: Function, numbers: tuple[tuple[str, float], ...]) -> Function:
    """The same object for the same arguments, so that compilers can keep it."""
    return functools.partial(function, **dict(numbers))
