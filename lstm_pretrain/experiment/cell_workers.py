"""Classifiers of the experiment, one after the other or several at once.

One of them is too small for the cores of a machine: two at once on two cores are done
almost twice as fast.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence

from lstm_pretrain.classifier.preparation import ClassifierJob, prepare
from lstm_pretrain.classifier.settings import LstmClassifierSettings
from lstm_pretrain.experiment.cells import Cell, Result
from runtime import processes
from runtime.devices.placement import Accelerator, Placement


def train(
    cells: Sequence[Cell], *, job: ClassifierJob, placement: Placement, workers: int
) -> Iterator[Result]:
    """Trains and tests the classifiers of cells.

    Args:
        cells: Which.
        job: What they have in common.
        placement: Where this process trains; it has an accelerator for itself.
        workers: Most processes that train at once, on CPUs.

    Returns:
        What came of each, as it comes, in the order of the cells.

    Raises:
        TrainingError: A loss is not finite.
        SettingsError: One of the processes ended on its own.
    """
    workers = min(workers, len(cells))
    if workers < 2 or placement.accelerator is not Accelerator.CPU:
        from lstm_pretrain.experiment import cell_training

        one = functools.partial(cell_training.train, job=job, placement=placement)
        return map(one, cells)
    make_work = functools.partial(_make_work, job.settings)
    return processes.in_order(cells, make_work=make_work, workers=workers)


def _make_work(settings: LstmClassifierSettings) -> Callable[[Cell], Result]:
    placement = settings.place()  # chooses the backend of Keras, imported next
    from lstm_pretrain.experiment import cell_training

    return functools.partial(
        cell_training.train, job=prepare(settings), placement=placement
    )
