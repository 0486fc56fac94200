import pytest

from processors.tokenization.create import create
from runtime.errors import SettingsError


def test_a_model_file_asks_for_sentence_piece(model_file, model_vocab_file):
    both = create(
        model_file=model_file, vocab_file=model_vocab_file, do_lower_case=True
    )
    alone = create(model_file=model_file, vocab_file=None, do_lower_case=True)
    assert both.kind == alone.kind == "sentencepiece"
    assert both.fingerprint()["do_lower_case"] is True


@pytest.mark.parametrize("keep", [True, False])
def test_a_vocabulary_file_alone_asks_for_word_piece(tohoku_vocab_file, keep):
    tokenizer = create(
        model_file=None,
        vocab_file=tohoku_vocab_file,
        do_lower_case=True,
        keep_voicing_marks=keep,
    )
    assert tokenizer.kind == "wordpiece"
    assert tokenizer.fingerprint()["keep_voicing_marks"] is keep


@pytest.mark.parametrize("nothing", [None, ""])
def test_neither_file_is_an_error(nothing):
    with pytest.raises(SettingsError, match=r"--vocab_file .* --model_file"):
        create(model_file=nothing, vocab_file=nothing, do_lower_case=True)
