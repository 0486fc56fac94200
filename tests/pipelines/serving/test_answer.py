import html.parser
import json

import pytest

from pipelines.serving.answer import Answer, Predictions

HOSTILE = '<script>alert("x")</script>'


class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.text = set(), ""

    def handle_starttag(self, tag, attrs):
        del attrs
        self.found.add(tag)

    def handle_data(self, data):
        self.text += data


def parsed(markup):
    tags = Tags()
    tags.feed(markup)
    return tags


ANSWERS = {
    "label": Answer(
        text=HOSTILE,
        label=HOSTILE,
        probability=0.75,
        probabilities={HOSTILE: 0.75, "b": 0.25},
    ),
    "labels": Answer(
        text=(HOSTILE, "b"), labels=(HOSTILE,), probabilities={HOSTILE: 0.75, "b": 0.2}
    ),
    "number": Answer(text=HOSTILE, number=0.0),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_notebook_shows_texts_as_texts(name):
    for shown in (ANSWERS[name], Predictions([ANSWERS[name]])):
        tags = parsed(shown._repr_html_())
        assert "script" not in tags.found
        assert HOSTILE in tags.text


def test_a_notebook_shows_the_first_of_many():
    shown = parsed(Predictions([ANSWERS["number"]] * 50)._repr_html_())
    assert shown.text.count(HOSTILE) == 20
    assert "and 30 more" in shown.text


def test_as_json():
    assert json.loads(json.dumps({k: a.as_json() for k, a in ANSWERS.items()})) == {
        "label": {
            "label": HOSTILE,
            "probability": 0.75,
            "probabilities": {HOSTILE: 0.75, "b": 0.25},
        },
        "labels": {"labels": [HOSTILE], "probabilities": {HOSTILE: 0.75, "b": 0.2}},
        "number": {"number": 0.0},
    }


def test_values_are_those_of_test_results():
    assert [answer.values for answer in ANSWERS.values()] == [
        [0.75, 0.25],
        [0.75, 0.2],
        [0.0],
    ]
