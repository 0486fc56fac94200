import numpy as np
import pytest

from runtime.engine import engine
from runtime.errors import SettingsError
from runtime.preflight.report import command
from runtime.preflight.workload import BatchCut
from runtime.settings import flags_of
from tests.tf_bert.pairs import golden
from tf_bert.pairs.heads import Attend, Combine
from tf_bert.pairs.workload import BI_ENCODER

SMALL = {
    "init_checkpoint": golden.ENCODER,
    "max_seq_length": 16,
    "eval_batch_size": 2,
    "steps_per_call": 2,
    "labels": ("a", "b", "c"),
}


@pytest.mark.parametrize(
    "kind",
    [
        {"combine": Combine.REDUCED, "attend": Attend.TOKENS, "reduced_size": 8},
        {"ranking_loss": 0.1, "ranking_label": "b"},
    ],
)
def test_the_steps_run_as_they_are_on_texts_that_leave_no_room(kind, place_on):
    settings = BI_ENCODER.settings(**SMALL, **kind)
    work = BI_ENCODER.make_workload(settings, BatchCut(replicas=1, per_replica_batch=3))
    assert work.train["input_ids"].shape == (2, 1, 1, 6, 16)
    assert work.train["example_ids"].all()
    made = engine.create(
        place_on(),
        build_model=work.build_model,
        objective=work.objective,
        optimizer=work.optimizer,
        seed=0,
    )
    assert made.train(work.train).finite.tolist() == [True, True]
    assert np.isfinite(made.predict(work.evaluate)["losses"]).all()


def test_a_run_has_every_setting_of_its_steps():
    steps, run = flags_of(BI_ENCODER.settings), flags_of(BI_ENCODER.run_settings)
    assert set(steps) < set(run)
    for name, field in run.items():
        assert field.metadata["help"].endswith("."), name


def test_a_head_that_does_not_fit():
    settings = BI_ENCODER.settings(**SMALL, combine=Combine.REDUCED, reduced_size=64)
    with pytest.raises(SettingsError, match="48 dimensions"):
        BI_ENCODER.make_workload(settings, BatchCut(replicas=1, per_replica_batch=3))


def test_the_command_to_paste_names_the_script_and_the_architecture():
    line = command(BI_ENCODER.script, flags={"output_dir": "a b"})
    assert line.startswith("python scripts/run_classifier.py --architecture=bi ")
    assert line.endswith(" '--output_dir=a b'")
