import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches, TrainBatches
from processors.pretraining import create, records
from processors.pretraining.batches import MaskedBatches, Masking
from processors.pretraining.dynamic_masks import DynamicMasks, Tokens
from processors.pretraining.settings import Mode

MOST = 10


@pytest.fixture
def read(make_settings):
    def make(mode):
        settings = make_settings(mode=mode)
        create.create(settings)
        return records.read(settings.output_file)

    return make


def make_shape(pad_to, *, replicas=2, parts=2, per_replica=3):
    return BatchShape(
        per_replica_batch=per_replica,
        replicas=replicas,
        accumulation=parts,
        max_seq_length=64,
        pad_to=pad_to,
    )


def make_masks(made):
    special = made.description.special_ids
    return DynamicMasks(
        mask_id=special["mask"],
        special_ids=tuple(special.values()),
        vocab_size=made.description.vocab_size,
        max_predictions=MOST,
        seed=5,
    )


def make_masked(made, *, max_row_shapes=100):
    masked = made.predictions
    if masked is None:
        masked = Masking(make_masks(made), made.tokens, made.starts_word)
    return MaskedBatches(masked, max_predictions=MOST, max_row_shapes=max_row_shapes)


def found_by_example(arrays, batches):
    """Position in its example and answer of each prediction, by example."""
    found = {}
    for call, batch in enumerate(batches):
        for part, replica in np.ndindex(batch.example_index.shape[:2]):
            at = call, part, replica
            starts = arrays["first_positions"][at]
            examples = batch.example_index[part, replica]
            owners = np.argsort(starts, kind="stable")
            for position, answer, weight in zip(
                arrays["masked_positions"][at],
                arrays["masked_ids"][at],
                arrays["masked_weight"][at],
                strict=True,
            ):
                if weight == 0:
                    assert (position, answer) == (0, 0)
                    continue
                real = [s for s in owners if examples[s] >= 0 and starts[s] <= position]
                slot = real[-1]
                seen = arrays["input_ids"][at].ravel()[position]
                found.setdefault(int(examples[slot]), []).append(
                    (int(position - starts[slot]), int(answer), int(seen))
                )
    return found


@pytest.mark.parametrize("pad_to", PadTo)
def test_stored_predictions_follow_their_example(read, pad_to):
    made = read(Mode.STATIC)
    batches = list(EvalBatches(made.tokens, shape=make_shape(pad_to)))
    arrays = make_masked(made).arrays(batches, rates=[0.15] * len(batches))
    found = found_by_example(arrays, batches)
    assert set(found) == set(range(len(made)))
    for example, predictions in found.items():
        span = slice(*made.predictions.offsets[example : example + 2])
        expected = zip(
            made.predictions.positions[span].tolist(),
            made.predictions.ids[span].tolist(),
            strict=True,
        )
        assert [p[:2] for p in predictions] == list(expected)
        ids = made.tokens.example(example).input_ids
        assert [p[2] for p in predictions] == [ids[p[0]] for p in predictions]


@pytest.mark.parametrize("pad_to", PadTo)
def test_chosen_predictions_replace_their_token(read, pad_to):
    made = read(Mode.DYNAMIC)
    batches = list(EvalBatches(made.tokens, shape=make_shape(pad_to)))
    arrays = make_masked(made).arrays(batches, rates=[0.15] * len(batches))
    found = found_by_example(arrays, batches)
    assert set(found) == set(range(len(made)))
    seen = []
    for example, predictions in found.items():
        ids = made.tokens.example(example).input_ids
        wanted = min(MOST, max(1, round(len(ids) * 0.15)))
        assert len(predictions) == wanted
        assert [p[1] for p in predictions] == [ids[p[0]] for p in predictions]
        seen += [p[2] for p in predictions]
    assert 0.65 < np.mean(np.array(seen) == made.description.special_ids["mask"]) < 0.95
    # What is not chosen stays.
    stored = sum(int(batch.arrays["input_ids"].sum()) for batch in batches)
    changed = arrays["input_ids"].sum() - sum(
        s - p[1] for ps in found.values() for p in ps for s in [p[2]]
    )
    assert changed == stored


def test_layouts_mask_alike(read):
    made = read(Mode.DYNAMIC)
    results = []
    for pad_to in PadTo:
        for shape in (
            make_shape(pad_to),
            make_shape(pad_to, replicas=1, parts=1, per_replica=12),
        ):
            batches = TrainBatches(made.tokens, shape=shape, seed=3)
            several = [batches.batch(step) for step in range(9, 12)]
            arrays = make_masked(made).arrays(several, rates=[0.2, 0.15, 0.1])
            results.append(
                {k: sorted(v) for k, v in found_by_example(arrays, several).items()}
            )
    assert all(result == results[0] for result in results)


def test_every_epoch_masks_anew_also_within_a_batch(read):
    """The examples are no multiple of the batch: epochs end in the middle of one."""
    made, shape = read(Mode.DYNAMIC), make_shape(PadTo.PACK)
    count, size = len(made), shape.global_batch
    assert count % size
    batches, masks = TrainBatches(made.tokens, shape=shape, seed=3), make_masks(made)
    seen = [{}, {}, {}]
    for step in range(3 * count // size):
        batch = batches.batch(step)
        arrays = make_masked(made).arrays([batch], rates=[0.15])
        expected = {}
        for slot, example in enumerate(batch.example_index.ravel().tolist()):
            epoch = (step * size + slot) // count
            ids = made.tokens.example(example).input_ids
            choice = masks.choose(
                Tokens(ids, np.ones(len(ids), np.bool_), np.array([len(ids)])),
                examples=np.array([example]),
                epochs=np.array([epoch]),
                rates=np.array([0.15]),
            )
            places = choice.places.tolist()
            expected.setdefault(example, []).extend(
                zip(places, ids[places].tolist(), choice.ids.tolist(), strict=True)
            )
            seen[epoch][example] = places
        found = found_by_example(arrays, [batch])
        assert {key: sorted(rows) for key, rows in found.items()} == {
            key: sorted(rows) for key, rows in expected.items()
        }
    assert len(seen[0]) == len(seen[1]) == count
    same = [seen[0][example] == seen[1][example] for example in range(count)]
    assert np.mean(same) < 0.2


def test_fillers_are_never_predicted(read):
    """The last batch of an evaluation is not full."""
    for mode in Mode:
        made, shape = read(mode), make_shape(PadTo.MAX)
        batches = list(EvalBatches(made.tokens, shape=shape))
        arrays = make_masked(made).arrays(batches, rates=[0.15] * len(batches))
        real = sum(int((batch.example_index >= 0).sum()) for batch in batches)
        assert real == len(made) < batches[0].example_index.size * len(batches)
        wanted = [
            min(MOST, max(1, round(length * 0.15)))
            for length in made.tokens.lengths.tolist()
        ]
        assert np.count_nonzero(arrays["masked_weight"]) == sum(wanted)


def test_weights_sum_to_one_over_an_update(read):
    made = read(Mode.STATIC)
    batches = list(EvalBatches(made.tokens, shape=make_shape(PadTo.PACK)))
    arrays = make_masked(made).arrays(batches, rates=[0.15] * len(batches))
    totals = arrays["masked_weight"].sum(axis=(1, 2, 3))
    np.testing.assert_allclose(totals, 1, atol=1e-5)


def test_few_sizes(read):
    made = read(Mode.DYNAMIC)
    batches = TrainBatches(made.tokens, shape=make_shape(PadTo.PACK), seed=0)
    masked = make_masked(made, max_row_shapes=3)
    sizes = {
        masked.arrays([batches.batch(step)], rates=[0.15])["masked_ids"].shape[-1]
        for step in range(30)
    }
    assert len(sizes) <= 3
    assert max(sizes) <= 3 * MOST


def test_each_batch_has_its_rate(read):
    made = read(Mode.DYNAMIC)
    batches = TrainBatches(made.tokens, shape=make_shape(PadTo.PACK), seed=0)
    several, rates = [batches.batch(step) for step in range(2)], [0.05, 0.15]
    arrays = make_masked(made).arrays(several, rates=rates)
    counts = np.count_nonzero(arrays["masked_weight"], axis=(1, 2, 3))
    for batch, rate, count in zip(several, rates, counts, strict=True):
        lengths = made.tokens.lengths[batch.example_index.ravel()]
        wanted = np.clip(np.rint(lengths * rate), 1, MOST)
        assert count == wanted.sum()
