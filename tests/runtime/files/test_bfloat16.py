import numpy as np

from runtime.files import bfloat16


def test_every_number_is_widened_exactly():
    bits = np.arange(2**16, dtype=np.uint16)
    wide = bfloat16.widen(bits)
    assert wide.dtype == np.float32
    np.testing.assert_array_equal(wide.view(np.uint32), bits.astype(np.uint32) << 16)
    known = {0x3F80: 1.0, 0xC000: -2.0, 0x3DCD: 0.10009765625, 0x7F80: np.inf}
    assert [wide[each] for each in known] == list(known.values())
