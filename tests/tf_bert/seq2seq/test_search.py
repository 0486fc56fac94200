"""The searches of transformers; see golden/bert2bert/README.txt."""

import json
import os

import keras
import numpy as np
import pytest

from tests.tf_bert.seq2seq import pairs
from tf_bert.seq2seq.objective import Seq2SeqObjective
from tf_bert.seq2seq.search import Search, repeated
from tf_bert.seq2seq.search_settings import EarlyStopping, SearchSettings

SCORE = 1e-4
PAD, CLS, SEP = 0, 2, 3
MOST = 19  # tokens of the longest golden text, without [CLS]


def read_searches():
    with open(os.path.join(pairs.folder("equal"), "settings.json")) as file:
        return json.load(file)["generate"]


SEARCHES = read_searches()
# Each is a program of its own, which takes seconds to make.
QUICK = ("greedy_ngram2_max12", "beam4_never", "beam4_lp2_ngram3_min6")
BOTH = ("beam4_return3", "greedy_ngram3")  # also tried in other batches


def settings_of(told):
    """Our settings of what transformers was told; its lengths count [CLS]."""
    stopping = str(told.get("early_stopping", False)).lower()
    return SearchSettings(
        num_beams=told["num_beams"],
        max_target_length=told.get("max_length", MOST + 1) - 1,
        min_target_length=told.get("min_length", 0),
        length_penalty=told.get("length_penalty", 1.0),
        no_repeat_ngram_size=told.get("no_repeat_ngram_size", 0),
        early_stopping=EarlyStopping(stopping),
        num_return_sequences=told.get("num_return_sequences", 1),
    )


def make_search(told):
    return Search(settings_of(told), cls_id=CLS, sep_id=SEP, pad_id=PAD)


class Searches(Seq2SeqObjective):
    """All searches of one model, which is built once; a block names its own."""

    def outputs(self, model, block):
        [named] = block.keys() - pairs.SOURCES
        return make_search(SEARCHES[named]).outputs(model, block)


@pytest.fixture(scope="module", params=pairs.BOTH)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def golden(name):
    return pairs.golden(name)


@pytest.fixture(scope="module")
def engine(name, place_on):
    return pairs.make_engine(name, place_on(), objective=Searches())


def texts_of(golden):
    return pairs.sources(
        golden["generate/input_ids"], golden["generate/attention_mask"]
    )


def written(engine, texts, search):
    named = texts | {search: texts["input_ids"]}
    found = engine.predict({name: value[None] for name, value in named.items()})
    return found["ids"][0], found["scores"][0]


def assert_golden(found, golden, search, *, of=slice(None)):
    ids, scores = found
    expected = golden[f"generate/{search}/ids"][of]
    expected = expected.reshape(len(expected), -1, MOST + 1)[:, :, 1:]
    assert np.array_equal(ids, expected[:, :, : ids.shape[2]])
    assert not expected[:, :, ids.shape[2] :].any()
    if f"generate/{search}/scores" in golden:
        expected = golden[f"generate/{search}/scores"][of].reshape(scores.shape)
        assert np.abs(scores - expected).max() <= SCORE


@pytest.mark.parametrize(
    "search",
    [
        pytest.param(name, marks=[] if name in (*QUICK, *BOTH) else pytest.mark.slow)
        for name in SEARCHES
    ],
)
def test_search(engine, golden, search):
    found = written(engine, texts_of(golden), search)
    assert_golden(found, golden, search)


@pytest.mark.parametrize("search", BOTH)
def test_one_by_one(engine, golden, search):
    texts = texts_of(golden)
    for row in range(len(texts["input_ids"])):
        of = slice(row, row + 1)
        one = {name: value[of] for name, value in texts.items()}
        found = written(engine, one, search)
        assert_golden(found, golden, search, of=of)


@pytest.mark.parametrize("search", BOTH)
def test_other_order_and_padding(engine, golden, search):
    order = np.random.default_rng(3).permutation(32)
    wider = {
        name: np.pad(value[order], ((0, 0), (0, 17)))
        for name, value in texts_of(golden).items()
    }
    assert_golden(written(engine, wider, search), golden, search, of=order)


@pytest.mark.slow
@pytest.mark.parametrize("search", BOTH[:1])
def test_replicas(place_on, golden, name, search):
    objective = Seq2SeqObjective(search=make_search(SEARCHES[search]))
    engine = pairs.make_engine(name, place_on(8), objective=objective)
    found = engine.predict(
        {key: each.reshape(8, 4, -1) for key, each in texts_of(golden).items()}
    )
    found = tuple(
        each.reshape(-1, *each.shape[2:]) for each in (found["ids"], found["scores"])
    )
    assert_golden(found, golden, search)


def test_repeated_by_hand():
    ids = np.array([[[2, 7, 8, 7, 8, 0, 0], [2, 7, 9, 5, 6, 0, 0]]], np.int32)
    for size, length, expected in (
        (1, 5, ({2, 7, 8}, {2, 7, 9, 5, 6})),
        (2, 5, ({7}, set())),
        (3, 5, ({7}, set())),
        (3, 4, (set(), set())),
        (6, 5, (set(), set())),
    ):
        found = keras.ops.convert_to_numpy(
            repeated(ids, length=length, size=size, vocabulary=10)
        )
        assert tuple(set(np.flatnonzero(row)) for row in found[0]) == expected


def test_nothing_is_written_for_filler(engine, golden):
    texts = texts_of(golden)
    empty = {name: np.zeros_like(value[:4]) for name, value in texts.items()}
    filled = {name: np.concatenate([texts[name][:3], empty[name]]) for name in texts}
    ids, scores = written(engine, filled, "beam4")
    assert_golden((ids[:3], scores[:3]), golden, "beam4", of=slice(3))
    assert (ids[3:] == PAD).all()
    assert np.isneginf(scores[3:]).all()
