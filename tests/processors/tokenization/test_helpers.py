"""Other processes give the same ids, in the same order."""

import pytest

from lstm_pretrain import vocabularies
from lstm_pretrain.settings import VocabularySettings
from processors.batches.features import encode
from processors.example import InputExample
from processors.tokenization.create import create
from processors.tokenization.settings import TokenizerKind, TokenizerSettings
from runtime.errors import DataError


@pytest.fixture(params=["sentencepiece", "mecab", "units"])
def made(request, model_file, tohoku_vocab_file):
    """Makes a tokenizer with so many workers."""

    def make(workers):
        if request.param == "units":
            settings = VocabularySettings(workers=workers)
            texts = ["吾輩は猫である", "名前はまだ無い"]
            found = vocabularies.find(
                settings, vocab_size=None, kept={}, texts=lambda: texts
            )
            return found.tokenizer
        if request.param == "mecab":
            return create(
                TokenizerSettings(
                    vocab_file=tohoku_vocab_file,
                    tokenizer=TokenizerKind.MECAB,
                    mecab_dic="unidic_lite",
                    workers=workers,
                )
            )
        return create(TokenizerSettings(model_file=model_file, workers=workers))

    return make


def test_helpers_give_the_same_ids(made, odd_texts):
    lists = [odd_texts[start : start + 100] for start in range(0, 2000, 100)]
    alone = list(made(1).encode_stream(lists))
    assert list(made(2).encode_stream(iter(lists))) == alone
    assert [len(ids) for ids in alone] == [100] * 20
    assert any(map(any, alone))


class Refusing:
    """Makes no tokenizer, wherever it is asked to."""

    def __call__(self):
        raise AssertionError("a process was asked for")


def test_few_texts_need_no_helpers(model_file):
    tokenizer = create(TokenizerSettings(model_file=model_file))
    tokenizer.help_by(Refusing(), workers=2)
    few = [["吾輩は猫である"], ["名前はまだ無い"]] * 3
    alone = [tokenizer.encode_batch(texts) for texts in few]
    assert list(tokenizer.encode_stream(few)) == alone


def test_lists_are_read_a_few_ahead(model_file):
    read = []
    lists = (read.append(number) or [str(number)] for number in range(500))
    tokenizer = create(TokenizerSettings(model_file=model_file, workers=2))
    encoded = tokenizer.encode_stream(lists)
    for number in range(3):
        assert next(encoded) == tokenizer.encode_batch([str(number)])
    assert len(read) < 30
    encoded.close()


def test_what_a_helper_refuses_is_told_as_here(tohoku_vocab_file):
    settings = {
        "vocab_file": tohoku_vocab_file,
        "tokenizer": TokenizerKind.MECAB,
        "mecab_dic": "unidic_lite",
    }
    lists = [["吾輩は猫である", "half a pair: \ud842"]] * 20
    told = []
    for workers in (1, 2):
        tokenizer = create(TokenizerSettings(**settings, workers=workers))
        with pytest.raises(DataError) as refused:
            list(tokenizer.encode_stream(lists))
        told.append(str(refused.value))
    assert told[0] == told[1]


def test_pairs_keep_their_order(model_file):
    seconds = (None, "", "名前はまだ無い")
    examples = [
        InputExample(guid=str(n), text_a=f"猫が{n}匹", text_b=seconds[n % 3])
        for n in range(17_000)
    ]
    alone, together = (
        [
            (example.guid, first, second)
            for example, first, second in encode(
                examples,
                tokenizer=create(
                    TokenizerSettings(model_file=model_file, workers=workers)
                ),
            )
        ]
        for workers in (1, 2)
    )
    assert together == alone
    assert [guid for guid, *_ in alone] == [example.guid for example in examples]
    assert [bool(second) for *_, second in alone[:3]] == [False, False, True]
