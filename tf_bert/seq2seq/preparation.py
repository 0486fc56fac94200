"""What of an encoder-decoder's run can be refused before a framework loads."""

from __future__ import annotations

import dataclasses

from pipelines.classification.preparation import TrainedRun
from pipelines.generation import data_check
from pipelines.generation.preparation import (
    GenerationJob,
    read_rows,
    refuse_odd_special_tokens,
)
from processors.base import DataProcessor
from processors.tasks.source_target import SourceTargetRule
from processors.tokenization import create as tokenizers
from processors.tokenization.base import Tokenizer
from runtime.errors import SettingsError
from runtime.training import same_run
from runtime.training.job import (
    InitialCheckpoint,
    refuse_nothing_trained,
    restore,
)
from runtime.training.same_run import Trait
from tf_bert.formats import digest
from tf_bert.model import config as configs
from tf_bert.model.encoder_decoder_config import EncoderDecoderConfig
from tf_bert.seq2seq import start as starts
from tf_bert.seq2seq.settings import Seq2SeqSettings, Seq2SeqStepSettings
from tf_bert.seq2seq.start import Start

CONFIG = "encoder_decoder_config"
"""In a checkpoint's state: the sizes of both sides."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seq2SeqJob(GenerationJob):
    """An encoder-decoder's run whose settings fit each other.

    Attributes:
        settings: What was asked for.
        config: Sizes of both sides.
        start: The weights that they start from.
    """

    settings: Seq2SeqSettings
    config: EncoderDecoderConfig
    start: Start

    def model_traits(self) -> list[Trait]:
        """See `runtime.training.job.Job.model_traits`."""
        values = self.config.to_dict()
        config = Trait(name=CONFIG, value=values, differ=same_run.by_key)
        others = [t for t in super().model_traits() if t.name != "labels"]
        return [config, *others]


def prepare(
    settings: Seq2SeqSettings, *, processor: DataProcessor | None = None
) -> Seq2SeqJob:
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
        CheckpointError: `--resume=must` finds no checkpoint, or it or one to start from
            is damaged or of another model.
        DataError: A row cannot be used.
    """
    named = settings.init_checkpoint or settings.encoder_checkpoint
    restored = restore(settings, init_checkpoint=named)
    refuse_nothing_trained(settings, restored=restored, init_checkpoint=named)
    start = Start() if restored is not None else open_start(settings)
    config = starts.find_config(
        start,
        bert_config_file=settings.bert_config_file,
        model_file=settings.model_file,
        stored=None if restored is None else restored.state.get(CONFIG),
    )
    tokenizer = tokenizers.create(settings)
    _refuse_misfits(settings, config=config, tokenizer=tokenizer)
    starts.check(start, config=config, tokenizer=tokenizer)
    rule = SourceTargetRule(tokenizer)
    trained = TrainedRun.of_checkpoint(str(settings.output_dir), restored)
    return data_check.checked(
        Seq2SeqJob(
            settings=settings,
            config=config,
            tokenizer=tokenizer,
            rule=rule,
            rows=read_rows(settings, trained=trained, rule=rule, made=processor),
            output_dir=str(settings.output_dir),
            restored=restored,
            init_checkpoint=start.record() or _gone_on_from(settings),
            start=start,
        )
    )


def _gone_on_from(settings: Seq2SeqSettings) -> InitialCheckpoint | None:
    """What a run that goes on was told to start from; the same as `Start.record`."""
    sides = (settings.encoder_checkpoint, settings.decoder_checkpoint)
    named = [path for path in (settings.init_checkpoint, *sides) if path]
    if not named:
        return None
    found = (digest.initial_checkpoint(path) for path in named)
    digests = dict.fromkeys(each.digest for each in found if each is not None)
    known = [each for each in digests if each is not None]
    return InitialCheckpoint(
        path=" ".join(named),
        digest=" ".join(known) if len(known) == len(digests) else None,
    )


def open_start(settings: Seq2SeqStepSettings) -> Start:
    """Opens the weights that the settings name to start from.

    Args:
        settings: Name them.

    Raises:
        SettingsError: They name more than one for a side.
        CheckpointError: Nothing that can be read lies there.
    """
    return starts.open_start(
        init_checkpoint=settings.init_checkpoint,
        encoder_checkpoint=settings.encoder_checkpoint,
        decoder_checkpoint=settings.decoder_checkpoint,
    )


def _refuse_misfits(
    settings: Seq2SeqSettings, *, config: EncoderDecoderConfig, tokenizer: Tokenizer
) -> None:
    refuse_odd_special_tokens(tokenizer)
    problems = length_problems(settings, config)
    try:
        configs.check_vocabulary(
            config.encoder, tokenizer_vocab_size=tokenizer.vocab_size
        )
    except SettingsError as error:
        problems += error.problems
    if problems:
        raise SettingsError(*problems)


def length_problems(
    settings: Seq2SeqStepSettings, config: EncoderDecoderConfig
) -> list[str]:
    """A sentence for each length that a side has no positions for.

    Args:
        settings: Say how long sources and targets may be.
        config: Sizes of both sides.
    """
    asked = (
        ("max_source_length", settings.max_seq_length, "encoder", config.encoder),
        ("max_target_length", settings.max_target_length, "decoder", config.decoder),
    )
    return [
        f"--{flag}={length} is more than the {side} has positions for, "
        f"{sizes.max_position_embeddings}: give at most that."
        for flag, length, side, sizes in asked
        if length > sizes.max_position_embeddings
    ]
