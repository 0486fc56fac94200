import pytest

from runtime.errors import StorageError
from runtime.training.run_lock import NoLock
from runtime.training.training import RunContext


class LostLock(NoLock):
    def check(self):
        raise StorageError("Another process holds it.")


def context(lock):
    return RunContext(
        placement=None, folder="gs://b/run", record=None, lock=lock, stop=None
    )


def test_files_go_into_the_folder_of_the_run():
    assert context(NoLock()).path("eval_results.txt") == "gs://b/run/eval_results.txt"


def test_no_file_goes_into_a_folder_that_another_run_has():
    with pytest.raises(StorageError, match="Another process holds it"):
        context(LostLock()).path("eval_results.txt")
