import os

import pytest

from processors.example import InputExample
from processors.tasks import registry

JANLI = "\tsentence_A_Ja\tsentence_B_Ja\tentailment_label_Ja\theuristics\tsplit\n"


def test_janli(tmp_path):
    rows = "0\t犬が走る\t走る\tentailment\ts\ttrain\n1\tA\tB\tnon-entailment\ts\ttest\n"
    (tmp_path / "janli.tsv").write_text(JANLI + rows)
    processor = registry.create("janli")
    assert processor.get_train_examples(str(tmp_path)) == [
        InputExample("train-0", "犬が走る", "走る", "entailment")
    ]
    assert processor.get_test_examples(str(tmp_path)) == [
        InputExample("test-1", "A", "B", "non-entailment")
    ]
    assert not processor.has_split("dev")


@pytest.mark.parametrize("prefix", ["", "jnli-v1.3_"])
def test_jnli(tmp_path, prefix):
    fields = '"sentence_pair_id": "7", "sentence1": "a", "sentence2": "b"'
    names = {"train": "train-v1.3", "dev": "valid-v1.3", "test": "test-v1.3"}
    for split, name in names.items():
        label = "" if split == "test" else ', "label": "neutral"'
        (tmp_path / f"{prefix}{name}.json").write_text(f"{{{fields}{label}}}\n")
    processor = registry.create("jnli")
    for split, label in (("train", "neutral"), ("dev", "neutral"), ("test", None)):
        examples = getattr(processor, f"get_{split}_examples")(str(tmp_path))
        assert examples == [InputExample(f"{split}-7", "a", "b", label)]


@pytest.mark.slow
def test_the_real_files():
    shared = os.environ.get("SHARED_DATA")
    if shared is None:
        pytest.skip("SHARED_DATA names no folder with data/janli and data/jnli")
    janli, jnli = registry.create("janli"), registry.create("jnli")
    folder = os.path.join(shared, "data")
    assert len(janli.get_train_examples(f"{folder}/janli")) == 13_680
    assert len(janli.get_test_examples(f"{folder}/janli")) == 720
    assert len(jnli.get_dev_examples(f"{folder}/jnli")) == 2_434
    assert len(jnli.get_test_examples(f"{folder}/jnli")) == 2_508
