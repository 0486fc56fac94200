r"""Writes report.html of a run, or a page on two runs of the same examples.

    python scripts/report.py runs/reviews
    python scripts/report.py runs/reviews runs/others

Both are made of the files in the runs' folders; no model is loaded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from absl import logging

from runtime import storage
from runtime.settings import setting
from scripts import console, flag_definitions


@dataclasses.dataclass(frozen=True, kw_only=True)
class ReportSettings:
    """Where the page goes."""

    output: str | None = setting(
        None,
        path=True,
        help="The page's file; by default report.html in the run's folder, of two runs "
        "report-beside-NAME.html in the first's.",
    )


def main(argv: Sequence[str]) -> None:
    """Writes the page, and of two runs prints what it says first."""
    from pipelines.reports.page import beside, document, run_files  # with scipy

    settings, (first, *others) = flag_definitions.values(ReportSettings), argv[1:]
    name = document.FILE
    if not others:
        page = document.of_run(run_files.read(first))
    for second in others:
        found = beside.read(first, second)
        page = beside.page(*found)
        print(*beside.summary(found[-1]), sep="\n")
        name = f"report-beside-{found[1].name}.html"
    path = settings.output or storage.join(first, name)
    storage.write_text(path, page)
    logging.info("Report: %s", path)


if __name__ == "__main__":
    flag_definitions.define(ReportSettings)
    console.run(main, words=["RUN", "[OTHER_RUN]"])
