import pytest

from processors.classification import data_check
from processors.classification.run import ClassificationRun
from runtime import storage
from runtime.errors import DataError
from runtime.training import open_site


class RunWithoutModel(ClassificationRun):
    """A run that must end before it needs a model."""

    def build(self, labels, *, total):
        raise AssertionError(f"a model was built for {labels} and {total} updates")

    def initialise(self, made):
        raise AssertionError(f"{made} was initialised")


@pytest.fixture
def carry_out(place_on):
    """Carries out a job that is to end early."""

    def carry_out(job):
        job = data_check.checked(job)
        with open_site(job, place_on(1)) as site:
            RunWithoutModel(job, site=site).carry_out()

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
