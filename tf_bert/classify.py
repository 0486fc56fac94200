"""Fine-tune, evaluate and predict with a BERT classifier.

`runtime.placement.place` must have run before this is imported, because Keras takes its
backend at import.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import keras

from processors.classification.run import ClassificationRun
from runtime import engine, training
from runtime.engine import Engine
from runtime.objectives import ClassificationObjective
from runtime.placement import Placement
from tf_bert import weights
from tf_bert.heads import BertClassifier
from tf_bert.preparation import Job

_log = logging.getLogger(__name__)


def run(job: Job, *, placement: Placement) -> None:
    """Does what the job's settings ask for: train, evaluate, predict, in this order.

    Args:
        job: From `tf_bert.preparation.prepare`.
        placement: From `runtime.placement.place`.

    Raises:
        SettingsError: The batch does not divide by the replicas, the output directory
            holds another run, or the processes that share the run disagree.
        DataError: A split cannot be read.
        CheckpointError: A checkpoint does not fit.
        TrainingError: The loss is not finite.
    """
    with training.open_site(job, placement) as site:
        BertRun(job, site=site).carry_out()


class BertRun(ClassificationRun):
    """A run of a BERT classifier."""

    _job: Job
    _labels: tuple[str, ...] = ()

    def build(self, labels: Sequence[str], *, total: int) -> Engine:
        """See base class."""
        settings, placement = self._job.settings, self._site.placement
        self._labels = tuple(labels)

        def build_model() -> keras.Model:
            keras.utils.set_random_seed(settings.seed)
            model = BertClassifier(
                self._job.config,
                num_labels=len(labels),
                dtype=placement.precision.keras_policy,
            )
            model.build_variables()
            return model

        return engine.create(
            placement,
            build_model=build_model,
            objective=ClassificationObjective(),
            optimizer=settings.optimizer_settings(total),
            seed=settings.seed,
        )

    def initialise(self, made: Engine) -> Sequence[str] | None:
        """See base class."""
        settings = self._job.settings
        if not settings.init_checkpoint:
            return None
        initial = weights.read_weights(
            settings.init_checkpoint,
            expected=made.weight_shapes(),
            allow_partial=settings.allow_partial_init,
            labels=self._labels,
        )
        made.load_weights(initial.values)
        _log.info("%s", initial.report)
        return initial.report.missing
