"""Everything the scoring of pairs is told; each field is a command-line flag."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import ClassVar

from processors.readers.sieve import OnBadRow
from processors.tokenization.settings import TOKENIZER, TokenizerSettings
from runtime.devices.placement import Accelerator, Backend, Precision
from runtime.devices.settings import DeviceSettings
from runtime.errors import SettingsError
from runtime.settings import fixed, missing, setting
from runtime.training.run_settings import Carried


class CachePrecision(enum.Enum):
    """How the numbers of vectors are kept."""

    FLOAT16 = "float16"
    FLOAT32 = "float32"


class Index(enum.Enum):
    """How the best partners of texts are found.

    Attributes:
        EXACT: All scores are computed.
        HNSW: A graph of near texts; the more memory, the better found.
        IVF: Cells of texts, of which the nearest are searched.
    """

    EXACT = "exact"
    HNSW = "hnsw"
    IVF = "ivf"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoringSettings(TokenizerSettings, DeviceSettings):
    """Settings of a scoring of pairs.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    CARRIED: ClassVar[tuple[Carried, ...]] = (TOKENIZER, Carried(("max_seq_length",)))

    init_checkpoint: str | None = setting(
        None, path=True, help="Folder of a run of run_classifier.py --architecture=bi."
    )
    texts_file: str | None = setting(
        None, path=True, help="JSON object of texts by id."
    )
    pairs_file: str | None = setting(
        None,
        path=True,
        help="Pairs of ids: JSON as the task pairs reads it, with or without a label, "
        "or .tsv of two columns without a header.",
    )
    text_a: str = setting("text_a", help="Key of the first id in pairs of objects.")
    text_b: str = setting("text_b", help="Key of the second.")
    output_file: str | None = setting(
        None, path=True, help="Table of ids, probabilities and the predicted label."
    )
    cache_dir: str | None = setting(
        None,
        path=True,
        help="Folder that keeps the vectors of texts, of one encoder alone; a later "
        "run encodes only texts that it has not.",
    )
    cache_precision: CachePrecision = setting(
        CachePrecision.FLOAT16, help="How the numbers of vectors are kept."
    )
    all_pairs: bool = setting(
        False, help="Score each text with all others, and write its --top_k best."
    )
    top_k: int | None = setting(None, help="Partners of a text; for --all_pairs.")
    label: str | None = setting(
        None,
        help="With --all_pairs, the label whose probability decides: its name, or its "
        "place from 0.",
    )
    index: Index = setting(
        Index.EXACT,
        help="With --all_pairs, how the best are found: exact computes all scores; for "
        "millions of texts hnsw and ivf name candidates, by the package faiss, whose "
        "scores are computed.",
    )
    chunk_megabytes: int = setting(
        256, help="Memory for the scores of a chunk of --all_pairs."
    )
    on_bad_row: OnBadRow = setting(
        OnBadRow.ERROR,
        help="What a pair that cannot be used does: error ends the program and names "
        "it; reject writes it to OUTPUT_FILE.rejects.jsonl and goes on.",
    )
    encoding: str = setting("utf-8", help="What the files are written in.")
    max_seq_length: int = setting(
        128, help="Longest text in tokens; by default the run's."
    )
    batch_size: int = setting(64, help="Texts a batch of the encoder.")
    accelerator: Accelerator = setting(Accelerator.AUTO, help="What to encode on.")
    backend: Backend = setting(Backend.AUTO, help="What to encode with.")
    precision: Precision = setting(Precision.FLOAT32, help="Arithmetic of the encoder.")
    steps_per_call: int = fixed(1)
    iterations_per_loop: int | None = fixed(None)

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        yield from missing(self, "init_checkpoint", "texts_file", "output_file")
        if self.init_checkpoint:  # which says the tokenizer
            yield from self.tokenizer_problems()
        yield from self.device_problems()
        for name in ("chunk_megabytes", "batch_size", "max_seq_length"):
            if getattr(self, name) < 1:
                yield f"--{name} must be at least 1; got {getattr(self, name)}."
        if self.all_pairs:
            yield from self._all_pairs_problems()
        else:
            yield from self._listed_pairs_problems()

    def _all_pairs_problems(self) -> Iterator[str]:
        if self.pairs_file:
            yield "--pairs_file and --all_pairs: give one of them."
        if self.top_k is None:
            yield "--all_pairs writes the best pairs of each text: give --top_k."
        elif self.top_k < 1:
            yield f"--top_k must be at least 1; got {self.top_k}."

    def _listed_pairs_problems(self) -> Iterator[str]:
        if not self.pairs_file:
            yield "--pairs_file, or --all_pairs with --top_k, is required."
        for name in ("top_k", "label"):
            if getattr(self, name) is not None:
                yield f"--{name} is for --all_pairs, which was not given."
        if self.index is not Index.EXACT:
            yield "--index is for --all_pairs, which was not given."
