"""What a page says of a run: one function a section."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from pipelines.reports.page import cells, charts, examples, scoring, uncertainty
from pipelines.reports.page.answered import Answered
from pipelines.reports.page.cells import Cells
from pipelines.reports.page.charts import Line
from pipelines.reports.page.markup import Html, element, table, text_of_data
from pipelines.reports.page.run_files import RunFiles
from processors.labels.targets import Targets

MISTAKES = 20
_LOSS, _DEV_LOSS, _ACCURACY = "loss", "eval_loss", "eval_accuracy"
_ABOUT_SCORES = (
    "Interval: 95 % of all such examples there could be; of shares Wilson's, of the"
    f" other scores from {uncertainty.RESAMPLES} draws of the examples (bootstrap). Of"
    " other seeds and other data it says nothing."
)
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_BY_FOLDER = ("output_dir",)  # a page is the same wherever its run lies


def scores(run: RunFiles) -> Iterator[Html]:
    """The scores of each split with their intervals."""
    splits = {
        split.name: scoring.of_split(split) for split in run.splits if split.is_labelled
    }
    if "dev" not in splits and (counted := cells.of_text(run.confusion)):
        splits = {"dev": _of_counts(counted), **splits}
    rows = [
        [f"{name} {each.name}", f"{each.value:.4f}", _interval(each.interval)]
        for name, found in splits.items()
        for each in found
    ]
    known = {row[0] for row in rows}
    for name, value in run.results.items():
        shown = name.replace("eval_", "dev ")
        if shown not in known and name != "loss":
            rows.append([shown, value, "–"])
    if rows:
        yield table(["score", "value", "interval"], rows)
    if splits:
        yield element("p", _ABOUT_SCORES, class_="note")


def learning_curve(run: RunFiles) -> Iterator[Html]:
    """The losses by step, and the score by which the run chose, or its accuracy."""
    loss = [
        Line(name="training, each update", points=found, style="one thin")
        for found in [_course(run.metrics, _LOSS, training=True)]
        if found
    ]
    if loss:
        smooth = charts.smoothed(loss[0].points)
        loss.append(Line(name="training, smoothed", points=smooth, style="one"))
    dev = _course(run.metrics, _DEV_LOSS)
    if dev:
        loss.append(Line(name="dev", points=dev, style="two", dots=True))
    mark = None if run.best is None else float(run.best.step)
    if loss:
        told = "Blue: training, thin each update. Orange: dev."
        yield _figure(charts.lines(loss, name="loss", x_name="step", mark=mark), told)
    score = _ACCURACY if run.best is None or run.best.by == _DEV_LOSS else run.best.by
    if found := _course(run.metrics, score):
        name = score.removeprefix("eval_").replace("_", " ")
        line = Line(name="dev", points=found, style="two", dots=True)
        told = f"{name} of dev."
        if run.best is not None:
            told += f" Dashed: step {run.best.step}, the best by {run.best.by}."
        yield _figure(charts.lines([line], name=name, x_name="step", mark=mark), told)


def comparison(run: RunFiles) -> Iterator[Html]:
    """The run beside simple models, as compare.txt has them."""
    lines = [re.split(r" {2,}", line) for line in run.comparison.splitlines()]
    if not _is_table(lines):
        if run.comparison:
            yield text(run.comparison)
        return
    (measure, *splits), rows = lines[0], lines[1:]
    values = {
        name: {split: float(cell) for split, cell in zip(splits, found, strict=True)}
        for name, *found in rows
    }
    yield _figure(charts.bars(values, name=measure), "")
    yield table([measure, *splits], rows)


def _is_table(lines: Sequence[Sequence[str]]) -> bool:
    """Whether rows of numbers stand below one row of names."""
    cells = [cell for _, *found in lines[1:] for cell in found]
    return (
        len(lines) > 1
        and all(len(line) == len(lines[0]) for line in lines)
        and all(_NUMBER.fullmatch(cell) for cell in cells)
    )


def answers(split: Answered | Cells, *, name: str) -> Iterator[Html]:
    """The matrix and the scores of each label; of numbers where they lie.

    Args:
        split: Labelled answers, or their counts alone.
        name: What the split is called.
    """
    if isinstance(split, Answered) and split.targets is Targets.NUMBER:
        pairs = [(float(row.gold[0]), float(row.predicted[0])) for row in split.rows]
        said = f"{len(pairs)} examples of {name}; on the diagonal both are equal"
        drawn = charts.points(pairs, x_name="gold", y_name="predicted", said=said)
        yield _figure(drawn, f"{said}.")
        return
    found = cells.of_split(split) if isinstance(split, Answered) else split
    yield cells.shown(found, name=_anchor(name))
    yield _labels(found)


def mistakes(split: Answered) -> Iterator[Html]:
    """The wrong answers that the model was surest of; of numbers the farthest off.

    Args:
        split: Labelled answers.
    """
    is_number = split.targets is Targets.NUMBER
    wrong = [row for row in split.rows if is_number or not row.is_right]
    wrong.sort(key=lambda row: -row.sureness)
    what = "The farthest off" if is_number else f"{len(wrong)} are wrong, the surest"
    told = f"{what} of {len(split.rows)} examples of {split.name}."
    yield element("p", f"{told} All are in {split.file}.", class_="note")
    yield examples.listed(wrong[:MISTAKES], targets=split.targets, opening=True)


def settings(run: RunFiles) -> Iterator[Html]:
    """What was asked for, what it was done with and what identifies it."""
    parts: Mapping[str, Mapping[str, Any]] = {
        "Settings": {k: v for k, v in run.settings.items() if k not in _BY_FOLDER},
        "What identifies the run": run.fingerprints,
        "Versions": run.record.get("versions", {}),
    }
    for name, values in parts.items():
        if values:
            rows = [_pair(key, value) for key, value in values.items()]
            summary = element("summary", name)
            yield element("details", summary, table(["", ""], rows), class_="all")


def text(content: str) -> Html:
    """A text file as it is."""
    return element("pre", content, tabindex=0)


def _of_counts(counted: Cells) -> list[scoring.Scored]:
    places = np.argwhere(counted.counts)
    eye = np.eye(len(counted.rows), dtype=bool)
    return scoring.of_cases(
        Targets.LABEL,
        counts=counted.counts[tuple(places.T)],
        gold=eye[places[:, 0]],
        predicted=eye[places[:, 1]],
    )


def _labels(found: Cells) -> Html:
    """Precision, recall and F1 of each label."""
    if found.targets is Targets.LABEL:
        both = found.counts.diagonal()
        has, said = found.counts.sum(axis=1), found.counts.sum(axis=0)
    else:
        both, missed, added = found.counts.T
        has, said = both + missed, both + added
    rows: list[Sequence[str]] = []
    for label, *counts in zip(found.rows, both, has, said, strict=True):
        right, of_gold, of_said = map(int, counts)
        f1 = 2 * right / (of_gold + of_said) if of_gold + of_said else 0.0
        cells_of = [_share(right, of_said), _share(right, of_gold)]
        rows.append([text_of_data(label), *cells_of, f"{f1:.3f}", str(of_gold)])
    head = ["label", "precision", "recall", "F1", "gold"]
    return table(head, rows, caption="Each label, with Wilson's 95 % intervals.")


def _share(count: int, total: int) -> str:
    if total == 0:
        return "–"
    return (
        f"{count / total:.3f} ({_interval(uncertainty.of_share(count, total=total))})"
    )


def _interval(found: tuple[float, float]) -> str:
    return " to ".join(f"{end:.3f}" for end in found)


def _course(
    metrics: Sequence[Mapping[str, float]], name: str, *, training: bool = False
) -> list[tuple[float, float]]:
    """Step and value of each line that has a finite one."""
    return [
        (line["step"], line[name])
        for line in metrics
        if np.isfinite(line.get(name, np.nan))
        and not (training and any(key.startswith("eval_") for key in line))
    ]


def _figure(picture: Html, told: str) -> Html:
    said = [element("figcaption", told)] if told else []
    return element("figure", picture, *said)


def _pair(key: str, value: Any) -> list[str]:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    cell = element("td", text_of_data(shown), class_="value")
    return [element("th", key, scope="row", class_="key"), cell]


def _anchor(name: str) -> str:
    return re.sub(r"\W+", "-", name)
