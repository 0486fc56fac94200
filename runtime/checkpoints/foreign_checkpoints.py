"""Checkpoints that another program has left in a folder.

Source: tf.train.Saver and Estimator (`checkpoint`, `model.ckpt-500.index`),
tf.train.Checkpoint (`ckpt-1.index`), Keras (`.keras`, `.weights.h5`, `.h5`),
transformers.Trainer (`checkpoint-500/`) and save_pretrained (`model.safetensors`).
"""

from __future__ import annotations

import re

from runtime import storage
from runtime.errors import CheckpointError

_FILE = re.compile(
    r"checkpoint|.+\.index|.+\.ckpt(-\d+)?|.+\.keras|.+\.h5|.+\.safetensors"
    r"|.+\.safetensors\.index\.json|pytorch_model.*\.bin|flax_model.*\.msgpack"
)
_FOLDER = re.compile(r"(?:checkpoint|ckpt)-(\d+)")


def find(folder: str) -> str | None:
    """The path of a checkpoint in a folder that no run of ours has written, or None.

    Args:
        folder: The folder; it need not be there.
    """
    names = storage.list_dir(folder) if storage.is_dir(folder) else []
    files = [name for name in names if _FILE.fullmatch(name)]
    numbers = {name: int(n[1]) for name in names if (n := _FOLDER.fullmatch(name))}
    newest = sorted(numbers, key=lambda name: -numbers[name])
    paths = (storage.join(folder, name) for name in (*files, *newest))
    return next(paths, None)


def refuse(folder: str, *, init_checkpoint: str | None) -> None:
    """Keeps a folder's checkpoints of another program from being passed over.

    Args:
        folder: Where a run is to write; it has no checkpoint of ours.
        init_checkpoint: What it starts from; if that lies in the folder, it is not
            passed over.

    Raises:
        CheckpointError: There is such a checkpoint; says what to do.
    """
    found = find(folder)
    if found is not None and not (init_checkpoint and _is_in(init_checkpoint, folder)):
        raise CheckpointError(refusal(found, folder=folder))


def refusal(found: str, *, folder: str) -> str:
    """The sentence that says what to do about a checkpoint of another program.

    Args:
        found: From `find`.
        folder: The output directory.
    """
    return (
        f"{found} is a checkpoint of another program, and --output_dir={folder} would"
        " not go on from it. Choose another --output_dir; to start from its weights,"
        f" add --init_checkpoint={_named(found, folder)}."
    )


def _is_in(path: str, folder: str) -> bool:
    whole = storage.join(folder, "")
    return storage.join(path, "").startswith(whole)


def _named(found: str, folder: str) -> str:
    """What --init_checkpoint takes: a folder of checkpoints by itself."""
    return found if storage.is_dir(found) else folder
