"""TensorFlow's V2 checkpoints, written without it.

The files have the bytes that TensorFlow itself writes for the same tensors.

Source: tensorflow/core/util/tensor_bundle/tensor_bundle.cc, BundleWriter.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from runtime import storage
from runtime.files import leveldb_table, protobuf
from runtime.files.tf_checkpoint import DTYPES
from runtime.files.tfrecord import masked_crc

_HEADER = protobuf.field_varint(1, 1) + protobuf.field_bytes(
    3, protobuf.field_varint(1, 1)
)  # one data file; the version of the format
_CODES = {name: code for code, name in DTYPES.items()}


def write(prefix: str, tensors: Iterable[tuple[str, np.ndarray]]) -> None:
    """Writes a checkpoint in one data file, and its index last.

    Args:
        prefix: What the names of its files begin with.
        tensors: Name and value of each; they are taken and written one by one.

    Raises:
        ValueError: A type that TensorFlow has no number for, or a name twice.
    """
    entries = {b"": _HEADER}
    with storage.open_write(f"{prefix}.data-00000-of-00001") as file:
        offset = 0
        for name, value in tensors:
            data = np.asarray(value, value.dtype.newbyteorder("<")).tobytes()
            if name.encode() in entries:
                raise ValueError(f"expected each name once, got {name!r} again")
            entries[name.encode()] = _entry_bytes(value, data=data, offset=offset)
            file.write(data)
            offset += len(data)
    storage.write_bytes(f"{prefix}.index", leveldb_table.table_bytes(entries))


def write_state(folder: str, name: str) -> None:
    """Writes the `checkpoint` file by which TensorFlow finds a folder's newest prefix.

    Args:
        folder: Where the checkpoint lies.
        name: Its prefix in that folder.
    """
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    fields = ("model_checkpoint_path", "all_model_checkpoint_paths")
    text = "".join(f'{field}: "{quoted}"\n' for field in fields)
    storage.write_text(storage.join(folder, "checkpoint"), text)


def _entry_bytes(value: np.ndarray, *, data: bytes, offset: int) -> bytes:
    """Returns a BundleEntryProto; as TensorFlow does, without fields that are 0.

    Raises:
        ValueError: TensorFlow has no such type.
    """
    if value.dtype.name not in _CODES:
        raise ValueError(f"TensorFlow has no number type {value.dtype.name}")
    sizes = (_field(1, size) for size in value.shape)
    shape = b"".join(protobuf.field_bytes(2, size) for size in sizes)
    return b"".join(
        (
            _field(1, _CODES[value.dtype.name]),
            protobuf.field_bytes(2, shape),
            _field(4, offset),
            _field(5, len(data)),
            protobuf.field_fixed32(6, masked_crc(data)),
        )
    )


def _field(number: int, value: int) -> bytes:
    return protobuf.field_varint(number, value) if value else b""
