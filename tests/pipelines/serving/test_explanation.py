"""Parts that are left out, and what that changes."""

from pipelines.serving import explanation
from pipelines.serving.answer import Answer
from pipelines.serving.explanation import Part
from pipelines.serving.predictor import Token


def tokens(*spans, text=0):
    return [Token(token="t", id=1, start=a, end=b, text=text) for a, b in spans]


def test_each_token_is_a_part_once():
    found = explanation.parts_of(tokens((0, 0), (0, 1), (0, 1), (1, 3)))
    assert found == [Part(text=0, start=0, end=1), Part(text=0, start=1, end=3)]


def test_of_many_tokens_several_are_a_part():
    found = explanation.parts_of(tokens(*((n, n + 1) for n in range(1000))))
    assert len(found) <= explanation.MOST_PARTS
    assert [part.start for part in found[1:]] == [part.end for part in found[:-1]]
    assert (found[0].start, found[-1].end) == (0, 1000)


def test_parts_stay_within_their_text_of_a_pair():
    found = explanation.parts_of(tokens((0, 2)) + tokens((0, 3), text=1))
    assert explanation.without(("ab", "cde"), found[0]) == ("", "cde")
    assert explanation.without(("ab", "cde"), found[1]) == ("ab", "")
    assert explanation.without("a🙂b", Part(text=0, start=1, end=2)) == "ab"


def answer(probability):
    return Answer(
        text="x",
        label="a",
        probability=probability,
        probabilities={"b": 1 - probability, "a": probability},
    )


def test_effects_are_of_the_most_probable_label():
    parts = [Part(text=0, start=0, end=1), Part(text=0, start=1, end=2)]
    found = explanation.as_json(
        tokens((0, 1), (1, 2)), parts, [answer(0.75), answer(0.5), answer(0.875)]
    )
    assert found["explained"] == "a"
    assert [part["effect"] for part in found["parts"]] == [0.25, -0.125]
    assert found["method"].startswith("Leave one out")


def test_effects_on_a_number():
    numbers = [Answer(text="x", number=value) for value in (2.5, 3.0)]
    parts = [Part(text=0, start=0, end=1)]
    found = explanation.as_json(tokens((0, 1)), parts, numbers)
    assert found["explained"] is None
    assert found["parts"][0]["effect"] == -0.5
