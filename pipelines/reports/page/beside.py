"""Two runs on the same examples: by how much they differ, and on which."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np

from pipelines.reports.page import document, examples, run_files, scoring, uncertainty
from pipelines.reports.page.answered import Answered, Row
from pipelines.reports.page.document import Section
from pipelines.reports.page.markup import Html, element, table, text_of_data, together
from pipelines.reports.page.run_files import RunFiles
from pipelines.reports.page.uncertainty import Interval
from processors.labels.targets import Targets
from runtime.errors import DataError

_SHOWN = 30
_ABOUT = (
    "Difference: the second minus the first, with the 95 % interval over draws of the"
    " examples, the same for both (paired bootstrap). An interval without 0 says that"
    " the difference is not by the choice of examples; of other seeds it says nothing."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Difference:
    """One score of two runs.

    Attributes:
        name: That of the score.
        values: The first run's and the second's.
        interval: Of the second's minus the first's.
    """

    name: str
    values: tuple[float, float]
    interval: Interval


@dataclasses.dataclass(frozen=True, kw_only=True)
class Beside:
    """Two runs' answers to one split.

    Attributes:
        splits: Their answers, to the same examples in the same order.
    """

    splits: tuple[Answered, Answered]

    def differences(self) -> Iterator[Difference]:
        """The scores that are computed of answers, beside each other."""
        first, second = self.splits
        gold = scoring.arrays(first.rows, split=first, of="gold")
        counts, (gold, one, other) = scoring.cases(
            gold,
            scoring.arrays(first.rows, split=first, of="predicted"),
            scoring.arrays(second.rows, split=first, of="predicted"),
        )
        targets = first.targets

        def both(weights: np.ndarray) -> list[dict[str, np.ndarray]]:
            return [
                scoring.all_of(targets, weights, gold=gold, predicted=predicted)
                for predicted in (one, other)
            ]

        def differences(weights: np.ndarray) -> dict[str, np.ndarray]:
            before, after = both(weights)
            return {name: after[name] - before[name] for name in before}

        before, after = both(counts)
        for name, interval in uncertainty.of_scores(differences, counts=counts).items():
            values = (float(before[name]), float(after[name]))
            yield Difference(name=name, values=values, interval=interval)

    def changed(self) -> tuple[list[tuple[Row, Row]], list[tuple[Row, Row]]]:
        """The examples that only the first has right, then the second's."""
        pairs = list(zip(*(split.rows for split in self.splits), strict=True))
        return (
            [pair for pair in pairs if pair[0].is_right and not pair[1].is_right],
            [pair for pair in pairs if pair[1].is_right and not pair[0].is_right],
        )


def read(first: str, second: str) -> tuple[RunFiles, RunFiles, list[Beside]]:
    """Reads the folders of two runs.

    Args:
        first: The folder of one.
        second: The folder of the other.

    Returns:
        Both, and their answers to each split that both have answered.

    Raises:
        DataError: One is no run, or they have answered to no examples that are the
            same.
    """
    runs = run_files.read(first), run_files.read(second)
    of_first, of_second = (
        {split.name: split for split in run.splits if split.is_labelled} for run in runs
    )
    shared = [name for name in of_first if name in of_second]
    if not shared:
        raise DataError(
            f"{first} and {second} have answered to no split in common that is"
            f" labelled: {_listed(of_first)}, and {_listed(of_second)}. Evaluate or"
            " predict with both on the same examples (--do_eval, --do_predict)."
        )
    found = []
    for name in shared:
        one, other = of_first[name], of_second[name]
        _refuse_others((one, other), folders=(first, second))
        labels = tuple(dict.fromkeys(one.labels + other.labels))
        one, other = (dataclasses.replace(each, labels=labels) for each in (one, other))
        found.append(Beside(splits=(one, other)))
    return *runs, found


def page(one: RunFiles, other: RunFiles, found: Sequence[Beside]) -> str:
    """The page on two runs.

    Args:
        one: The first.
        other: The second.
        found: Their answers, from `read`.
    """
    title = f"{one.name} and {other.name}"
    about = f"First: {one.name}. Second: {other.name}."
    sections: list[Section] = []
    for each in found:
        sections += _sections(each)
    sections.append(("Settings that differ", _settings(one, other)))
    return document.page(title, about=about, found=sections)


def summary(found: Sequence[Beside]) -> Iterator[str]:
    """The differences as lines of text.

    Args:
        found: From `read`.
    """
    for each in found:
        for score in each.differences():
            one, other = score.values
            yield (
                f"{each.splits[0].name} {score.name}: {one:.4f} and {other:.4f},"
                f" difference {_signed(other - one)} ({_ends(score.interval)})"
            )
        if each.splits[0].targets is not Targets.NUMBER:
            yield f"{each.splits[0].name}: {_tested(each)}"


def _sections(each: Beside) -> Iterator[Section]:
    name, targets = each.splits[0].name, each.splits[0].targets
    rows = [
        [
            score.name,
            *(f"{value:.4f}" for value in score.values),
            _signed(score.values[1] - score.values[0]),
            _ends(score.interval),
        ]
        for score in each.differences()
    ]
    drawn = table(["score", "first", "second", "difference", "interval"], rows)
    parts = [drawn, element("p", _ABOUT, class_="note")]
    if targets is Targets.NUMBER:
        yield f"Scores, {name}", together(parts)
        return
    yield f"Scores, {name}", together([*parts, element("p", _tested(each))])
    lost, won = each.changed()
    yield f"Right only in the first, {name}", _pairs(lost)
    yield f"Right only in the second, {name}", _pairs(won)


def _tested(each: Beside) -> str:
    lost, won = map(len, each.changed())
    chance = uncertainty.of_disagreement(lost, won)
    return (
        f"{lost} examples only the first has right, {won} only the second;"
        f" McNemar's exact test: p = {chance:.3g}."
    )


def _pairs(pairs: Sequence[tuple[Row, Row]]) -> Html:
    surest = sorted(pairs, key=lambda pair: -max(row.sureness for row in pair))
    note = f"{len(pairs)} examples"
    note += "." if len(pairs) <= _SHOWN else f"; the {_SHOWN} surest are shown."
    return together(
        [element("p", note, class_="note"), *(_pair(*pair) for pair in surest[:_SHOWN])]
    )


def _pair(one: Row, other: Row) -> Html:
    said: list[str] = [text_of_data(one.guid), ": gold ", examples.answer(one.gold)]
    for name, row in (("first", one), ("second", other)):
        said += [f", {name} ", examples.answer(row.predicted), f" {row.sureness:.3f}"]
    return element(
        "div",
        element("p", *said, class_="note"),
        element("div", examples.shortened(one.text, opening=True)),
        class_="example",
    )


def _settings(one: RunFiles, other: RunFiles) -> Html:
    names = sorted({*one.settings, *other.settings} - {"output_dir"})
    rows = [
        [name, *(text_of_data(str(run.settings.get(name))) for run in (one, other))]
        for name in names
        if one.settings.get(name) != other.settings.get(name)
    ]
    return table(["setting", "first", "second"], rows) if rows else Html("")


def _refuse_others(
    splits: tuple[Answered, Answered], *, folders: tuple[str, str]
) -> None:
    """Refuses answers to examples that are not the same.

    Raises:
        DataError: Names the first that differs.
    """
    one, other = splits
    counts = [len(split.rows) for split in splits]
    problem = f"{counts[0]} and {counts[1]} examples" if counts[0] != counts[1] else ""
    for number, (a, b) in enumerate(zip(one.rows, other.rows, strict=False), start=1):
        if not problem and (a.guid, a.gold, a.text) != (b.guid, b.gold, b.text):
            problem = (
                f"example {number} is {a.guid} in the one and {b.guid} in the other"
            )
            if a.guid == b.guid:
                problem = f"example {number}, {a.guid}, has another text or gold label"
    if one.targets is not other.targets:
        problem = "the one answers with what the other does not (labels, numbers)"
    if problem:
        raise DataError(
            f"{folders[0]} and {folders[1]} have answered to different examples of"
            f" {one.name}: {problem}. Only runs on the same examples can be compared."
        )


def _listed(splits: dict[str, Answered]) -> str:
    return ", ".join(splits) or "none"


def _ends(interval: Interval) -> str:
    return " to ".join(map(_signed, interval))


def _signed(value: float) -> str:
    return f"{value:+.4f}"
