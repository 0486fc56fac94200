import pytest

from pipelines.exporting import model_card
from pipelines.serving import recorded


def test_intervals_are_wilsons():
    """Source: R, prop.test(81, 263, correct=FALSE)."""
    assert model_card.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_the_page_is_made_of_the_run(trained):
    page = model_card.text(recorded.read(trained()), labels=("a", "b"))
    assert "It reads texts and answers: `a`, `b`." in page
    assert "It was trained on 64 examples." in page
    assert "- eval_accuracy = " in page
    assert "37 examples)" in page
    assert "- max_steps: 12" in page
    assert "up to 16 tokens" in page
