import numpy as np
import pytest

from processors.pretraining import create
from processors.pretraining.corpus import Corpus, Sentences
from processors.pretraining.report import PretrainingReport, SequenceTally, TextCounts
from processors.pretraining.settings import Mode, PretrainingTask
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime.errors import DataError

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = list("abcdefghijklmnopqrstuvwxyz")


@pytest.fixture
def written(make_settings, tmp_path):
    """Makes records of lines of letters; returns the report's lines."""

    def make(text, *, vocabulary=LETTERS, **changes):
        (tmp_path / "vocab.txt").write_text("\n".join([*SPECIAL, *vocabulary]) + "\n")
        (tmp_path / "text.txt").write_text(text)
        settings = make_settings(
            vocab_file=str(tmp_path / "vocab.txt"),
            input_file=(str(tmp_path / "text.txt"),),
            **{"max_seq_length": 32, "max_predictions_per_seq": 5, **changes},
        )
        create.create(settings)
        path = tmp_path / "made.tf_record.report.txt"
        return path.read_text().splitlines()

    return make


def value(lines, name):
    [found] = [line for line in lines if line.strip().startswith(name)]
    return found.strip()[len(name) :].strip()


def warnings(lines):
    return [line for line in lines if line.startswith("WARNING: ")]


def ordinary_text(documents=30, *, seed=0, sentences=6):
    random = np.random.RandomState(seed)
    return "\n\n".join(
        "\n".join(" ".join(random.choice(LETTERS, 7)) for _ in range(sentences))
        for _ in range(documents)
    )


def test_nothing_is_wrong(written):
    lines = written(ordinary_text())
    assert value(lines, "text: documents") == "30, 0 of one sentence"
    assert value(lines, "text: sentences") == "180, the longest of 7 tokens"
    assert value(lines, "text: tokens") == "1,260, 0.0% unknown"
    assert value(lines, "text: passes") == "2, 2,520 tokens"
    assert warnings(lines) == []


def test_counts_are_those_of_the_records(written, tmp_path):
    lines = written(ordinary_text())
    made = create.records.read([str(tmp_path / "made.tf_record")])
    labels = made.tokens.label_ids
    assert value(lines, "sequences made") == f"{len(made)}"
    for label, name in enumerate(("the next sentences", "random ones")):
        count = int((labels == label).sum())
        expected = f"{count} ({count / len(made):.1%})"
        assert value(lines, f"label {label}: {name}") == expected
    assert value(lines, "masked") == f"{len(made.predictions.ids):,}"
    counts = np.bincount(made.predictions.ids)
    most = int(counts.max())
    [first] = [lines[n + 1] for n, line in enumerate(lines) if line.startswith("maske")]
    assert first.split() == [
        LETTERS[int(counts.argmax()) - 5],
        f"{most}",
        f"({most / counts.sum():.1%})",
    ]
    lengths = np.sort(made.tokens.lengths)
    expected = [lengths[int(np.ceil(len(made) * q)) - 1] for q in (0.05, 0.5, 0.95, 1)]
    assert value(lines, "tokens: 5 %, 50 %, 95 %, longest") == ", ".join(
        map(str, expected)
    )
    short = (lengths < 16).mean()
    assert value(lines, "under 16 tokens") == f"{short:.1%}"
    numbers = [
        int(value(lines, name).split()[0].replace(",", ""))
        for name in ("kept", "from other documents besides")
    ]
    special = 3 * len(made)  # [CLS] and two [SEP]
    assert sum(numbers) == len(made.tokens.ids) - special
    lost = [
        int(value(lines, f"lost: {what} longer than a sequence").split()[0])
        for what in ("sentences", "pairs")
    ]
    assert numbers[0] + sum(lost) == 2520
    assert lost[0] == 0 < lost[1]


def test_a_blank_line_after_every_sentence(written):
    lines = written(ordinary_text(60, sentences=1), dupe_factor=10)
    [warning] = [line for line in warnings(lines) if "label" in line]
    assert warning.startswith(
        "WARNING: 600 of 600 next-sentence labels are 1, 0 are 0: a model that always "
        "says 1 is right"
    )
    assert "60 of 60 documents have one sentence" in warning
    assert "--objective=mlm" in warning


def test_documents_of_one_long_line(written):
    random = np.random.RandomState(0)
    text = "\n\n".join(" ".join(random.choice(LETTERS, 500)) for _ in range(20))
    lines = written(text, dupe_factor=1, short_seq_prob=0.0)
    # Two halves of 29 tokens: 14 or 15 of each line are kept.
    [warning] = [line for line in warnings(lines) if "lost" in line]
    kept = int(value(lines, "kept").split()[0])
    assert 20 * 13 < kept < 20 * 17
    assert f"{10_000 - kept:,} of 10,000 tokens ({1 - kept / 10_000:.1%})" in warning
    assert "--split_sentences" in warning
    for objective in (PretrainingTask.MLM, PretrainingTask.MLM_SOP):
        lines = written(text, dupe_factor=1, objective=objective)
        assert value(lines, "kept") == "10,000 (100.0%)"
        assert warnings(lines) == []


def test_sentences_without_an_order(written):
    lines = written(
        ordinary_text(60, sentences=1),
        objective=PretrainingTask.MLM_SOP,
        short_seq_prob=0.0,
    )
    [warning] = [line for line in warnings(lines) if "order" in line]
    assert warning.startswith("WARNING: 120 of 120 sequences have no order to ask for")
    assert value(lines, "label none: no second segment") == "120 (100.0%)"


def test_a_foreign_vocabulary_is_refused(written, tmp_path):
    text = ordinary_text()
    with pytest.raises(DataError, match=r"5\d\.\d% of the 1,260 tokens .* \[UNK\]"):
        written(text, vocabulary=seen_until(text, 0.49))
    assert not (tmp_path / "made.tf_record").exists()
    assert not (tmp_path / "made.tf_record.parts").exists()


def seen_until(text, share):
    """Letters that make up at most this share of a text, in order."""
    letters = text.split()
    found = []
    for letter in LETTERS:
        if np.isin(letters, [*found, letter]).mean() > share:
            return found
        found.append(letter)
    return found


@pytest.mark.parametrize(("known", "told"), [(0.51, True), (0.9, True), (0.96, False)])
def test_unknown_tokens_are_told(written, known, told):
    text = ordinary_text()
    # One more letter than fits.
    vocabulary = LETTERS[: len(seen_until(text, known)) + 1]
    found = warnings(written(text, vocabulary=vocabulary))
    assert any("of the tokens are [UNK]" in line for line in found) == told


def test_one_piece_is_most_of_what_is_masked(written):
    text = ordinary_text().replace("b", "a").replace("c", "a").replace("d", "a")
    text = text.replace("e", "a").replace("f", "a").replace("g", "a").replace("h", "a")
    [warning] = warnings(written(text))
    assert "of what is masked is a: a model that always says so" in warning


def test_short_sequences_are_told(written):
    text = "a b\nc d\n\ne f\ng h\n\ni j\nk l\n\nm n\no p"
    assert any("fewer than 16 tokens" in line for line in warnings(written(text)))


def test_a_cased_vocabulary_for_lower_case(written):
    vocabulary = [*LETTERS, *(letter.upper() for letter in LETTERS)]
    text = ordinary_text()
    [warning] = warnings(written(text, vocabulary=vocabulary))
    assert warning.startswith("WARNING: 26 of 57 tokens of the vocabulary have capital")
    assert "--nodo_lower_case" in warning
    assert warnings(written(text, vocabulary=vocabulary, do_lower_case=False)) == []


def test_what_training_is_to_mask(written):
    lines = written(ordinary_text(), mode=Mode.DYNAMIC, dupe_factor=1)
    total = int(value(lines, "to be masked from").replace(",", ""))
    kept, borrowed = (
        int(value(lines, name).split()[0].replace(",", ""))
        for name in ("kept", "from other documents besides")
    )
    assert total == kept + borrowed


def make_report(tmp_path, *, labels, objective=PretrainingTask.MLM_NSP):
    (tmp_path / "v.txt").write_text("\n".join([*SPECIAL, *LETTERS]) + "\n")
    tally = SequenceTally(max_seq_length=32, vocab_size=31)
    tally.labels = labels
    tally.lengths[20] = sum(labels.values())

    class Settings:
        pass

    settings = Settings()
    settings.objective = objective
    return PretrainingReport(
        text=TextCounts(10, 0, 100, 1000, 10, 0),
        tally=tally,
        counts={},
        passes=1,
        is_masked=True,
        settings=settings,
        tokenizer=WordPieceTokenizer(str(tmp_path / "v.txt")),
    )


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({0: 10, 1: 90, None: 0}, False),
        ({0: 9, 1: 91, None: 0}, True),
        ({0: 91, 1: 9, None: 0}, True),
        ({0: 50, 1: 50, None: 0}, False),
    ],
)
def test_from_where_labels_are_one_sided(tmp_path, labels, told):
    found = list(make_report(tmp_path, labels=labels).warnings())
    assert bool(found) == told


def test_the_text_s_counts():
    text = Sentences.of([[1, 7], [7, ~1, 8], [9]], ends=[1, 3], lines=0, vocab_size=100)

    class Known:
        class special:  # noqa: N801 - as a tokenizer's attribute
            unk = 1

    counts = TextCounts.of(Corpus(text), tokenizer=Known)
    assert counts == TextCounts(
        documents=2, single=1, sentences=3, tokens=6, longest=3, unknown=2
    )


def test_which_sequences_are_short():
    tally = SequenceTally(max_seq_length=32, vocab_size=31)
    tally.lengths[[15, 16]] = 1
    assert tally.shorter_than(16) == 0.5
