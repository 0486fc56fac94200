import dataclasses

import pytest

from pipelines.exporting import graph
from pipelines.serving.served import Reading
from processors.tokenization import create as tokenizers
from processors.tokenization.settings import TokenizerKind, TokenizerSettings
from runtime.errors import SettingsError
from tf_bert.classifier import loading


@pytest.fixture(scope="module")
def served(trained):
    return loading.served(trained())


def test_a_sentence_piece_model_has_rows_in_the_graph(served):
    path = "processors/data/aozora_spm_8k/aozora-ja.model"
    tokenizer = tokenizers.create(TokenizerSettings(model_file=path))
    rows = graph.text_rows(dataclasses.replace(served, tokenizer=tokenizer))
    assert (rows.max_seq_length, rows.pairs) == (16, False)
    assert rows.first == tokenizer.special.cls
    assert rows.tokenizer.ids == tuple(range(8000))


def test_windows_are_refused(served):
    reading = Reading(max_seq_length=16, batch_size=8, in_windows=True)
    with pytest.raises(SettingsError, match="as many rows as it is long"):
        graph.text_rows(dataclasses.replace(served, reading=reading))


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ({"tokenizer": TokenizerKind.CHAR}, "no tokenizer of the kind char"),
        (
            {"tokenizer": TokenizerKind.MECAB, "mecab_dic": "unidic_lite"},
            "no tokenizer of the kind mecab",
        ),
        ({}, "188 of 794 lines"),
    ],
)
def test_what_no_graph_can_do_says_why(served, task_dir, flags, problem):
    settings = TokenizerSettings(vocab_file=str(task_dir / "vocab.txt"), **flags)
    other = dataclasses.replace(served, tokenizer=tokenizers.create(settings))
    with pytest.raises(SettingsError, match=problem):
        graph.text_rows(other)
