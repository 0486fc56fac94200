"""What the processes of an export do: each binds Keras to a backend of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pipelines.serving import graph
from pipelines.serving.answer import Input
from pipelines.serving.export_settings import ExportFormat
from pipelines.serving.predictor import example_of, open_predictor
from pipelines.serving.served import Served
from processors.batches.features import TokenCounts
from runtime.devices.placement import Accelerator, Backend, place
from runtime.errors import SettingsError
from runtime.exports.row_inputs import INPUTS, Reading
from runtime.exports.text_rows import TextRows

_NEEDED = {
    ExportFormat.SAVEDMODEL: "tensorflow",
    ExportFormat.STABLEHLO: "jax",
    ExportFormat.ONNX: "tensorflow",
    ExportFormat.LITERT: "tensorflow",
}


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
        notes: Sentences on what it cannot do.
        length: Tokens that every row must have; None where any number is taken.
        about: More for export.json.
    """

    takes_texts: bool = False
    notes: tuple[str, ...] = ()
    length: int | None = None
    about: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def answers(export: Export, probes: Sequence[Input]) -> list[list[float]]:
    """What the model answers in float32, as exports compute.

    Args:
        export: The model.
        probes: Texts.
    """
    predictor = open_predictor(export.open(), accelerator="cpu", precision="float32")
    return [answer.values for answer in predictor.predict(probes)]


def rows(
    served: Served, texts: Sequence[Input], *, length: int | None = None
) -> dict[str, list[list[int]]]:
    """Texts as the exported model reads them: `INPUTS`.

    Args:
        served: The model.
        texts: Texts that it reads in one row each.
        length: Tokens of a row; by default those of the longest.
    """
    found = list(served.features(map(example_of, texts), TokenCounts()))
    most = length or max(len(each.input_ids) for each in found)
    made = np.zeros((len(INPUTS), len(found), most), np.int32)
    for row, each in enumerate(found):
        size = len(each.input_ids)
        made[0, row, :size] = each.input_ids
        made[1, row, :size] = 1
        made[2, row, :size] = each.segment_ids
    return dict(zip(INPUTS, made.tolist(), strict=True))


def write(export: Export, kind: ExportFormat, folder: str) -> Written:
    """Writes a format.

    Args:
        export: The model.
        kind: The format.
        folder: A folder of the local disk.

    Raises:
        SettingsError: A package that it needs is not installed.
        CompilationError: The model cannot be had in it.
    """
    served = export.open()
    backend = Backend(_NEEDED[kind])
    placement = place(Accelerator.CPU, backend=backend)
    from runtime.exports import rows_model  # Keras is bound by now

    model = rows_model.make(
        lambda: served.build(placement),
        weights=served.weights,
        reading=Reading(served.targets.value),
    )
    try:
        return _WRITERS[kind](served, model, folder)
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"it needs the package {error.name}, which is not installed. Run"
            " `pip install 'tf-bert-toolkit[export]'`."
        ) from error


def _saved_model(served: Served, model: Any, folder: str) -> Written:
    from runtime.exports import saved_model_tf

    texts, notes = _in_graph(served)
    saved_model_tf.write(
        folder,
        model,
        labels=served.labels,
        texts=texts,
        warm_up=("走れ", "メロス")[: 1 + bool(served.pairs)],
    )
    return Written(takes_texts=texts is not None, notes=notes)


def _in_graph(served: Served) -> tuple[TextRows | None, tuple[str, ...]]:
    """The tokenizer for the graph; None, and why, where it has none."""
    try:
        return graph.text_rows(served), ()
    except SettingsError as error:
        return None, (f"No signature of strings: {error}",)


def _stablehlo(served: Served, model: Any, folder: str) -> Written:
    from runtime.exports import stablehlo_jax

    about: dict[str, Any] = {"platforms": list(stablehlo_jax.PLATFORMS)}
    if served.has_open_length:
        stablehlo_jax.write(folder, model)
        return Written(about=about)
    length = served.reading.max_seq_length
    stablehlo_jax.write(folder, model, fixed_length=length)
    return Written(
        notes=(f"Every row has {length} tokens: JAX's loop over them must know.",),
        length=length,
        about=about,
    )


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
