"""Everything about a classifier run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

from processors.base import DataProcessor
from processors.classification.preparation import (
    TaskJob,
    find_data_dir,
    find_processor,
)
from processors.tokenization import create as tokenizers
from processors.tokenization.base import Tokenizer
from runtime.checkpoints import Checkpoint
from runtime.errors import SettingsError
from runtime.job import refuse_foreign_checkpoint, restore
from tf_bert import config as configs
from tf_bert import weights
from tf_bert.config import BertConfig
from tf_bert.formats import find
from tf_bert.formats.source import Source
from tf_bert.settings import ClassifierSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job(TaskJob):
    """A BERT classifier's run whose settings fit each other.

    Attributes:
        settings: What was asked for.
        config: Sizes of the BERT.
        start: The weights it starts from; None where it goes on or starts at random.
    """

    settings: ClassifierSettings
    config: BertConfig
    start: Source | None = None

    def identity(self) -> dict[str, Any]:
        """See `runtime.job.Job.identity`."""
        return {"bert_config": self.config.to_dict(), **super().identity()}


def prepare(
    settings: ClassifierSettings, *, processor: DataProcessor | None = None
) -> Job:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.
        processor: The task, where it is none that a name stands for: one made of
            lists, say.

    Returns:
        The job.

    Raises:
        SettingsError: All settings that do not fit, in one error.
        CheckpointError: `--resume=must` finds no checkpoint, or it or the one to start
            from is damaged or of another model.
    """
    restored = restore(settings)
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
    if start is not None:
        report = weights.check_start(
            start,
            config=config,
            tokenizer=tokenizer,
            allow_partial=settings.allow_partial_init,
        )
        if settings.trained_part.is_head_alone:
            weights.refuse_untrained_pooler(report)
    processor = find_processor(settings, restored=restored, made=processor)
    job = Job(
        settings=settings,
        config=config,
        tokenizer=tokenizer,
        processor=processor,
        data_dir=find_data_dir(settings, processor=processor),
        output_dir=str(settings.output_dir),
        restored=restored,
        start=start,
    )
    refuse_foreign_checkpoint(job)
    return job


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
    )
    for check, values in checks:
        try:
            check(**values)
        except SettingsError as error:
            problems += error.problems
    if problems:
        raise SettingsError(*problems)
