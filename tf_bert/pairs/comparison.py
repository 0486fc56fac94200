"""Both architectures beside each other: how right frozen, and how fast.

A frozen form is a logistic regression on the vectors of the BERT that the run starts
from: of the pair read together, or `[u, v, |u - v|, u * v]` of texts read apart.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pipelines.classification import logistic
from pipelines.classification.comparison import Accuracies
from pipelines.classification.splits import Split
from pipelines.reports import plots
from processors.batches.batch_shape import PadTo
from processors.batches.features import Features, TokenCounts
from processors.batches.token_dataset import TokenDataset
from processors.data_check import text_table
from processors.labels.targets import Targets
from runtime import storage
from runtime.devices.placement import Placement
from runtime.training.training import RunContext
from tf_bert.classifier.frozen import FrozenBert
from tf_bert.classifier.preparation import BertClassifierJob
from tf_bert.classifier.settings import Architecture, ClassifierSettings
from tf_bert.formats import find
from tf_bert.formats.source import Source
from tf_bert.pairs import frozen
from tf_bert.pairs.encoding import Encoded, TextEncoder
from tf_bert.pairs.heads import PairHead
from tf_bert.pairs.preparation import BiEncoderJob
from tf_bert.pairs.scoring import PairModel
from tf_bert.pairs.settings import BiEncoderSettings, TextPooling
from tf_bert.vectors.encoder import VectorEncoder, WantedVectors
from tf_bert.vectors.settings import Pooling

FROZEN_BI = "frozen BERT, texts apart, [u, v, |u - v|, u * v]"
CROSS = "cross-encoder"

_PAIRS_TO_SCORE = 50_000
_PAIRS_TO_READ = 256


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pace:
    """What an architecture takes.

    Attributes:
        texts: Texts encoded a second; None where pairs are read together.
        pairs: Pairs a second, their texts once encoded.
        size: Bytes that are kept of a text; None likewise.
    """

    texts: float | None = None
    pairs: float
    size: float | None = None


class BothArchitectures:
    """What stands beside a run on pairs, whichever of the two it is.

    Args:
        job: The run.
        head: How the bi-encoder combines two texts.
        pooling: What the vector of a text is.
    """

    def __init__(
        self, job: BertClassifierJob, *, head: PairHead, pooling: TextPooling
    ) -> None:
        self._job = job
        self._head = head
        self._pooling = pooling

    def baselines(
        self, train: Split, others: Mapping[str, Split], context: RunContext
    ) -> Accuracies:
        """Accuracies of both frozen forms; writes architectures.txt and .png.

        Args:
            train: What they learn from.
            others: Labelled splits.
            context: Where the run runs and writes.
        """
        if not self._job.settings.init_checkpoint:
            return {}
        source = self._job.start or find.open_source(
            str(self._job.settings.init_checkpoint)
        )
        joint = _cross_job(self._job)
        splits = {"": train, **others}
        read_together = {n: _read_together(joint, s) for n, s in splits.items()}
        found = FrozenBert(joint).baselines(
            read_together.pop(""), read_together, context
        )
        encoder = self._encoder(source, placement=context.placement)
        if self._job.settings.targets is Targets.LABEL:
            found[FROZEN_BI] = self._frozen_apart(encoder, train, others)
        self._write_paces(encoder, source, read_together, others, context=context)
        return found

    # -- how right --------------------------------------------------------------------

    def _frozen_apart(
        self, encoder: TextEncoder, train: Split, others: Mapping[str, Split]
    ) -> dict[str, float]:
        vectors = {n: _features_of(encoder, s) for n, s in others.items()}
        head = logistic.fit(
            _features_of(encoder, train),
            train.dataset.label_ids,
            num_labels=len(train.labels),
            seed=self._job.settings.seed,
        )
        return {
            name: float(
                np.mean(head.predicted(vectors[name]) == split.dataset.label_ids)
            )
            for name, split in others.items()
        }

    # -- how fast ---------------------------------------------------------------------

    def _write_paces(
        self,
        encoder: TextEncoder,
        source: Source,
        together: Mapping[str, Split],
        apart: Mapping[str, Split],
        *,
        context: RunContext,
    ) -> None:
        name = next(iter(apart))
        paces = {
            CROSS: Pace(
                pairs=self._pairs_read(source, together[name], context=context)
            ),
            f"bi-encoder, {self._head.attend.value}, {self._head.combine.value}": (
                self._bi_pace(encoder, apart[name])
            ),
        }
        page = table(paces)
        storage.write_text(context.path("architectures.txt"), page)
        plots.plot_rates(
            context.path("architectures.png"),
            {name: pace.pairs for name, pace in paces.items()},
            measure="pairs a second, their texts once encoded",
        )

    def _pairs_read(
        self, source: Source, split: Split, *, context: RunContext
    ) -> float:
        encoder = VectorEncoder(
            self._job.config,
            source=source,
            wanted=WantedVectors(
                pooling=Pooling.CLS,
                max_seq_length=self._job.settings.max_seq_length,
                batch_size=self._job.settings.predict_batch_size,
                pad_to=PadTo.PACK,
            ),
            placement=context.placement,
        )
        count = min(len(split.dataset), _PAIRS_TO_READ)
        rows: Sequence[Features] = [split.dataset.example(n) for n in range(count)]
        encoder.vectors(rows)  # compiles
        return count / _seconds(lambda: encoder.vectors(rows))

    def _bi_pace(self, encoder: TextEncoder, split: Split) -> Pace:
        texts = _texts(split)
        encoder.encode(texts[:1])  # compiles
        encoded = encoder.encode(texts)
        report = encoder.report
        pairs = np.random.default_rng(0).integers(len(texts), size=(_PAIRS_TO_SCORE, 2))
        model = self._untrained()
        model.score(encoded, encoded, pairs[:1])
        seconds = _seconds(lambda: model.score(encoded, encoded, pairs))
        return Pace(
            texts=report.texts / report.seconds_encoding,
            pairs=len(pairs) / seconds,
            size=report.bytes / report.texts,
        )

    def _untrained(self) -> PairModel:
        """A head of these sizes: how fast it is does not depend on its numbers."""
        width, outputs = self._job.config.hidden_size, len(self._job.labels)
        shapes = {
            **self._head.shapes(width),
            "output_weights": (outputs, self._head.output_size(width)),
            "output_bias": (outputs,),
        }
        return PairModel(
            head=self._head,
            weights={name: np.full(s, 0.01, np.float32) for name, s in shapes.items()},
            labels=self._job.labels,
            targets=self._job.settings.targets,
        )

    def _encoder(self, source: Source, *, placement: Placement) -> TextEncoder:
        return frozen.encoder_of(
            self._job,
            source,
            placement=placement,
            pooling=self._pooling,
            attend=self._head.attend,
        )


def of_bi_encoder(job: BiEncoderJob) -> BothArchitectures:
    """What stands beside a bi-encoder's run."""
    settings = job.settings
    return BothArchitectures(job, head=settings.head, pooling=settings.pooling)


def of_cross_encoder(
    job: BertClassifierJob,
) -> Callable[[Split, Mapping[str, Split], RunContext], Accuracies] | None:
    """What stands beside a cross-encoder's run on pairs; None where it reads texts."""
    if not all(
        example.text_b for split in job.splits.values() for example in split.examples
    ):
        return None
    usual = BiEncoderSettings
    head = PairHead(
        combine=usual.combine,
        attend=usual.attend,
        attention_size=usual.attention_size,
        reduced_size=usual.reduced_size,
    )
    return BothArchitectures(job, head=head, pooling=usual.pooling).baselines


def table(paces: Mapping[str, Pace]) -> str:
    """What each takes, as lines."""
    head = ["architecture", "texts/s", "pairs/s", "bytes a text"]
    rows = [
        [name, _shown(pace.texts), _shown(pace.pairs), _shown(pace.size)]
        for name, pace in paces.items()
    ]
    return text_table.aligned([head, *rows])


def _shown(number: float | None) -> str:
    return "-" if number is None else f"{number:,.0f}"


def _texts(split: Split) -> list[str]:
    return [
        text
        for example in split.examples
        for text in (example.text_a, str(example.text_b))
    ]


def _features_of(encoder: TextEncoder, split: Split) -> np.ndarray:
    """`[u, v, |u - v|, u * v]` of a split's pairs."""
    encoded: Encoded = encoder.encode(_texts(split))
    vectors = encoded.vectors(np.arange(len(encoded)))
    first, second = vectors[::2], vectors[1::2]
    parts = [first, second, np.abs(first - second), first * second]
    return np.concatenate(parts, axis=1)


def _cross_job(job: BertClassifierJob) -> BertClassifierJob:
    """The same run of a cross-encoder."""
    names = [field.name for field in dataclasses.fields(ClassifierSettings)]
    told = {name: getattr(job.settings, name) for name in names}
    told |= {"architecture": Architecture.CROSS, "train": "full"}  # what it reads
    fields = {f.name: getattr(job, f.name) for f in dataclasses.fields(job)}
    return BertClassifierJob(**{**fields, "settings": ClassifierSettings(**told)})


def _read_together(job: BertClassifierJob, split: Split) -> Split:
    rows = job.features(split.examples, labels=split.labels, counts=TokenCounts())
    return dataclasses.replace(split, dataset=TokenDataset.collect(rows))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
