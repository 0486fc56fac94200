"""Everything an extraction of vectors is told.

The names, defaults and meanings of google-research/bert's `extract_features.py` are
kept; what it did not have stands below.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator

from processors.tasks.table_options import FormatSettings, TableOptions
from processors.tokenization.settings import TokenizerSettings
from runtime.devices.placement import Accelerator, Backend, Precision
from runtime.devices.settings import DeviceSettings
from runtime.errors import SettingsError
from runtime.settings import fixed, setting
from tf_bert.formats import own_tokenizer


class Pooling(enum.Enum):
    """What of an example's tokens is kept."""

    LAYERS = "layers"
    CLS = "cls"
    MEAN = "mean"
    MAX = "max"
    POOLED = "pooled"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtractionSettings(FormatSettings, TokenizerSettings, DeviceSettings):
    """Settings of `extract`.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # The original's flags.
    input_file: str | None = setting(
        None,
        path=True,
        help="A text a line, or two with ` ||| ` between; with --text_a a table, known "
        "by its ending .tsv, .csv, .json or .jsonl. Each may be gzipped.",
    )
    output_file: str | None = setting(
        None, path=True, help="JSON lines; or a numpy archive, if it ends in .npz."
    )
    layers: tuple[str, ...] = setting(
        ("-1", "-2", "-3", "-4"), help="Layers, -1 the last."
    )
    bert_config_file: str | None = setting(
        None,
        path=True,
        help="JSON with the sizes; by default what is stored with init_checkpoint.",
    )
    max_seq_length: int = setting(
        128, help="Longest input in tokens, special tokens included."
    )
    init_checkpoint: str | None = setting(
        None, path=True, help="Weights: all that run_classifier.py starts from."
    )
    batch_size: int = setting(32, help="Examples a batch.")

    # New here.
    text_a: str | None = setting(None, help="Column of the text, in a table.")
    pooling: Pooling = setting(
        Pooling.LAYERS,
        help="layers: every token's vectors, as the original; of a text: cls, mean and "
        "max of its tokens' in each layer; pooled: what a classifier reads.",
    )
    cache_dir: str | None = setting(
        None,
        path=True,
        help="Folder that keeps the vectors of examples by their content, so that none "
        "is encoded twice. Not for --pooling=layers.",
    )
    accelerator: Accelerator = setting(Accelerator.AUTO, help="What to run on.")
    backend: Backend = setting(Backend.AUTO, help="What to run with.")
    precision: Precision = setting(Precision.FLOAT32, help="Arithmetic of a step.")
    steps_per_call: int = fixed(1)
    iterations_per_loop: int | None = fixed(None)

    def __post_init__(self) -> None:
        own_tokenizer.take(self)
        problems = list(self._problems())
        if problems:
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        for name in ("input_file", "output_file", "init_checkpoint"):
            if not getattr(self, name):
                yield f"--{name} is required."
        yield from self.tokenizer_problems()
        yield from self.device_problems()
        for name in ("max_seq_length", "batch_size"):
            if getattr(self, name) < 1:
                yield f"--{name} must be at least 1; got {getattr(self, name)}."
        yield from self._column_problems()
        for layer in self.layers:
            if not layer.removeprefix("-").isdecimal():
                yield f"--layers: expected numbers such as -1,-2; got {layer!r}."
        if self.cache_dir and self.pooling is Pooling.LAYERS:
            yield "--cache_dir keeps a vector an example: choose a --pooling for it."

    def table_options(self) -> TableOptions:
        """What is said of the columns of a table.

        Raises:
            SettingsError: They do not fit each other.
        """
        header = self.header or not self.text_a
        return self.of_texts(self.input_file, text_a=self.text_a, header=header)

    def _column_problems(self) -> Iterator[str]:
        try:
            self.table_options()
        except SettingsError as error:
            yield from error.problems
        if self.text_b and not self.text_a:
            yield "--text_b names a column of a table: give --text_a as well."

    @property
    def layer_indexes(self) -> tuple[int, ...]:
        """The layers as numbers."""
        return tuple(map(int, self.layers))
