"""Everything about an experiment that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from lstm_pretrain import data
from lstm_pretrain.experiment.settings import ExperimentSettings, Size
from pipelines.classification.preparation import find_data_dir, find_processor
from pipelines.classification.rows import RowReader
from processors.base import SPLITS
from runtime.errors import SettingsError


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentJob:
    """An experiment whose classifiers can all be trained.

    Attributes:
        settings: What was asked for.
        sizes: The sizes, each once.
    """

    settings: ExperimentSettings
    sizes: tuple[Size, ...]


def prepare(settings: ExperimentSettings) -> ExperimentJob:
    """Reads all rows and checks that each size can be drawn from the training examples.

    The language model takes hours: what would be refused after it is refused here.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: A size is too large for the data, or too small to learn from.
        DataError: A row of a split cannot be used.
    """
    labels = _training_labels(settings)
    sizes = settings.sizes(len(labels))
    problems = [
        f"--train_sizes={name}: {problem}"
        for name, size in sizes.items()
        for problem in _problems(size, settings=settings, labels=labels)
    ]
    if problems:
        raise SettingsError(*problems)
    return ExperimentJob(settings=settings, sizes=tuple(dict.fromkeys(sizes.values())))


def _training_labels(settings: ExperimentSettings) -> list[str | None]:
    processor = find_processor(settings)
    rows = RowReader(
        processor,
        data_dir=find_data_dir(settings, processor=processor),
        on_bad_row=settings.on_bad_row,
    )
    read = {name: rows.examples(name) for name in SPLITS}
    return [example.label for example in read["train"]]


def _problems(
    at: Size, *, settings: ExperimentSettings, labels: Sequence[str | None]
) -> Iterator[str]:
    """A sentence for each reason why classifiers of a size cannot be trained."""
    size = at.examples
    if size > len(labels):
        yield (
            f"the training split has {len(labels)} examples. Ask for fewer, or for all "
            "of them by the word all."
        )
        return
    if not settings.num_train_steps(size):
        yield (
            f"{size} examples are fewer than --train_batch_size="
            f"{settings.train_batch_size} allows for {settings.num_train_epochs:g} "
            "epochs: no update would be done."
        )
    for seed in range(at.seeds):
        order = data.draw(len(labels), count=size, seed=seed)
        if len(drawn := {labels[place] for place in order} - {None}) < 2:
            yield (
                f"the {size} examples that seed {seed} draws have the label "
                f"{', '.join(map(str, drawn)) or 'none'} only: there is nothing to "
                "tell apart. Ask for more."
            )
