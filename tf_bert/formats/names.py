"""What each variable is called by whom, and how it lies there.

One table, read in both directions. Our own names are google-research/bert's. A `{n}`
is the number of an encoder layer; KerasHub counts its layers `transformer_encoder`,
`transformer_encoder_1`, which is `{_n}`. KerasHub's names begin with the file they
stand in.

Source: google-research/bert, modeling.py and run_pretraining.py; transformers,
modeling_bert.py; keras-hub, bert_backbone.py, masked_lm_head.py and
transformer_encoder.py.
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Iterable, Iterator

import numpy as np


class WeightsFormat(enum.Enum):
    """Formats of weights."""

    TF1 = "tf1"
    HUGGING_FACE = "huggingface"
    KERAS_HUB = "kerashub"
    NATIVE = "native"


class WeightLayout(enum.Enum):
    """How the numbers of one of our variables lie elsewhere."""

    SAME = "same"
    TRANSPOSED = "transposed"
    HEADS_LAST = "heads last"  # ours [..., width], there [..., heads, head_size]
    HEADS_FIRST = "heads first"  # ours [width, n], there [heads, head_size, n]

    def shape_in_ours(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape that our variable has where theirs has this one.

        Raises:
            ValueError: No variable of this layout has that many axes.
        """
        if self is WeightLayout.SAME:
            return shape
        if len(shape) < 2:
            raise ValueError(f"expected at least 2 axes, found the shape {shape}")
        if self is WeightLayout.TRANSPOSED:
            return shape[::-1]
        if self is WeightLayout.HEADS_LAST:
            return (*shape[:-2], shape[-2] * shape[-1])
        return (shape[0] * shape[1], *shape[2:])

    def to_ours(self, value: np.ndarray) -> np.ndarray:
        """Our value of theirs."""
        if self is WeightLayout.TRANSPOSED:
            return value.T
        return value.reshape(self.shape_in_ours(value.shape))

    def to_theirs(self, value: np.ndarray, *, heads: int) -> np.ndarray:
        """Their value of ours.

        Args:
            value: Ours.
            heads: Attention heads a layer.
        """
        if self is WeightLayout.TRANSPOSED:
            return value.T
        if self is WeightLayout.HEADS_LAST:
            return value.reshape(*value.shape[:-1], heads, -1)
        if self is WeightLayout.HEADS_FIRST:
            return value.reshape(heads, -1, *value.shape[1:])
        return value


@dataclasses.dataclass(frozen=True, slots=True)
class _Parameter:
    """One variable of a module, by the end of its name, and its layout elsewhere."""

    ours: str
    hugging_face: str
    keras_hub: str
    hugging_face_layout: WeightLayout = WeightLayout.SAME
    keras_hub_layout: WeightLayout = WeightLayout.SAME


_T, _LAST, _FIRST = (
    WeightLayout.TRANSPOSED,
    WeightLayout.HEADS_LAST,
    WeightLayout.HEADS_FIRST,
)

_TABLE = (_Parameter("", ".weight", "/vars/0"),)
_NORM = (
    _Parameter("/gamma", ".weight", "/vars/0"),
    _Parameter("/beta", ".bias", "/vars/1"),
)
_DENSE = (
    _Parameter("/kernel", ".weight", "/vars/0", _T),
    _Parameter("/bias", ".bias", "/vars/1"),
)
_INTO_HEADS = (
    _Parameter("/kernel", ".weight", "/vars/0", _T, _LAST),
    _Parameter("/bias", ".bias", "/vars/1", keras_hub_layout=_LAST),
)
_OUT_OF_HEADS = (
    _Parameter("/kernel", ".weight", "/vars/0", _T, _FIRST),
    _Parameter("/bias", ".bias", "/vars/1"),
)
_OUTPUT = (
    _Parameter("output_weights", ".weight", "/vars/0", keras_hub_layout=_T),
    _Parameter("output_bias", ".bias", "/vars/1"),
)
_OUTPUT_BIAS = (_Parameter("output_bias", ".bias", "/vars/0"),)

_OUR_LAYER = "bert/encoder/layer_{n}/"
_HF_LAYER = "bert.encoder.layer.{n}."
_KH_LAYER = "model/layers/transformer_encoder{_n}/"
_KH_ATTENTION = _KH_LAYER + "_self_attention_layer/"
_KH_LM_HEAD = "task/layers/masked_lm_head"

# Ours, Hugging Face's, KerasHub's (None: it has no such module), what is in it.
_MODULES = (
    (
        "bert/embeddings/word_embeddings",
        "bert.embeddings.word_embeddings",
        "model/layers/reversible_embedding",
        _TABLE,
    ),
    (
        "bert/embeddings/token_type_embeddings",
        "bert.embeddings.token_type_embeddings",
        "model/layers/embedding",
        _TABLE,
    ),
    (
        "bert/embeddings/position_embeddings",
        "bert.embeddings.position_embeddings",
        "model/layers/position_embedding",
        _TABLE,
    ),
    (
        "bert/embeddings/LayerNorm",
        "bert.embeddings.LayerNorm",
        "model/layers/layer_normalization",
        _NORM,
    ),
    (
        _OUR_LAYER + "attention/self/query",
        _HF_LAYER + "attention.self.query",
        _KH_ATTENTION + "query_dense",
        _INTO_HEADS,
    ),
    (
        _OUR_LAYER + "attention/self/key",
        _HF_LAYER + "attention.self.key",
        _KH_ATTENTION + "key_dense",
        _INTO_HEADS,
    ),
    (
        _OUR_LAYER + "attention/self/value",
        _HF_LAYER + "attention.self.value",
        _KH_ATTENTION + "value_dense",
        _INTO_HEADS,
    ),
    (
        _OUR_LAYER + "attention/output/dense",
        _HF_LAYER + "attention.output.dense",
        _KH_ATTENTION + "output_dense",
        _OUT_OF_HEADS,
    ),
    (
        _OUR_LAYER + "attention/output/LayerNorm",
        _HF_LAYER + "attention.output.LayerNorm",
        _KH_LAYER + "_self_attention_layer_norm",
        _NORM,
    ),
    (
        _OUR_LAYER + "intermediate/dense",
        _HF_LAYER + "intermediate.dense",
        _KH_LAYER + "_feedforward_intermediate_dense",
        _DENSE,
    ),
    (
        _OUR_LAYER + "output/dense",
        _HF_LAYER + "output.dense",
        _KH_LAYER + "_feedforward_output_dense",
        _DENSE,
    ),
    (
        _OUR_LAYER + "output/LayerNorm",
        _HF_LAYER + "output.LayerNorm",
        _KH_LAYER + "_feedforward_layer_norm",
        _NORM,
    ),
    ("bert/pooler/dense", "bert.pooler.dense", "model/layers/dense", _DENSE),
    ("", "classifier", "task/layers/dense", _OUTPUT),
    (
        "cls/predictions/transform/dense",
        "cls.predictions.transform.dense",
        _KH_LM_HEAD + "/_intermediate_dense",
        _DENSE,
    ),
    (
        "cls/predictions/transform/LayerNorm",
        "cls.predictions.transform.LayerNorm",
        _KH_LM_HEAD + "/_intermediate_layer_norm",
        _NORM,
    ),
    ("cls/predictions/", "cls.predictions", _KH_LM_HEAD, _OUTPUT_BIAS),
    ("cls/seq_relationship/", "cls.seq_relationship", None, _OUTPUT),
    ("cls/squad/", "qa_outputs", None, _OUTPUT),
)


@dataclasses.dataclass(frozen=True, slots=True)
class Name:
    """A variable's name somewhere, and how it lies there."""

    name: str
    layout: WeightLayout


class NameTable:
    """Names of one format, to and from ours.

    Args:
        kind: `WeightsFormat.HUGGING_FACE` or `WeightsFormat.KERAS_HUB`.
    """

    def __init__(self, kind: WeightsFormat) -> None:
        rows = list(_rows(kind))
        self._to_theirs = [(_pattern(ours), there) for ours, there in rows]
        self._to_ours = [
            (_pattern(there.name), Name(ours, there.layout)) for ours, there in rows
        ]

    def ours(self, name: str) -> Name | None:
        """Our name of a variable of theirs; the layout is theirs. None: not known."""
        return _translated(name, self._to_ours)

    def theirs(self, name: str) -> Name | None:
        """Their name of a variable of ours. None: they have no such variable."""
        return _translated(name, self._to_theirs)


def encoder_names(layers: int) -> Iterator[str]:
    """Yields our names of embeddings, of so many layers, and of the pooler."""
    for ours, _, _, parameters in _MODULES:
        if ours.startswith("bert/"):
            numbers = range(layers) if "{n}" in ours else range(1)
            for number in numbers:
                for each in parameters:
                    yield ours.replace("{n}", str(number)) + each.ours


def pooler_names() -> list[str]:
    """Our names of the pooler's variables."""
    return [name for name in encoder_names(0) if name.startswith("bert/pooler/")]


def masked_lm_names() -> list[str]:
    """Our names of the variables of the masked-LM head."""
    return [
        ours + each.ours
        for ours, _, _, parameters in _MODULES
        if ours.startswith("cls/predictions/")
        for each in parameters
    ]


def layer_count(names: Iterable[str]) -> int:
    """Encoder layers among our names: the highest number and one."""
    found = (re.match(r"bert/encoder/layer_(\d+)/", name) for name in names)
    return max((int(match[1]) + 1 for match in found if match), default=0)


def _rows(kind: WeightsFormat) -> Iterator[tuple[str, Name]]:
    for ours, hugging_face, keras_hub, parameters in _MODULES:
        for each in parameters:
            if kind is WeightsFormat.HUGGING_FACE:
                there = Name(hugging_face + each.hugging_face, each.hugging_face_layout)
            elif keras_hub is None:
                continue
            else:
                there = Name(keras_hub + each.keras_hub, each.keras_hub_layout)
            yield ours + each.ours, there


def _pattern(name: str) -> re.Pattern[str]:
    """A pattern of names, whose group is the number of the layer.

    Numbers of a hundred thousand layers and more are nobody's.
    """
    escaped = re.escape(name)
    for mark, numbers in (
        ("{n}", r"(0|[1-9]\d{0,4})"),
        ("{_n}", r"((?:_[1-9]\d{0,4})?)"),
    ):
        escaped = escaped.replace(re.escape(mark), numbers)
    return re.compile(escaped)


def _translated(name: str, rows: list[tuple[re.Pattern[str], Name]]) -> Name | None:
    for pattern, there in rows:
        if found := pattern.fullmatch(name):
            number = int((found[1] if found.groups() else "").strip("_") or 0)
            counted = f"_{number}" if number else ""
            text = there.name.replace("{n}", str(number)).replace("{_n}", counted)
            return Name(text, there.layout)
    return None
