import math

import numpy as np
import pytest
import scipy.stats

from lstm_pretrain.experiment import summary
from lstm_pretrain.experiment.cells import Cell, Result, Results, Start
from runtime.errors import DataError


def result(size, seed, start, accuracy):
    return Result(
        cell=Cell(size, seed, start),
        train_losses=[0.5],
        dev_accuracies=[accuracy],
        dev_losses=[0.5],
        test_accuracy=accuracy,
        last_test_accuracy=accuracy - 0.1,
        seconds=1.0,
    )


@pytest.fixture
def results():
    ahead = {100: [0.80, 0.84, 0.79], 20: [0.70, 0.60, 0.71]}
    behind = {100: [0.78, 0.80, 0.80], 20: [0.55, 0.52, 0.61]}
    found = []
    for size in ahead:
        for seed in range(3):
            found.append(result(size, seed, Start.SCRATCH, behind[size][seed]))
            found.append(result(size, seed, Start.PRETRAINED, ahead[size][seed]))
    return found


def test_pairs_are_of_one_size_and_seed(results):
    small, large = summary.compare(results, lambda each: each.test_accuracy)
    assert (small.size, large.size) == (20, 100)
    assert small.pretrained.tolist() == [0.70, 0.60, 0.71]
    assert small.scratch.tolist() == [0.55, 0.52, 0.61]
    assert small.difference == pytest.approx(0.11)


def test_the_interval_is_that_of_the_paired_t_test(results):
    small, _ = summary.compare(results, lambda each: each.test_accuracy)
    test = scipy.stats.ttest_rel(small.pretrained, small.scratch)
    expected = test.confidence_interval(0.95)
    assert small.interval == pytest.approx((expected.low, expected.high))


def test_a_seed_that_lacks_its_pair_is_left_out(results):
    [lonely] = summary.compare(results[:3], lambda each: each.test_accuracy)
    assert lonely.seeds == [0]
    assert all(math.isnan(bound) for bound in lonely.interval)
    assert "one seed" in summary.text(results[:2], test_examples=5)


def test_seeds_that_all_differ_alike_leave_no_room():
    alike = summary.Comparison(
        size=20, seeds=[0, 1], pretrained=np.ones(2), scratch=np.zeros(2)
    )
    assert alike.interval == (1.0, 1.0)


def test_columns_stand_where_they_stood(results):
    head, *_, last = summary.text(results, test_examples=600).splitlines()[5:8]
    assert head == (
        " examples  seeds      pretrained    from scratch"
        "  difference            interval"
    )
    assert last == (
        "      100      3     81.0 +- 2.6     79.3 +- 1.2"
        "        +1.7        -4.6 to +7.9"
    )


def test_the_page_shows_both_ends_of_training(results):
    page = summary.text(results, test_examples=600)
    assert "Accuracy on 600 test examples" in page
    rows = [line.split() for line in page.splitlines() if line.startswith("       20")]
    assert rows[0][:2] == ["20", "3"]
    assert "67.0" in rows[0]
    assert "57.0" in rows[1]
    assert "+11.0" in rows[0]


def comparison(size, *differences):
    return summary.Comparison(
        size=size,
        seeds=[*range(len(differences))],
        pretrained=np.array(differences),
        scratch=np.zeros(len(differences)),
    )


def test_a_sentence_says_where_the_difference_is_beyond_chance():
    ahead, behind = comparison(50, 0.1, 0.11, 0.12), comparison(200, -0.1, -0.11)
    either, alone = comparison(400, -0.1, 0.1), comparison(900, 0.1)
    assert summary.verdict([ahead, behind, either, alone]) == (
        "Beyond chance, pretraining helps at 50 examples and hurts at 200 examples; "
        "it may be chance at 400, 900 examples."
    )


def test_both_ends_of_training_have_their_sentence(results):
    page = summary.text(results, test_examples=600)
    [best, last] = [line for line in page.splitlines() if "Beyond chance" in line]
    assert best == last  # the fixture's last epochs are all a tenth lower
    assert "helps at 20 examples and hurts at no size" in best


# results.jsonl -----------------------------------------------------------------------


def test_cells_that_are_done_are_not_done_again(results, tmp_path):
    kept = Results(str(tmp_path / "results.jsonl"))
    assert kept.read() == []
    for each in results[:5]:
        kept.add(each)
    assert kept.missing([each.cell for each in results]) == [
        each.cell for each in results[5:]
    ]
    for each in results[5:]:
        kept.add(each)
    assert kept.missing([each.cell for each in results]) == []
    assert Results(str(tmp_path / "results.jsonl")).read() == results
    assert np.isfinite([each.seconds for each in kept.read()]).all()


def test_a_foreign_line_is_an_error(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text('{"size": 3}\n')
    with pytest.raises(DataError, match="expected the result of a cell"):
        Results(str(path)).read()


def test_a_line_that_a_crash_cut_short_is_none(tmp_path, results):
    path = tmp_path / "results.jsonl"
    kept = Results(str(path))
    kept.add(results[0])
    path.write_text(path.read_text() + '{"size": 1')
    assert kept.read() == results[:1]
