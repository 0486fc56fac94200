"""Everything about a pre-training run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import numpy as np

from processors.batches.token_dataset import UNLABELLED
from processors.pretraining import records, text
from processors.pretraining.batches import Masking
from processors.pretraining.dataset import Predictions, PretrainingDataset
from processors.pretraining.dynamic_masks import DynamicMasks
from processors.pretraining.settings import Mode, PretrainingTask
from processors.tokenization import create as tokenizers
from processors.tokenization import difference
from processors.tokenization.base import Tokenizer
from runtime.errors import SettingsError
from runtime.training import same_run
from runtime.training.job import Job, refuse_nothing_trained, refuse_other_run, restore
from runtime.training.same_run import Trait
from tf_bert.formats import digest, find, weights
from tf_bert.formats.names import pooler_names
from tf_bert.formats.source import Source, untrained_pooler
from tf_bert.model import config as configs
from tf_bert.model.config import BertConfig
from tf_bert.pretraining.settings import PretrainingSettings


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

    @property
    def total_steps(self) -> int:
        """See `runtime.training.job.Job.total_steps`."""
        return self.settings.train_steps

    def model_traits(self) -> list[Trait]:
        """See `runtime.training.job.Job.model_traits`."""
        made_by = dict(self.training.description.tokenizer)
        return [
            Trait(
                name="bert_config", value=self.config.to_dict(), differ=same_run.by_key
            ),
            Trait(name="tokenizer", value=made_by, differ=difference.in_words),
            Trait(name="relates_segments", value=self.relates_segments),
        ]

    def state(self) -> dict[str, Any]:
        """See `runtime.training.job.Job.state`."""
        return {
            **super().state(),
            "special_ids": dict(self.training.description.special_ids),
            "untrained": self._untrained(),
        }

    def _untrained(self) -> list[str]:
        """The pooler, where neither this run nor one before it trains it."""
        if self.relates_segments:
            return []
        if self.restored is not None:
            return list(self.restored.state.get("untrained") or ())
        return pooler_names() if self.start is None else untrained_pooler(self.start)

    def data_traits(self) -> list[Trait]:
        """See `runtime.training.job.Job.data_traits`."""
        if not self.settings.trains:
            return []
        data = self.training
        value = {
            "sequences": len(data),
            "crc32c": list(data.checksums),
            "mlm_rates": list(self.rates),
        }
        accept = "text_file" if self.settings.text_file else "input_file"
        return [
            Trait(name="train_data", value=value, accept=accept, differ=_other_data)
        ]

    @property
    def relates_segments(self) -> bool:
        """Whether it is learnt how two segments relate."""
        asked = self.settings.objective is not PretrainingTask.MLM
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
    path = settings.init_checkpoint
    restored = restore(settings, init_checkpoint=path)
    refuse_nothing_trained(settings, restored=restored, init_checkpoint=path)
    start = None
    if restored is None and path:
        start = find.open_source(path)
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
        said = difference.in_words("tokenizer", *map(dict, reversed(makers)))
        problems.append(
            f"--eval_file was made with another tokenizer than --input_file: {said}"
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
        init_checkpoint=digest.initial_checkpoint(path, source=start),
        start=start,
    )
    refuse_other_run(job)
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
    fingerprints = {
        "--init_checkpoint": dict(start.tokenizer) if start is not None else {}
    }
    if tokenizer is not None:
        fingerprints["the flags"] = tokenizer.fingerprint()
    for name, other in fingerprints.items():
        if other and (said := difference.in_words("tokenizer", dict(made_by), other)):
            yield (
                f"The records were made with another tokenizer than that of {name}: "
                f"{said} Make them again with it."
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


def _other_data(name: str, there: Any, here: Any) -> str | None:
    del name
    if there == here:
        return None
    if there["sequences"] != here["sequences"]:
        return (
            f"the training data are others: {there['sequences']} sequences there, "
            f"{here['sequences']} here."
        )
    if there["crc32c"] != here["crc32c"]:
        return f"the training data are others: {here['sequences']} sequences here too."
    return same_run.plainly(
        "share of masked tokens", there["mlm_rates"], here["mlm_rates"]
    )
