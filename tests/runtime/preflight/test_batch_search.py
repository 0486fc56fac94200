import pytest

from runtime.preflight.batch_search import Trial, largest_batch


class Device:
    """Fits batches whose memory `fixed + per_example * batch` is at most 1."""

    def __init__(self, *, fixed, per_example, knows_share=True, sizes_refusals=True):
        self.fixed, self.per_example = fixed, per_example
        self.knows_share, self.sizes_refusals = knows_share, sizes_refusals
        self.tried = []

    def __call__(self, batch):
        self.tried.append(batch)
        share = self.fixed + self.per_example * batch
        fits = share <= 1
        is_known = self.knows_share and (fits or self.sizes_refusals)
        return Trial(batch, fits=fits, share=share if is_known else None)


@pytest.mark.parametrize("start", [1, 4, 8, 32, 100, 4096])
@pytest.mark.parametrize("fixed", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("per_example", [0.3, 0.013, 0.0007])
def test_the_largest_that_fits_is_found(start, fixed, per_example):
    device = Device(fixed=fixed, per_example=per_example)
    found = largest_batch(device, batch=start)
    best = int((1 - fixed) / per_example)
    expected = best // 8 * 8 or best
    if start >= 8 or best < 8:
        assert found.batch in {expected, start}
    assert found.fits
    assert device(found.batch + 8).share > 1 or found.batch + 8 > best
    assert len(device.tried) <= 12


def test_few_compilations_are_of_batches_that_fit():
    device = Device(fixed=0.08, per_example=0.0021)
    largest_batch(device, batch=32)
    assert sum(device.fixed + device.per_example * b <= 1 for b in device.tried) <= 3


def test_nothing_fits():
    assert largest_batch(Device(fixed=1.5, per_example=0.1), batch=64) is None


def test_without_numbers_it_halves():
    device = Device(fixed=0.0, per_example=0.01, knows_share=False)
    assert largest_batch(device, batch=32).batch == 96


@pytest.mark.parametrize("start", [8, 32, 1024])
def test_what_fits_tells_where_to_look_when_refusals_say_nothing(start):
    device = Device(fixed=0.1, per_example=0.0021, sizes_refusals=False)
    assert largest_batch(device, batch=start).batch == 424
    assert len(device.tried) <= 7


def test_a_small_model_ends_the_search_early():
    device = Device(fixed=0.0, per_example=1e-7)
    assert largest_batch(device, batch=32).batch == 4096
    assert len(device.tried) == 2
