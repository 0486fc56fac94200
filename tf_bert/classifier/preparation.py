"""Everything about a classifier run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
import functools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from pipelines.classification import data_check
from pipelines.classification.preparation import TaskJob, TrainedRun, open_rows
from pipelines.classification.rows import all_fit
from processors.base import DataProcessor
from processors.batches.features import (
    FEATURES,
    Features,
    TokenCounts,
    features_format,
    featurize,
)
from processors.example import InputExample
from processors.labels import targets
from processors.labels.targets import Targets
from processors.readers.sieve import Unfit
from processors.tokenization import create as tokenizers
from processors.tokenization.base import Tokenizer
from runtime.checkpoints import foreign_checkpoints
from runtime.checkpoints.checkpoints import Checkpoint
from runtime.errors import CheckpointError, SettingsError
from runtime.training import same_run, trained_run
from runtime.training.job import refuse_nothing_trained, restore
from runtime.training.same_run import Trait
from tf_bert.classifier.settings import Architecture, ClassifierSettings
from tf_bert.formats import digest, find, weights
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.source import Source
from tf_bert.model import config as configs
from tf_bert.model.config import BertConfig

_HEAD = "output_weights"

_log = logging.getLogger(__name__)

_Job = TypeVar("_Job", bound="BertClassifierJob")


@dataclasses.dataclass(frozen=True, kw_only=True)
class BertClassifierJob(TaskJob):
    """A BERT classifier's run whose settings fit each other.

    Attributes:
        settings: What was asked for.
        config: Sizes of the BERT.
        start: The weights it starts from; None where it goes on or starts at random.
        LAYOUT: How a row is made of texts, as manifests name it.
        FEATURIZE: Makes the rows, as `featurize` does.
    """

    LAYOUT: ClassVar[str] = FEATURES
    FEATURIZE: ClassVar[Callable[..., Iterator[Features]]] = staticmethod(featurize)

    settings: ClassifierSettings
    config: BertConfig
    start: Source | None = None

    @property
    def total_steps(self) -> int:
        """See base class; a head that is fitted by itself is one update."""
        is_head_alone = self.settings.trained_part.is_head_alone
        return 1 if is_head_alone else super().total_steps

    @property
    def features_format(self) -> str:
        """See base class; a long text may be cut otherwise, or not at all."""
        return features_format(self.settings.long_texts, layout=self.LAYOUT)

    def features(
        self,
        examples: Iterable[InputExample],
        *,
        labels: Sequence[str],
        counts: TokenCounts,
    ) -> Iterator[Features]:
        """See base class."""
        return self.FEATURIZE(
            examples,
            tokenizer=self.tokenizer,
            labels=labels,
            max_seq_length=self.settings.max_seq_length,
            counts=counts,
            targets=self.settings.targets,
            long_texts=self.settings.long_texts,
        )

    def model_traits(self) -> list[Trait]:
        """See `runtime.training.job.Job.model_traits`."""
        config = Trait(
            name="bert_config", value=self.config.to_dict(), differ=same_run.by_key
        )
        return [config, *super().model_traits()]


def prepare(
    settings: ClassifierSettings, *, processor: DataProcessor | None = None
) -> BertClassifierJob:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.
        processor: The task, where it is none that a name stands for: one made of
            lists, say.

    Returns:
        The job, with all its data.

    Raises:
        SettingsError: All settings that do not fit, in one error; or the output
            directory holds another run.
        CheckpointError: `--resume=must` finds no checkpoint, or it or the one to start
            from is damaged or of another model.
        DataError: A row cannot be used.
    """
    return prepare_as(BertClassifierJob, settings, processor=processor)


def prepare_as(
    kind: type[_Job],
    settings: ClassifierSettings,
    *,
    processor: DataProcessor | None = None,
    unfit: Callable[[str], Unfit] = all_fit,
) -> _Job:
    """Does the same for any job on a BERT with a head; see `prepare`.

    Args:
        kind: Of the job.
        settings: What was asked for.
        processor: As for `prepare`.
        unfit: Which rows of a split are bad, beside those that are no examples.
    """
    restored = restore(settings, init_checkpoint=settings.init_checkpoint)
    if restored is not None:
        _refuse_other_head(restored.state, settings, path=str(settings.output_dir))
    settings = _with_own_start(settings, restored=restored)
    refuse_nothing_trained(
        settings, restored=restored, init_checkpoint=settings.init_checkpoint
    )
    open_start = functools.cache(lambda: _open_start(settings, restored=restored))
    config = weights.find_config(
        bert_config_file=settings.bert_config_file,
        init_checkpoint=open_start,
        model_file=settings.model_file,
        stored=restored.state.get("bert_config") if restored is not None else None,
    )
    tokenizer = tokenizers.create(settings)
    _refuse_misfits(settings, config=config, tokenizer=tokenizer)
    start = open_start()
    settings = _with_answers_of(start, settings)
    trained = TrainedRun.of_checkpoint(str(settings.output_dir), restored)
    if start is not None:
        trained = _start(settings, start, config=config, tokenizer=tokenizer)
    return data_check.checked(
        kind(
            settings=settings,
            config=config,
            tokenizer=tokenizer,
            rows=open_rows(settings, trained=trained, made=processor, unfit=unfit),
            output_dir=str(settings.output_dir),
            restored=restored,
            init_checkpoint=digest.initial_checkpoint(
                settings.init_checkpoint, source=start
            ),
            start=start,
        )
    )


def _with_own_start(
    settings: ClassifierSettings, *, restored: Checkpoint | None
) -> ClassifierSettings:
    """The settings; an evaluation of nothing named is of what the original has left.

    Raises:
        CheckpointError: The output directory holds a checkpoint that is not read there.
    """
    if restored is not None or settings.init_checkpoint or settings.trains:
        return settings
    folder = str(settings.output_dir)
    found = foreign_checkpoints.find(folder)
    if found is None:
        return settings
    try:
        source = find.open_source(folder)
    except CheckpointError as error:
        raise CheckpointError(
            foreign_checkpoints.refusal(found, folder=folder)
        ) from error
    if source.kind is not WeightsFormat.TF1 or _HEAD not in source.shapes():
        raise CheckpointError(foreign_checkpoints.refusal(found, folder=folder))
    _log.info("Using step %d of google-research/bert in %s", source.step, folder)
    return dataclasses.replace(settings, init_checkpoint=folder)


def _with_answers_of(
    start: Source | None, settings: ClassifierSettings
) -> ClassifierSettings:
    """The settings; a model that is not trained here says what it answers."""
    is_told = settings.targets is not Targets.LABEL
    if start is None or start.targets is None or settings.trains or is_told:
        return settings
    return dataclasses.replace(settings, **targets.settings_of(start.targets))


def _start(
    settings: ClassifierSettings,
    source: Source,
    *,
    config: BertConfig,
    tokenizer: Tokenizer,
) -> TrainedRun:
    """Refuses weights of another model; says what those of a run bring along."""
    report = weights.check_start(
        source,
        config=config,
        tokenizer=tokenizer,
        allow_partial=settings.allow_partial_init,
    )
    if settings.needs_trained_pooler:
        weights.refuse_untrained_pooler(report)
    path = str(settings.init_checkpoint)
    state = trained_run.state_of(path)
    _refuse_other_head(state, settings, path=path)
    found = TrainedRun.of_state(path, state)
    found = dataclasses.replace(
        found,
        labels=found.labels or source.labels,
        targets=found.targets or source.targets,
    )
    # A run that trains learns labels of its own.
    return dataclasses.replace(found, labels=()) if settings.trains else found


def _refuse_other_head(
    state: Mapping[str, Any], settings: ClassifierSettings, *, path: str
) -> None:
    """Keeps the head of one architecture from being read as that of another.

    Args:
        state: Of a checkpoint, whatever it is of.
        settings: What it is to be used for.
        path: Where it lies.

    Raises:
        CheckpointError: Says what differs.
    """
    told = dict(state.get("settings", {}))
    if state.get("labels"):  # of a classifier, which earlier ones do not say
        told.setdefault("architecture", Architecture.CROSS.value)
    here = settings.as_json()
    differing = [
        f"--{name}={told[name]} there, --{name}={here[name]} here"
        for name in settings.HEAD_FLAGS
        if name in told and told[name] != here[name]
    ]
    if differing:
        raise CheckpointError(
            f"{path} holds a model with another head: {'; '.join(differing)}. Pass its"
            " values, or start from weights without a head."
        )


def _open_start(
    settings: ClassifierSettings, *, restored: Checkpoint | None
) -> Source | None:
    """The weights to start from; None where the run goes on or starts at random."""
    if restored is not None or not settings.init_checkpoint:
        return None
    return find.open_source(settings.init_checkpoint)


def _refuse_misfits(
    settings: ClassifierSettings, *, config: BertConfig, tokenizer: Tokenizer
) -> None:
    problems: list[str] = []
    checks: tuple[tuple[Callable[..., None], dict[str, Any]], ...] = (
        (
            configs.validate_case_matches_checkpoint,
            {
                "do_lower_case": tokenizer.do_lower_case,
                "init_checkpoint": settings.init_checkpoint,
            },
        ),
        (
            lambda **sizes: configs.check_sequence_length(config, **sizes),
            {"max_seq_length": settings.max_seq_length},
        ),
        (
            lambda **sizes: configs.check_vocabulary(config, **sizes),
            {"tokenizer_vocab_size": tokenizer.vocab_size},
        ),
        (
            settings.trained_part.refuse_beyond,
            {"num_layers": config.num_hidden_layers},
        ),
        (settings.refuse_other_sizes, {"hidden_size": config.hidden_size}),
    )
    for check, values in checks:
        try:
            check(**values)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(*problems)
