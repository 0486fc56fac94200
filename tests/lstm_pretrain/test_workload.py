import numpy as np
import pytest

from lstm_pretrain.classifier.workload import CLASSIFIER
from lstm_pretrain.language_model.workload import LANGUAGE_MODEL
from lstm_pretrain.model.config import LstmConfig
from runtime.checkpoints import checkpoints
from runtime.engine import engine
from runtime.errors import SettingsError
from runtime.preflight.workload import BatchCut
from runtime.settings import flags_of

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
    "pipeline", [LANGUAGE_MODEL, CLASSIFIER], ids=["lm", "classifier"]
)
def test_the_steps_run_as_they_are(pipeline, place_on):
    settings = pipeline.settings(**SMALL)
    work = pipeline.make_workload(settings, BatchCut(replicas=8, per_replica_batch=3))
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


@pytest.mark.parametrize("pipeline", [LANGUAGE_MODEL, CLASSIFIER])
def test_a_run_has_every_setting_of_its_steps(pipeline):
    steps, run = flags_of(pipeline.settings), flags_of(pipeline.run_settings)
    assert set(steps) < set(run)
    for name, field in run.items():
        assert field.metadata["help"].endswith("."), name


def test_a_language_model_has_no_flags_of_predictions():
    flags = flags_of(LANGUAGE_MODEL.run_settings)
    assert {"do_eval", "eval_batch_size"} < set(flags)
    assert not {"do_predict", "predict_batch_size"} & set(flags)


@pytest.mark.parametrize(
    "pipeline", [LANGUAGE_MODEL, CLASSIFIER], ids=["lm", "classifier"]
)
def test_the_sizes_are_those_of_the_checkpoint(pipeline, tmp_path):
    config = LstmConfig(vocab_size=11, embedding_size=3, hidden_size=4, num_layers=2)
    state = {"lstm_config": config.to_dict(), "labels": []}
    path = str(tmp_path / "run")
    checkpoints.save(f"{path}/checkpoints", step=1, weights={}, slots={}, state=state)
    small = {"max_seq_length": 8, "eval_batch_size": 2, "init_checkpoint": path}
    work = pipeline.make_workload(
        pipeline.settings(**small), BatchCut(replicas=1, per_replica_batch=2)
    )
    shapes = {v.path: tuple(v.shape) for v in work.build_model().variables}
    assert (11, 3) in shapes.values()
    assert any("forward_1" in name for name in shapes)
    with pytest.raises(SettingsError, match="--hidden_size=5: --init_checkpoint"):
        pipeline.make_workload(
            pipeline.settings(**small, hidden_size=5),
            BatchCut(replicas=1, per_replica_batch=2),
        )
