"""One file for every platform, any number of rows and any length."""

import numpy as np
import pytest
from jax import export

from runtime.exports import stablehlo_jax


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stablehlo")
    stablehlo_jax.write(str(folder), model)
    return export.deserialize(bytearray((folder / stablehlo_jax.FILE).read_bytes()))


def test_it_is_for_every_platform(exported):
    assert exported.platforms == ("cpu", "cuda", "tpu")
    assert [str(each.shape) for each in exported.in_avals] == ["(rows, length)"] * 3


@pytest.mark.slow
@pytest.mark.parametrize("sizes", [[2], [7], [3, 7, 1], [24] * 5])
def test_rows_of_any_number_and_length(exported, model, rows, sizes):
    block = rows(sizes)
    found = np.asarray(exported.call(*block.values()))
    np.testing.assert_allclose(found, model(block), atol=1e-6)


def test_padding_says_nothing(exported, rows):
    block = rows([3, 7])
    wider = {name: np.pad(each, [(0, 0), (0, 9)]) for name, each in block.items()}
    found, padded = (exported.call(*each.values()) for each in (block, wider))
    np.testing.assert_allclose(found, padded, atol=1e-6)
