import pytest

from tf_bert.formats import special_ids


def test_a_configuration_there_and_back():
    ids = {"pad": 3, "cls": 4, "eos": 0}
    keys = {"pad_token_id": 3, "cls_token_id": 4, "eos_token_id": 0}
    assert special_ids.to_settings(ids) == keys
    assert special_ids.from_settings({**keys, "vocab_size": 9}) == ids


@pytest.mark.parametrize("value", [None, -1, True, "3", 3.0])
def test_what_is_no_id(value):
    assert special_ids.from_settings({"pad_token_id": value}) == {}


def test_names_in_a_vocabulary():
    ids = {"<unk>": 0, "[PAD]": 3, "<pad>": 7, "[CLS]": 4, "</s>": 2}
    expected = {"unk": 0, "pad": 3, "cls": 4}
    assert special_ids.of_vocabulary(ids, tokens={}) == expected
    named = special_ids.of_vocabulary(ids, tokens={"eos": "</s>", "pad": "none"})
    assert named == {"unk": 0, "cls": 4, "eos": 2}


def test_names_that_others_would_look_for_in_vain():
    ids = {"<unk>": 0, "[PAD]": 3, "<pad>": 7}
    assert special_ids.unusual_tokens(ids) == {"unk": "<unk>"}
