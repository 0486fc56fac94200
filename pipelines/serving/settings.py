"""What a prediction of many texts is told; each field is a command-line flag."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator

from processors.base import Format
from processors.readers.sieve import OnBadRow
from processors.tasks.table_options import FormatSettings, TableOptions
from runtime import storage
from runtime.devices.placement import Accelerator, Backend, Precision
from runtime.errors import SettingsError
from runtime.settings import missing, setting

STANDARD = "-"
"""Stands for standard input, and for standard output."""


class OutputFormat(enum.Enum):
    """What answers are written in."""

    TSV = "tsv"
    JSONL = "jsonl"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """A trained model, and what it runs on."""

    model: str | None = setting(
        None,
        path=True,
        help="A run's folder, one of its checkpoints, or a Hugging Face folder of a "
        "classifier.",
    )
    labels: tuple[str, ...] = setting(
        (), help="Names of the model's outputs, where nothing beside it says them."
    )
    accelerator: Accelerator = setting(Accelerator.AUTO, help="What to run on.")
    backend: Backend | None = setting(
        None, help="What to run with; by default what the run was told."
    )
    precision: Precision | None = setting(
        None, help="Arithmetic of a step; by default the run's."
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictionSettings(FormatSettings, ModelSettings):
    """Settings of a prediction.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    input: str = setting(
        STANDARD,
        help="A file of a text a line, or with --text_a a table that ends in .tsv, "
        ".csv, .json or .jsonl; each may be gzipped. - is standard input.",
        path=True,
    )
    output: str = setting(
        STANDARD, help="Where the answers go. - is standard output.", path=True
    )
    output_format: OutputFormat | None = setting(
        None,
        help="tsv: answer, probability and text; jsonl: all probabilities, too. By "
        "default as the output ends, else tsv.",
    )
    text_a: str | None = setting(None, help="Column of the text, in a table.")
    on_bad_row: OnBadRow = setting(
        OnBadRow.ERROR,
        help="What a row that cannot be read does: error ends the work and names it; "
        "reject writes it to OUTPUT.rejects.jsonl with the reason and goes on.",
    )

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        yield from missing(self, "model")
        if self.text_b and not self.text_a:
            yield "--text_b names a column of a table: give --text_a as well."
        if self.text_a and self.input == STANDARD:
            yield "--text_a names a column of a table: give it with --input=FILE."
        elif self.text_a:
            yield from self._table_problems()
        if self.on_bad_row is OnBadRow.REJECT and self.output == STANDARD:
            yield "--on_bad_row=reject writes a file beside the output: give --output."

    def _table_problems(self) -> Iterator[str]:
        try:
            self.table_options()
        except SettingsError as error:
            yield from error.problems
        if self.table_format is None:
            known = ", ".join(f".{each.value}" for each in Format)
            yield (
                f"--text_a names a column, but --input={self.input} ends in none of"
                f" {known} (or one of them and .gz). Leave --text_a out to read a text"
                " a line."
            )

    @property
    def table_format(self) -> Format | None:
        """What the table is written in; None where the file's name says no format."""
        name = storage.basename(self.input).removesuffix(".gz")
        ending = name.rpartition(".")[2].lower()
        return next((each for each in Format if each.value == ending), None)

    @property
    def written_as(self) -> OutputFormat:
        """What the answers are written in."""
        is_lines = self.output.endswith(f".{OutputFormat.JSONL.value}")
        return self.output_format or OutputFormat("jsonl" if is_lines else "tsv")

    def table_options(self) -> TableOptions:
        """What is said of the columns of the table.

        Raises:
            SettingsError: They do not fit each other.
        """
        return self.of_texts(self.input, text_a=self.text_a, header=self.header)
