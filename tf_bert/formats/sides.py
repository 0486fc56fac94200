"""One side of an encoder-decoder, as the weights of a BERT."""

from __future__ import annotations

import enum

import numpy as np

from runtime.errors import CheckpointError
from tf_bert.formats import names, variables
from tf_bert.formats.source import Source
from tf_bert.model.encoder_decoder_config import EncoderDecoderConfig

CROSS = "crossattention"
"""A decoder's second attention, with the parts and the names of the first."""


class Side(enum.Enum):
    """The BERTs of an encoder-decoder."""

    ENCODER = "encoder"
    DECODER = "decoder"

    @property
    def prefix(self) -> str:
        """What its variables' names begin with."""
        return f"{self.value}/"


PROJECTION = ("enc_to_dec_proj/kernel", "enc_to_dec_proj/bias")
"""What stands between sides of different widths."""


class SideSource(Source):
    """The variables of one side under a BERT's names.

    Args:
        whole: The encoder-decoder.
        side: The side.

    Raises:
        CheckpointError: It is none.
    """

    def __init__(self, whole: Source, side: Side) -> None:
        if whole.encoder_decoder is None:
            raise CheckpointError(f"{whole.path} is no encoder-decoder.")
        self.kind = whole.kind
        self.path = whole.path
        self.config = getattr(whole.encoder_decoder, side.value)
        self.step = whole.step
        self.tokenizer = whole.tokenizer
        self.special_ids = whole.special_ids
        self.untrained = tuple(
            name.removeprefix(side.prefix)
            for name in whole.untrained
            if name.startswith(side.prefix)
        )
        self._whole = whole
        self._prefix = side.prefix

    @property
    def folder(self) -> str:
        """See `Source.folder`."""
        return self._whole.folder

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """See `Source.shapes`."""
        return {
            name.removeprefix(self._prefix): shape
            for name, shape in self._whole.shapes().items()
            if name.startswith(self._prefix)
        }

    def _read(self, name: str) -> np.ndarray:
        return self._whole.read(f"{self._prefix}{name}")


def shapes_of(config: EncoderDecoderConfig) -> dict[str, tuple[int, ...]]:
    """The variables of an encoder-decoder: name -> shape.

    Args:
        config: The sizes of both sides.
    """
    shapes = {}
    for side in Side:
        sizes = getattr(config, side.value)
        of_bert = variables.encoder_shapes(sizes, layers=sizes.num_hidden_layers)
        for name, shape in of_bert.items():
            if name not in names.pooler_names():
                shapes[f"{side.prefix}{name}"] = shape
    own = {n: s for n, s in shapes.items() if n.startswith(Side.DECODER.prefix)}
    for name, shape in own.items():
        if "/attention/" in name:
            shapes[name.replace("/attention/", f"/{CROSS}/")] = shape
    for name in names.masked_lm_names():
        axes = variables.axes(name)
        shapes[f"{Side.DECODER.prefix}{name}"] = tuple(
            getattr(config.decoder, axis) for axis in axes
        )
    theirs, ours = config.encoder.hidden_size, config.decoder.hidden_size
    if theirs != ours:
        shapes |= zip(PROJECTION, [(theirs, ours), (ours,)], strict=True)
    return shapes
