"""Models that come with the toolkit, by name: `bundled:NAME`."""

from __future__ import annotations

from runtime import storage
from runtime.errors import CheckpointError

PREFIX = "bundled:"


def resolve(path: str, *, shipped: str) -> str:
    """The folder of a bundled model; any other path as it is.

    Args:
        path: `bundled:NAME`, or a path.
        shipped: Where models of this kind lie, a folder each.

    Raises:
        CheckpointError: No such model comes with the toolkit; names those that do.
    """
    if not path.startswith(PREFIX):
        return path
    name = path.removeprefix(PREFIX)
    if name not in (known := names(shipped)):
        raise CheckpointError(
            f"{path}: no such model comes with the toolkit. There "
            f"{'is' if len(known) == 1 else 'are'}: {', '.join(known) or 'none'}."
        )
    return storage.join(shipped, name)


def names(shipped: str) -> list[str]:
    """The models that lie in a folder."""
    present = storage.list_dir(shipped) if storage.is_dir(shipped) else []
    return [name for name in present if storage.is_dir(storage.join(shipped, name))]
