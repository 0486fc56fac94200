"""Everything about a pre-training run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from processors.pretraining import records, text
from processors.pretraining.batches import Masking
from processors.pretraining.dataset import Predictions, PretrainingDataset
from processors.pretraining.dynamic_masks import DynamicMasks
from processors.pretraining.settings import Mode, Objective
from processors.token_dataset import UNLABELLED
from processors.tokenization import create as tokenizers
from processors.tokenization.base import Tokenizer
from runtime.errors import SettingsError
from runtime.job import Job, refuse_foreign_checkpoint, restore
from tf_bert import config as configs
from tf_bert import weights
from tf_bert.config import BertConfig
from tf_bert.formats import find
from tf_bert.formats.source import Source
from tf_bert.pretraining_settings import PretrainingSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingJob(Job):
    """A pre-training run whose settings fit each other.

    Attributes:
        settings: What was asked for.
        config: Sizes of the BERT.
        training: What is trained on.
        evaluation: What is evaluated on.
        tokenizer: What made the ids; None where none was named.
        start: The weights it starts from; None where it goes on or starts at random.
    """

    settings: PretrainingSettings
    config: BertConfig
    training: PretrainingDataset
    evaluation: PretrainingDataset
    tokenizer: Tokenizer | None
    start: Source | None = None

    def identity(self) -> dict[str, Any]:
        """See `runtime.job.Job.identity`."""
        return {
            "bert_config": self.config.to_dict(),
            "tokenizer": dict(self.training.description.tokenizer),
            "relates_segments": self.relates_segments,
        }

    @property
    def relates_segments(self) -> bool:
        """Whether it is learnt how two segments relate."""
        asked = self.settings.objective is not Objective.MLM
        return asked and bool((self.training.tokens.label_ids != UNLABELLED).any())

    @property
    def rates(self) -> tuple[float, ...]:
        """Rates of masking from the first update to the last.

        Those of other programs' records, which are masked already, are not known: 0.
        """
        return self.settings.rates or self.training.description.mlm_rates or (0.0,)

    def masked(self, dataset: PretrainingDataset) -> Predictions | Masking:
        """What is masked in a data set, or what masks it in training."""
        if dataset.predictions is not None:
            return dataset.predictions
        description = dataset.description
        masks = DynamicMasks(
            mask_id=description.special_ids["mask"],
            special_ids=tuple(description.special_ids.values()),
            vocab_size=description.vocab_size,
            max_predictions=self.settings.max_predictions_per_seq,
            seed=self.settings.seed,
        )
        return Masking(masks, dataset.tokens, dataset.starts_word)


def prepare(settings: PretrainingSettings) -> PretrainingJob:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: All settings that do not fit, in one error.
        CheckpointError: `--resume=must` finds no checkpoint, or it or the one to start
            from is damaged or of another model.
        DataError: The text or the records cannot be used.
    """
    restored = restore(settings)
    start = None
    if restored is None and settings.init_checkpoint:
        start = find.open_source(settings.init_checkpoint)
    config = weights.find_config(
        bert_config_file=settings.bert_config_file,
        init_checkpoint=lambda: start,
        model_file=None,
        stored=restored.state.get("bert_config") if restored is not None else None,
    )
    configs.check_sequence_length(config, max_seq_length=settings.max_seq_length)
    tokenizer = tokenizers.create(settings) if settings.names_tokenizer else None
    if start is not None:
        weights.check_start(
            start,
            config=config,
            tokenizer=tokenizer,
            allow_partial=settings.allow_partial_init,
        )
    training, evaluation = _read(settings, tokenizer=tokenizer)
    problems = [
        problem
        for dataset in (training, evaluation)
        for problem in _problems(
            dataset, settings, config=config, tokenizer=tokenizer, start=start
        )
    ]
    makers = [dataset.description.tokenizer for dataset in (training, evaluation)]
    if all(makers) and makers[0] != makers[1]:
        problems.append(
            "--eval_file was made with another tokenizer than --input_file: "
            f"{dict(makers[1])} there, {dict(makers[0])} here."
        )
    if problems:
        raise SettingsError(*dict.fromkeys(problems))
    job = PretrainingJob(
        settings=settings,
        config=config,
        training=training,
        evaluation=evaluation,
        tokenizer=tokenizer,
        output_dir=str(settings.output_dir),
        restored=restored,
        start=start,
    )
    refuse_foreign_checkpoint(job)
    return job


def _read(
    settings: PretrainingSettings, *, tokenizer: Tokenizer | None
) -> tuple[PretrainingDataset, PretrainingDataset]:
    if tokenizer is not None and settings.text_file:
        return text.read_splits(
            settings.text_file,
            tokenizer=tokenizer,
            settings=settings,
            eval_share=settings.eval_share,
            seed=settings.seed,
        )
    training = records.read(settings.input_file)
    if not settings.eval_file:
        return training, training
    return training, records.read(settings.eval_file)


def _problems(
    dataset: PretrainingDataset,
    settings: PretrainingSettings,
    *,
    config: BertConfig,
    tokenizer: Tokenizer | None,
    start: Source | None,
) -> Iterator[str]:
    yield from _size_problems(dataset, settings, config=config)
    yield from _mask_problems(dataset, settings)
    made_by = dataset.description.tokenizer
    if not made_by:
        return
    others = {"--init_checkpoint": dict(start.tokenizer) if start is not None else {}}
    if tokenizer is not None:
        others["the flags"] = tokenizer.fingerprint()
    for name, other in others.items():
        if other and other != made_by:
            yield (
                f"The records were made with another tokenizer than that of {name}: "
                f"{dict(made_by)} there, {other} here. Make them again with it."
            )


def _size_problems(
    dataset: PretrainingDataset, settings: PretrainingSettings, *, config: BertConfig
) -> Iterator[str]:
    longest = int(dataset.tokens.lengths.max())
    if longest > settings.max_seq_length:
        yield (
            f"The longest sequence has {longest} tokens, and --max_seq_length is "
            f"{settings.max_seq_length}: raise it, or make the records again."
        )
    highest, most = int(dataset.tokens.ids.max()), 0
    if dataset.predictions is not None:
        most = int(dataset.predictions.counts.max())
        highest = max(highest, int(dataset.predictions.ids.max(initial=0)))
    if most > settings.max_predictions_per_seq:
        yield (
            f"A sequence has {most} masked tokens, and --max_predictions_per_seq is "
            f"{settings.max_predictions_per_seq}: raise it."
        )
    size = dataset.description.vocab_size
    if highest >= config.vocab_size or size > config.vocab_size:
        yield (
            f"The records have ids up to {highest} of a vocabulary of {size or '?'} "
            f"tokens, and the BERT one of {config.vocab_size}: give the configuration "
            "that belongs to the vocabulary."
        )


def _mask_problems(
    dataset: PretrainingDataset, settings: PretrainingSettings
) -> Iterator[str]:
    if dataset.description.mode is Mode.STATIC and settings.rates:
        yield (
            "--mlm_prob and --mlm_schedule are for records made with --mode=dynamic; "
            "these are masked already."
        )
    if dataset.description.mode is Mode.DYNAMIC and not dataset.description.special_ids:
        yield (
            "The records are not masked, and no manifest lies beside them that says "
            "the id of [MASK]. Make them with scripts/create_pretraining_data.py."
        )
    predictions = dataset.predictions
    if predictions is not None and not np.any(predictions.counts):
        yield "No token of the records is masked: there is nothing to predict."
