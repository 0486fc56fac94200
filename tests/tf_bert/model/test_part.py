import numpy as np
import pytest

from tf_bert.model import part
from tf_bert.model.config import BertConfig


@pytest.mark.usefixtures("backend")
def test_what_is_loaded_anyway_starts_as_zeros():
    config = BertConfig(vocab_size=50)

    def start():
        return np.asarray(part.initializer(config)((4, 4)))

    with part.weights_follow():
        assert not start().any()
    assert start().all()
