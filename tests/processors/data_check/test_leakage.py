import random
import re
import unicodedata

import pytest

from processors.data_check import leakage
from processors.data_check.leakage import ComparedSplit
from processors.example import InputExample
from processors.tasks import registry


def split(*texts, labels=None, groups=None):
    """Examples of single texts, or of pairs where a text is a tuple of two."""
    rows = [text if isinstance(text, tuple) else (text, None) for text in texts]
    labels, groups = labels or [None] * len(rows), groups or [None] * len(rows)
    return ComparedSplit(
        [
            InputExample(f"row-{place}", first, second, label, group)
            for place, ((first, second), label, group) in enumerate(
                zip(rows, labels, groups, strict=True)
            )
        ]
    )


def sentences(examples):
    """Different sentences of paragraphs, short ones of six characters among them."""
    parts = [re.split("(?<=。)", example.text_a) for example in examples]
    found = {sentence.strip("「」") for part in parts for sentence in part}
    return sorted(sentence for sentence in found if len(sentence) >= 6)


@pytest.fixture(scope="module")
def authors():
    """Sentences of three splits; no passage of twenty characters is in two."""
    processor = registry.create("authors")
    folder = processor.default_data_dir
    return {
        "train": sentences(processor.get_train_examples(folder)),
        "dev": sentences(processor.get_dev_examples(folder)),
    }


def edit(text, *, rng):
    place = rng.randrange(len(text))
    other = rng.choice([c for c in "あ猫。7x" if c != text[place]])
    kind = rng.choice(["insert", "delete", "replace"])
    new = "" if kind == "delete" else other
    return text[:place] + new + text[place + (kind != "insert") :]


def test_planted_leakage_is_found(authors):
    """Every copy and every edit of a character, and no other sentence."""
    rng = random.Random(0)
    train, others = authors["train"], authors["dev"]
    same = {leakage.form_of(text) for text in train}
    copied = rng.sample(train, 400)
    edited = [edit(text, rng=rng) for text in rng.sample(train, 2000)]
    planted = split(*copied, *edited, *others)
    overlap = leakage.compare(planted, other=split(*train))
    assert [place for place in overlap.copies if place < 400] == list(range(400))
    missed = [place for place in range(400, 2400) if place not in overlap.near_copies]
    copies_by_chance = [place for place in missed if place in overlap.copies]
    assert missed == copies_by_chance
    assert len(missed) <= 2
    # A novel's words in another's mouth: short sentences that do repeat.
    alarms = [place - 2400 for place in overlap.near_copies if place >= 2400]
    assert len(alarms) <= 0.005 * len(others)
    for place in alarms:
        near = planted.forms[2400 + place]
        assert near in same or len(near) < 12


def test_disjoint_paragraphs_raise_no_alarm():
    processor = registry.create("authors")
    folder = processor.default_data_dir
    train = ComparedSplit(processor.get_train_examples(folder))
    for examples in (
        processor.get_dev_examples(folder),
        processor.get_test_examples(folder),
    ):
        overlap = leakage.compare(ComparedSplit(examples), other=train)
        assert (overlap.copies, overlap.near_copies, overlap.share) == ({}, {}, 0)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (" ＡＢＣ　１２３\t ", "abc 123"),
        ("ｶﾞｷﾞ", "ガギ"),
        ("か\u3099", "が"),
        ("㈱①Ⅳ", "(株)1iv"),
        ("Straße\n\n5", "strasse 5"),
        ("\u2028\u0085", ""),
        ("\ud83d", "\ud83d"),
    ],
)
def test_the_form_of_a_text(text, form):
    assert leakage.form_of(text) == form


def test_the_form_is_that_of_the_whole_text_normalised():
    rng = random.Random(0)
    blocks = [(0x20, 0x7F), (0x300, 0x370), (0x1100, 0x1200), (0x3000, 0x3100)]
    blocks += [(0xFF00, 0xFFF0), (0x2100, 0x2500), (0x1D400, 0x1D800), (0, 0x30000)]
    for _ in range(3000):
        codes = [rng.randrange(*rng.choice(blocks)) for _ in range(rng.randrange(20))]
        text = "".join(map(chr, codes))
        plain = unicodedata.normalize("NFKC", text).casefold()
        assert leakage.form_of(text) == " ".join(plain.split())


def test_copies_and_kinds_of_near_copies():
    long = "".join(map(chr, range(0x4E00, 0x4E00 + 200)))
    train = split("猫が好きです。", "ＴＶを見る", "good morning all", long)
    overlap = leakage.compare(
        split(
            "猫が好きです。",
            "tvを 見る",
            "TVを見る",
            "good mornings all",
            long[:80] + "とその他" + long[80:],
            "犬が好きです。",
            "全く違う文です。",
        ),
        other=train,
    )
    assert overlap.copies == {0: 0}
    assert overlap.near_copies == {1: 1, 2: 1, 3: 2, 4: 3, 5: 0}
    assert overlap.share == 6 / 7


def test_a_pair_is_a_copy_with_both_its_texts():
    train = split(("猫がいるよ", "動物がいるよ"), ("犬がいるよ", "猫はいないよ"))
    overlap = leakage.compare(
        split(
            ("猫がいるよ", "動物がいるよ"),
            ("猫がいるよ", "動物がいたよ"),
            ("猫がいるよ", "猫はいないよ"),
            ("鳥がいるよ、空に", "犬がいるよ"),
            ("鳥がいるよ、空に", "魚がいるよ、海に"),
        ),
        other=train,
    )
    assert overlap.copies == {0: 0}
    assert overlap.near_copies == {1: 0, 2: 1}
    assert overlap.shared_sides == 4


def test_a_pair_whose_texts_changed_places_is_a_copy():
    train = split(("猫がいるよ", "動物がいるよ"), ("犬がいるよ", "空は青いのだ"))
    overlap = leakage.compare(
        split(
            ("動物がいるよ", "猫がいるよ"),
            ("空は青いのだ", "犬がいたよ"),
            ("空は 青いのだ", "犬がいるよ"),
            ("全く違う文です", "犬がいるよ"),
        ),
        other=train,
    )
    assert overlap.copies == {0: 0}
    assert overlap.near_copies == {1: 1, 2: 1}
    swapped = split(("a", "b"), ("b", "a"), ("a", "a"), ("b", "b"))
    assert leakage.repeats(swapped.examples) == {1: 0}


def test_the_place_between_two_texts_counts():
    overlap = leakage.compare(split(("ab", "cdefgh")), other=split(("abcdef", "gh")))
    assert (overlap.copies, overlap.near_copies) == ({}, {})
    single = leakage.compare(split("abcdef gh"), other=split(("abcdef", "gh")))
    assert single.copies == {}
    assert single.shared_sides == 0


def test_another_label_is_counted_where_both_are_known():
    texts = ("one text", "two texts", "three texts", "four texts")
    overlap = leakage.compare(
        split(*texts, labels=["a", "b", None, "a"]),
        other=split(*texts, labels=["a", "a", "a", None]),
    )
    assert len(overlap.copies) == 4
    assert overlap.relabelled == 1


def test_empty_texts_are_no_copies():
    overlap = leakage.compare(
        split("", " ", "\u3000", ("", ""), ("", "text b")),
        other=split("", "", ("", ""), ("", "text b")),
    )
    assert overlap.copies == {4: 3}
    assert overlap.near_copies == {}


def test_shared_groups():
    overlap = leakage.compare(
        split("a", "b", "c", groups=["x", "y", None]),
        other=split("d", "e", groups=["y", None]),
    )
    assert overlap.shared_groups == 1


def test_repeats_within_a_split():
    examples = split("a", "b", "a", "", "", "A", "a", labels=["x"] * 6 + ["y"]).examples
    assert leakage.repeats(examples) == {2: 0, 6: 0}
    found = leakage.repeats(examples)
    assert leakage.relabelled(found, examples=examples, others=examples) == 1


def test_nothing_to_compare():
    overlap = leakage.compare(split(), other=split("a"))
    assert (overlap.compared, overlap.share) == (0, 0)


def test_a_book_in_a_field_is_compared_by_its_start():
    book = "吾輩は猫である。" * 200_000
    overlap = leakage.compare(split(book + "終わり"), other=split(book))
    assert overlap.near_copies == {0: 0}
