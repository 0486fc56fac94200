"""Everything about an extraction that can be refused before a framework loads."""

from __future__ import annotations

import dataclasses

from processors.tokenization import create as tokenizers
from processors.tokenization.base import Tokenizer
from runtime.errors import SettingsError
from tf_bert.formats import find, weights
from tf_bert.formats.source import Source
from tf_bert.model import config as configs
from tf_bert.model.config import BertConfig
from tf_bert.vectors import texts as extraction_texts
from tf_bert.vectors.settings import ExtractionSettings, Pooling
from tf_bert.vectors.texts import Texts


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExtractionJob:
    """An extraction whose settings fit each other.

    Attributes:
        settings: What was asked for.
        config: Sizes of the BERT.
        tokenizer: Texts to ids.
        texts: How many there are, and which.
        source: Its weights.
    """

    settings: ExtractionSettings
    config: BertConfig
    tokenizer: Tokenizer
    texts: Texts
    source: Source


def prepare(settings: ExtractionSettings) -> ExtractionJob:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: Settings that do not fit.
        CheckpointError: The weights are those of another model.
        DataError: The input file cannot be read.
    """
    source = find.open_source(str(settings.init_checkpoint))
    config = weights.find_config(
        bert_config_file=settings.bert_config_file,
        init_checkpoint=lambda: source,
        model_file=settings.model_file,
    )
    tokenizer = tokenizers.create(settings)
    configs.check_sequence_length(config, max_seq_length=settings.max_seq_length)
    configs.check_vocabulary(config, tokenizer_vocab_size=tokenizer.vocab_size)
    report = weights.check_start(source, config=config, tokenizer=tokenizer)
    if settings.pooling is Pooling.POOLED:
        weights.refuse_untrained_pooler(report)
    count = config.num_hidden_layers
    outside = [n for n in settings.layer_indexes if not -count <= n < count]
    if outside and settings.pooling is not Pooling.POOLED:
        raise SettingsError(
            f"--layers={','.join(settings.layers)}: the BERT has {count} layers, so "
            f"there is no {outside[0]}; give numbers from {-count} to {count - 1}."
        )
    return ExtractionJob(
        settings=settings,
        config=config,
        tokenizer=tokenizer,
        texts=extraction_texts.look_through(settings),
        source=source,
    )
