"""What the processes of an export do: each binds Keras to a backend of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pipelines.exporting import graph
from pipelines.exporting.settings import ExportFormat
from pipelines.serving.answer import Input
from pipelines.serving.predictor import open_predictor
from pipelines.serving.served import Served
from processors.tokenization import hugging_face
from runtime import storage
from runtime.devices.placement import Accelerator, Backend, place
from runtime.errors import SettingsError
from runtime.exports.row_inputs import Reading

_BACKENDS = {
    ExportFormat.SAVEDMODEL: Backend.TENSORFLOW,
    ExportFormat.STABLEHLO: Backend.JAX,
    ExportFormat.ONNX: Backend.TENSORFLOW,
    ExportFormat.LITERT: Backend.TENSORFLOW,
}
# To transformers `[SEP]` is that token, and half-width kana are what a reader sees.
_OTHERWISE = ("[SEP]", "ﾞ", "ﾟ")
_PAIRS = "Of a pair that is too long transformers may cut other tokens off."
_START = "Of a text that is too long transformers reads the start; the run read it all."


@dataclasses.dataclass(frozen=True)
class Export:
    """What a process of an export opens.

    Attributes:
        served_of: Gives the model.
        path: Where it lies.
        labels: What its outputs are called, where nothing beside it says it.
    """

    served_of: Callable[..., Served]
    path: str
    labels: tuple[str, ...]

    def open(self) -> Served:
        """The model, before a framework loads."""
        return self.served_of(self.path, labels=self.labels)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Written:
    """What came of a format.

    Attributes:
        takes_texts: Whether it can be asked with texts, not only with ids.
        reads_otherwise: Marks in texts that make other tokens of them there.
        notes: Sentences on what it cannot do.
        about: More for export.json.
    """

    takes_texts: bool = False
    reads_otherwise: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def reads_alike(self, text: Input) -> bool:
        """Whether a text, or pair, is the same tokens there."""
        parts = (text,) if isinstance(text, str) else text
        return not any(mark in part for mark in self.reads_otherwise for part in parts)


def answers(export: Export, texts: Sequence[Input]) -> list[list[float]]:
    """What the model answers in float32, as exports compute.

    Args:
        export: The model.
        texts: Texts.
    """
    predictor = open_predictor(export.open(), accelerator="cpu", precision="float32")
    return [answer.values for answer in predictor.predict(texts)]


def write(export: Export, kind: ExportFormat, folder: str) -> Written:
    """Writes a format.

    Args:
        export: The model.
        kind: The format.
        folder: A folder of the local disk.

    Raises:
        CompilationError: The model cannot be had in it.
        StorageError: The disk is full, say.
    """
    served = export.open()
    placement = place(Accelerator.CPU, backend=_BACKENDS[kind])
    from runtime.exports import rows_model  # Keras is bound by now

    model = rows_model.make(
        lambda: served.build(placement),
        weights=served.weights,
        reading=Reading(served.targets.value),
    )
    return _WRITERS[kind](served, model, folder)


def write_hugging_face(served: Served, folder: str) -> Written:
    """Writes what transformers loads, which needs no process of its own.

    Args:
        served: A model that transformers has, too.
        folder: A folder of the local disk.

    Raises:
        SettingsError: It has not.
    """
    if served.write_hugging_face is None:
        raise SettingsError(f"transformers has no model of the kind {served.name}.")
    notes = served.write_hugging_face(folder)
    reads_start = not (served.reading.keeps_end or served.reading.in_windows)
    has_tokenizer = storage.exists(storage.join(folder, hugging_face.CONFIG))
    more = [*([] if reads_start else [_START]), *([_PAIRS] if served.pairs else [])]
    return Written(
        takes_texts=has_tokenizer and not more,
        reads_otherwise=_OTHERWISE,
        notes=(*notes, *more),
    )


def _saved_model(served: Served, model: Any, folder: str) -> Written:
    from runtime.exports import saved_model_tf

    texts, notes = graph.rows_and_notes(served)
    saved_model_tf.write(
        folder,
        model,
        labels=served.labels,
        texts=texts,
        warm_up=("走れ", "メロス")[: 1 + bool(served.pairs)],
    )
    return Written(takes_texts=texts is not None, notes=notes)


def _stablehlo(served: Served, model: Any, folder: str) -> Written:
    del served
    from runtime.exports import stablehlo_jax

    stablehlo_jax.write(folder, model)
    return Written(about={"platforms": list(stablehlo_jax.PLATFORMS)})


def _by_keras(kind: ExportFormat) -> Callable[..., Written]:
    def write(served: Served, model: Any, folder: str) -> Written:
        del served
        from runtime.exports import keras_formats

        keras_formats.write(folder, model, kind=kind.value)
        return Written()

    return write


_WRITERS: dict[ExportFormat, Callable[..., Written]] = {
    ExportFormat.SAVEDMODEL: _saved_model,
    ExportFormat.STABLEHLO: _stablehlo,
    ExportFormat.ONNX: _by_keras(ExportFormat.ONNX),
    ExportFormat.LITERT: _by_keras(ExportFormat.LITERT),
}
