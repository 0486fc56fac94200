"""Pairs of texts from two JSON files: the texts by id, and labelled pairs of ids.

The pairs are not split; `--split` deals them out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from processors.base import Table
from processors.readers import data_files
from processors.readers.pairs import NAMES, read_pairs
from processors.readers.row import BadRow, Row
from processors.tasks.table import OptionsProcessor
from processors.tasks.table_options import TableOptions
from runtime.errors import SettingsError

_TEXT_A, _TEXT_B, _LABEL = NAMES


@dataclass(frozen=True)
class Pairs(Table):
    """The table of pairs; `file` is that of the pairs.

    Args:
        texts_file: JSON object of the texts by id.
        columns: Keys of a pair's two ids and its label, where a pair is an object.
    """

    texts_file: str = ""
    columns: tuple[str, ...] = ()

    def rows(self, data_dir: str) -> Iterator[Row | BadRow]:
        """See base class."""
        return read_pairs(
            self.path(data_dir),
            texts_path=data_files.find(
                self.texts_file, data_dir=data_dir, flag="texts_file"
            ),
            columns=self.columns,
            encoding=self.encoding,
        )


class PairsProcessor(OptionsProcessor):
    """Labelled pairs of texts; all of them are the training examples."""

    takes = (
        "texts_file",
        "pairs_file",
        "text_a",
        "text_b",
        "label",
        "labels",
        "encoding",
    )

    def _table_of(self, options: TableOptions, *, split: str) -> Table | None:
        if not (options.texts_file and options.pairs_file):
            raise SettingsError(
                "--texts_file (JSON, id to text) and --pairs_file (JSON, pairs of ids"
                " with a label) are required by the task pairs."
            )
        if split != "train":
            return None
        return Pairs(
            options.pairs_file,
            text_a=_TEXT_A,
            text_b=_TEXT_B,
            label=_LABEL,
            encoding=options.encoding,
            texts_file=options.texts_file,
            flags={"file": "pairs_file"},
            columns=(options.text_a, options.text_b or _TEXT_B, str(options.label)),
        )
