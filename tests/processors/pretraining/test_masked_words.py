import json

from processors.pretraining import masked_words
from processors.pretraining.masked_words import Shown

SHOWN = [
    Shown("a 【[MASK]】 c", "b", (("b", 0.1 + 0.2), ("ｄ", 1e-17))),
    Shown("【e】", "f", ()),
]


def test_a_checkpoint_carries_them():
    values = json.loads(json.dumps(masked_words.as_json(SHOWN)))
    assert masked_words.from_json(values) == SHOWN
    assert masked_words.from_json([]) == []
