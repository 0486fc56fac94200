"""An encoder-decoder with its weights on the devices, that writes for any sources."""

from __future__ import annotations

import functools
from collections.abc import Sequence

from pipelines.generation import outputs
from pipelines.generation.outputs import Outputs
from processors.batches import source_target_features
from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.features import TokenCounts
from processors.batches.token_dataset import TokenDataset
from processors.example import InputExample
from runtime.devices.placement import Placement
from runtime.engine import engine
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.training import untrained
from tf_bert.seq2seq import start as starts
from tf_bert.seq2seq.generation.preparation import WritingJob
from tf_bert.seq2seq.modeling import build_encoder_decoder
from tf_bert.seq2seq.objective import Seq2SeqObjective
from tf_bert.seq2seq.search import Search


class Writer:
    """Writes texts from texts.

    Args:
        job: From `tf_bert.seq2seq.generation.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Raises:
        CheckpointError: The weights do not fit, or some of them are not there.
    """

    def __init__(self, job: WritingJob, *, placement: Placement) -> None:
        self._job = job
        self._shape = BatchShape(
            per_replica_batch=-(-job.settings.batch_size // placement.replicas),
            replicas=placement.replicas,
            max_seq_length=job.max_source_length,
            pad_to=PadTo.BUCKET,
        )
        special = job.tokenizer.special
        search = Search(
            job.search, cls_id=special.cls, sep_id=special.sep, pad_id=special.pad
        )
        self._engine = engine.create(
            placement,
            build_model=functools.partial(
                build_encoder_decoder,
                job.config,
                dtype=placement.precision.keras_policy,
            ),
            objective=Seq2SeqObjective(search=search),
            optimizer=OptimizerSettings(num_train_steps=0, num_warmup_steps=0),
            seed=0,
        )
        untrained.refuse(
            starts.initialise(job.start, self._engine).missing,
            path=job.settings.init_checkpoint,
            work="texts",
            advice="Train with scripts/run_seq2seq.py, and name that run.",
        )

    def write(self, sources: Sequence[str]) -> Outputs:
        """Writes for each source, in batches of about one length.

        Args:
            sources: Texts; longer ones are cut at the end.

        Returns:
            For each source the texts that were asked for, the best first.
        """
        job = self._job
        features = source_target_features.featurize(
            (InputExample(str(place), text) for place, text in enumerate(sources)),
            tokenizer=job.tokenizer,
            max_source_length=job.max_source_length,
            max_target_length=job.search.max_target_length,
            counts=TokenCounts(),
        )
        return outputs.write(
            self._engine,
            TokenDataset.collect(features),
            shape=self._shape,
            tokenizer=job.tokenizer,
            unknown_text=job.unknown_text,
        )
