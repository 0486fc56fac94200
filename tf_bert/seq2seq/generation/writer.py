"""An encoder-decoder with its weights on the devices, that writes for any sources."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

from processors.batches.batches import FILLER, BatchShape, EvalBatches, PadTo
from processors.batches.features import Features
from processors.batches.token_dataset import TokenDataset
from runtime.devices.placement import Placement
from runtime.engine import engine
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.training import untrained
from tf_bert.seq2seq import start as starts
from tf_bert.seq2seq.generation.preparation import GenerationJob
from tf_bert.seq2seq.modeling import build_encoder_decoder
from tf_bert.seq2seq.objective import Seq2SeqObjective
from tf_bert.seq2seq.search import Search


@dataclasses.dataclass(frozen=True)
class Written:
    """One text that was written.

    Attributes:
        text: As the vocabulary keeps it.
        score: The sum of its tokens' log-probabilities over its length to the length
            penalty.
        ids: Its tokens, with [SEP] if it is not cut.
    """

    text: str
    score: float
    ids: list[int]


class Writer:
    """Writes texts from texts.

    Args:
        job: From `tf_bert.seq2seq.generation.preparation.prepare`.
        placement: From `runtime.devices.placement.place`.

    Raises:
        CheckpointError: The weights do not fit, or some of them are not there.
    """

    def __init__(self, job: GenerationJob, *, placement: Placement) -> None:
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

    def write(self, sources: Sequence[str]) -> list[list[Written]]:
        """Writes for each source, in batches of about one length.

        Args:
            sources: Texts; longer ones are cut at the end.

        Returns:
            For each source the texts that were asked for, the best first.
        """
        dataset = TokenDataset.from_features(self._features(sources))
        order = np.argsort(dataset.lengths, kind="stable")
        found: list[list[Written]] = [[] for _ in sources]
        for batch in EvalBatches(dataset.take(order), shape=self._shape):
            arrays = {name: value[0] for name, value in batch.arrays.items()}
            outputs = self._engine.predict(arrays)
            for place in map(tuple, np.argwhere(batch.example_index[0] != FILLER)):
                example = order[batch.example_index[0][place]]
                found[example] = self._read(
                    outputs["ids"][place], outputs["scores"][place]
                )
        return found

    def _features(self, sources: Sequence[str]) -> list[Features]:
        special, room = self._job.tokenizer.special, self._job.max_source_length - 2
        return [
            Features(
                input_ids=np.array([special.cls, *ids[:room], special.sep], np.int32),
                segment_ids=np.zeros(min(len(ids), room) + 2, np.int32),
                label_id=None,
            )
            for ids in self._job.tokenizer.encode_batch(sources)
        ]

    def _read(self, ids: np.ndarray, scores: np.ndarray) -> list[Written]:
        """The texts of ids `[returned, tokens]`; those that the search did not find."""
        return [
            self._written(row.tolist(), score)
            for row, score in zip(ids, scores.tolist(), strict=True)
            if np.isfinite(score)
        ]

    def _written(self, ids: list[int], score: float) -> Written:
        end = self._job.tokenizer.special.sep
        length = ids.index(end) + 1 if end in ids else len(ids)
        text = self._job.tokenizer.decode(ids, unknown_text=self._job.unknown_text)
        return Written(text, score, ids[:length])
