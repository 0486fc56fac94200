"""A trained classifier, opened to be asked."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pipelines.classification import best_seed
from pipelines.exporting import model_card
from pipelines.serving import recorded as recorded_runs
from pipelines.serving.predictor import Predictor, open_predictor
from pipelines.serving.recorded import Recorded
from pipelines.serving.served import Reading, Served
from processors.batches.features import Features, TokenCounts, featurize
from processors.batches.long_texts import LongTexts
from processors.example import InputExample
from processors.labels.targets import Targets
from processors.tokenization import hugging_face
from processors.tokenization.base import Tokenizer
from runtime import storage
from runtime.devices.placement import Placement
from runtime.errors import CheckpointError, SettingsError
from runtime.files import json_file
from runtime.training import untrained
from tf_bert.classifier.trained_part import TrainedPart
from tf_bert.formats import exported, find, weights
from tf_bert.formats.source import Source
from tf_bert.model.config import BertConfig

_HEAD = "output_weights"
_NAME = "BERT"
_BATCH_SIZE = 32


def load(path: str, *, labels: Sequence[str] = (), **devices: Any) -> Predictor:
    """Opens a classifier; see `tf_bert.load`."""
    meant = best_seed.folder_meant(path)
    return open_predictor(served(meant, labels=labels), **devices)


def served(path: str, *, labels: Sequence[str] = ()) -> Served:
    """A trained classifier, before a framework loads.

    Args:
        path: See `tf_bert.load`.
        labels: See there.

    Raises:
        CheckpointError: There is none, or it is no classifier.
        SettingsError: Its labels are not known, or its tokenizer is not there.
    """
    source = find.open_source(path)
    _refuse_headless(source, path=path)
    run = recorded_runs.read(path)
    about = _of_folder(source) if run is None else _of_run(run)
    targets = source.targets or Targets.LABEL
    names = _labels(source, asked=labels, targets=targets)
    told: dict[str, Any] = {}
    if run is not None:
        told = {"precision": run.precision, "backend": run.backend}
    return Served(
        path=path,
        name=_NAME,
        labels=names,
        targets=targets,
        thresholds=_thresholds(run, labels=names, targets=targets),
        pairs=None if run is None else run.pairs,
        tokenizer=about.tokenizer,
        features=functools.partial(_features, about, labels=names, targets=targets),
        reading=about.reading,
        step=source.step,
        build=functools.partial(_build, _config(source), num_labels=len(names)),
        weights=functools.partial(_weights, source, labels=names),
        write_hugging_face=functools.partial(
            _write_hugging_face, source, run, about, labels=names
        ),
        **told,
    )


@dataclasses.dataclass(frozen=True)
class _About:
    """How a classifier reads texts.

    Attributes:
        tokenizer: Texts to ids.
        reading: How rows are laid out.
        long_texts: What is read of a text that is too long for a row.
    """

    tokenizer: Tokenizer
    reading: Reading
    long_texts: LongTexts = LongTexts.TRUNCATE


def _of_run(run: Recorded) -> _About:
    long_texts = LongTexts(run.settings.get("long_texts", LongTexts.TRUNCATE))
    reading = Reading(
        max_seq_length=run.max_seq_length,
        batch_size=run.batch_size,
        pad_to=run.pad_to,
        in_windows=long_texts is LongTexts.CHUNK,
        keeps_end=long_texts is LongTexts.HEAD_TAIL,
    )
    return _About(run.tokenizer(), reading, long_texts)


def _of_folder(source: Source) -> _About:
    """Of weights of another program, with the tokenizer that lies beside them.

    Raises:
        SettingsError: None does.
    """
    path = storage.join(source.folder, hugging_face.CONFIG)
    if not storage.exists(path):
        raise SettingsError(
            f"{source.folder} has no {hugging_face.CONFIG}, which says how texts become"
            " ids. Save the tokenizer into the folder, or name a run."
        )
    tokenizer = hugging_face.read(source.folder)
    most = json_file.read_object(path).get("model_max_length")
    positions = _config(source).max_position_embeddings
    length = min(int(most), positions) if isinstance(most, (int, float)) else positions
    return _About(tokenizer, Reading(max_seq_length=length, batch_size=_BATCH_SIZE))


def _config(source: Source) -> BertConfig:
    if source.config is None:
        raise SettingsError(
            f"{source.path}: nothing beside the weights says the sizes of the BERT. Put"
            " its bert_config.json into the folder."
        )
    return source.config


def _refuse_headless(source: Source, *, path: str) -> None:
    """Refuses weights that classify nothing.

    Raises:
        CheckpointError: They are such.
    """
    if _HEAD not in source.shapes():
        raise CheckpointError(
            f"{path}: expected a classifier, found weights without {_HEAD}, as"
            " pre-training leaves them. Train one first: scripts/run_classifier.py."
        )


def _labels(
    source: Source, *, asked: Sequence[str], targets: Targets
) -> tuple[str, ...]:
    """Names of the outputs.

    Raises:
        SettingsError: They are not known, or not as many as the outputs.
    """
    count = source.shapes()[_HEAD][0]
    if targets is Targets.NUMBER:
        return source.labels or ("number",)
    names = tuple(asked) or source.labels
    if not names:
        raise SettingsError(
            f"{source.path} does not say what its {count} outputs are called: name them"
            " in their order, as in --labels=negative,positive."
        )
    if len(names) != count or (source.labels and set(names) != set(source.labels)):
        known = f", {', '.join(source.labels)}" if source.labels else ""
        raise SettingsError(
            f"--labels={','.join(names)}: {source.path} has {count} outputs{known}."
        )
    return names


def _thresholds(
    run: Recorded | None, *, labels: Sequence[str], targets: Targets
) -> tuple[float, ...]:
    if targets is not Targets.LABELS:
        return ()
    if run is None or "threshold" not in run.settings:
        return (0.5,) * len(labels)
    return run.thresholds(labels)


def _features(
    about: _About,
    examples: Iterable[InputExample],
    counts: TokenCounts,
    *,
    labels: Sequence[str],
    targets: Targets,
) -> Iterator[Features]:
    return featurize(
        examples,
        tokenizer=about.tokenizer,
        labels=labels,
        max_seq_length=about.reading.max_seq_length,
        counts=counts,
        targets=targets,
        long_texts=about.long_texts,
    )


def _build(config: BertConfig, placement: Placement, *, num_labels: int) -> Any:
    from tf_bert.classifier.heads import build_classifier  # Keras is bound by now
    from tf_bert.model import part

    with part.weights_follow():
        return build_classifier(
            config,
            num_labels=num_labels,
            trained_part=TrainedPart(),
            dtype=placement.precision.keras_policy,
        )


def _weights(
    source: Source, shapes: Mapping[str, tuple[int, ...]], *, labels: Sequence[str]
) -> Mapping[str, np.ndarray]:
    found = weights.take_weights(source, expected=dict(shapes), labels=labels)
    untrained.refuse(
        found.report.not_trained,
        path=source.path,
        work="answers",
        advice="Name the weights of a trained classifier.",
    )
    return found.values


def _write_hugging_face(
    source: Source,
    run: Recorded | None,
    about: _About,
    folder: str,
    *,
    labels: tuple[str, ...],
) -> list[str]:
    notes = exported.write(
        folder,
        source,
        config=_config(source),
        tokenizer=about.tokenizer,
        labels=labels,
        max_seq_length=about.reading.max_seq_length,
    )
    if run is not None:
        page = model_card.text(run, labels=labels)
        storage.write_text(storage.join(folder, model_card.FILE), page)
    return notes
