"""What is no weights that can be read: by its name, and what to do with it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from runtime import storage

_SAFE = (
    "Where the model is trusted, convert it once with transformers: "
    "AutoModel.from_pretrained(FOLDER).save_pretrained(FOLDER, "
    "safe_serialization=True)"
)
_PICKLE = f"is a pickle of PyTorch, which can run any program, and is not read. {_SAFE}"
_KERAS = (
    "is a file of Keras in HDF5, which does not say what BERT its numbers are of, and "
    "is not read. Give the TensorFlow 1 checkpoint, the Hugging Face folder with "
    "model.safetensors or the KerasHub preset of this model"
)
_OLD = "is no longer written by transformers and not read; give its model.safetensors"
_ARCHIVE = "is an archive. Unpack it (%s) and give the folder that comes out of it"
_EXPORTED = (
    "is an exported model, whose weights are part of a program, and is not read. Give "
    "the weights that it was made from"
)

# Whole names of files, then endings, each with what it is.
_NAMES = {
    "pytorch_model.bin": _PICKLE,
    "pytorch_model.bin.index.json": _PICKLE,
    "tf_model.h5": _OLD,
    "flax_model.msgpack": _OLD,
    "model.weights.json": "names weights in shards, which no BERT needs and are "
    "not read; save with save_to_preset(FOLDER, max_shard_size=100)",
    "tfhub_module.pb": "makes its folder a TF-Hub module, which is not read. Give the "
    "TensorFlow 1 checkpoint that the same model is published as",
    "saved_model.pb": "makes its folder a SavedModel of TensorFlow, which is not read: "
    "its weights are part of a program. Give the checkpoint that it was made from",
}
_ENDINGS = {
    (".h5", ".hdf5"): _KERAS,
    (".keras",): "is a whole model of Keras, whose layers are code of its own, and is "
    "not read. Give the TensorFlow 1 checkpoint, Hugging Face folder or KerasHub "
    "preset of this model",
    (".zip",): _ARCHIVE % "unzip FILE -d FOLDER",
    (".tar.gz", ".tgz", ".tar", ".tar.bz2", ".tar.xz"): _ARCHIVE
    % "mkdir FOLDER && tar -xf FILE -C FOLDER",
    (".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"): "is compressed. Unpack it and give "
    "what comes out of it",
    (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle"): _PICKLE,
    (".onnx", ".pb", ".tflite", ".mlmodel", ".engine"): _EXPORTED,
    (".gguf", ".ggml"): "is a quantised model of llama.cpp, which is not read. Give "
    "the folder with model.safetensors that it was made from",
    (".msgpack",): _OLD,
    (".npz", ".npy"): "holds arrays of NumPy, which do not say what BERT they are of, "
    "and is not read. Give a checkpoint",
}

_HUGGING_FACE = re.compile(
    r"(?:https?://(?:www\.)?(?:huggingface\.co|hf\.co)/|hf://)(?:models/)?"
    r"([\w.-]+(?:/(?!tree/|blob/|resolve/)[\w.-]+)?)"
)
_TF_HUB = re.compile(
    r"(https?://)?(www\.)?(tfhub\.dev|kaggle\.com/models)/.|kaggle://"
    r"|[\w.-]+/[\w.-]+/(tensorFlow[12]|keras|pyTorch|transformers|jax|flax|tfHub)/",
    re.IGNORECASE,
)
_HUB_NAME = re.compile(r"[\w.-]*\w(?:/[\w.-]*\w)?")
_SCHEME = re.compile(r"([a-zA-Z][\w+.-]*)://")
_NEAR = 0.5  # of names as alike as that


def of_file(name: str) -> str | None:
    """What a file is that is not read, after its path; None: its name does not say."""
    if name in _NAMES:
        return _NAMES[name]
    kinds = (said for ends, said in _ENDINGS.items() if name.lower().endswith(ends))
    return next(kinds, None)


def of_folder(present: Iterable[str]) -> tuple[str, str] | None:
    """A file that shows what a folder is, and what is to be said of it."""
    present = sorted(present)
    known = [name for name in _NAMES if name in present]
    for name in (*known, *present):
        if said := of_file(name):
            return name, said
    return None


def of_missing(path: str) -> str:
    """What a path is to which there is no file and no folder, after the path."""
    if found := _HUGGING_FACE.match(path):
        return (
            "names a model of Hugging Face, and nothing is downloaded: "
            f"{_download(found[1])}"
        )
    if _TF_HUB.match(path):
        return (
            "names a model of TF-Hub or Kaggle. Nothing is downloaded, and their "
            "modules are not read: download the TensorFlow 1 checkpoint that the same "
            "BERT is published as (https://github.com/google-research/bert), unpack it "
            "and give its folder"
        )
    scheme = _SCHEME.match(path)
    if scheme and not storage.is_remote(path):
        return (
            f"lies behind {scheme[1]}://, from where nothing is downloaded: download "
            "it and give its folder, or a path of a bucket, gs://BUCKET/NAME"
        )
    if _is_hub_name(path):
        return (
            "there is no such file or folder, and nothing is downloaded; if it is a "
            f"model of Hugging Face, {_download(path)}{_near(path)}"
        )
    return (
        f"there is no such file or folder, looked for {path}.index, too{_beside(path)}"
    )


def _download(name: str) -> str:
    folder = name.rpartition("/")[2]
    return (
        f"download it with `hf download {name} --local-dir {folder}` (pip install "
        f"huggingface_hub) and give the folder {folder}"
    )


def _is_hub_name(path: str) -> bool:
    """Whether it looks like `NAME` or `OWNER/NAME`, and not like a checkpoint's."""
    above = storage.dirname(path)
    is_local = bool(above) and storage.is_dir(above)
    is_file = ".ckpt" in path or of_file(storage.basename(path)) is not None
    return not is_local and not is_file and bool(_HUB_NAME.fullmatch(path))


def _beside(path: str) -> str:
    """What there is in its folder, or in the nearest one that there is."""
    if near := _near(path):
        return near
    folder = storage.dirname(path)
    if folder and not storage.is_dir(folder):
        return f"; the folder {folder} does not exist"
    present = _shown(folder)
    return f"; {folder or 'the working folder'} holds {', '.join(present) or 'nothing'}"


def _near(path: str) -> str:
    """What there is that is called nearly so, in the nearest folder there is."""
    name, folder = storage.basename(path), storage.dirname(path)
    while folder and not storage.is_dir(folder):
        if storage.dirname(folder) == folder:
            return ""
        name, folder = storage.basename(folder), storage.dirname(folder)
    present = storage.list_dir(folder or ".")
    near = difflib.get_close_matches(name, present, n=3, cutoff=_NEAR)
    where = folder or "the working folder"
    return f"; {where} holds {', '.join(near)}" if near else ""


def _shown(folder: str) -> list[str]:
    present = storage.list_dir(folder or ".")
    return [name for name in present if not name.startswith(".")][:5]
