import dataclasses
import io
import pickle

import pytest
import sentencepiece

from processors.tokenization.sentence_piece import SentencePieceTokenizer
from runtime.errors import DataError

SPECIAL = {"pad": 3, "unk": 0, "cls": 4, "sep": 5, "mask": 6}


@pytest.fixture
def tokenizer(model_file, model_vocab_file):
    return SentencePieceTokenizer(model_file, vocab_file=model_vocab_file)


@pytest.fixture
def train_model(tmp_path):
    """Trains a small model and returns the paths of its .model and .vocab files."""

    def train(*, corpus: str = "ばか ばか かば あか", **options: object):
        model = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(corpus.split()),
            model_writer=model,
            hard_vocab_limit=False,
            minloglevel=2,
            **{"vocab_size": 12, "control_symbols": "[PAD],[CLS],[SEP],[MASK]"}
            | options,
        )
        (tmp_path / "small.model").write_bytes(model.getvalue())
        return str(tmp_path / "small.model")

    return train


@pytest.fixture
def write_lines(model_vocab_file, write_vocab):
    """Writes the model's .vocab file with the lines that `change` makes of its own."""

    def write(change) -> str:
        with open(model_vocab_file, encoding="utf-8", newline="\n") as file:
            lines = file.read().removesuffix("\n").split("\n")
        return write_vocab(*change(lines), name="changed.vocab")

    return write


def test_the_original_tokens_of_the_golden_texts(tokenizer, golden_lines):
    lines = golden_lines("spm.jsonl")
    texts = [line["text"] for line in lines]
    assert tokenizer.encode_batch(texts) == [line["ids"] for line in lines]
    assert [tokenizer.tokenize(text) for text in texts] == [
        line["tokens"] for line in lines
    ]


@pytest.mark.slow
def test_the_original_tokens_of_all_golden_texts(tokenizer, full_golden_lines):
    for line in full_golden_lines("spm.jsonl"):
        assert tokenizer.tokenize(line["text"]) == line["tokens"]
        assert tokenizer.encode(line["text"]) == line["ids"]


def test_lower_case_keeps_accents_and_voicing_marks(tokenizer, model_file):
    cased = SentencePieceTokenizer(model_file, do_lower_case=False)
    text = "ヴァイオリンとCAFÉが"
    assert tokenizer.encode(text) == cased.encode(text.lower())
    assert tokenizer.encode(text) != cased.encode(text)


def test_a_batch_is_its_texts(tokenizer, odd_texts):
    rows = tokenizer.encode_batch(odd_texts)
    assert rows == [tokenizer.encode(text) for text in odd_texts]
    assert any(rows)
    assert tokenizer.encode_batch([]) == []
    assert tokenizer.encode("") == []


@pytest.mark.parametrize("lower", [True, False])
def test_the_models_ids_are_those_of_the_vocabulary_file(
    model_file, model_vocab_file, odd_texts, golden_lines, lower
):
    tokenizer = SentencePieceTokenizer(
        model_file, vocab_file=model_vocab_file, do_lower_case=lower
    )
    assert tokenizer.ids_are_own
    texts = odd_texts + [line["text"] for line in golden_lines("spm.jsonl")]
    tokens = [tokenizer.tokenize(text) for text in texts]
    ids = [tokenizer.convert_tokens_to_ids(row) for row in tokens]
    assert tokenizer.encode_batch(texts) == ids


def test_ids_are_the_lines_of_the_vocabulary_file(
    model_file, write_lines, tokenizer, odd_texts
):
    reverse = SentencePieceTokenizer(
        model_file, vocab_file=write_lines(lambda lines: lines[::-1])
    )
    last = tokenizer.vocab_size - 1
    texts = ["走るのだ。間に合わぬは問題でないのだ。", *odd_texts]
    for text, row in zip(texts, reverse.encode_batch(texts), strict=True):
        pieces = tokenizer.tokenize(text)
        known = [piece in tokenizer.vocabulary.ids for piece in pieces]
        own = tokenizer.encode(text)
        expected = [last - i if k else 0 for i, k in zip(own, known, strict=True)]
        assert row == reverse.encode(text) == expected


def test_a_piece_that_the_file_lacks_is_0(model_file, write_lines, tokenizer):
    def without_wa(lines: list[str]) -> list[str]:
        return [line for line in lines if not line.startswith("は\t")]

    short = SentencePieceTokenizer(model_file, vocab_file=write_lines(without_wa))
    assert tokenizer.encode("は")[-1] == 11
    assert short.encode("は")[-1] == 0
    assert short.encode_batch(["は"]) == [short.encode("は")]


def test_a_line_that_the_model_lacks_counts(model_file, write_lines, tokenizer):
    longer = SentencePieceTokenizer(
        model_file, vocab_file=write_lines(lambda lines: [*lines, "〓\t0"])
    )
    assert tokenizer.encode("〓")[-1] == 0
    assert longer.encode("〓")[-1] == 8000
    assert longer.vocab_size == 8001


def test_unknown_text_that_spells_a_special_piece_gets_its_id(train_model, write_vocab):
    model_file = train_model()
    processor = sentencepiece.SentencePieceProcessor(model_file=model_file)
    pieces = [processor.id_to_piece(i) for i in range(processor.get_piece_size())]
    vocab_file = write_vocab(*(f"{piece}\t0" for piece in pieces), name="s.vocab")
    with_file = SentencePieceTokenizer(
        model_file, vocab_file=vocab_file, do_lower_case=False
    )
    without = SentencePieceTokenizer(model_file, do_lower_case=False)
    assert with_file.tokenize("[CLS]")[-1] == "[CLS]"
    assert with_file.encode("[CLS]")[-1] == with_file.special.cls
    assert without.encode("[CLS]")[-1] == without.special.unk


def test_the_vocabulary_file_is_optional(tokenizer, model_file, odd_texts):
    alone = SentencePieceTokenizer(model_file)
    assert alone.encode_batch(odd_texts) == tokenizer.encode_batch(odd_texts)
    assert alone.fingerprint() == tokenizer.fingerprint()
    assert alone.vocab_size == 8000


def test_the_models_own_unknown_id_counts_without_a_vocabulary_file(train_model):
    tokenizer = SentencePieceTokenizer(
        train_model(unk_id=1, bos_id=0, eos_id=2, control_symbols="[CLS],[SEP]")
    )
    assert tokenizer.encode("〓")[-1] == tokenizer.special.unk == 1
    assert tokenizer.convert_tokens_to_ids(["〓"]) == [1]
    assert tokenizer.special.mask is None


def test_special_tokens_and_names(tokenizer):
    assert dataclasses.asdict(tokenizer.special) == SPECIAL
    assert tokenizer.convert_tokens_to_ids(["[CLS]", "は", "nothing"]) == [4, 11, 0]
    assert tokenizer.convert_ids_to_tokens([4, 11, 8000, -1]) == [
        "[CLS]",
        "は",
        "<unk>",
        "<unk>",
    ]


def test_half_of_a_surrogate_pair_is_named(tokenizer):
    message = r"found U\+D800, half of a surrogate pair, as character 3"
    with pytest.raises(DataError, match=message):
        tokenizer.encode("メロ\ud800ス")
    with pytest.raises(DataError, match=message):
        tokenizer.tokenize("メロ\ud800ス")
    with pytest.raises(DataError, match=message):
        tokenizer.encode_batch(["は", "メロ\ud800ス"])


def test_a_very_long_text(tokenizer):
    ids = tokenizer.encode("走" * 50_000)
    assert len(ids) > 10_000
    assert tokenizer.encode_batch(["走" * 50_000]) == [ids]


def test_a_model_without_special_tokens_is_refused(train_model):
    path = train_model(control_symbols="")
    with pytest.raises(DataError, match=r"lacks \[CLS\], \[SEP\];") as caught:
        SentencePieceTokenizer(path)
    assert caught.value.path == path


@pytest.mark.parametrize("data", [b"", b"not a model"])
def test_what_is_no_model_is_refused(tmp_path, data):
    path = tmp_path / "x.model"
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"expected .* SentencePiece") as caught:
        SentencePieceTokenizer(str(path))
    assert caught.value.path == str(path)


def test_the_fingerprint_tells_what_alters_ids(
    tokenizer, model_file, model_vocab_file, write_lines, train_model
):
    plain = tokenizer.fingerprint()
    assert plain["kind"] == "sentencepiece"
    changed = [
        SentencePieceTokenizer(model_file, do_lower_case=False),
        SentencePieceTokenizer(
            model_file, vocab_file=write_lines(lambda lines: lines[::-1])
        ),
        SentencePieceTokenizer(train_model()),
    ]
    assert all(other.fingerprint() != plain for other in changed)


def test_it_can_be_sent_to_another_process(tokenizer):
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.encode("走れメロス") == tokenizer.encode("走れメロス")
    assert copy.fingerprint() == tokenizer.fingerprint()


def test_unknown_text_is_bytes_or_one_unknown_piece(byte_model_file):
    on = SentencePieceTokenizer(byte_model_file)
    off = SentencePieceTokenizer(byte_model_file, byte_fallback=False)
    text = "は𠮷🙂は"
    pieces = [f"<0x{byte:02X}>" for byte in "𠮷🙂".encode()]
    assert [t for t in on.tokenize(text) if t.startswith("<0x")] == pieces
    assert "𠮷🙂" in off.tokenize(text)
    assert off.encode(text).count(off.special.unk) == 1
    assert len(on.encode(text)) == len(off.encode(text)) + 7
    spans = on.encode_with_offsets(text).spans
    assert [s for s in spans if s in {(1, 2), (2, 3)}] == [(1, 2)] * 4 + [(2, 3)] * 4
    assert (1, 3) in off.encode_with_offsets(text).spans
    assert on.fingerprint() != off.fingerprint()


def test_a_model_without_bytes_has_none_to_refuse(model_file, tokenizer, odd_texts):
    off = SentencePieceTokenizer(model_file, byte_fallback=False)
    assert off.encode_batch(odd_texts) == tokenizer.encode_batch(odd_texts)
    assert off.fingerprint() == tokenizer.fingerprint()
