import pytest

from pipelines.classification import data_check
from pipelines.classification.run import Classifier, run
from runtime import storage
from runtime.engine.objectives import ClassificationObjective
from runtime.errors import DataError


def build():
    """A model of a run that must end before it needs one.

    Raises:
        AssertionError: It was asked for.
    """
    raise AssertionError("a model was built")


@pytest.fixture
def carry_out(place_on):
    """Carries out a job that is to end early."""

    def carry_out(job):
        classifier = Classifier(
            build=build, objective=ClassificationObjective(), initialise=lambda _: None
        )
        return run(data_check.checked(job), classifier, placement=place_on(1))

    return carry_out


def test_leakage_ends_a_run_before_it_trains(carry_out, job):
    made = job(do_train=True, max_leakage=0.2)
    with pytest.raises(DataError, match="1 of 4 dev examples"):
        carry_out(made)
    assert storage.exists(storage.join(made.output_dir, "data_report.txt"))
    with pytest.raises(AssertionError, match="a model was built"):
        carry_out(job(do_train=True, max_leakage=0.3))


def test_a_mistake_in_the_dev_file_ends_a_run_before_it_trains(
    carry_out, job, data_dir
):
    (data_dir / "dev.tsv").write_text("text\tlabel\nx\ta\ny\tc\n")
    with pytest.raises(DataError, match=r"dev\.tsv:3: unknown label 'c'"):
        carry_out(job(do_train=True))
