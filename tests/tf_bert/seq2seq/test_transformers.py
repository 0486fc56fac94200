"""transformers reads what is written for it, and computes and writes the same.

Needs `pip install -e '.[test-parity]'`; everything is made here, nothing downloaded.
"""

import numpy as np
import pytest

from tests.tf_bert.seq2seq import pairs
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat

pytestmark = [
    pytest.mark.slow,
    # transformers warns of its own dependencies.
    pytest.mark.filterwarnings("default"),
]


@pytest.mark.parametrize("name", pairs.NAMES)
def test_a_folder_that_we_wrote(tmp_path, name):
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    golden = pairs.golden(name)
    ours, made = str(tmp_path / "ours"), str(tmp_path / "made")
    convert(Conversion(input=pairs.folder(name), output=ours, to=WeightsFormat.NATIVE))
    convert(
        Conversion(
            input=ours,
            output=made,
            to=WeightsFormat.HUGGING_FACE,
            vocab_file=f"{pairs.folder(name)}/vocab.txt",
            do_lower_case=False,
        )
    )
    model, told = transformers.EncoderDecoderModel.from_pretrained(
        made, output_loading_info=True
    )
    assert not told["missing_keys"]
    assert not told["unexpected_keys"]
    inputs = {
        key: torch.tensor(golden[f"forward/{key}"][:4].astype(np.int64))
        for key in ("input_ids", "attention_mask", "decoder_input_ids")
    }
    mask = golden["forward/labels"][:4] != pairs.PADDING
    given = torch.tensor((golden["forward/decoder_input_ids"][:4] != 0).astype(int))
    with torch.no_grad():
        logits = model.eval()(**inputs, decoder_attention_mask=given).logits.numpy()
        texts = model.generate(
            torch.tensor(golden["generate/input_ids"].astype(np.int64)),
            attention_mask=torch.tensor(
                golden["generate/attention_mask"].astype(np.int64)
            ),
            max_length=20,
        ).numpy()
    # Made on another machine: torch sums up otherwise there.
    np.testing.assert_allclose(
        logits[mask], golden["forward/logits_first4"][mask], atol=3e-5
    )
    width = texts.shape[1]
    assert np.array_equal(texts, golden["generate/greedy/ids"][:, :width])
