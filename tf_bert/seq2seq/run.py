"""Train an encoder-decoder of two BERTs, measure it and let it write.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import functools

from pipelines.generation import run as generation
from pipelines.generation.run import Generator, Results
from processors.tokenization.base import SpecialTokens
from runtime.devices.placement import Placement
from tf_bert.seq2seq import start
from tf_bert.seq2seq.modeling import build_encoder_decoder
from tf_bert.seq2seq.objective import Seq2SeqObjective
from tf_bert.seq2seq.preparation import Seq2SeqJob
from tf_bert.seq2seq.search import Search
from tf_bert.seq2seq.settings import Seq2SeqStepSettings


def run(job: Seq2SeqJob, *, placement: Placement) -> Results:
    """Does what the job's settings ask for: train, evaluate, write, compare.

    Args:
        job: From `tf_bert.seq2seq.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Returns:
        Scores and texts.

    Raises:
        SettingsError: The batch does not divide by the replicas, the output directory
            holds another run, or the processes that share the run disagree.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    generator = Generator(
        build=functools.partial(
            build_encoder_decoder,
            job.config,
            dtype=placement.precision.keras_policy,
        ),
        objective=objective(job.settings, special=job.tokenizer.special),
        initialise=functools.partial(start.initialise, job.start),
    )
    return generation.run(job, generator, placement=placement)


def objective(
    settings: Seq2SeqStepSettings, *, special: SpecialTokens
) -> Seq2SeqObjective:
    """What is learned, and how texts are written.

    Args:
        settings: Say both.
        special: Ids of the tokens that begin, end and fill up a text.
    """
    return Seq2SeqObjective(
        label_smoothing=settings.label_smoothing,
        search=Search(
            settings.search, cls_id=special.cls, sep_id=special.sep, pad_id=special.pad
        ),
    )
