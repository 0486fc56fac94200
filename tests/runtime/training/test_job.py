"""What a run goes on from, and what it is refused for; no model is needed."""

import dataclasses

import numpy as np
import pytest

from runtime.checkpoints import checkpoints
from runtime.errors import CheckpointError, SettingsError
from runtime.training import job, run_record
from runtime.training.job import InitialCheckpoint, Job
from runtime.training.run_settings import Resume, RunSettings
from runtime.training.same_run import Trait


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training(RunSettings):
    is_training: bool = True

    @property
    def trains(self):
        return self.is_training


@dataclasses.dataclass(frozen=True, kw_only=True)
class PlainJob(Job):
    size: int = 4

    @property
    def total_steps(self):
        return 5

    def model_traits(self):
        return [Trait(name="size", value=self.size)]


@pytest.fixture
def make(tmp_path):
    """Makes a job; `start` is what it starts from: path and digest."""

    def make(*, start=("start", "1"), size=4, **settings):
        made = Training(output_dir=str(tmp_path / "out"), **settings)
        initial = start and InitialCheckpoint(path=start[0], digest=start[1])
        return PlainJob(
            settings=made,
            output_dir=str(made.output_dir),
            restored=job.restore(made, init_checkpoint=start and start[0]),
            init_checkpoint=initial,
            size=size,
        )

    return make


def save(made, *, step=1):
    checkpoints.save(
        made.checkpoint_dir,
        step=step,
        weights={"w": np.zeros(1, np.float32)},
        slots={},
        state=made.state(),
    )


@pytest.fixture
def trained(make):
    """Such a run has left a checkpoint and its record."""
    made = make()
    save(made)
    run_record.RunRecord(made.output_dir).write(
        settings=made.settings.as_json(),
        fingerprints=made.identity(),
        command_line=["train"],
    )
    return made


def differences(made):
    with pytest.raises(SettingsError) as caught:
        job.refuse_other_run(made)
    return caught.value.problems


def test_one_refusal_names_flags_and_model(trained, make):
    advice, *problems = differences(make(learning_rate=1.0, size=8))
    assert advice.startswith(f"{trained.output_dir} holds the checkpoints of another")
    assert problems == [
        "learning_rate: 5e-05 there, 1.0 here.",
        "size: 4 there, 8 here.",
    ]


def test_without_run_json_the_checkpoint_itself_is_compared(trained, make, tmp_path):
    (tmp_path / "out" / "run.json").unlink()
    assert differences(make(size=8))[1:] == ("size: 4 there, 8 here.",)


def test_more_epochs_pass_by_one_line(trained, make):
    advice, _ = differences(make(num_train_epochs=5.0))
    line = advice.partition("--accept_changed=")[2].rstrip(":")
    accepted = make(num_train_epochs=5.0, accept_changed=tuple(line.split(",")))
    assert job.refuse_other_run(accepted) == ["num_train_epochs: 3.0 there, 5.0 here."]


def test_unknown_names_are_refused_in_a_new_folder_too(make):
    with pytest.raises(SettingsError, match="num_train_steps is none of the flags"):
        job.refuse_other_run(make(accept_changed=("num_train_steps",)))


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (("start", "1"), None),
        (("elsewhere", "1"), None),
        (("start", None), None),  # gone: the weights are in the checkpoint
        (("start", "2"), "start holds other weights than it did there."),
        (("other", "2"), "start there, other weights in other here."),
        (("other", None), "start there, other weights in other here."),
        (None, "start there, random weights here."),
    ],
)
def test_weights_to_start_from_are_known_by_their_content(trained, make, start, said):
    if said is None:
        assert job.refuse_other_run(make(start=start)) == []
        return
    advice, problem = differences(make(start=start))
    assert problem == f"init_checkpoint: {said}"
    assert "--accept_changed=init_checkpoint:" in advice


def test_a_start_where_there_was_none(make):
    save(make(start=None))
    assert job.refuse_other_run(make(start=None)) == []
    assert differences(make())[1:] == (
        "init_checkpoint: random weights there, start here.",
    )


def test_the_runs_own_checkpoint_may_be_named(trained, make):
    own = checkpoints.weights_digest(str(checkpoints.latest(trained.checkpoint_dir)))
    for is_training in (True, False):
        made = make(start=(trained.output_dir, own), is_training=is_training)
        assert job.refuse_other_run(made) == []
        assert made.identity()["init_checkpoint"] == {"path": "start", "digest": "1"}


def test_an_evaluation_is_compared_in_what_must_fit(trained, make):
    evaluation = {"is_training": False, "learning_rate": 1.0}
    assert job.refuse_other_run(make(start=None, **evaluation)) == []
    assert differences(make(start=("other", "2"), **evaluation))[1:] == (
        "init_checkpoint: start there, other weights in other here.",
    )
    assert len(differences(make(start=None, size=8, **evaluation))) == 2


def test_another_programs_checkpoint_is_not_trained_over(make, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "model.ckpt-7.index").write_bytes(b"")
    with pytest.raises(CheckpointError, match="of another program"):
        make()
    assert make(resume=Resume.NEVER).restored is None
    assert make(start=(str(tmp_path / "out"), "1")).restored is None
    with pytest.raises(CheckpointError, match="of another program"):
        job.refuse_nothing_trained(
            make(is_training=False).settings, restored=None, init_checkpoint=None
        )


def test_nothing_to_evaluate(make, trained):
    settings = make(is_training=False).settings
    with pytest.raises(CheckpointError, match=r"nothing to evaluate\. Add"):
        job.refuse_nothing_trained(settings, restored=None, init_checkpoint=None)
    job.refuse_nothing_trained(settings, restored=None, init_checkpoint="x")
    point = checkpoints.load_newest(trained.checkpoint_dir)
    job.refuse_nothing_trained(settings, restored=point, init_checkpoint=None)


def test_its_own_best_checkpoint_is_no_other_start(make):
    """As long as the checkpoint that is meant lies in the output directory."""
    made = make(start=None)
    for step in (1, 2):
        checkpoints.save(
            made.checkpoint_dir,
            step=step,
            weights={"w": np.full(1, step, np.float32)},
            slots={},
            state={
                **made.state(),
                "evaluations": {"best_by": "x", "best_step": 1, "best_score": 0.5},
            },
        )
    best = checkpoints.chosen(made.checkpoint_dir)
    for folder in (best, checkpoints.latest(made.checkpoint_dir)):
        digest = checkpoints.weights_digest(folder)
        assert job.refuse_other_run(make(start=(folder, digest))) == []
    assert differences(make(start=("elsewhere", "1")))
