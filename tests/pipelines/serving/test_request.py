"""Bodies that anybody may send."""

import asyncio
import json

import pytest

from pipelines.serving import request
from pipelines.serving.request import RequestError
from pipelines.serving.serve_settings import ServeSettings
from runtime.errors import SettingsError

SETTINGS = ServeSettings(model="runs/x", max_request_texts=3, max_text_characters=5)


def read(content, *, pairs=None):
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return request.inputs_of(body, settings=SETTINGS, pairs=pairs)


def test_texts_and_pairs_in_each_form():
    instances = ["a", ["a", "b"], {"text_b": "b", "text_a": "a"}, {"text_a": ""}]
    found = read({"instances": instances[:3], "signature_name": "serving_default"})
    assert found == ["a", ("a", "b"), ("a", "b")]
    assert read({"instances": instances[3:]}) == [""]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected JSON in UTF-8"),
        (b"{", "expected JSON in UTF-8"),
        (b'{"instances": ["\xff"]}', "expected JSON in UTF-8"),
        (b"[" * 200_000, "expected JSON in UTF-8"),
        ([], "expected a JSON object.*got a list"),
        ({}, '"instances": expected a list of one text at least; got None'),
        ({"instances": []}, "expected a list of one text at least"),
        ({"instances": "a"}, "expected a list of one text at least; got 'a'"),
        ({"inputs": ["a"]}, 'expected the row form.*got "inputs"'),
        ({"instances": ["a"], "x": 1}, "expected \"instances\" alone; got .'x'"),
        ({"instances": ["a"], "signature_name": "ids"}, "serving_default, the only"),
        ({"instances": ["a", 3]}, r'"instances"\[1\]: expected a text.*got 3'),
        ({"instances": [None]}, "got None"),
        ({"instances": [["a", "b", "c"]]}, "expected a text"),
        ({"instances": [["a", 1]]}, "expected a text"),
        ({"instances": [{"text": "a"}]}, "expected a text"),
        ({"instances": ["a"] * 4}, "expected at most 3 texts, got 4"),
        ({"instances": ["abcdef"]}, "expected at most 5 characters, got 6"),
        (b'{"instances": ["a\\ud800"]}', "half of a surrogate pair at character 1"),
    ],
)
def test_what_cannot_be_answered_is_said(content, message):
    with pytest.raises(RequestError, match=message) as caught:
        read(content)
    assert caught.value.status == 400


def test_a_pair_where_a_text_is_read_and_the_reverse():
    with pytest.raises(RequestError, match=r"expected one text, .*got a pair"):
        read({"instances": [["a", "b"]]}, pairs=False)
    with pytest.raises(RequestError, match=r"expected a pair of texts, .*got one"):
        read({"instances": ["a"]}, pairs=True)


def body(*chunks, limit):
    async def stream():
        for chunk in chunks:
            yield chunk

    return asyncio.run(request.body_of(stream(), limit=limit))


def test_a_body_is_read_up_to_its_limit():
    assert body(b"ab", b"", b"c", limit=3) == b"abc"
    with pytest.raises(RequestError, match="at most 3 bytes, got more") as caught:
        body(b"ab", b"cd", b"ef", limit=3)
    assert caught.value.status == 413


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"model": None}, "--model is required"),
        ({"port": 70_000}, r"--port must lie in \[0, 65535\]; got 70000"),
        ({"model_name": "a/b"}, "--model_name: expected letters"),
        ({"max_batch_texts": 0}, "--max_batch_texts must be at least 1; got 0"),
    ],
)
def test_settings_that_cannot_be_used(values, message):
    with pytest.raises(SettingsError, match=message):
        ServeSettings(**{"model": "runs/x", **values})


@pytest.mark.parametrize(
    ("model", "name"), [("runs/x/", "x"), ("gs://b/a b", "a_b"), ("/", "model")]
)
def test_a_model_is_called_like_its_folder(model, name):
    assert ServeSettings(model=model).name == name
