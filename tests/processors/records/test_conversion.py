import dataclasses
import functools
import os
import signal

import pytest

from processors.batches.features import TokenCounts, featurize
from processors.batches.token_dataset import TokenDataset
from processors.example import InputExample, checksum
from processors.records import conversion, store
from processors.records.conversion import Recipe, convert, cut
from processors.records.manifest import Texts
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime.errors import DataError, SettingsError

LABELS = ("no", "yes")
COUNT = 5000


def example(number):
    words = " ".join(f"w{(number * k) % 97}" for k in range(number % 13 + 1))
    label = None if number % 7 == 0 else LABELS[number % 2]
    return InputExample(f"g{number}", words, f"w{number % 97}", label)


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{n}" for n in range(97))]
    path = tmp_path_factory.mktemp("vocabulary") / "vocab.txt"
    path.write_text("\n".join(vocabulary) + "\n")
    make = functools.partial(WordPieceTokenizer, str(path), do_lower_case=True)
    return Recipe(make_tokenizer=make, labels=LABELS, max_seq_length=12)


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("shards", [1, 3])
def test_any_number_of_processes_writes_the_same_bytes(tmp_path, recipe, shards):
    tokenizer = recipe.make_tokenizer()
    examples, counts = list(map(example, range(COUNT))), TokenCounts()
    features = featurize(
        examples,
        tokenizer=tokenizer,
        labels=LABELS,
        max_seq_length=12,
        counts=counts,
    )
    dataset = TokenDataset.collect(features)
    expected = store.write_dataset(
        str(tmp_path / "plain" / "a"),
        dataset,
        origin=recipe.origin(tokenizer),
        texts=Texts(
            examples=COUNT,
            crc32c=checksum(examples),
            tokens=counts.summary(max_seq_length=12),
        ),
        shards=shards,
    )
    for workers in (1, 3):
        folder = tmp_path / str(workers)
        manifest = convert(
            str(folder / "a"),
            map(example, range(COUNT)),
            recipe=recipe,
            shards=shards,
            workers=workers,
        )
        assert manifest == expected
        assert files(folder) == files(tmp_path / "plain")


@pytest.mark.parametrize("workers", [1, 2])
def test_few_examples_are_ahead_of_the_records(tmp_path, recipe, workers, monkeypatch):
    monkeypatch.setattr(conversion, "_EXAMPLES_A_CHUNK", 10)
    written = 0
    encode = conversion.store.write_blocks

    def count(path, blocks, **options):
        def counted():
            nonlocal written
            for block in blocks:
                written += len(block.payloads)
                yield block

        return encode(path, counted(), **options)

    monkeypatch.setattr(conversion.store, "write_blocks", count)
    ahead = []

    def stream():
        for number in range(500):
            ahead.append(number - written)
            yield example(number)

    convert(str(tmp_path / "a"), stream(), recipe=recipe, workers=workers)
    assert written == 500
    assert max(ahead) <= 10 * (2 * workers + 1)


def test_chunks_are_small_in_number_and_in_text():
    short = [InputExample(str(n), "x") for n in range(2500)]
    assert [len(chunk.examples) for chunk in cut(short)] == [1024, 1024, 452]
    assert [chunk.first for chunk in cut(short)] == [0, 1024, 2048]
    long = [InputExample(str(n), "x" * 3_000_000, "y" * 1_000_000) for n in range(5)]
    assert [len(chunk.examples) for chunk in cut(long)] == [2, 2, 1]
    assert list(cut([])) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failure_leaves_no_records(tmp_path, recipe, workers):
    def stream():
        yield from map(example, range(3000))
        yield InputExample("odd", "w1", label="perhaps")

    with pytest.raises(DataError, match="Example odd has the label 'perhaps'"):
        convert(str(tmp_path / "a"), stream(), recipe=recipe, workers=workers)
    assert files(tmp_path) == {}


class Dying:
    """Makes a tokenizer, but ends the process in which it is not at home."""

    def __init__(self, make):
        self.make = make
        self.home = os.getpid()

    def __call__(self):
        if os.getpid() != self.home:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.make()


def test_a_process_that_dies_is_named(tmp_path, recipe):
    dying = dataclasses.replace(recipe, make_tokenizer=Dying(recipe.make_tokenizer))
    with pytest.raises(SettingsError, match="one of 2 processes ended on its own"):
        convert(str(tmp_path / "a"), map(example, range(9)), recipe=dying, workers=2)
    assert files(tmp_path) == {}
