"""The command, and that what it makes can be used as it is."""

import json
import os
import subprocess
import sys

import pytest

from processors.tokenization import trainer
from processors.tokenization.create import create
from processors.tokenization.settings import TokenizerKind, TokenizerSettings
from runtime import storage
from runtime.errors import SettingsError

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "train_tokenizer.py")
TEXT = "メロスは激怒した。必ず、かの邪智暴虐の王を除かなければならぬと決意した。"


def run(*flags):
    return subprocess.run(
        [sys.executable, SCRIPT, *flags],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def corpus(tmp_path):
    path = tmp_path / "corpus.txt"
    lines = [f"{TEXT}{end}" for end in ("Merosu", "ヴィ", "ABC 走る。")]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("kind", ["wordpiece", "mecab", "mecab-char", "char"])
def test_a_folder_that_can_be_used(corpus, tmp_path, kind):
    given = [f"--tokenizer={kind}", f"--input={corpus}", "--vocab_size=200"]
    given.append("--character_coverage=1")
    written = []
    for name in ("one", "two"):
        done = run(*given, f"--output_dir={tmp_path / name}")
        assert done.returncode == 0, done.stderr
        written.append((tmp_path / name / "vocab.txt").read_bytes())
    assert written[0] == written[1]
    tokenizer = create(TokenizerSettings(tokenizer_dir=str(tmp_path / "one")))
    assert tokenizer.special.pad == 0
    assert tokenizer.special.unk not in tokenizer.encode(TEXT)
    assert "".join(tokenizer.tokenize("ヴィ")).replace("##", "") == "ヴィ"


def test_a_sentence_piece_model_that_can_be_used(corpus, tmp_path):
    done = run(
        *(f"--input={corpus}", "--vocab_size=51", "--character_coverage=1"),
        f"--output_dir={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    names = ("sentencepiece.model", "sentencepiece.vocab", "tokenizer_config.json")
    model, vocabulary, config = made = [f"{tmp_path}/{name}" for name in names]
    assert done.stdout.split() == made
    tokenizer = create(TokenizerSettings(model_file=model, vocab_file=vocabulary))
    assert tokenizer.special.pad == 3
    assert "".join(tokenizer.tokenize("merosu")) == "▁merosu"
    whole = create(TokenizerSettings(tokenizer_dir=str(tmp_path)))
    assert whole.encode(TEXT) == tokenizer.encode(TEXT)
    assert json.loads(storage.read_text(config))["do_lower_case"] is True


@pytest.mark.parametrize(
    ("flags", "tokens"), [([], "▁abc"), (["--nodo_lower_case"], "▁ABC")]
)
def test_a_sentence_piece_model_is_used_as_it_was_made(corpus, tmp_path, flags, tokens):
    """Pieces with capitals could never be used, and nothing said so."""
    done = run(
        *(f"--input={corpus}", "--vocab_size=51", "--character_coverage=1"),
        *(*flags, f"--output_dir={tmp_path}"),
    )
    assert done.returncode == 0, done.stderr
    model = f"{tmp_path}/sentencepiece.model"
    tokenizer = create(TokenizerSettings(model_file=model))
    assert "".join(tokenizer.tokenize("ABC")) == tokens
    other = not tokenizer.do_lower_case
    with pytest.raises(SettingsError, match=r"do_lower_case: the tokenizer_conf"):
        create(TokenizerSettings(model_file=model, do_lower_case=other))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--tokenizer=auto", "--input=a", "--output_dir=b"], "says not what to make"),
        (["--output_dir=b"], "--input is required"),
        (["--input=nowhere/*.txt", "--output_dir=b"], "no file matches"),
        (
            ["--input=a", "--output_dir=b", "--tokenizer=char", "--do_lower_case"],
            "keeps the case",
        ),
        (
            ["--input=a", "--output_dir=b", "--character_coverage=0.9"],
            "must lie in [0.98, 1] for --tokenizer=sentencepiece",
        ),
        (["--input=a", "--output_dir=b", "--encoding=none"], "--encoding"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(flags, message):
    done = run(*flags)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_kind_that_is_not_made_here(monkeypatch):
    """One more kind of tokenizer must not become a vocabulary of MeCab's words."""
    monkeypatch.setattr(trainer, "_MADE", (TokenizerKind.MECAB, TokenizerKind.CHAR))
    with pytest.raises(SettingsError, match=r"cannot be made here; .* mecab, char"):
        trainer.TrainingSettings(
            tokenizer=TokenizerKind.WORDPIECE, input=("a",), output_dir="b"
        )


def test_every_kind_that_is_made_is_known():
    others = {TokenizerKind.AUTO, TokenizerKind.LIBRARY}
    assert {*trainer._MADE, *others} == set(TokenizerKind)
