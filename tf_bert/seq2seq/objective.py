"""What an encoder-decoder is trained for: each token of a target from those before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from keras import ops

from runtime.kernels import next_token
from tf_bert.seq2seq.modeling import BertEncoderDecoder
from tf_bert.seq2seq.search import Search


class Seq2SeqObjective:
    """Cross-entropy of the targets' tokens.

    The blocks hold `target_ids` int32 and `target_weight` float32, `[targets]`. The
    weights add up to 1 over an update, so that each token of it counts alike, in
    however many slices and on however many replicas it is computed.

    Args:
        label_smoothing: Share of a training target that is dealt to the whole
            vocabulary alike. What an evaluation says is the plain cross-entropy.
        search: Writes texts for blocks without targets; None where none is written.
    """

    def __init__(
        self, *, label_smoothing: float = 0.0, search: Search | None = None
    ) -> None:
        self._label_smoothing = label_smoothing
        self._search = search

    def loss(self, model: BertEncoderDecoder, block: Mapping[str, Any]) -> Any:
        """The slice's weighted loss; see `runtime.engine.engine.Objective`."""
        states = model.states(block, training=True)
        kernel, bias = model.output_layer()
        return next_token.loss(
            states,
            kernel,
            bias,
            block["target_ids"],
            block["target_weight"],
            label_smoothing=self._label_smoothing,
        )

    def outputs(
        self, model: BertEncoderDecoder, block: Mapping[str, Any]
    ) -> dict[str, Any]:
        """What is said of each token of the targets, or what is written.

        Returns:
            Of a block with targets, meaningless for filler:
            target_losses: float32 `[targets]`.
            is_right: int32 `[targets]`, 1 where the most probable token is the target.
            Of a block without: see `Search.outputs`.
        """
        if self._search is not None and "target_ids" not in block:
            return self._search.outputs(model, block)
        logits = model(block, training=False)["logits"]
        targets = block["target_ids"]
        found = ops.take_along_axis(logits, targets[:, None], axis=-1)[:, 0]
        best = ops.cast(ops.argmax(logits, axis=-1), "int32")
        return {
            "target_losses": ops.logsumexp(logits, axis=-1) - found,
            "is_right": ops.cast(ops.equal(best, targets), "int32"),
        }
