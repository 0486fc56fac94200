"""Everything an encoder-decoder's run is told; each field is a command-line flag.

What a run of any model that writes is told is in `pipelines.generation.settings`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from pipelines.generation.settings import GenerationSettings, GenerationStepSettings
from processors.tokenization.settings import TOKENIZER, TokenizerSettings
from runtime.settings import setting
from runtime.training.run_settings import Carried
from tf_bert.formats import own_tokenizer
from tf_bert.seq2seq.search_settings import (
    EarlyStopping,
    SearchSettings,
    search_problems,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seq2SeqStepSettings(GenerationStepSettings):
    """What decides the steps of an encoder-decoder.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    bert_config_file: str | None = setting(
        None,
        path=True,
        help="JSON with the sizes of a BERT; by default what is stored with the weights"
        " that a side starts from, or with model_file BERT-base as bert-japanese.",
    )
    init_checkpoint: str | None = setting(
        None,
        path=True,
        help="Weights that both sides start from: one BERT, as for run_classifier.py, "
        "or an encoder-decoder of this toolkit or of Hugging Face.",
    )
    encoder_checkpoint: str | None = setting(
        None, path=True, help="A BERT that the encoder starts from."
    )
    decoder_checkpoint: str | None = setting(
        None,
        path=True,
        help="A BERT that the decoder starts from, of the same vocabulary.",
    )
    model_file: str | None = setting(None, path=True, help="SentencePiece model.")

    # How texts are written.
    num_beams: int = setting(4, help="Beams of the search; 1 is greedy.")
    min_target_length: int = setting(
        0, help="Fewest tokens of a text that is written, [SEP] included."
    )
    length_penalty: float = setting(
        1.0,
        help="A text's score is its log-probability over its length to this power: 0 "
        "is none, more favours long texts.",
    )
    no_repeat_ngram_size: int = setting(
        0, help="No run of so many tokens is written twice; 0 allows it."
    )
    early_stopping: EarlyStopping = setting(
        EarlyStopping.FALSE,
        help="When a search with as many whole texts as beams ends: true, at once; "
        "false, where the best running beam would be no better; never, where none "
        "could become so.",
    )
    num_return_sequences: int = setting(
        1, help="Texts in predictions.jsonl for each source, at most num_beams."
    )

    @property
    def search(self) -> SearchSettings:
        """How texts are written."""
        fields = dataclasses.fields(SearchSettings)
        return SearchSettings(
            **{each.name: getattr(self, each.name) for each in fields}
        )

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        yield from search_problems(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Seq2SeqSettings(Seq2SeqStepSettings, GenerationSettings, TokenizerSettings):
    """Settings of a run that trains, evaluates and writes.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    CARRIED: ClassVar[tuple[Carried, ...]] = (
        *GenerationSettings.CARRIED,
        TOKENIZER,
        *(
            Carried((field.name,))
            for field in dataclasses.fields(SearchSettings)
            if field.name != "max_target_length"
        ),
    )
    MAY_DIFFER: ClassVar[tuple[str, ...]] = (
        *GenerationSettings.MAY_DIFFER,
        *("bert_config_file", "vocab_file", "model_file", "tokenizer_dir"),
        *("init_checkpoint", "encoder_checkpoint", "decoder_checkpoint"),
    )

    def __post_init__(self) -> None:
        own_tokenizer.take(self)
        super().__post_init__()

    def _missing(self) -> Iterator[str]:
        yield from super()._missing()
        yield from self.tokenizer_problems()
