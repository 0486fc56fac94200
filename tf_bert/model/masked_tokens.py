"""What stands between a token's vector and the word that is predicted for it.

Source: google-research/bert, run_pretraining.py, get_masked_lm_output.
"""

from __future__ import annotations

from typing import Any

from tf_bert.model.config import BertConfig
from tf_bert.model.modeling import activation_function
from tf_bert.model.norm import Norm
from tf_bert.model.part import Part


class MaskedTokens(Part):
    """A dense layer and LayerNorm; holds the decoder's bias."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.transform = self.make_part(Transform, "transform")

    def build(self, _: Any) -> None:
        """Creates the bias of each token of the vocabulary."""
        self.output_bias = self.add_weight(
            shape=(self.config.vocab_size,),
            initializer="zeros",
            autocast=False,
            name="output_bias",
        )

    def call(self, masked: Any) -> Any:
        """Maps `[predictions, hidden]` to the same shape."""
        return self.transform(masked)


class Transform(Part):
    """Dense layer, activation, LayerNorm."""

    def __init__(self, config: BertConfig, **kwargs: Any) -> None:
        super().__init__(config, **kwargs)
        self.dense = self.make_dense(
            config.hidden_size,
            name="dense",
            activation=activation_function(config.hidden_act),
        )
        self.norm = self.make_part(Norm, "LayerNorm")

    def call(self, masked: Any) -> Any:
        """Maps `[predictions, hidden]` to the same shape."""
        return self.norm(self.dense(masked))
