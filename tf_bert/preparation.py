"""Everything about a classifier run that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from processors import registry
from processors.base import DataProcessor
from processors.table_options import TableOptions
from processors.tasks.table import FileProcessor
from processors.tokenization import create as tokenizers
from processors.tokenization.base import Tokenizer
from runtime import checkpoints, storage
from runtime.checkpoints import Checkpoint
from runtime.errors import CheckpointError, SettingsError
from tf_bert import config as configs
from tf_bert.config import BertConfig
from tf_bert.settings import ClassifierSettings, Resume


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """A run whose settings fit each other.

    Attributes:
        settings: What was asked for.
        config: Sizes of the BERT.
        tokenizer: Texts to ids.
        processor: Splits and labels of the task.
        data_dir: Folder that the processor reads.
        output_dir: Folder that the run writes.
        restored: The newest checkpoint of the output directory, or None.
    """

    settings: ClassifierSettings
    config: BertConfig
    tokenizer: Tokenizer
    processor: DataProcessor
    data_dir: str
    output_dir: str
    restored: Checkpoint | None

    @property
    def checkpoint_dir(self) -> str:
        """Folder of the `step-*` folders."""
        return storage.join(self.output_dir, checkpoints.DIRECTORY)


def prepare(settings: ClassifierSettings) -> Job:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.

    Returns:
        The job.

    Raises:
        SettingsError: All settings that do not fit, in one error.
        CheckpointError: `--resume=must` finds no checkpoint, or it is damaged.
    """
    output_dir = str(settings.output_dir)
    restored = _restore(settings, output_dir=output_dir)
    config = configs.find(
        bert_config_file=settings.bert_config_file,
        init_checkpoint=settings.init_checkpoint,
        model_file=settings.model_file,
        stored=restored.state.get("bert_config") if restored is not None else None,
    )
    tokenizer = tokenizers.create(
        vocab_file=settings.vocab_file,
        model_file=settings.model_file,
        do_lower_case=settings.do_lower_case,
        keep_voicing_marks=settings.keep_voicing_marks,
    )
    _refuse_misfits(settings, config=config, tokenizer=tokenizer)
    processor = _processor(settings, restored=restored)
    job = Job(
        settings=settings,
        config=config,
        tokenizer=tokenizer,
        processor=processor,
        data_dir=_data_dir(settings, processor=processor),
        output_dir=output_dir,
        restored=restored,
    )
    _refuse_foreign_checkpoint(job)
    return job


def _restore(settings: ClassifierSettings, *, output_dir: str) -> Checkpoint | None:
    folder = checkpoints.latest(storage.join(output_dir, checkpoints.DIRECTORY))
    if folder is None:
        if settings.resume is Resume.MUST:
            raise CheckpointError(
                f"--resume=must: {output_dir} holds no complete checkpoint. Check "
                "--output_dir, or use --resume=auto."
            )
        return None
    starts_anew = settings.do_train and settings.resume is Resume.NEVER
    return None if starts_anew else checkpoints.load(folder)


def _refuse_misfits(
    settings: ClassifierSettings, *, config: BertConfig, tokenizer: Tokenizer
) -> None:
    problems: list[str] = []
    checks: tuple[tuple[Callable[..., None], dict[str, Any]], ...] = (
        (
            configs.validate_case_matches_checkpoint,
            {
                "do_lower_case": settings.do_lower_case,
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


def _processor(
    settings: ClassifierSettings, *, restored: Checkpoint | None
) -> DataProcessor:
    """The task's processor; labels once collected from train stay those of the run."""
    options = TableOptions(
        **{
            field.name: getattr(settings, field.name)
            for field in dataclasses.fields(TableOptions)
        }
    )
    name = str(settings.task_name)
    is_table = issubclass(registry.find(name), FileProcessor)
    if is_table and restored is not None and not options.labels:
        options = dataclasses.replace(options, labels=tuple(restored.state["labels"]))
    return registry.create(name, options)


def _data_dir(settings: ClassifierSettings, *, processor: DataProcessor) -> str:
    folder = settings.data_dir or getattr(processor, "default_data_dir", None)
    if folder is None:
        raise SettingsError(f"--data_dir is required by task {settings.task_name}.")
    return folder


def _refuse_foreign_checkpoint(job: Job) -> None:
    """Keeps a run from going on with weights of another model or tokenizer.

    Raises:
        SettingsError: Names what differs, with both values.
    """
    if job.restored is None:
        return
    here = {
        "bert_config": job.config.to_dict(),
        "tokenizer": job.tokenizer.fingerprint(),
    }
    problems = [
        f"{name}: {job.restored.state.get(name)} there, {value} here."
        for name, value in here.items()
        if job.restored.state.get(name) != value
    ]
    if problems:
        raise SettingsError(
            f"{job.output_dir} holds a checkpoint of another model. Choose another "
            "--output_dir, or pass what that run was given:",
            *problems,
        )
