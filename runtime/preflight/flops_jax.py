"""Floating point operations of a traced function.

The compiler's own count takes the body of a loop once; here it counts as often as the
loop runs. As is usual, only matrix products and convolutions count.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from jax.extend.core import ClosedJaxpr, Jaxpr


def count(jaxpr: ClosedJaxpr | Jaxpr) -> float:
    """Operations of one evaluation on one device; a `while` loop's body counts once."""
    return float(sum(_of_equation(equation) for equation in equations_of(jaxpr)))


def equations_of(jaxpr: ClosedJaxpr | Jaxpr) -> list[Any]:
    """The equations of a traced function."""
    open_jaxpr = jaxpr.jaxpr if isinstance(jaxpr, ClosedJaxpr) else jaxpr
    return list(open_jaxpr.eqns)


def inner_jaxprs(equation: Any) -> Iterator[ClosedJaxpr | Jaxpr]:
    """The traced functions that an equation calls."""
    for value in equation.params.values():
        several = value if isinstance(value, (tuple, list)) else (value,)
        for each in several:
            if isinstance(each, (ClosedJaxpr, Jaxpr)):
                yield each


def _of_equation(equation: Any) -> float:
    name = equation.primitive.name
    if name == "dot_general":
        return _of_product(equation)
    if name == "conv_general_dilated":
        return _of_convolution(equation)
    inner = [count(jaxpr) for jaxpr in inner_jaxprs(equation)]
    if name == "cond":
        return max(inner, default=0.0)
    return _times(equation) * sum(inner)


def _times(equation: Any) -> int:
    """How often an operation does what it calls."""
    match equation.primitive.name:
        case "scan":
            return int(equation.params["length"])
        case "pallas_call":
            return math.prod(equation.params["grid_mapping"].grid)
    return 1


def _of_product(equation: Any) -> float:
    left, _ = (variable.aval for variable in equation.invars)
    (contracted, _), _ = equation.params["dimension_numbers"]
    return (
        2.0
        * equation.outvars[0].aval.size
        * math.prod(left.shape[axis] for axis in contracted)
    )


def _of_convolution(equation: Any) -> float:
    _, kernel = (variable.aval for variable in equation.invars)
    features = equation.params["dimension_numbers"].rhs_spec[0]
    return 2.0 * equation.outvars[0].aval.size * kernel.size / kernel.shape[features]
