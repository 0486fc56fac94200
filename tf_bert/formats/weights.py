"""The weights a model starts from, and what in a checkpoint does not fit it.

The variables of the models here bear the names of google-research/bert; what others
call them is in `tf_bert.formats.names`. What does not match is never passed over in
silence: it is in the report, or it is an error.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from processors.tokenization.base import Tokenizer
from runtime.errors import CheckpointError, SettingsError
from runtime.training import untrained
from tf_bert.formats import find, tokenizer_files, variables
from tf_bert.formats.source import Source
from tf_bert.formats.variables import Shapes
from tf_bert.model import other_models
from tf_bert.model.config import BertConfig

_ENCODER = "bert/"
_POOLER = "bert/pooler/"
_CLASSIFIER = frozenset({"output_weights", "output_bias"})


@dataclasses.dataclass(frozen=True)
class MatchReport:
    """Which variables of a model come from a checkpoint.

    Attributes:
        source: The checkpoint: a prefix or a folder.
        shapes: Every variable of the model by name, in the model's order.
        matched: Names that the model and the checkpoint share.
        missing: Names only the model has; they keep their fresh values.
        left_over: Names only the checkpoint has, such as a pre-training head.
        ignored: The checkpoint's step and optimiser slots, which are no weights.
        untrained: Names among the matched that nothing has trained yet.
    """

    source: str
    shapes: Shapes
    matched: tuple[str, ...]
    missing: tuple[str, ...]
    left_over: tuple[str, ...]
    ignored: tuple[str, ...]
    untrained: tuple[str, ...] = ()

    @property
    def not_trained(self) -> tuple[str, ...]:
        """Names of the model that are as they started, here or in the checkpoint."""
        return (*self.missing, *self.untrained)

    def __str__(self) -> str:
        """Returns the table google-research/bert logs, and what it leaves out."""
        lines = [
            "**** Trainable Variables ****",
            *self._rows(),
            f"{self.source}: {len(self.matched)} of {len(self.shapes)} variables",
            f"Fresh: {', '.join(self.missing) or 'none'}",
            f"Not used from the checkpoint: {', '.join(self.left_over) or 'none'}",
            f"Optimiser state and steps, not read: {len(self.ignored)}",
        ]
        return "\n".join(lines)

    def without(self, names: Collection[str]) -> MatchReport:
        """The same, had the checkpoint's variables of these names no use."""
        return dataclasses.replace(
            self,
            matched=tuple(n for n in self.matched if n not in names),
            missing=(*self.missing, *(n for n in self.matched if n in names)),
            left_over=(*self.left_over, *(n for n in self.matched if n in names)),
        )

    def _rows(self) -> Iterator[str]:
        matched = set(self.matched)
        for name, shape in self.shapes.items():
            mark = ", *INIT_FROM_CKPT*" if name in matched else ""
            yield f"  name = {name}, shape = {shape}{mark}"


@dataclasses.dataclass(frozen=True)
class InitialWeights:
    """The values a model starts from.

    Attributes:
        values: Variable name -> float32 array, for the matched variables only.
        report: What matched and what did not.
        step: Updates that the checkpoint is the outcome of; 0 where it does not say.
    """

    values: dict[str, np.ndarray]
    report: MatchReport
    step: int = 0


def read_weights(
    path: str,
    *,
    expected: Shapes,
    allow_partial: bool = False,
    labels: Sequence[str] = (),
) -> InitialWeights:
    """Reads a model's starting weights from whatever kind of checkpoint `path` is.

    Fresh variables outside the encoder (a head), and a pre-training head that is not
    used, are normal and only reported. Damage is a CheckpointError too.

    Args:
        path: One of our checkpoints (`.../step-00000500`), the newest one of a run
            (its output folder), a TensorFlow checkpoint, by its prefix
            (`.../bert_model.ckpt`) or folder, a Hugging Face folder, or a KerasHub
            preset.
        expected: Variable name -> shape of the model.
        allow_partial: Whether encoder variables may be missing in the checkpoint.
        labels: What the model's classes are called. A classifier of the same labels in
            another order is put in this order; one of other labels is not read.

    Returns:
        Values and report.

    Raises:
        CheckpointError: Nothing matches, a shape differs, or the encoder is only
            half there.
    """
    return take_weights(
        find.open_source(path),
        expected=expected,
        allow_partial=allow_partial,
        labels=labels,
    )


def take_weights(
    source: Source,
    *,
    expected: Shapes,
    allow_partial: bool = False,
    labels: Sequence[str] = (),
) -> InitialWeights:
    """What `read_weights` returns, of weights that are open already; see there."""
    report = _checked(source, expected, allow_partial=allow_partial)
    order = _order(source.labels, labels)
    if order is None:
        report = report.without(_CLASSIFIER)
    values = {name: source.read(name) for name in report.matched}
    for name in _CLASSIFIER.intersection(values):
        values[name] = values[name][order]
    return InitialWeights(values, report, step=source.step)


def _order(theirs: Sequence[str], ours: Sequence[str]) -> Any:
    """Where each of our labels stands among theirs; None: they are other labels."""
    if not theirs or not ours:
        return slice(None)
    if sorted(theirs) != sorted(ours):
        return None
    return [theirs.index(label) for label in ours]


def find_config(
    *,
    bert_config_file: str | None,
    init_checkpoint: Callable[[], Source | None] | str | None,
    model_file: str | None,
    stored: Mapping[str, object] | None = None,
) -> BertConfig:
    """The sizes of the BERT that the settings mean.

    Args:
        bert_config_file: Read if given.
        init_checkpoint: Else what is stored with these weights: their path, or what
            opens them.
        model_file: Else bert-japanese's BERT-base, whose SentencePiece model this is.
        stored: What the checkpoint that a run goes on with says; before the last two.

    Raises:
        SettingsError: They are nowhere to be found.
        CheckpointError: The weights cannot be read.
    """
    if bert_config_file:
        return BertConfig.from_json_file(bert_config_file)
    if stored is not None:
        return BertConfig.from_dict(stored)
    if config := _config_beside(init_checkpoint):
        return config
    if model_file:
        return BertConfig.bert_japanese()
    raise SettingsError(
        "--bert_config_file is required: nothing beside --init_checkpoint says the "
        "sizes of the BERT, and no checkpoint is in --output_dir."
    )


def _config_beside(
    weights: Callable[[], Source | None] | str | None,
) -> BertConfig | None:
    if callable(weights):
        source = weights()
        return source.config if source is not None else None
    return find.find_config(weights) if weights else None


def check_start(
    source: Source,
    *,
    config: BertConfig,
    tokenizer: Tokenizer | None,
    allow_partial: bool = False,
) -> MatchReport:
    """Refuses weights of another model or vocabulary, before a framework loads.

    Args:
        source: The opened weights.
        config: The model's settings.
        tokenizer: What makes the ids; None where that is not known.
        allow_partial: Whether encoder variables may be missing in the checkpoint.

    Returns:
        What of the encoder is there.

    Raises:
        CheckpointError: As `read_weights`.
        SettingsError: The settings stored with the weights compute otherwise, or they
            were trained with another vocabulary.
    """
    report = check(source, config=config, allow_partial=allow_partial)
    refuse_other_config(config, source)
    if tokenizer is not None:
        tokenizer_files.refuse_other_vocabulary(source, tokenizer)
    return report


def check(source: Source, *, config: BertConfig, allow_partial: bool) -> MatchReport:
    """Refuses weights of another model before any model is made.

    Args:
        source: The opened weights.
        config: The model's settings.
        allow_partial: Whether encoder variables may be missing in the checkpoint.

    Returns:
        What of the encoder is there.

    Raises:
        CheckpointError: As `read_weights`.
    """
    expected = variables.sized(config, source.shapes())
    return _checked(source, expected, allow_partial=allow_partial)


def check_all(source: Source, *, expected: Shapes) -> None:
    """Refuses weights that lack variables of a model, or have them in other shapes.

    Args:
        source: The opened weights.
        expected: Variable name -> shape of the model.

    Raises:
        CheckpointError: So it is.
    """
    report = _checked(source, expected, allow_partial=True)
    if report.missing:
        raise CheckpointError(
            f"{source.path}: lacks {len(report.missing)} of {len(expected)} variables "
            f"of its model: {_some(report.missing)}"
        )


def refuse_untrained_pooler(report: MatchReport) -> None:
    """Refuses pooled vectors of weights that have no pooler.

    Args:
        report: What of the encoder is in the weights.

    Raises:
        CheckpointError: There is none, as in models of masked tokens alone.
    """
    untrained.refuse(
        [name for name in report.not_trained if name.startswith(_POOLER)],
        path=report.source,
        work="pooled vectors",
        advice="Take other vectors (--pooling=mean or cls), or train the whole model "
        "on a task (--train=full) first.",
    )


def refuse_other_config(config: BertConfig, source: Source) -> None:
    """Refuses settings that compute otherwise than those stored with the weights.

    Args:
        config: What a run was told.
        source: The opened weights.

    Raises:
        SettingsError: A sentence for each setting.
    """
    if source.config is None:
        return
    problems = variables.decided_otherwise(config, source.config)
    if problems:
        raise SettingsError(*(f"{source.path}: {each}" for each in problems))


# Matching ----------------------------------------------------------------------------


def _checked(source: Source, expected: Shapes, *, allow_partial: bool) -> MatchReport:
    path, found = source.path, source.shapes()
    report = _match(expected, found, source=path)
    known = tuple(name for name in report.matched if name in source.untrained)
    report = dataclasses.replace(report, untrained=known)
    if any(name.startswith(_ENCODER) for name in report.missing):
        _refuse_other_model(found, path=path)
    problems = [*_shape_problems(report, found)]
    if not report.matched:
        problems.append(_stranger(report))
    elif not allow_partial:
        problems.extend(_encoder_problems(report))
    if problems:
        raise CheckpointError("\n".join(f"{path}: {each}" for each in problems))
    return report


def _refuse_other_model(names: Iterable[str], *, path: str) -> None:
    """Refuses the variables of a model that is not a BERT.

    Raises:
        CheckpointError: They are those of one that is known.
    """
    if model := other_models.of_variables(names):
        raise CheckpointError(f"{path} {other_models.refusal(model)}")


def _match(expected: Shapes, found: Shapes, *, source: str) -> MatchReport:
    others = [name for name in found if name not in expected]
    ignored = tuple(filter(variables.NOT_WEIGHTS.fullmatch, others))
    return MatchReport(
        source=source,
        shapes=expected,
        matched=tuple(name for name in expected if name in found),
        missing=tuple(name for name in expected if name not in found),
        left_over=tuple(name for name in others if name not in ignored),
        ignored=ignored,
    )


def _shape_problems(report: MatchReport, found: Shapes) -> Iterator[str]:
    wrong = [name for name in report.matched if found[name] != report.shapes[name]]
    for name in wrong[:5]:
        model, checkpoint = report.shapes[name], found[name]
        yield (
            f"{name} has shape {checkpoint} in the checkpoint, but {model} in the model"
            f"{_axis_hint(name, model=model, checkpoint=checkpoint)}"
        )
    if wrong[5:]:
        yield f"so it is with {len(wrong) - 5} more variables"


def _axis_hint(
    name: str, *, model: tuple[int, ...], checkpoint: tuple[int, ...]
) -> str:
    """Says which setting of the model decides the axes that differ."""
    if len(model) != len(checkpoint):
        return ""
    hints = (
        f"{axis} is {ours} in the model, {theirs} in the checkpoint"
        for axis, ours, theirs in zip(
            variables.axes(name), model, checkpoint, strict=False
        )
        if ours != theirs
    )
    return ": " + "; ".join(hints)


def _stranger(report: MatchReport) -> str:
    return (
        f"none of the checkpoint's variables is one of the model's; it has "
        f"{_some(report.left_over)}; the model expects {_some(report.shapes)}"
    )


def _encoder_problems(report: MatchReport) -> Iterator[str]:
    """A whole missing pooler is normal: masked-LM models are often kept without."""
    missing = [name for name in report.missing if name.startswith(_ENCODER)]
    if all(name.startswith(_POOLER) for name in missing) and len(missing) == 2:
        return
    if missing:
        yield (
            f"half-matched: {len(missing)} variables of the model's encoder are not in "
            f"the checkpoint: {_some(missing)}; the checkpoint has, without use, "
            f"{_some(report.left_over)}. Give the checkpoint that belongs to the "
            "configuration, or start these at random with --allow_partial_init"
        )


def _some(names: Iterable[str]) -> str:
    """Returns a few names to recognise a model by."""
    names = list(names)
    rest = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return (", ".join(names[:4]) or "nothing") + rest
