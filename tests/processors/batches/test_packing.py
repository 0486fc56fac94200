import numpy as np
import pytest

from processors.batches import packing


def spans(layout, lengths):
    """The row and columns of each example, one set of (slice, row) at a time."""
    taken = {}
    for place in np.ndindex(lengths.shape):
        start, length = int(layout.starts[place]), int(lengths[place])
        if length:
            row, column = divmod(start, layout.row_length)
            taken.setdefault((place[0], row), []).append(
                (layout.places[place], column, column + length)
            )
    return taken


def random_lengths(seed, *, longest=40):
    random = np.random.default_rng(seed)
    shape = random.integers(1, 9), random.integers(1, 40)
    return random.integers(0, longest + 1, shape)


@pytest.mark.parametrize("seed", range(30))
def test_rows_hold_their_examples_end_to_end(seed):
    lengths = random_lengths(seed)
    layout = packing.pack(lengths, row_length=40)
    for (_, row), held in spans(layout, lengths).items():
        held.sort()
        assert row < layout.rows
        assert [place for place, _, _ in held] == list(range(1, len(held) + 1))
        starts, ends = [start for _, start, _ in held], [end for *_, end in held]
        assert starts == [0, *ends[:-1]]
        assert ends[-1] <= 40


@pytest.mark.parametrize("seed", range(30))
def test_rows_are_few(seed):
    lengths = random_lengths(seed)
    rows = packing.pack(lengths, row_length=40).rows
    # Of two rows that are at most half full, first fit would have made one.
    assert (rows - 1) * 20 < max(lengths.sum(axis=1))


def test_longest_first_where_it_first_fits():
    layout = packing.pack(np.array([[3, 7, 6, 4]]), row_length=10)
    assert layout.rows == 2
    assert layout.starts.tolist() == [[7, 0, 10, 16]]
    assert layout.places.tolist() == [[2, 1, 1, 2]]


def test_equal_lengths_keep_their_order():
    layout = packing.pack(np.array([[5, 5, 5]]), row_length=10)
    assert layout.starts.tolist() == [[0, 5, 10]]


def test_every_slice_has_the_rows_of_the_fullest():
    lengths = np.array([[1, 1, 1], [9, 9, 9], [0, 0, 0]])
    assert packing.pack(lengths, row_length=10).rows == 3
    assert packing.pack(lengths, row_length=10, row_counts=(2, 4, 8)).rows == 4


@pytest.mark.parametrize(
    ("needed", "most", "counts"),
    [
        ([9] * 30 + [10] * 65 + [11] * 5, 32, (10, 12, 32)),
        (range(20, 32), 32, (25, 32)),
        ([2] * 50 + [20] * 50, 32, (2, 21, 32)),
        ([32] * 50, 32, (32,)),
        ([1] * 50, 1, (1,)),
    ],
)
def test_few_numbers_of_rows_pay_for_themselves(needed, most, counts):
    assert packing.counts_for(np.array(needed), most=most) == counts


def test_one_a_row():
    layout = packing.one_a_row(np.array([[3, 9, 0]]), row_length=10)
    assert (layout.rows, layout.row_length) == (3, 10)
    assert layout.starts.tolist() == [[0, 10, 0]]
    assert layout.places.tolist() == [[1, 1, 1]]


@pytest.mark.parametrize("seed", range(10))
def test_both_sides_of_an_example_lie_in_the_same_row(seed):
    sources = np.maximum(random_lengths(seed), 1)
    targets = np.random.default_rng(seed).integers(0, 11, sources.shape)
    layouts = packing.pack_sides([sources, targets], row_lengths=[40, 10])
    places = [
        {
            (slice_, row, place): (start, end)
            for (slice_, row), held in spans(layout, lengths).items()
            for place, start, end in held
        }
        for layout, lengths in zip(layouts, (sources, targets), strict=True)
    ]
    assert places[1].keys() <= places[0].keys()
    assert len(places[0]) == sources.size
    for (slice_, row, place), (start, end) in places[1].items():
        assert end <= 10
        others = [
            other
            for (s, r, p), other in places[1].items()
            if (s, r) == (slice_, row) and p != place
        ]
        assert all(end <= other[0] or other[1] <= start for other in others)
