import dataclasses
import functools
import os

import numpy as np
import pytest

from processors.batches.features import FEATURES, TokenCounts, featurize
from processors.batches.token_dataset import UNLABELLED, TokenDataset
from processors.example import InputExample, checksum
from processors.labels.targets import Targets
from processors.records import reuse, store
from processors.records.conversion import Recipe, convert
from processors.records.manifest import Manifest
from processors.records.reuse import MisfitError, Wanted
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime.errors import DataError

LABELS = ("no", "yes")
EXAMPLES = [
    InputExample(f"g{n}", " ".join(f"w{k}" for k in range(n % 9)), label=LABELS[n % 2])
    for n in range(20)
]


@pytest.fixture
def recipe(tmp_path):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *(f"w{n}" for n in range(9))]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    path = str(tmp_path / "vocab.txt")
    make = functools.partial(WordPieceTokenizer, path, do_lower_case=True)
    return Recipe(make_tokenizer=make, labels=LABELS, max_seq_length=6)


@pytest.fixture
def wanted(recipe):
    tokenizer = recipe.make_tokenizer()
    return Wanted(
        tokenizer=tokenizer,
        origin=recipe.origin(tokenizer),
        crc32c=checksum(EXAMPLES),
        label_ids=np.arange(20, dtype=np.int32) % 2,
    )


@pytest.fixture
def path(tmp_path, recipe):
    """The records of the examples, in three files."""
    path = str(tmp_path / "out" / "train.tf_record")
    convert(path, EXAMPLES, recipe=recipe, shards=3)
    return path


def columns(dataset):
    return [
        (column.dtype, column.tolist())
        for column in (
            *(dataset.ids, dataset.segments),
            *(dataset.offsets, dataset.label_ids),
        )
    ]


def tokenised(recipe, counts=None):
    return TokenDataset.collect(
        featurize(
            EXAMPLES,
            tokenizer=recipe.make_tokenizer(),
            labels=LABELS,
            max_seq_length=recipe.max_seq_length,
            counts=counts,
        )
    )


def rewrite(path, **fields):
    """Changes what the manifest says."""
    dataclasses.replace(Manifest.load(path), **fields).save(path)


@pytest.mark.parametrize("on_trust", [True, False])
def test_what_fits_is_what_tokenizing_gives(path, wanted, recipe, on_trust):
    counts = TokenCounts()
    expected = tokenised(recipe, counts)
    found = reuse.take(path, wanted, on_trust=on_trust)
    assert columns(found.dataset) == columns(expected)
    assert found.texts.tokens == counts.summary(max_seq_length=6)
    assert (found.texts.examples, found.texts.crc32c) == (20, checksum(EXAMPLES))


@pytest.mark.parametrize("on_trust", [True, False])
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        (
            {"tokenizer": {"kind": "sentencepiece"}},
            "another tokenizer: .*piece",
        ),
        ({"labels": ("yes", "no")}, "other labels: yes, no there, no, yes here"),
        ({"max_seq_length": 7}, "cut at --max_seq_length=7, not at 6"),
        ({"features": "a [SEP] b"}, r"read as 'a \[SEP\] b' there, as '\[CLS\] a"),
    ],
)
def test_what_was_made_otherwise_is_not_taken(path, wanted, fields, words, on_trust):
    rewrite(path, **fields)
    with pytest.raises(MisfitError, match=words):
        reuse.take(path, wanted, on_trust=on_trust)


@pytest.mark.parametrize("on_trust", [True, False])
def test_what_was_made_of_other_texts_is_not_taken(path, wanted, on_trust):
    other = dataclasses.replace(EXAMPLES[4], text_a="w8")
    crc32c = checksum([*EXAMPLES[:4], other, *EXAMPLES[5:]])
    with pytest.raises(MisfitError, match="other texts or labels: 20 examples there"):
        reuse.take(path, dataclasses.replace(wanted, crc32c=crc32c), on_trust=on_trust)


def test_damage_and_what_is_half_written(path, wanted):
    shard = f"{path}-00001-of-00003"
    with open(shard, "r+b") as file:
        file.seek(40)
        file.write(b"\xff")
    with pytest.raises(MisfitError, match=r"00001-of-00003, byte 0: damaged"):
        reuse.take(path, wanted, on_trust=True)
    os.remove(shard)
    with pytest.raises(MisfitError, match="00001-of-00003: does not exist"):
        reuse.take(path, wanted, on_trust=True)
    os.remove(f"{path}.manifest.json")
    assert reuse.are_there(path)
    with pytest.raises(MisfitError, match=r"without a manifest: writing .*finished"):
        reuse.take(path, wanted, on_trust=True)
    with open(f"{path}.manifest.json", "w", encoding="utf-8") as file:
        file.write('{"examples": 20')
    with pytest.raises(MisfitError, match="expected a manifest"):
        reuse.take(path, wanted, on_trust=True)


def test_records_in_a_bucket(fake_bucket, wanted, recipe):
    path = "gs://my-bucket/out/train.tf_record"
    assert not reuse.are_there(path)
    convert(path, EXAMPLES, recipe=recipe, shards=3)
    found = reuse.take(path, wanted, on_trust=False)
    assert columns(found.dataset) == columns(tokenised(recipe))
    store.delete_manifest(path)
    assert reuse.are_there(path)
    with pytest.raises(MisfitError, match="writing them was not finished"):
        reuse.take(path, wanted, on_trust=True)
    store.delete_records(path, found.manifest)
    assert not reuse.are_there(path)


def test_nothing_is_there(tmp_path, wanted):
    assert not reuse.are_there(str(tmp_path / "none"))
    assert not reuse.are_there(str(tmp_path / "no folder" / "none"))
    (tmp_path / "a-00000-of-00002").write_bytes(b"")
    with pytest.raises(DataError, match="without a manifest"):
        reuse.read(str(tmp_path / "a"))


# -- records that do not say what they are of ------------------------------------------


@pytest.fixture
def unsaid(tmp_path, recipe):
    """The same records without a manifest, in one file."""
    path = str(tmp_path / "bare.tf_record")
    convert(path, EXAMPLES, recipe=recipe)
    os.remove(f"{path}.manifest.json")
    return path


def test_they_are_taken_when_they_were_named(unsaid, path, wanted, recipe):
    rewrite(path, texts=None, features=None)  # as an earlier version wrote it
    for each in (unsaid, path):
        found = reuse.take(each, wanted, on_trust=True)
        assert columns(found.dataset) == columns(tokenised(recipe))
        assert found.texts is None
        with pytest.raises(MisfitError, match="do not say which texts"):
            reuse.take(each, wanted, on_trust=False)


def test_examples_without_a_label_stay_without(unsaid, wanted):
    label_ids = wanted.label_ids.copy()
    label_ids[5] = UNLABELLED  # a placeholder there
    wanted = dataclasses.replace(wanted, label_ids=label_ids)
    found = reuse.take(unsaid, wanted, on_trust=True)
    assert found.dataset.label_ids.tolist() == label_ids.tolist()


def test_what_speaks_against_them_is_said(unsaid, wanted, recipe):
    doubts = {
        "hold 20 examples, not 19": {"label_ids": wanted.label_ids[1:]},
        "label of their example 0 has the id 0, not 1": {
            "label_ids": 1 - wanted.label_ids
        },
        "an example of 6 tokens, and --max_seq_length is 5": {
            "origin": dataclasses.replace(wanted.origin, max_seq_length=5)
        },
        r"as '\[CLS\] a \[SEP\] b \[SEP\]' there, as 'a' here": {
            "origin": dataclasses.replace(wanted.origin, features="a")
        },
    }
    for words, fields in doubts.items():
        with pytest.raises(MisfitError, match=words):
            reuse.take(unsaid, dataclasses.replace(wanted, **fields), on_trust=True)


@pytest.mark.parametrize(
    ("words", "vocabulary"),
    [
        (r"token id 7, and the vocabulary ends at 4", 5),
        (r"example 0 starts with the token id 2, and \[CLS\] is 3", 20),
    ],
)
def test_ids_of_another_vocabulary_are_seen(
    unsaid, wanted, tmp_path, words, vocabulary
):
    names = ["[PAD]", "[UNK]", "[SEP]", "[CLS]", *(f"x{n}" for n in range(16))]
    (tmp_path / "other.txt").write_text("\n".join(names[:vocabulary]) + "\n")
    other = WordPieceTokenizer(str(tmp_path / "other.txt"), do_lower_case=True)
    with pytest.raises(MisfitError, match=words):
        reuse.take(unsaid, dataclasses.replace(wanted, tokenizer=other), on_trust=True)


@pytest.mark.parametrize("count", [1, 20])
def test_more_processes_than_shards_or_examples(tmp_path, recipe, wanted, count):
    path = str(tmp_path / "many" / "train.tf_record")
    convert(path, EXAMPLES[:count], recipe=recipe, shards=1, workers=3)
    some = dataclasses.replace(
        wanted,
        crc32c=checksum(EXAMPLES[:count]),
        label_ids=wanted.label_ids[:count],
    )
    found = reuse.take(path, some, on_trust=False)
    expected = tokenised(recipe).take(np.arange(count))
    assert columns(found.dataset) == columns(expected)
    assert Manifest.load(path).features == FEATURES
    assert store.read_records(path).label_ids.tolist() == expected.label_ids.tolist()


# -- several labels, and numbers -------------------------------------------------------


def of_targets(values, *, targets, recipe, path):
    """Records of the texts that say nothing of them, with these targets."""
    name = "labels" if targets is Targets.LABELS else "number"
    examples = [
        InputExample(each.guid, each.text_a, **{name: value})
        for each, value in zip(EXAMPLES, values, strict=True)
    ]
    other = dataclasses.replace(recipe, targets=targets)
    convert(path, examples, recipe=other)
    rewrite(path, texts=None)


@pytest.mark.parametrize(
    ("targets", "values", "wished"),
    [
        (
            Targets.LABELS,
            [("yes",), ()] * 10,
            np.array([[0, 1], [0, 0]] * 10, np.float32),
        ),
        (Targets.NUMBER, [0.5, 0.0] * 10, np.array([0.5, 0] * 10, np.float32)),
    ],
)
def test_targets_on_trust_are_those_of_the_examples(
    tmp_path, wanted, recipe, targets, values, wished
):
    path = str(tmp_path / "train.tf_record")
    of_targets(values, targets=targets, recipe=recipe, path=path)
    none = np.zeros(20, np.int32)
    like = dataclasses.replace(wanted, label_ids=none, targets=wished)
    found = reuse.take(path, like, on_trust=True).dataset.targets
    assert found.tolist() == wished.tolist()
    for other in (wished[::-1].copy(), None):
        unlike = dataclasses.replace(wanted, label_ids=none, targets=other)
        with pytest.raises(MisfitError, match="they have other labels or numbers"):
            reuse.take(path, unlike, on_trust=True)
    unlabelled = none + UNLABELLED
    empty = dataclasses.replace(like, label_ids=unlabelled, targets=wished * 0)
    found = reuse.take(path, empty, on_trust=True).dataset
    assert (found.label_ids == UNLABELLED).all()
    assert not found.targets.any()
