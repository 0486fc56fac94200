"""Tensors in the safetensors format, written without a second copy in memory.

A file is the length of its header in 8 bytes, the header in JSON, and the tensors'
bytes one after the other. Nothing in it is executed by anyone.

Source: https://github.com/huggingface/safetensors#format
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import BinaryIO

import numpy as np
import safetensors
import safetensors.numpy

from runtime.errors import CheckpointError

# In the order of the format's own list: a file has the later ones first, so that every
# tensor begins at a multiple of its type's size.
_TYPES = {
    "bool": "BOOL",
    "uint8": "U8",
    "int8": "I8",
    "int16": "I16",
    "uint16": "U16",
    "float16": "F16",
    "int32": "I32",
    "uint32": "U32",
    "float32": "F32",
    "float64": "F64",
    "int64": "I64",
    "uint64": "U64",
}
_RANKS = {name: rank for rank, name in enumerate(_TYPES.values())}
_ALIGNMENT = 8


def write(file: BinaryIO, tensors: Mapping[str, np.ndarray]) -> None:
    """Writes a whole file.

    Args:
        file: What to write to.
        tensors: Name to value.

    Raises:
        CheckpointError: A type of number has no place in the format.
    """
    types = {name: _type(name, value.dtype) for name, value in tensors.items()}
    names = sorted(tensors, key=lambda name: (-_RANKS[types[name]], name))
    header, place = {}, 0
    for name in names:
        value = tensors[name]
        header[name] = {
            "dtype": types[name],
            "shape": list(value.shape),
            "data_offsets": [place, place + value.nbytes],
        }
        place += value.nbytes
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % _ALIGNMENT)
    file.write(len(text).to_bytes(8, "little"))
    file.write(text)
    for name in names:
        # The buffer as it lies: a transposed view would come back wrong.
        file.write(np.ascontiguousarray(_little_endian(tensors[name])).data)


def parse(content: bytes, *, path: str) -> dict[str, np.ndarray]:
    """Returns the tensors of a file.

    Args:
        content: All its bytes.
        path: What to call it in errors.

    Raises:
        CheckpointError: The bytes are no such file; nothing was allocated for what its
            header claims.
    """
    try:
        return safetensors.numpy.load(content)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path}: expected a safetensors file of numbers: {error}"
        ) from error


def _type(name: str, dtype: np.dtype) -> str:
    if dtype.name not in _TYPES:
        known = ", ".join(_TYPES)
        raise CheckpointError(f"{name} has the type {dtype}; can be saved: {known}.")
    return _TYPES[dtype.name]


def _little_endian(value: np.ndarray) -> np.ndarray:
    return value.astype(value.dtype.newbyteorder("<"), copy=False)
