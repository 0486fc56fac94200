import dataclasses
import itertools

import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo, default_buckets
from processors.batches.batches import FILLER, EvalBatches, TrainBatches, stack
from processors.batches.features import Features
from processors.batches.token_dataset import UNLABELLED, TokenDataset
from runtime.errors import DataError, SettingsError

CLS = 2
MAX = 24
EVERY_WAY = pytest.mark.parametrize("pad_to", PadTo)


def make_dataset(examples, *, longest=MAX, seed=0):
    """Examples whose second token tells which they are; every fifth unlabelled."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(examples):
        length = int(random.integers(2, longest + 1))
        ids = random.integers(3, 1000, length, np.int32)
        ids[:2] = CLS, 10_000 + number
        segments = np.sort(random.integers(0, 2, length, np.int32))
        rows.append(Features(ids, segments, None if number % 5 == 4 else number % 3))
    return TokenDataset.from_features(rows)


def make_shape(**settings):
    defaults = {"per_replica_batch": 4, "max_seq_length": MAX, "pad_to": PadTo.PACK}
    return BatchShape(**(defaults | settings))


def assert_equal(ours, theirs):
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])


def read_back(arrays, place):
    """The tokens, segments and positions of the example at a [slice..., i] place."""
    *where, _ = place
    grid = {
        name: arrays[name][tuple(where)]
        for name in ("input_ids", "segment_ids", "position_ids", "example_ids")
    }
    row, column = divmod(
        int(arrays["first_positions"][place]), grid["input_ids"].shape[-1]
    )
    number = grid["example_ids"][row, column]
    [held] = np.nonzero(grid["example_ids"][row] == number)
    assert number > 0
    assert held.tolist() == list(range(column, column + len(held)))  # one block
    return [grid[name][row, held].tolist() for name in grid if name != "example_ids"]


def check_batch(batch, dataset):
    """Every example of the batch lies whole where the arrays say, and nothing else."""
    arrays = batch.arrays
    tokens = 0
    for place in np.ndindex(batch.example_index.shape):
        index = batch.example_index[place]
        if index == FILLER:
            assert arrays["first_positions"][place] == 0
            assert arrays["label_ids"][place] == 0
            assert arrays["loss_weight"][place] == 0
            continue
        example = dataset.example(index)
        length = dataset.length(index)
        tokens += length
        assert read_back(arrays, place) == [
            example.input_ids.tolist(),
            example.segment_ids.tolist(),
            list(range(length)),
        ]
        assert arrays["label_ids"][place] == (example.label_id or 0)
        assert (arrays["loss_weight"][place] > 0) == (example.label_id is not None)
    padding = arrays["example_ids"] == 0
    assert batch.real_tokens == tokens == (~padding).sum()
    for name in ("input_ids", "segment_ids", "position_ids"):
        assert not arrays[name][padding].any()


@EVERY_WAY
@pytest.mark.parametrize(("replicas", "accumulation"), [(1, 1), (2, 3), (8, 1)])
def test_every_example_lies_whole_in_its_slice(pad_to, replicas, accumulation):
    dataset = make_dataset(67)
    shape = make_shape(pad_to=pad_to, replicas=replicas, accumulation=accumulation)
    train = TrainBatches(dataset, shape=shape, seed=3)
    for batch in itertools.chain(
        map(train.batch, range(5)), EvalBatches(dataset, shape=shape)
    ):
        check_batch(batch, dataset)
        assert batch.example_index.shape == (accumulation, replicas, 4)
        lead = (accumulation, replicas)
        assert all(array.shape[:2] == lead for array in batch.arrays.values())


@EVERY_WAY
def test_types(pad_to):
    [batch] = EvalBatches(make_dataset(3), shape=make_shape(pad_to=pad_to))
    types = {name: array.dtype for name, array in batch.arrays.items()}
    assert types.pop("loss_weight") == np.float32
    assert set(types.values()) == {np.dtype(np.int32)}
    assert batch.example_index.dtype == np.int64


def test_max_is_the_original_fixed_length():
    dataset = make_dataset(4)
    [batch] = EvalBatches(dataset, shape=make_shape(pad_to=PadTo.MAX))
    for index in range(4):
        example, length = dataset.example(index), dataset.length(index)
        padding = [0] * (MAX - length)
        row = {name: batch.arrays[name][0, 0, index].tolist() for name in batch.arrays}
        assert row["input_ids"] == [*example.input_ids, *padding]
        assert row["segment_ids"] == [*example.segment_ids, *padding]
        assert row["example_ids"] == [1] * length + padding  # the input_mask
        assert row["position_ids"][:length] == list(range(length))
        assert row["first_positions"] == index * MAX


def test_bucket_is_the_smallest_that_holds_the_whole_batch():
    dataset = TokenDataset.concatenate(
        [
            make_dataset(8, longest=5),
            make_dataset(7, longest=5),
            make_dataset(1, longest=MAX, seed=9),
        ]
    )
    longest = dataset.length(15)
    assert longest > 5
    shape = make_shape(pad_to=PadTo.BUCKET, replicas=2, buckets=(5, longest, MAX))
    shapes = [b.arrays["input_ids"].shape for b in EvalBatches(dataset, shape=shape)]
    assert shapes == [(1, 2, 4, 5), (1, 2, 4, longest)]


def test_packed_rows_are_fewer_and_equal_in_every_slice():
    dataset = make_dataset(64, longest=6)
    shape = make_shape(per_replica_batch=8, replicas=2, accumulation=2)
    for batch in EvalBatches(dataset, shape=shape):
        rows, row_length = batch.arrays["input_ids"].shape[2:]
        assert row_length == MAX
        assert rows < 4
    rounded = EvalBatches(
        dataset, shape=make_shape(per_replica_batch=8, row_counts=(4, 8))
    )
    assert {b.arrays["input_ids"].shape[2] for b in rounded} == {4}


def test_training_takes_few_numbers_of_rows_that_fit_its_examples():
    dataset = make_dataset(500)
    sizes = {"per_replica_batch": 32, "replicas": 2}
    exact = TrainBatches(dataset, shape=make_shape(**sizes), seed=1)
    multiples = tuple(range(8, 65, 8))
    shape = make_shape(**sizes, row_counts=multiples)
    fitting = TrainBatches(dataset, shape=shape, seed=1)
    needed, taken = [], []
    for step in range(60):
        (few, many) = (each.batch(step) for each in (exact, fitting))
        np.testing.assert_array_equal(few.example_index, many.example_index)
        needed.append(few.arrays["input_ids"].shape[2])
        taken.append(many.arrays["input_ids"].shape[2])
    assert len(set(taken)) <= 3 < len(set(needed)) + 1
    assert np.all(np.array(taken) >= needed)
    rounded = np.ceil(np.array(needed) / 8) * 8
    assert sum(taken) < 0.95 * rounded.sum()
    again = TrainBatches(dataset, shape=shape, seed=1).batch(59)
    assert again.arrays["input_ids"].shape[2] == taken[-1]


def test_one_number_of_rows_is_kept():
    shape = make_shape(per_replica_batch=8, row_counts=(8,))
    batch = TrainBatches(make_dataset(64, longest=2), shape=shape, seed=1).batch(0)
    assert batch.arrays["input_ids"].shape[2] == 8


def test_slices_are_consecutive_blocks_of_the_global_batch():
    dataset = make_dataset(48)
    shape = make_shape(replicas=2, accumulation=3)
    whole = make_shape(per_replica_batch=24)
    for step in range(4):
        sliced = TrainBatches(dataset, shape=shape, seed=1).batch(step)
        joined = TrainBatches(dataset, shape=whole, seed=1).batch(step)
        np.testing.assert_array_equal(
            sliced.example_index.ravel(), joined.example_index.ravel()
        )


def stream(train, *, steps):
    batches = [train.batch(step).example_index.ravel() for step in range(steps)]
    return np.concatenate(batches).tolist()


@pytest.mark.parametrize("examples", [1, 3, 4, 5, 8, 30])
def test_every_epoch_holds_every_example_once(examples):
    train = TrainBatches(make_dataset(examples), shape=make_shape(), seed=5)
    order = stream(train, steps=2 * examples)  # eight epochs of `examples`
    epochs = [
        order[start : start + examples] for start in range(0, len(order), examples)
    ]
    assert all(sorted(epoch) == list(range(examples)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 1 or examples == 1


def test_order_is_a_function_of_seed_and_step_alone():
    dataset = make_dataset(10)
    shape = make_shape()
    forward = TrainBatches(dataset, shape=shape, seed=7)
    expected = [forward.batch(step) for step in range(20)]
    jumping = TrainBatches(dataset, shape=shape, seed=7)
    np.random.seed(0)  # noqa: NPY002 - nobody else's random numbers matter
    for step in [19, 0, 7, 7, 3, 18, 2, 12]:
        batch = jumping.batch(step)
        assert_equal(batch.arrays, expected[step].arrays)
        np.testing.assert_array_equal(batch.example_index, expected[step].example_index)


@EVERY_WAY
def test_order_does_not_depend_on_the_padding(pad_to):
    shape = make_shape(pad_to=pad_to, replicas=2)
    train = TrainBatches(make_dataset(30), shape=shape, seed=7)
    plain = TrainBatches(
        make_dataset(30), shape=make_shape(per_replica_batch=8), seed=7
    )
    assert stream(train, steps=8) == stream(plain, steps=8)


def test_seed_changes_the_order():
    dataset = make_dataset(30)
    orders = {
        tuple(stream(TrainBatches(dataset, shape=make_shape(), seed=seed), steps=7))
        for seed in (0, 1, 2, 2**32 - 1)
    }
    assert len(orders) == 4


def test_order_never_changes():
    # Recorded once: a run started under another numpy must resume in the same order.
    train = TrainBatches(make_dataset(8), shape=make_shape(), seed=12345)
    assert stream(train, steps=4) == [0, 2, 3, 5, 4, 6, 7, 1, 0, 6, 3, 2, 7, 5, 1, 4]


@EVERY_WAY
@pytest.mark.parametrize("per_replica_batch", [1, 7, 32])
@pytest.mark.parametrize("replicas", [1, 8])
def test_evaluation_counts_every_example_once(pad_to, per_replica_batch, replicas):
    shape = make_shape(
        per_replica_batch=per_replica_batch, replicas=replicas, pad_to=pad_to
    )
    whole = make_dataset(67)
    for examples in range(1, 68):
        dataset = whole.take(np.arange(examples))
        batches = EvalBatches(dataset, shape=shape)
        index = np.concatenate([batch.example_index.ravel() for batch in batches])
        assert len(index) == len(batches) * shape.global_batch
        assert index[:examples].tolist() == list(range(examples))
        assert (index[examples:] == FILLER).all()
        assert len(index) - examples < shape.global_batch


def test_weights_sum_to_one_over_the_labelled():
    dataset = make_dataset(10)
    for batch in EvalBatches(dataset, shape=make_shape(replicas=2)):
        labelled = (dataset.label_ids[batch.example_index] >= 0) & (
            batch.example_index != FILLER
        )
        expected = (labelled / labelled.sum()).astype(np.float32)
        np.testing.assert_array_equal(batch.arrays["loss_weight"], expected)


def test_unlabelled_batch_weighs_nothing():
    dataset = make_dataset(15).take(np.array([4, 9, 14]))
    [batch] = EvalBatches(dataset, shape=make_shape())
    assert not batch.arrays["loss_weight"].any()


def test_no_examples():
    nothing = make_dataset(1).take(np.empty(0, np.int64))
    assert list(EvalBatches(nothing, shape=make_shape())) == []
    with pytest.raises(DataError, match="no example to train on"):
        TrainBatches(nothing, shape=make_shape(), seed=0)


@EVERY_WAY
def test_example_over_the_row_length_is_refused(pad_to):
    dataset = make_dataset(20, longest=60)
    shape = make_shape(pad_to=pad_to)
    longest, index = dataset.lengths.max(), dataset.lengths.argmax()
    message = f"Example {index} has {longest} tokens, and max_seq_length is {MAX}"
    with pytest.raises(DataError, match=message):
        TrainBatches(dataset, shape=shape, seed=0)
    with pytest.raises(DataError, match=message):
        EvalBatches(dataset, shape=shape)


@EVERY_WAY
def test_stack_pads_to_the_largest_and_keeps_the_places(pad_to):
    dataset = TokenDataset.concatenate(
        [
            make_dataset(8, longest=4),
            make_dataset(8, longest=MAX, seed=1),
            make_dataset(3, longest=9, seed=2),
        ]
    )
    shape = make_shape(pad_to=pad_to, replicas=2, buckets=(4, 9, 14, MAX))
    batches = list(EvalBatches(dataset, shape=shape))
    stacked = stack(batches)
    largest = np.max([b.arrays["input_ids"].shape for b in batches], axis=0)
    assert stacked["input_ids"].shape == (3, *largest)
    for number, batch in enumerate(batches):
        arrays = {name: array[number] for name, array in stacked.items()}
        assert {name: a.dtype for name, a in arrays.items()} == {
            name: a.dtype for name, a in batch.arrays.items()
        }
        for place in zip(*np.nonzero(batch.example_index != FILLER), strict=True):
            assert read_back(arrays, place) == read_back(batch.arrays, place)
        assert (arrays["example_ids"] > 0).sum() == batch.real_tokens
        filler = batch.example_index == FILLER
        assert not arrays["first_positions"][filler].any()


@pytest.mark.parametrize(
    ("max_seq_length", "buckets"),
    [
        (8, (8,)),
        (32, (32,)),
        (100, (32, 64, 96, 100)),
        (128, (32, 64, 96, 128)),
        (512, (32, 64, 96, 128, 192, 256, 384, 512)),
    ],
)
def test_default_buckets(max_seq_length, buckets):
    assert default_buckets(max_seq_length) == buckets
    assert make_shape(max_seq_length=max_seq_length).buckets == buckets


def test_wrong_shapes_are_reported_together():
    with pytest.raises(SettingsError) as caught:
        make_shape(per_replica_batch=0, replicas=-1, buckets=(8, 16))
    assert [problem.split(":")[0] for problem in caught.value.problems] == [
        "per_replica_batch",
        "replicas",
        "buckets",
    ]


@pytest.mark.parametrize("buckets", [(16, 8, MAX), (8, 8, MAX), (8, 32)])
def test_wrong_buckets_are_refused(buckets):
    with pytest.raises(SettingsError, match="buckets: expected ascending"):
        make_shape(buckets=buckets)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seed_out_of_range_is_refused(seed):
    with pytest.raises(SettingsError, match="seed: expected 0 to 4294967295"):
        TrainBatches(make_dataset(3), shape=make_shape(), seed=seed)


# What examples weigh -----------------------------------------------------------------


@pytest.mark.parametrize(("replicas", "accumulation"), [(1, 1), (2, 1), (2, 2)])
def test_class_weights_are_shares_of_the_whole_update(replicas, accumulation):
    """CrossEntropyLoss(weight=..., reduction="mean") of torch, over all slices."""
    dataset = make_dataset(21)
    shape = make_shape(
        per_replica_batch=8 // (replicas * accumulation),
        replicas=replicas,
        accumulation=accumulation,
    )
    class_weights = np.array([1.0, 5.0, 0.25])
    batches = TrainBatches(dataset, shape=shape, seed=3, class_weights=class_weights)
    plain = TrainBatches(dataset, shape=shape, seed=3)
    for step in range(4):
        batch = batches.batch(step)
        labels = dataset.label_ids[batch.example_index]
        weights = np.where(labels < 0, 0, class_weights[labels])
        found = batch.arrays["loss_weight"]
        np.testing.assert_allclose(found, weights / weights.sum(), rtol=1e-6)
        np.testing.assert_array_equal(
            batch.arrays["input_ids"], plain.batch(step).arrays["input_ids"]
        )


def test_equal_class_weights_weigh_nothing():
    dataset, shape = make_dataset(13), make_shape()
    equal = TrainBatches(dataset, shape=shape, seed=1, class_weights=np.full(3, 1.0))
    plain = TrainBatches(dataset, shape=shape, seed=1)
    for step in range(5):
        assert_equal(equal.batch(step).arrays, plain.batch(step).arrays)


# Several labels, and numbers ---------------------------------------------------------


def with_targets(dataset, *shape):
    """The data set with random targets; 0 where there is no label."""
    random = np.random.default_rng(9)
    targets = random.normal(size=(len(dataset), *shape)).astype(np.float32)
    targets[dataset.label_ids == UNLABELLED] = 0
    return dataclasses.replace(
        dataset, label_ids=np.minimum(dataset.label_ids, 0), targets=targets
    )


@EVERY_WAY
@pytest.mark.parametrize("shape", [(), (4,)])
def test_targets_travel_with_their_examples(pad_to, shape):
    dataset = with_targets(make_dataset(13), *shape)
    batch_shape = make_shape(pad_to=pad_to, replicas=2, accumulation=2)
    plain = EvalBatches(make_dataset(13), shape=batch_shape)
    for batch, other in zip(
        EvalBatches(dataset, shape=batch_shape), plain, strict=True
    ):
        found = batch.arrays["targets"]
        assert found.shape == (*batch.example_index.shape, *shape)
        assert found.dtype == np.float32
        for place in np.ndindex(batch.example_index.shape):
            index = batch.example_index[place]
            expected = 0 if index == FILLER else dataset.targets[index]
            np.testing.assert_array_equal(found[place], expected)
        for name in ("loss_weight", "input_ids", "first_positions"):
            np.testing.assert_array_equal(batch.arrays[name], other.arrays[name])
    assert "targets" not in other.arrays


def test_targets_are_stacked_taken_and_joined():
    dataset = with_targets(make_dataset(9), 3)
    batches = TrainBatches(dataset, shape=make_shape(), seed=0)
    stacked = stack([batches.batch(0), batches.batch(1)])["targets"]
    assert stacked.shape == (2, 1, 1, 4, 3)
    index = batches.batch(1).example_index[0, 0]
    np.testing.assert_array_equal(stacked[1, 0, 0], dataset.targets[index])
    again = TokenDataset.concatenate(
        [dataset.take(np.arange(4)), dataset.take(np.arange(4, 9))]
    )
    np.testing.assert_array_equal(again.targets, dataset.targets)
    rows = [dataset.example(number) for number in range(9)]
    np.testing.assert_array_equal(
        TokenDataset.from_features(rows).targets, dataset.targets
    )


@pytest.mark.parametrize("shape", [None, (), (3,)])
def test_full_rows_have_targets_where_they_are_asked_for(shape):
    dataset = TokenDataset.full(5, length=7, target_shape=shape)
    assert (dataset.targets is None) == (shape is None)
    if shape is not None:
        assert dataset.targets.shape == (5, *shape)
