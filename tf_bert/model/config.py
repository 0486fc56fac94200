"""The size and shape of a BERT, and whether the other settings fit it."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping

from runtime.errors import DataError, SettingsError
from runtime.files import json_file
from tf_bert.model import other_models

ACTIVATIONS = ("linear", "relu", "tanh", "gelu", "gelu_exact")
"""The activations this code knows.

`gelu` is google-research/bert's tanh approximation; `gelu_exact` is the one through
the error function, which Hugging Face calls `gelu`.
"""

_FROM_HUGGING_FACE = {
    "gelu": "gelu_exact",
    "gelu_python": "gelu_exact",
    "gelu_accurate": "gelu",
    "gelu_fast": "gelu",
    "gelu_new": "gelu",
    "gelu_pytorch_tanh": "gelu",
}

_COUNTS = (
    "vocab_size",
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "max_position_embeddings",
    "type_vocab_size",
)
_PROBABILITIES = ("hidden_dropout_prob", "attention_probs_dropout_prob")
_POSITIVE = ("initializer_range", "layer_norm_eps")


@dataclasses.dataclass(frozen=True)
class BertConfig:
    """What a BERT is made of, under the names and defaults of google-research/bert.

    Args:
        vocab_size: Rows of the word embedding.
        hidden_size: Width of every token vector.
        num_hidden_layers: Encoder layers.
        num_attention_heads: Attention heads a layer; divides `hidden_size`.
        intermediate_size: Width inside the feed-forward part.
        hidden_act: One of `ACTIVATIONS`.
        hidden_dropout_prob: Dropout after embeddings and dense layers.
        attention_probs_dropout_prob: Dropout on the attention weights.
        max_position_embeddings: Longest sequence, in tokens.
        type_vocab_size: Kinds of segment; published models have 2.
        initializer_range: Standard deviation of fresh weights (truncated normal).
        layer_norm_eps: Added to the variance in every layer normalisation.
        ignored_keys: Keys of the file this was read from that mean nothing here.

    Raises:
        SettingsError: Values that cannot make a BERT; all of them in one error.

    Source: google-research/bert, modeling.py, class BertConfig.
    """

    vocab_size: int
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_act: str = "gelu"
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 16
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    ignored_keys: tuple[str, ...] = dataclasses.field(
        default=(), compare=False, repr=False
    )

    def __post_init__(self) -> None:
        problems = [*_number_problems(self), *_structure_problems(self)]
        if problems:
            raise SettingsError(*problems)

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> BertConfig:
        """Makes a configuration of google-research/bert's or Hugging Face's keys.

        A dictionary with Hugging Face's `model_type` is read in its words: there, the
        activation `gelu` is the exact one. Keys of no meaning end in `ignored_keys`.

        Args:
            values: The parsed JSON object.

        Returns:
            The checked configuration.

        Raises:
            SettingsError: `vocab_size` is missing, the model is not a BERT with
                absolute positions, or a value is wrong.
        """
        known = [f.name for f in dataclasses.fields(cls) if f.name != "ignored_keys"]
        problems = list(_foreign_problems(values))
        if problems:
            raise SettingsError(*problems)
        kept = {name: values[name] for name in known if name in values}
        if "hidden_act" in kept:
            kept["hidden_act"] = _activation(values)
        ignored = tuple(sorted(values.keys() - set(known)))
        return cls(**kept, ignored_keys=ignored)  # type: ignore[arg-type]

    @classmethod
    def from_json_file(cls, path: str) -> BertConfig:
        """Reads a `bert_config.json` or a Hugging Face `config.json`.

        Args:
            path: The file, local or gs://.

        Returns:
            The checked configuration.

        Raises:
            SettingsError: The file is no JSON object or holds wrong values.
        """
        try:
            values = json_file.read_object(path)
        except DataError as error:
            raise SettingsError(
                f"{error}; expected the JSON of a BERT configuration"
            ) from error
        try:
            return cls.from_dict(values)
        except SettingsError as error:
            raise SettingsError(*(f"{path}: {p}" for p in error.problems)) from error

    @classmethod
    def bert_japanese(cls) -> BertConfig:
        """Returns the model of bert-japanese, whose users give no configuration file.

        Source: yoheikikuta/bert-japanese, config.ini, section [BERT-CONFIG].
        """
        return cls(vocab_size=32000, type_vocab_size=2)

    def to_dict(self) -> dict[str, int | float | str]:
        """Returns every setting by name, without `ignored_keys`."""
        values = dataclasses.asdict(self)
        del values["ignored_keys"]
        return values

    def to_json_string(self) -> str:
        """Returns the settings as JSON: sorted keys, two spaces, a final newline."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"


def check_sequence_length(config: BertConfig, *, max_seq_length: int) -> None:
    """Refuses sequences longer than the position embeddings.

    Args:
        config: The model.
        max_seq_length: Tokens in a row, [CLS] and [SEP] included.

    Raises:
        SettingsError: The rows are too long for the model.
    """
    if max_seq_length > config.max_position_embeddings:
        raise SettingsError(
            f"Cannot use sequence length {max_seq_length} because the BERT model was "
            f"only trained up to sequence length {config.max_position_embeddings}"
        )


def check_vocabulary(config: BertConfig, *, tokenizer_vocab_size: int) -> None:
    """Refuses a tokenizer whose ids reach past the word embedding.

    Args:
        config: The model.
        tokenizer_vocab_size: Number of ids the tokenizer can give.

    Raises:
        SettingsError: The tokenizer knows more tokens than the model.
    """
    if tokenizer_vocab_size > config.vocab_size:
        raise SettingsError(
            f"The tokenizer's vocabulary has {tokenizer_vocab_size} tokens, but the "
            f"BERT configuration's vocab_size is {config.vocab_size}; give the "
            "vocabulary the model was trained with"
        )


_LOWER_CASED = (
    "uncased_L-24_H-1024_A-16",
    "uncased_L-12_H-768_A-12",
    "multilingual_L-12_H-768_A-12",
    "chinese_L-12_H-768_A-12",
)
_CASED = (
    "cased_L-12_H-768_A-12",
    "cased_L-24_H-1024_A-16",
    "multi_cased_L-12_H-768_A-12",
)


def validate_case_matches_checkpoint(
    *, do_lower_case: bool, init_checkpoint: str | None
) -> None:
    """Refuses the wrong case for Google's published models, known by folder name.

    Args:
        do_lower_case: Whether text is lower-cased before it is split.
        init_checkpoint: The checkpoint's path prefix.

    Raises:
        SettingsError: The folder's name says the model was trained on the other case.

    Source: google-research/bert, tokenization.py, validate_case_matches_checkpoint.
    """
    found = re.match(r"^.*?([A-Za-z0-9_-]+)/bert_model.ckpt", init_checkpoint or "")
    if found is None:
        return
    name = found.group(1)
    wrong = _CASED if do_lower_case else _LOWER_CASED
    if name in wrong:
        kind = "cased" if do_lower_case else "lowercased"
        raise SettingsError(
            f"You passed in `--do_lower_case={do_lower_case}` with "
            f"`--init_checkpoint={init_checkpoint}`. However, `{name}` seems to be a "
            f"{kind} model, so you should pass in `--do_lower_case={not do_lower_case}`"
            " so that the fine-tuning matches how the model was pre-trained."
        )


def _activation(values: Mapping[str, object]) -> object:
    """Translates a file's `hidden_act` into one of `ACTIVATIONS`, if it is one."""
    name = values["hidden_act"]
    if not name:
        return "linear"
    if not isinstance(name, str):
        return name
    if "model_type" in values:
        return _FROM_HUGGING_FACE.get(name.lower(), name.lower())
    return name.lower()


def _foreign_problems(values: Mapping[str, object]) -> Iterator[str]:
    kind = values.get("model_type", "bert")
    if model := other_models.of_settings(values):
        seen = "model_type is " + repr(kind) if kind != "bert" else "keys are no BERT's"
        yield f"The configuration's {seen}: the model {other_models.refusal(model)}"
    elif kind != "bert":
        yield f"The configuration's model_type is {kind!r}; only 'bert' can be read"
    elif "vocab_size" not in values:
        yield "The BERT configuration has no vocab_size"
    positions = values.get("position_embedding_type", "absolute")
    if positions != "absolute":
        yield (
            f"The configuration's position_embedding_type is {positions!r}; "
            "only 'absolute' is supported"
        )
    for name in ("is_decoder", "add_cross_attention"):
        if values.get(name):
            yield (
                f"The configuration's {name} is {values[name]!r}; only encoders "
                "can be read"
            )


def _number_problems(config: BertConfig) -> Iterator[str]:
    for name in _COUNTS:
        value = getattr(config, name)
        if not _is_count(value):
            yield f"{name} must be a whole number above 0, not {value!r}"
    for name in _PROBABILITIES:
        value = getattr(config, name)
        if not (_is_number(value) and 0 <= value < 1):
            yield f"{name} must be at least 0 and below 1, not {value!r}"
    for name in _POSITIVE:
        value = getattr(config, name)
        if not (_is_number(value) and value > 0):
            yield f"{name} must be a number above 0, not {value!r}"


def _structure_problems(config: BertConfig) -> Iterator[str]:
    width, heads = config.hidden_size, config.num_attention_heads
    if _is_count(width) and _is_count(heads) and width % heads:
        yield (
            f"The hidden size ({width}) is not a multiple of the number of attention "
            f"heads ({heads})"
        )
    if config.hidden_act not in ACTIVATIONS:
        yield (
            f"Unsupported activation: {config.hidden_act}; "
            f"hidden_act is one of {', '.join(ACTIVATIONS)}"
        )


def _is_count(value: object) -> bool:
    return isinstance(value, int) and _is_number(value) and value > 0


def _is_number(value: object) -> bool:
    """JSON's true and false are no numbers, though Python's are."""
    return isinstance(value, int | float) and not isinstance(value, bool)
