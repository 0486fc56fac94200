"""A tokenizer need not be named where it lies beside the weights."""

import os
import shutil

import pytest

from processors.tokenization import create
from runtime.errors import SettingsError
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.formats import bundled
from tf_bert.pretraining.settings import PretrainingSettings
from tf_bert.seq2seq.settings import Seq2SeqSettings
from tf_bert.vectors.settings import ExtractionSettings

GIVEN = {
    ClassifierSettings: {"task_name": "authors", "do_train": True, "output_dir": "o"},
    PretrainingSettings: {"text_file": ("t",), "do_train": True, "output_dir": "o"},
    Seq2SeqSettings: {"task_name": "tsv", "do_train": True, "output_dir": "o"},
    ExtractionSettings: {"input_file": "t", "output_file": "o"},
}
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
OTHER = os.path.join(ROOT, "processors", "data", "aozora_spm_8k", "aozora-ja.model")


@pytest.mark.parametrize("kind", GIVEN)
def test_the_name_of_a_bundled_model_is_enough(kind):
    settings = kind(**GIVEN[kind], init_checkpoint="bundled:ja-mini")
    assert settings.tokenizer_dir == bundled.resolve("bundled:ja-mini")
    tokenizer = create.create(settings)
    assert (tokenizer.vocab_size, tokenizer.special.pad) == (16_000, 3)
    assert tokenizer.tokenize("ABC") == tokenizer.tokenize("abc")


@pytest.mark.parametrize("kind", GIVEN)
def test_a_tokenizer_that_is_named_counts(kind):
    settings = kind(**GIVEN[kind], init_checkpoint="bundled:ja-mini", model_file=OTHER)
    assert (settings.tokenizer_dir, settings.model_file) == (None, OTHER)


def test_weights_without_a_tokenizer_still_need_one(tmp_path):
    folder = bundled.resolve("bundled:ja-mini")
    shutil.copy(f"{folder}/config.json", tmp_path)
    with pytest.raises(SettingsError, match=r"--vocab_file .* is required"):
        ClassifierSettings(**GIVEN[ClassifierSettings], init_checkpoint=str(tmp_path))
