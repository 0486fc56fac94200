import io
import json
import os
import random

import pytest
import sentencepiece

from tests.processors.tokenization.small_dictionary import SmallDictionary

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
GOLDEN = os.path.join(ROOT, "tests", "golden")
SENTENCE_PIECE = os.path.join(ROOT, "processors", "data", "aozora_spm_8k", "aozora-ja")

# What breaks tokenizers: control and format characters, all kinds of white space,
# marks, compatibility forms, case that depends on the neighbours, unassigned code.
ODD = (
    "\0\x01\x0b\x0c\x1c\x85\xad\u200b\u200d\ufeff\ufffd\ufffe"
    " \t\n\r\xa0\u1680\u2003\u2028\u2029\u202f\u3000\u180e"
    "\u0301\u0308\u3099\u309a\u20e3\ufe0f\u0345"
    "がパガヴｶﾞﾊﾟゝ々〆ー〜\uff5e゛゜"
    "博推\u3400\u9fff\uf900\ufa0e\U00020bb7\U0002f800\U0002a6e0\U0003134a"
    "ΑΣσςİıßŉǅﬁÅÜéñＡａ１①㈱㍿Å½"
    "。、・「」…—\u2018\u2019'.:·?!$^`+<>|~_#[]\u037e\u2329¡€"
    "한글각ไทยनमस्ते😀👨👩\U0001f1ef\U0001f1f5\U000e0001\U0010ffff"
    "abcXYZ019"
)


def random_texts(*, seed: int, count: int, longest: int = 24) -> list[str]:
    rng = random.Random(seed)
    return ["".join(rng.choices(ODD, k=rng.randrange(longest))) for _ in range(count)]


def read_json_lines(path: str) -> list[dict]:
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def shared_golden(name: str) -> list[dict]:
    folder = os.environ.get("SHARED_DATA")
    if not folder:
        pytest.skip("SHARED_DATA does not name the folder of the full golden files")
    return read_json_lines(os.path.join(folder, "golden", "tokens", name))


@pytest.fixture(scope="session")
def odd_texts() -> list[str]:
    return random_texts(seed=7, count=2000)


@pytest.fixture(scope="session")
def golden_lines():
    return lambda name: read_json_lines(os.path.join(GOLDEN, "tokens", name))


@pytest.fixture
def full_golden_lines():
    return shared_golden


@pytest.fixture(scope="session")
def model_file() -> str:
    return f"{SENTENCE_PIECE}.model"


@pytest.fixture
def model_vocab_file() -> str:
    return f"{SENTENCE_PIECE}.vocab"


@pytest.fixture(scope="session")
def tohoku_vocab_file() -> str:
    return os.path.join(GOLDEN, "vocab", "tohoku_v1_32k", "vocab.txt")


@pytest.fixture(scope="session")
def tohoku_v3_vocab_file() -> str:
    return os.path.join(GOLDEN, "vocab", "tohoku_v3_32768", "vocab.txt")


@pytest.fixture(scope="session")
def byte_model_file(tmp_path_factory) -> str:
    """A SentencePiece model with pieces for single bytes."""
    model = io.BytesIO()
    texts = [line["text"] for line in read_json_lines(f"{GOLDEN}/tokens/spm.jsonl")]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts[:300]),
        model_writer=model,
        vocab_size=1500,
        character_coverage=0.98,
        byte_fallback=True,
        control_symbols="[PAD],[CLS],[SEP],[MASK]",
        num_threads=1,
        minloglevel=2,
    )
    path = tmp_path_factory.mktemp("byte_model") / "bytes.model"
    path.write_bytes(model.getvalue())
    return str(path)


def train_library(kind: str, *, texts: list[str], special: tuple[str, ...]):
    """A tokenizer of the library, of another family than BERT's."""
    library = pytest.importorskip("tokenizers", reason="the extra [tokenizers]")
    models, parts = library.models, library.pre_tokenizers
    tokens = {"special_tokens": list(special), "show_progress": False}
    if kind == "unigram":
        made = library.Tokenizer(models.Unigram())
        made.normalizer = library.normalizers.NFKC()
        made.pre_tokenizer = parts.Metaspace()
        trainer = library.trainers.UnigramTrainer(
            vocab_size=3000, unk_token=special[1], **tokens
        )
    elif kind == "bpe":
        made = library.Tokenizer(models.BPE(unk_token=special[1]))
        made.normalizer = library.normalizers.Sequence(
            [library.normalizers.NFKC(), library.normalizers.Lowercase()]
        )
        made.pre_tokenizer = parts.Whitespace()
        trainer = library.trainers.BpeTrainer(vocab_size=2500, **tokens)
    else:
        made = library.Tokenizer(models.BPE(unk_token=special[1]))
        made.pre_tokenizer = parts.ByteLevel(add_prefix_space=False)
        trainer = library.trainers.BpeTrainer(
            vocab_size=1500, initial_alphabet=parts.ByteLevel.alphabet(), **tokens
        )
    made.train_from_iterator(texts, trainer)
    return made


@pytest.fixture(scope="session")
def library_file(tmp_path_factory):
    """Writes the tokenizer.json of a "bpe", "bytes" or "unigram"; returns its path."""
    texts = [line["text"] for line in read_json_lines(f"{GOLDEN}/tokens/spm.jsonl")]

    def write(
        kind: str,
        special: tuple[str, ...] = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    ) -> str:
        made = train_library(kind, texts=texts[:300], special=special)
        path = tmp_path_factory.mktemp(kind) / "tokenizer.json"
        made.save(str(path))
        return str(path)

    return write


@pytest.fixture
def write_vocab(tmp_path):
    def write(*lines: str, name: str = "vocab.txt", end: str = "\n") -> str:
        path = tmp_path / name
        path.write_bytes((end.join(lines) + end).encode("utf-8"))
        return str(path)

    return write


@pytest.fixture
def small_dictionary(tmp_path):
    """The folder of a compiled dictionary."""
    return SmallDictionary.random(1).compile(str(tmp_path / "dictionary"))
