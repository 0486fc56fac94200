import dataclasses

import numpy as np
import pytest

from lstm_pretrain import workload
from runtime import engine
from runtime.workload import Slicing

SMALL = {
    "vocab_size": 11,
    "embedding_size": 3,
    "hidden_size": 4,
    "max_seq_length": 8,
    "eval_batch_size": 8,
    "steps_per_call": 2,
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "pipeline", [workload.LANGUAGE_MODEL, workload.CLASSIFIER], ids=["lm", "classifier"]
)
def test_the_steps_run_as_they_are(pipeline, place_on):
    settings = pipeline.settings(**SMALL)
    work = pipeline.make_workload(settings, Slicing(replicas=8, per_replica_batch=3))
    assert work.examples == 24
    made = engine.create(
        place_on(8),
        build_model=work.build_model,
        objective=work.objective,
        optimizer=work.optimizer,
        seed=0,
    )
    report = made.train(work.train)
    assert report.finite.tolist() == [True, True]
    losses = made.predict(work.evaluate)["losses"]
    assert losses.shape[0] == 8
    assert np.isfinite(losses).all()


@pytest.mark.parametrize("pipeline", [workload.LANGUAGE_MODEL, workload.CLASSIFIER])
def test_a_run_has_every_setting_of_its_steps(pipeline):
    steps, run = (
        {field.name for field in dataclasses.fields(kind)}
        for kind in (pipeline.settings, pipeline.run_settings)
    )
    assert steps < run
    for field in dataclasses.fields(pipeline.run_settings):
        assert field.metadata["help"].endswith("."), field.name
