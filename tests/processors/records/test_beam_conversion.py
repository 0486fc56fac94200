"""Needs Apache Beam: pip install '.[beam]'; runs on its DirectRunner's engine."""

import functools
import importlib.util

import pytest

from processors.example import InputExample
from processors.records import beam_conversion
from processors.records.conversion import Recipe, convert
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime.errors import DataError, SettingsError

HAS_BEAM = importlib.util.find_spec("apache_beam") is not None
needs_beam = pytest.mark.skipif(
    not HAS_BEAM, reason="apache_beam is not installed: pip install '.[beam]'"
)
LABELS = ("no", "yes")
COUNT = 3000


def read(count=COUNT):
    for number in range(count):
        words = " ".join(f"w{(number * k) % 97}" for k in range(number % 13 + 1))
        label = None if number % 7 == 0 else LABELS[number % 2]
        yield InputExample(f"g{number}", words, label=label)


def read_badly():
    yield from read()
    raise DataError("expected 2 columns", path="a.tsv", line=3)


@pytest.fixture
def recipe(tmp_path_factory):
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{n}" for n in range(97))]
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(vocabulary) + "\n")
    make = functools.partial(WordPieceTokenizer, str(path), do_lower_case=True)
    return Recipe(make_tokenizer=make, labels=LABELS, max_seq_length=12)


@needs_beam
@pytest.mark.filterwarnings("ignore")  # Beam's own
@pytest.mark.parametrize("shards", [1, 4])
def test_the_records_are_those_of_one_process(tmp_path, recipe, shards):
    here, beam = tmp_path / "here", tmp_path / "beam"
    expected = convert(str(here / "a"), read(), recipe=recipe, shards=shards)
    manifest = beam_conversion.convert(
        str(beam / "a"), read, recipe=recipe, shards=shards
    )
    assert manifest == expected
    names = sorted(path.name for path in here.iterdir())
    assert names == sorted(path.name for path in beam.iterdir())
    assert all((here / n).read_bytes() == (beam / n).read_bytes() for n in names)


@needs_beam
@pytest.mark.filterwarnings("ignore")
def test_a_bad_row_ends_the_pipeline_with_its_sentence(tmp_path, recipe):
    with pytest.raises(DataError, match=r"a\.tsv:3: expected 2 columns"):
        beam_conversion.convert(str(tmp_path / "a"), read_badly, recipe=recipe)
    assert list(tmp_path.iterdir()) == []


@needs_beam
@pytest.mark.filterwarnings("ignore")
def test_too_few_examples(tmp_path, recipe):
    few = functools.partial(read, 2)
    with pytest.raises(DataError, match=r"for each of 3 file\(s\), got 2"):
        beam_conversion.convert(str(tmp_path / "a"), few, recipe=recipe, shards=3)


def test_without_beam_the_package_is_named(tmp_path, recipe, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"apache_beam.* pip install .*\[beam\]"):
        beam_conversion.convert(str(tmp_path / "a"), read, recipe=recipe)
