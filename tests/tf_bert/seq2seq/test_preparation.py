"""What is refused before a framework loads, and what the report says."""

import dataclasses
import gzip
import json

import pytest

from processors.tasks.source_target import SourceTargetLists
from processors.tokenization.settings import TokenizerKind
from runtime.errors import CheckpointError, DataError, SettingsError
from tests.tf_bert.seq2seq import small_titles
from tf_bert.seq2seq.preparation import prepare
from tf_bert.seq2seq.settings import Seq2SeqSettings


@pytest.fixture
def settings(tmp_path):
    values = small_titles.write(tmp_path)
    values |= {"tokenizer": TokenizerKind.CHAR, "do_train": True, "do_eval": True}

    def make(**changes):
        return Seq2SeqSettings(**(values | changes))

    return make


def add_row(folder, row, *, split="train"):
    path = folder / f"{split}.jsonl"
    rows = path.read_text(encoding="utf-8")
    path.write_text(f"{rows}\n{json.dumps(row, ensure_ascii=False)}", encoding="utf-8")


def test_splits_have_ids_of_both_sides(settings):
    job = prepare(settings(do_predict=True))
    sizes = {name: len(split.dataset) for name, split in job.splits.items()}
    assert sizes == small_titles.SIZES
    train = job.splits["train"]
    for place in range(5):
        features = train.dataset.example(place)
        special, example = job.tokenizer.special, train.examples[place]
        assert features.input_ids.tolist() == [
            special.cls,
            *job.tokenizer.encode(example.text_a)[:14],
            special.sep,
        ]
        assert features.target_ids.tolist() == [
            *job.tokenizer.encode(example.text_b),
            special.sep,
        ]
    assert job.total_steps == int(96 / 16 * 3)


def test_a_target_that_is_cut_keeps_its_end(settings):
    job = prepare(settings(max_target_length=2))
    found = [job.splits["train"].dataset.example(n).target_ids for n in range(96)]
    assert {len(ids) for ids in found} == {2}
    assert {ids[-1] for ids in found} == {job.tokenizer.special.sep}


def test_the_report_is_on_sources_targets_and_what_the_vocabulary_loses(
    settings, tmp_path
):
    train = (tmp_path / "train.jsonl").read_text(encoding="utf-8").splitlines()
    story, title = json.loads(train[0]).values()
    add_row(tmp_path, {"story": story, "title": "山川空海森風"}, split="dev")
    add_row(tmp_path, {"story": "雪" * 13, "title": "谷の山"}, split="dev")
    text = prepare(settings(max_target_length=3)).report
    sources, targets = text.split("Data report: targets")
    assert sources.startswith("Data report: sources")
    assert "--max_source_length=16" in sources.replace("\n", " ")
    assert "copy  dev-21  train-0  " in sources
    assert "Tokens of an example with [SEP]" in targets
    assert "--max_target_length=3" in targets.replace("\n", " ")
    assert "copy  dev-" in targets
    assert "tokenizer's ceiling" in targets
    *_, dev = (row for row in targets.splitlines() if row.startswith("dev  "))
    assert dev.split()[1] == "23"
    assert title


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"text_b": "story"}, "--source and --target are one column, story"),
        ({"max_seq_length": 40}, "--max_source_length=40 is more than the encoder has"),
        (
            {"max_target_length": 33},
            "33 is more than the decoder has positions for, 32",
        ),
        ({"max_seq_length": 2}, "--max_source_length must be at least 3"),
        ({"max_seq_length": 0}, "--max_source_length must be at least 1; got 0"),
        ({"max_target_length": 0}, "--max_target_length must be at least 1"),
        ({"min_target_length": 7}, "--min_target_length=7 is above --max_target"),
        (
            {"num_return_sequences": 3},
            "--num_return_sequences=3 is above --num_beams=2",
        ),
        ({"num_beams": 0}, "--num_beams must be at least 1; got 0"),
        ({"no_repeat_ngram_size": -1}, "--no_repeat_ngram_size must be at least 0"),
        ({"length_penalty": float("nan")}, "--length_penalty must be finite"),
        ({"num_warmup_steps": -1}, "--num_warmup_steps must be at least 0"),
        ({"task_name": "records"}, "--task_name=records has no texts"),
        ({"task_name": "folder"}, "--source has no meaning for this task"),
        ({"best_by": "eval_accuracy"}, "it has eval_loss, eval_perplexity"),
        ({"vocab_file": None}, "--vocab_file .* is required"),
    ],
)
def test_settings_that_cannot_be_used(settings, changes, problem):
    with pytest.raises(SettingsError, match=problem):
        prepare(settings(**changes))


def test_wrong_settings_of_a_search_are_said_together(settings):
    with pytest.raises(SettingsError) as caught:
        settings(num_beams=0, no_repeat_ngram_size=-2, min_target_length=9)
    assert len(caught.value.problems) >= 3


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"story": " ", "title": "山"}, "source is empty"),
        ({"story": "山", "title": ""}, "target is empty"),
        ({"story": "山", "title": "Ｑ谷"}, "no token that the vocabulary knows"),
        ({"story": "山", "title": None}, "'title': expected text, got None"),
        ({"story": "山"}, "no column 'title'; there is 'story'"),
    ],
)
def test_rows_that_cannot_be_learned_from(settings, tmp_path, row, problem):
    add_row(tmp_path, row)
    with pytest.raises(DataError, match=rf"train\.jsonl:97.*{problem}"):
        prepare(settings())


@pytest.mark.parametrize("token", ["[PAD]", "[CLS]", "[SEP]", "[UNK]"])
def test_a_vocabulary_without_a_special_token(tmp_path, token):
    tokens = ["x" if each == token else each for each in small_titles.TOKENS]
    values = small_titles.write(tmp_path, tokens=tokens)
    with pytest.raises((SettingsError, DataError), match=rf"\{token[:-1]}\]"):
        prepare(Seq2SeqSettings(**values, tokenizer=TokenizerKind.CHAR, do_train=True))


def test_special_tokens_of_one_id(settings, monkeypatch):
    from pipelines.generation import preparation

    job = prepare(settings())
    tokenizer = job.tokenizer
    monkeypatch.setattr(
        tokenizer, "special", dataclasses.replace(tokenizer.special, unk=0)
    )
    with pytest.raises(SettingsError, match=r"and .* are one id, 0"):
        preparation.refuse_odd_special_tokens(tokenizer)


def test_a_vocabulary_of_another_size(tmp_path):
    values = small_titles.write(
        tmp_path, config=small_titles.CONFIG | {"vocab_size": 11}
    )
    with pytest.raises(SettingsError, match=r"15.*11|11.*15"):
        prepare(Seq2SeqSettings(**values, tokenizer=TokenizerKind.CHAR, do_train=True))


def test_a_checkpoint_that_is_not_there(settings, tmp_path):
    with pytest.raises(CheckpointError, match="nothing_there"):
        prepare(settings(init_checkpoint=str(tmp_path / "nothing_there")))


def test_two_ways_to_name_the_weights(settings):
    with pytest.raises(SettingsError, match="--init_checkpoint names the weights of"):
        prepare(settings(init_checkpoint="a", encoder_checkpoint="b"))


def test_splits_are_dealt_and_groups_stay_together(settings, tmp_path):
    path = tmp_path / "train.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    lines = [json.dumps(row | {"day": n % 12}) for n, row in enumerate(rows)]
    path.write_text("\n".join(lines))
    job = prepare(settings(split=("train:0.75", "dev:0.25"), split_group="day", seed=3))
    days = {
        name: {example.group for example in split.examples}
        for name, split in job.splits.items()
    }
    assert not days["train"] & days["dev"]
    assert "Dealt from the training examples" in job.report


def test_a_compressed_file_and_rejected_rows(settings, tmp_path):
    from processors.readers.sieve import OnBadRow

    add_row(tmp_path, {"story": "山", "title": ""})
    path = tmp_path / "train.jsonl"
    (tmp_path / "train.jsonl.gz").write_bytes(gzip.compress(path.read_bytes()))
    path.unlink()
    job = prepare(settings(on_bad_row=OnBadRow.REJECT))
    assert len(job.splits["train"].examples) == 96


def test_too_many_copies_are_refused_on_either_side(settings, tmp_path):
    train = (tmp_path / "train.jsonl").read_text(encoding="utf-8").splitlines()
    title = json.loads(train[0])["title"]
    lines = [
        json.dumps({"story": "雲" * n, "title": title}, ensure_ascii=False)
        for n in range(3, 9)
    ]
    (tmp_path / "dev.jsonl").write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match="6 of 6 dev examples"):
        prepare(settings(max_leakage=0.5))


def test_lists_of_a_notebook(settings):
    lists = SourceTargetLists(
        train=[("山川空", "山"), ("海森風", "海")] * 10, dev=[("山森風", "山")]
    )
    job = prepare(settings(task_name="lists", data_dir=None), processor=lists)
    assert [len(split.dataset) for split in job.splits.values()] == [20, 1]
