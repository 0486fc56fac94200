"""A run's tokenizer is read from the run's folder alone."""

import os
import pathlib
import shutil

import pytest

from processors.tokenization import create as tokenizers
from processors.tokenization import kept
from processors.tokenization.settings import TokenizerKind, TokenizerSettings
from runtime.errors import SettingsError

TEXTS = ["メロスは激怒した。", "Ｅコマース ｶﾞ [SEP] Über", "走れ", ""]
MECAB = {"tokenizer": TokenizerKind.MECAB, "mecab_dic": "unidic_lite"}


def state_of(settings: TokenizerSettings) -> dict:
    """What a checkpoint says of a run with these settings."""
    said = {**vars(settings), "tokenizer": settings.tokenizer.value}
    return {"tokenizer": tokenizers.create(settings).fingerprint(), "settings": said}


@pytest.fixture
def files(
    model_file, model_vocab_file, tohoku_vocab_file, library_file, write_vocab, tmp_path
):
    """Copies, which a test can take away."""
    folder = tmp_path / "files"
    folder.mkdir()
    library = os.path.dirname(library_file("bpe"))
    shutil.copytree(library, folder / "library")
    shutil.copy(model_file, folder / "a.model")
    shutil.copy(tohoku_vocab_file, folder / "vocab.txt")
    listed = pathlib.Path(model_vocab_file).read_text().splitlines()
    pieces = [line.partition("\t")[0] + "\t0" for line in listed]
    shutil.move(write_vocab(*pieces, "more\t0", name="pieces"), folder / "pieces")
    return folder


@pytest.mark.parametrize(
    ("names", "flags"),
    [
        ({"model_file": "a.model"}, {"do_lower_case": False}),
        ({"model_file": "a.model", "vocab_file": "pieces"}, {}),
        ({"vocab_file": "vocab.txt"}, {"tokenizer": TokenizerKind.WORDPIECE}),
        ({"vocab_file": "vocab.txt"}, MECAB),
        ({"vocab_file": "vocab.txt"}, {"tokenizer": TokenizerKind.CHAR}),
        ({"tokenizer_dir": "library"}, {"tokenizer": TokenizerKind.LIBRARY}),
    ],
)
def test_a_run_needs_only_its_folder(files, tmp_path, names, flags):
    paths = {name: str(files / path) for name, path in names.items()}
    settings = TokenizerSettings(**paths, **flags)
    tokenizer, state = tokenizers.create(settings), state_of(settings)
    kept.keep(tokenizer, folder=str(tmp_path / "run"))
    shutil.rmtree(files)
    found = kept.read(str(tmp_path / "run"), state=state)
    assert found.fingerprint() == tokenizer.fingerprint()
    assert found.encode_batch(TEXTS) == tokenizer.encode_batch(TEXTS)


def test_a_run_that_kept_nothing_names_its_files(model_file, tmp_path):
    state = state_of(TokenizerSettings(model_file=model_file))
    found = kept.read(str(tmp_path), state=state)
    assert found.fingerprint() == state["tokenizer"]


def test_files_that_are_gone_are_said(files, tmp_path):
    state = state_of(TokenizerSettings(model_file=str(files / "a.model")))
    shutil.rmtree(files)
    with pytest.raises(SettingsError, match=r"a\.model.*name sentencepiece\.model"):
        kept.read(str(tmp_path), state=state)


def test_another_tokenizer_in_their_place_is_refused(
    model_file, byte_model_file, tmp_path
):
    state = state_of(TokenizerSettings(model_file=model_file))
    shutil.copy(byte_model_file, tmp_path / kept.MODEL_FILE)
    with pytest.raises(SettingsError, match="gives other ids"):
        kept.read(str(tmp_path), state=state)
