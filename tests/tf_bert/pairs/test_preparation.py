import numpy as np
import pytest

from processors.example import InputExample
from processors.readers.sieve import OnBadRow
from processors.tasks.lists import ListsProcessor
from runtime import storage
from runtime.errors import CheckpointError, DataError, SettingsError
from tests.tf_bert.pairs import golden
from tests.tf_bert.pairs.conftest import golden_rows, write_table
from tf_bert.pairs.heads import Attend, Combine
from tf_bert.pairs.preparation import prepare


def test_both_texts_of_a_row_have_their_own_special_tokens(make_settings, tmp_path):
    job = prepare(make_settings(tmp_path / "out"))
    found = job.splits["train"].dataset
    expected = golden.pairs_dataset()
    np.testing.assert_array_equal(found.ids, expected.ids)
    np.testing.assert_array_equal(found.segments, expected.segments)


def test_a_column_of_second_texts_is_asked_for(make_settings, tmp_path):
    with pytest.raises(DataError, match=r"train.tsv:2.*--architecture=bi.*--text_b"):
        prepare(make_settings(tmp_path / "out", text_b=None))


@pytest.mark.parametrize("side", [0, 1])
def test_an_empty_text_is_a_bad_row(make_settings, tmp_path, side):
    rows = golden_rows()
    rows[4] = tuple(
        " " if place == side else cell for place, cell in enumerate(rows[4])
    )
    write_table(tmp_path / "train.tsv", rows)
    told = {"data_dir": str(tmp_path)}
    with pytest.raises(DataError, match=r"train.tsv:6.*text_[ab] is empty"):
        prepare(make_settings(tmp_path / "out", **told))
    job = prepare(make_settings(tmp_path / "out", on_bad_row=OnBadRow.REJECT, **told))
    assert len(job.splits["train"].dataset) == 15


def test_examples_of_no_file_are_checked_too(make_settings, tmp_path):
    lists = ListsProcessor(
        train=[
            InputExample("a", "x", label="even"),
            InputExample("b", "y", label="odd"),
        ]
    )
    with pytest.raises(DataError, match=r"train examples:1: --architecture=bi"):
        prepare(
            make_settings(tmp_path / "out", task_name="lists", labels=()),
            processor=lists,
        )


def test_an_unknown_id_of_the_pairs_task_is_a_bad_row(make_settings, tmp_path):
    (tmp_path / "texts.json").write_text('{"a": "x", "b": "y"}')
    (tmp_path / "pairs.json").write_text('[["a", "b", "1"], ["a", "nobody", "0"]]')
    told = {
        "task_name": "pairs",
        "data_dir": str(tmp_path),
        "texts_file": "texts.json",
        "pairs_file": "pairs.json",
        "labels": (),
        "text_a": "text_a",
        "text_b": "text_b",
    }
    with pytest.raises(DataError, match="no text with the id 'nobody'"):
        prepare(make_settings(tmp_path / "out", **told))


def test_numbers_that_are_none_are_bad_rows(make_settings, tmp_path):
    rows = [(a, b, "1.5") for a, b, _ in golden_rows()]
    rows[2] = (*rows[2][:2], "nan")
    write_table(tmp_path / "train.tsv", rows)
    from processors.labels.targets import Objective

    with pytest.raises(DataError, match=r"train.tsv:4"):
        prepare(
            make_settings(
                tmp_path / "out",
                data_dir=str(tmp_path),
                labels=(),
                objective=Objective.REGRESSION,
            )
        )


def test_more_reduced_dimensions_than_there_are(make_settings, tmp_path):
    told = {"combine": Combine.REDUCED, "reduced_size": 49}
    with pytest.raises(SettingsError, match=r"--reduced_size=49.*48 dimensions"):
        prepare(make_settings(tmp_path / "out", **told))
    prepare(make_settings(tmp_path / "out", **(told | {"reduced_size": 48})))
    prepare(make_settings(tmp_path / "out", reduced_size=49))  # which nothing reads


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"attend": Attend.TOKENS, "combine": Combine.FEATURES}, "--combine=features"),
        ({"attention_size": 0}, "--attention_size must be at least 1"),
        ({"reduced_size": 0}, "--reduced_size must be at least 1"),
        ({"head_learning_rate": 0.0}, "--head_learning_rate and"),
        ({"ranking_loss": 0.5}, "--ranking_loss and --ranking_label"),
        ({"ranking_label": "even"}, "--ranking_loss and --ranking_label"),
        ({"ranking_loss": -1.0, "ranking_label": "even"}, "--ranking_loss must be"),
    ],
)
def test_settings_that_do_not_fit(make_settings, tmp_path, changed, said):
    with pytest.raises(SettingsError, match=said):
        make_settings(tmp_path / "out", **changed)


def test_a_ranking_label_that_there_is_not(make_settings, tmp_path):
    told = {"ranking_loss": 0.5, "ranking_label": "nobody"}
    with pytest.raises(SettingsError, match="even, odd, other; got nobody"):
        prepare(make_settings(tmp_path / "out", **told))


def test_windows_are_of_single_texts(make_settings, tmp_path):
    from processors.batches.long_texts import LongTexts

    with pytest.raises(SettingsError, match="--long_texts=chunk"):
        make_settings(tmp_path / "out", long_texts=LongTexts.CHUNK)


def test_leakage_is_told(make_settings, tmp_path):
    job = prepare(make_settings(tmp_path / "out", do_eval=True))
    assert "dev in train" in job.report
    with pytest.raises(DataError, match="--max_leakage"):
        prepare(make_settings(tmp_path / "out", do_eval=True, max_leakage=0.1))


def test_nothing_trained_is_refused(make_settings, tmp_path):
    with pytest.raises(CheckpointError, match="nothing to evaluate"):
        prepare(
            make_settings(
                tmp_path / "out", do_train=False, do_eval=True, init_checkpoint=None
            )
        )
    assert not storage.exists(f"{tmp_path}/out")
