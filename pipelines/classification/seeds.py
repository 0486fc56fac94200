"""A run, or one for each of several seeds.

Each seed's run is an ordinary one in a folder of its own: the same bytes as those of
the command with that `--seed` and that `--output_dir`.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pipelines.classification import seed_results
from pipelines.classification.preparation import TaskJob
from pipelines.classification.seed_results import SeedResult
from pipelines.classification.settings import TaskSettings
from runtime import storage
from runtime.devices.placement import Placement
from runtime.errors import SettingsError
from runtime.settings import setting
from runtime.training import run_lock, run_record, trained_run
from runtime.training.job import refuse_other_run, restore
from runtime.training.run_settings import RunSettings

if TYPE_CHECKING:
    from pipelines.classification.run import Results

_END = 2**32  # of the seeds that there are

_Settings = TypeVar("_Settings", bound=TaskSettings)
_Job = TypeVar("_Job", bound=TaskJob)

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeedSettings:
    """Which seeds are run, besides what a run is told.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    seeds: tuple[str, ...] = setting(
        (),
        help="Several seeds instead of --seed, as in 0,1,2: a run of each in "
        "output_dir/seed-N, and seeds.txt and compare.txt with their means.",
    )

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        wrong = [text for text in self.seeds if not _is_seed(text)]
        if wrong:
            yield (
                "--seeds: expected whole numbers in [0, 2**32) with commas between; got"
                f" {', '.join(map(repr, wrong))}."
            )
            return
        twice = [str(seed) for seed, n in Counter(self.numbers).items() if n > 1]
        if twice:
            yield f"--seeds: {', '.join(twice)} is named more than once."
        elif len(self.seeds) == 1:
            yield (
                f"--seeds={self.seeds[0]} names one seed, and a mean takes several: "
                f"list them, as in 0,1,2, or give --seed={self.seeds[0]}."
            )

    @property
    def numbers(self) -> tuple[int, ...]:
        """The seeds."""
        return tuple(map(int, self.seeds))

    def fill(
        self, kind: type[RunSettings], values: Mapping[str, Any], *, given: Set[str]
    ) -> dict[str, Any]:
        """As `trained_run.fill`; of several runs, which are alike, the first is asked.

        Raises:
            SettingsError: As there; or there is a seed beside these.
        """
        folder = values["output_dir"]
        if not self.seeds or not folder:
            return trained_run.fill(kind, values, given=given)
        if "seed" in given:
            raise SettingsError("--seed and --seeds: give the one or the other.")
        first = {**values, "output_dir": folder_of(self.numbers[0], below=folder)}
        filled = trained_run.fill(kind, first, given=given)
        return {**filled, "output_dir": folder}


def _is_seed(text: str) -> bool:
    return text.isdecimal() and len(text) <= len(str(_END)) and int(text) < _END


def folder_of(seed: int, *, below: str) -> str:
    """Where the run of a seed lies.

    Args:
        seed: Its seed.
        below: The folder of all runs.
    """
    return storage.join(below, f"seed-{seed}")


@dataclasses.dataclass(frozen=True)
class OneRun(Generic[_Job]):
    """The run that settings ask for by themselves.

    Attributes:
        job: That run.
    """

    job: _Job

    def run(self, run: Callable[..., Results], *, placement: Placement) -> None:
        """Does it.

        Args:
            run: Runs a job on a placement.
            placement: From `runtime.devices.placement.place`.
        """
        run(self.job, placement=placement)


@dataclasses.dataclass(frozen=True)
class SeveralRuns(Generic[_Job]):
    """Runs that differ in their seed alone.

    Attributes:
        jobs: One a seed, in the order in which they are done.
        folder: That of all of them.
    """

    jobs: Sequence[_Job]
    folder: str

    def run(self, run: Callable[..., Results], *, placement: Placement) -> None:
        """Does those that are not done, and writes seeds.txt and compare.txt.

        Args:
            run: Runs a job on a placement.
            placement: From `runtime.devices.placement.place`.

        Raises:
            SettingsError: Several processes share the runs.
        """
        if placement.processes > 1:
            raise SettingsError(
                f"--seeds runs in one process, not in {placement.processes}: give each"
                " seed a command of its own, with --seed and an --output_dir."
            )
        with run_lock.hold(self.folder) as lock:
            results = [self._do(job, run, placement=placement) for job in self.jobs]
            lock.check()
            self._write(results)

    def _do(
        self, job: _Job, run: Callable[..., Results], *, placement: Placement
    ) -> SeedResult:
        found = seed_results.read(job)
        if found is None:
            _log.info("***** Seed %d *****", job.settings.seed)
            return seed_results.keep(job, run(job, placement=placement))
        _log.info("***** Seed %d is done: %s *****", job.settings.seed, job.output_dir)
        return found

    def _write(self, results: Sequence[SeedResult]) -> None:
        from pipelines.classification import seed_pages  # with scipy: slow to load

        settings = self.jobs[0].settings
        page = seed_pages.scores(
            results, task=str(settings.task_name), drawn=settings.drawn_by_seed
        )
        storage.write_text(storage.join(self.folder, seed_results.SCORES_FILE), page)
        _log.info("%s", page)
        if all(each.accuracies for each in results):
            page = seed_pages.comparison(results)
            storage.write_text(storage.join(self.folder, "compare.txt"), page)
            _log.info("%s", page)


def prepare(
    settings: _Settings,
    prepare_run: Callable[[_Settings], _Job],
    *,
    asked: SeedSettings,
) -> OneRun[_Job] | SeveralRuns[_Job]:
    """Reads what the settings name and checks that it fits, for every seed.

    Args:
        settings: What was asked for, but for the seeds.
        prepare_run: The pipeline's `prepare`.
        asked: The seeds; none for that of the settings.

    Raises:
        SettingsError: As `prepare_run`; or the folder holds a run of its own.
        CheckpointError: As `prepare_run`.
        DataError: As `prepare_run`.
    """
    if not asked.seeds:
        return OneRun(prepare_run(settings))
    folder = str(settings.output_dir)
    if storage.exists(storage.join(folder, run_record.RUN_FILE)):
        raise SettingsError(
            f"{folder} holds a run of one seed, and --seeds puts runs below: choose"
            " another --output_dir."
        )
    jobs: list[_Job] = []
    for seed in asked.numbers:
        own = _of_seed(settings, seed, folder=folder)
        jobs.append(_alike(own, jobs) or prepare_run(own))
    return SeveralRuns(jobs, folder)


def _of_seed(settings: _Settings, seed: int, *, folder: str) -> _Settings:
    place = folder_of(seed, below=folder)
    return dataclasses.replace(settings, seed=seed, output_dir=place)


def _alike(settings: TaskSettings, others: Sequence[_Job]) -> _Job | None:
    """The job of a seed made of another's, with whose data and start it has in common.

    Args:
        settings: Of the seed.
        others: The jobs that there are.

    Returns:
        The job; None where the seed's has something to read by itself.

    Raises:
        SettingsError: The seed's folder holds another run.
        CheckpointError: As `restore`.
    """
    has_own = settings.drawn_by_seed or settings.accept_changed or not settings.trains
    if has_own or not others:
        return None
    restored = restore(settings, init_checkpoint=settings.init_checkpoint)
    # What goes on from a checkpoint has not opened the weights to start from.
    fit = [each for each in others if restored is not None or each.restored is None]
    if not fit:
        return None
    folder = str(settings.output_dir)
    job = dataclasses.replace(
        fit[0],
        settings=dataclasses.replace(
            fit[0].settings, seed=settings.seed, output_dir=folder
        ),
        output_dir=folder,
        restored=restored,
    )
    refuse_other_run(job)
    return job
