"""Train, evaluate and predict with a text CNN."""

from __future__ import annotations

import functools

from pipelines.classification import run as classification
from pipelines.classification.run import Classifier, Results
from pipelines.steps import workload
from runtime.devices.placement import Placement
from runtime.engine.objectives import ClassificationObjective
from runtime.preflight.workload import BatchCut, Pipeline, Workload
from tests.pipelines.text_cnn.modeling import build_cnn
from tests.pipelines.text_cnn.preparation import CnnJob
from tests.pipelines.text_cnn.settings import CnnSettings, CnnStepSettings


def run(job: CnnJob, *, placement: Placement) -> Results:
    """Does what the job's settings ask for: train, evaluate, predict."""
    build = functools.partial(
        build_cnn,
        vocab_size=job.tokenizer.vocab_size,
        filters=job.settings.filters,
        num_labels=len(job.labels),
        dtype=placement.precision.keras_policy,
    )
    model = Classifier(build=build, objective=ClassificationObjective())
    return classification.run(job, model, placement=placement)


def make_workload(settings: CnnStepSettings, cut: BatchCut) -> Workload:
    """The same steps without data, for tpu_check."""
    build = functools.partial(
        build_cnn,
        vocab_size=settings.vocab_size,
        filters=settings.filters,
        num_labels=settings.num_outputs,
        dtype=settings.precision.keras_policy,
    )
    return workload.on_full_rows(
        settings, cut, build_model=build, objective=ClassificationObjective()
    )


CNN = Pipeline(
    settings=CnnStepSettings,
    run_settings=CnnSettings,
    make_workload=make_workload,
    script="run_cnn.py",
)
"""Training and evaluating a text CNN: `tpu_check --pipeline=...run:CNN`."""
