"""report.html: one file about a run that a person opens, without external parts.

It is made of the files in the run's folder alone, so that an old run has it as well as
one in a bucket, and the same files give the same bytes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence

from pipelines.reports.page import cells, run_files, sections
from pipelines.reports.page.markup import Html, element, text_of_data, together
from pipelines.reports.page.run_files import RunFiles
from pipelines.reports.page.style import STYLE
from runtime import storage
from runtime.errors import DataError
from runtime.training.training import RunContext

FILE = "report.html"
"""In a run's folder."""

Section = tuple[str, Html]
"""What stands above, and what it holds."""

_HEAD = (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\';'
    " style-src 'unsafe-inline'\">\n"
)

_log = logging.getLogger(__name__)


def keep(context: RunContext) -> None:
    """Writes the page of a run that ends; what is amiss with it ends no run.

    Args:
        context: Where the run writes.
    """
    try:
        page = of_run(run_files.read(context.folder))
    except DataError as error:
        _log.warning("No %s: %s", FILE, error)
        return
    storage.write_text(context.path(FILE), page)
    _log.info("Report: %s", context.path(FILE))


def of_run(run: RunFiles) -> str:
    """The page.

    Args:
        run: What the run's files say.
    """
    task = str(run.settings.get("task_name") or "")
    about = [f"Task {task}. " if task else "", _source(run)]
    return page(run.name, about="".join(about), found=list(_sections(run)))


def page(title: str, *, about: str, found: Sequence[Section]) -> str:
    """A page of sections, those that hold something.

    Args:
        title: What it is about.
        about: A line below it.
        found: The sections.
    """
    filled = [(name, content) for name, content in found if content]
    links = [element("a", name, href=f"#{_anchor(name)}") for name, _ in filled]
    body = [
        element("h1", text_of_data(title)),
        element("p", text_of_data(about), class_="note"),
        element("nav", *links, aria_label="Sections"),
        *(
            element("section", element("h2", name), content, id=_anchor(name))
            for name, content in filled
        ),
    ]
    head = together(
        [Html(_HEAD), element("title", title), element("style", Html(STYLE))]
    )
    whole = element("body", element("main", *body))
    return f"{head}\n</head>\n{whole}\n</html>\n"


def _sections(run: RunFiles) -> Iterator[Section]:
    yield "Scores", together(sections.scores(run))
    yield "Beside simple models", together(sections.comparison(run))
    yield "Learning curve", together(sections.learning_curve(run))
    labelled = [split for split in run.splits if split.is_labelled]
    counted = cells.of_text(run.confusion)
    if counted and "dev" not in {split.name for split in labelled}:
        yield "Answers, dev", together(sections.answers(counted, name="dev"))
    for split in labelled:
        found = sections.answers(split, name=split.name)
        yield f"Answers, {split.name}", together(found)
    for split in labelled:
        yield f"Mistakes, {split.name}", together(sections.mistakes(split))
    for heading, text in run.texts:
        yield heading, sections.text(text)
    yield "Settings", together(sections.settings(run))


def _source(run: RunFiles) -> str:
    names = [split.file for split in run.splits]
    if not names:
        return "Made of the files in the run's folder."
    return f"Made of {', '.join(names)} and the other files in the run's folder."


def _anchor(name: str) -> str:
    return re.sub(r"\W+", "-", name).lower()
