"""JSON objects in files: those read may be written by strangers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from runtime import storage
from runtime.errors import DataError

_LARGEST = 64 << 20  # bytes; the index of a model of many shards takes a hundredth


def read_object(path: str) -> dict[str, Any]:
    """Reads a file that holds one JSON object.

    Args:
        path: The file, local or gs://.

    Raises:
        DataError: It holds something else, or far more than such a file can.
    """
    if (size := storage.size(path)) > _LARGEST:
        raise DataError(
            f"expected a JSON file of at most {_LARGEST} bytes, found {size}", path=path
        )
    try:
        found = json.loads(storage.read_text(path))
    except json.JSONDecodeError as error:
        raise DataError(
            f"expected JSON: {error.msg}", path=path, line=error.lineno
        ) from error
    except RecursionError as error:
        raise DataError("the JSON is nested too deeply", path=path) from error
    if not isinstance(found, dict):
        raise DataError(
            f"expected a JSON object, found a {type(found).__name__}", path=path
        )
    return found


def write_object(path: str, content: Mapping[str, Any]) -> None:
    """Writes a JSON object for people to read, too; equal ones give equal bytes.

    Args:
        path: The file, local or gs://.
        content: JSON values by key.
    """
    text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False)
    storage.write_text(path, text + "\n")
