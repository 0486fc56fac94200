"""Everything that writing for new texts is told; each field is a command-line flag.

What is not given is as the run that trained the model was told.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from processors.tokenization.settings import TokenizerSettings
from runtime.devices.placement import Accelerator, Backend, Precision
from runtime.devices.settings import DeviceSettings
from runtime.errors import SettingsError
from runtime.settings import fixed, missing, setting
from tf_bert.seq2seq.search_settings import EarlyStopping

_AS_THE_RUN = "by default as the run that trained it."


@dataclasses.dataclass(frozen=True, kw_only=True)
class WritingSettings(TokenizerSettings, DeviceSettings):
    """Settings of `generate`.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    init_checkpoint: str | None = setting(
        None,
        path=True,
        help="A run of run_seq2seq.py, or a Hugging Face folder of an encoder-decoder.",
    )
    input_file: str | None = setting(
        None,
        path=True,
        help="A text a line, maybe gzipped; by default standard input.",
    )
    output_file: str | None = setting(
        None, path=True, help="JSON lines; by default standard output."
    )
    encoding: str = setting("utf-8", help="What input_file is written in.")
    batch_size: int = setting(32, help="Texts a batch.")
    max_source_length: int | None = setting(
        None, help=f"Longest source in tokens, [CLS] and [SEP] included; {_AS_THE_RUN}"
    )
    max_target_length: int | None = setting(
        None, help=f"Most tokens of a written text, [SEP] included; {_AS_THE_RUN}"
    )
    min_target_length: int | None = setting(
        None, help=f"Fewest tokens of a written text; {_AS_THE_RUN}"
    )
    num_beams: int | None = setting(
        None, help=f"Beams; 1 is greedy search; {_AS_THE_RUN}"
    )
    length_penalty: float | None = setting(
        None,
        help="A text's score is the sum of its log-probabilities over its tokens to "
        f"this power; more favours long texts; {_AS_THE_RUN}",
    )
    no_repeat_ngram_size: int | None = setting(
        None, help=f"No so many tokens occur twice in a text; {_AS_THE_RUN}"
    )
    early_stopping: EarlyStopping | None = setting(
        None, help=f"When a beam search ends: false, true or never; {_AS_THE_RUN}"
    )
    num_return_sequences: int | None = setting(
        None, help=f"Texts for each source, the best ones; {_AS_THE_RUN}"
    )
    unknown_text: str | None = setting(
        None, help=f"What stands for the unknown token; {_AS_THE_RUN}"
    )
    accelerator: Accelerator = setting(Accelerator.AUTO, help="What to run on.")
    backend: Backend = setting(Backend.AUTO, help="What to run with.")
    precision: Precision = setting(Precision.FLOAT32, help="Arithmetic of a step.")
    steps_per_call: int = fixed(1)
    iterations_per_loop: int | None = fixed(None)

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        yield from missing(self, "init_checkpoint")
        if self.names_tokenizer:
            yield from self.tokenizer_problems()
        yield from self.device_problems()
        if self.batch_size < 1:
            yield f"--batch_size must be at least 1; got {self.batch_size}."

    @property
    def names_tokenizer(self) -> bool:
        """Whether a tokenizer is named."""
        return bool(self.vocab_file or self.model_file or self.tokenizer_dir)
