"""What every engine does with the arrays that are loaded into it."""

import weakref
from collections.abc import Mapping

import numpy as np

from runtime.engine.engine import EngineState
from tests.runtime.engine import engine_runs
from tf_bert.model.config import BertConfig

CONFIG = BertConfig(
    vocab_size=20,
    hidden_size=8,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=8,
    max_position_embeddings=8,
)

# JAX lets go of some arrays later, seen: four of 25; TensorFlow of each at once.
_ON_THE_WAY = 8


class Lent(Mapping):
    """Arrays that are made when they are asked for, as a checkpoint's are read.

    Attributes:
        most: So many of them were there at once.
    """

    def __init__(self, arrays):
        self._arrays = arrays
        self._lent = []
        self.most = 0

    def __getitem__(self, name):
        array = self._arrays[name].copy()
        self._lent.append(weakref.ref(array))
        self.most = max(self.most, self.held())
        return array

    def __iter__(self):
        return iter(self._arrays)

    def __len__(self):
        return len(self._arrays)

    def held(self):
        return sum(each() is not None for each in self._lent)


def test_a_loaded_state_is_let_go_array_by_array(place_on):
    made = engine_runs.classifier(CONFIG, place_on())
    state = made.state()
    values = {name: value + 1 for name, value in state.weights.items()}
    weights, slots = Lent(values), Lent(state.slots)
    made.load_state(EngineState(3, weights, slots))
    assert max(weights.most, slots.most) <= _ON_THE_WAY < len(weights) < len(slots)
    for name, value in made.state().weights.items():
        np.testing.assert_array_equal(value, values[name])
    assert max(weights.held(), slots.held()) <= _ON_THE_WAY
