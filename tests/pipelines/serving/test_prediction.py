"""Files and pipes of texts through a model."""

import gzip
import io
import json
import logging
import os

import pytest

import tf_bert
from pipelines.serving import prediction
from pipelines.serving.settings import PredictionSettings
from processors.readers.sieve import OnBadRow
from runtime.errors import DataError, SettingsError


@pytest.fixture(scope="session")
def predictor(trained):
    return tf_bert.load(trained())


@pytest.fixture(scope="session")
def of_pairs(trained):
    return tf_bert.load(trained("bert", "pairs"))


@pytest.fixture
def run(predictor):
    """Answers; returns what went to standard output."""

    def run(stdin=b"", *, model=predictor, **flags):
        stdout = io.BytesIO()
        settings = PredictionSettings(model="m", **flags)
        prediction.run(settings, model, stdin=io.BytesIO(stdin), stdout=stdout)
        return stdout.getvalue().decode()

    return run


@pytest.fixture
def texts(test_texts, predictor):
    """More than fit a chunk."""
    texts = test_texts("label") * 16
    assert len(texts) > 2 * predictor.chunk
    return texts


def lines_of(texts):
    return "".join(f"{text}\n" for text in texts)


def test_a_line_of_standard_input_is_a_text(run, predictor, texts):
    rows = [line.split("\t") for line in run(lines_of(texts).encode()).splitlines()]
    assert rows == [
        [a.label, str(a.probability), a.text] for a in predictor.predict(texts)
    ]


def test_the_last_line_needs_no_end_and_a_mark_is_no_text(run):
    assert run("\ufeffhot\r\nw1".encode()) == run(b"hot\nw1\n")
    assert run(b"") == ""


@pytest.mark.parametrize("name", ["t.txt", "t.txt.gz"])
def test_a_file_of_lines(run, texts, tmp_path, name):
    opened = gzip.open if name.endswith(".gz") else open
    with opened(tmp_path / name, "wt") as file:
        file.write(lines_of(texts))
    assert run(input=str(tmp_path / name)) == run(lines_of(texts).encode())


@pytest.mark.parametrize(
    ("name", "content", "flags"),
    [
        ("t.tsv", "x\tn\nhot\t1\nwet w1\t2\n", {"text_a": "x"}),
        ("t.tsv", "1\thot\n2\twet w1\n", {"text_a": "1", "header": False}),
        ("t.csv", 'x\n"hot"\n"wet w1"\n', {"text_a": "x"}),
        ("t.jsonl", '{"x": "hot"}\n{"x": "wet w1"}\n', {"text_a": "x"}),
        ("t.json", '[{"x": "hot"}, {"x": "wet w1"}]', {"text_a": "x"}),
    ],
)
def test_a_table(run, tmp_path, name, content, flags):
    (tmp_path / name).write_text(content)
    expected = run(b"hot\nwet w1\n")
    assert run(input=str(tmp_path / name), **flags) == expected


def test_pairs(run, of_pairs, tmp_path):
    (tmp_path / "t.tsv").write_text("x\ty\nhot\twet\n")
    path = str(tmp_path / "t.tsv")
    of_table = run(input=path, text_a="x", text_b="y", model=of_pairs)
    assert of_table.endswith("\thot\twet\n")
    assert run(b"hot ||| wet\n", model=of_pairs) == of_table


def test_json_lines(run, predictor, tmp_path):
    path = tmp_path / "out.jsonl"
    run(b"hot\nwet\n", output=str(path))
    found = [json.loads(line) for line in path.read_text().splitlines()]
    assert found == [
        {"text": answer.text, **answer.as_json()}
        for answer in predictor.predict(["hot", "wet"])
    ]


def test_no_line_of_a_table_is_broken_by_its_text(run, tmp_path):
    (tmp_path / "t.jsonl").write_text(json.dumps({"x": "hot\tw1\nw2\u2028"}) + "\n")
    found = run(input=str(tmp_path / "t.jsonl"), text_a="x")
    assert found.endswith("\thot\\u0009w1\\u000aw2\\u2028\n")


def test_what_is_no_text_is_named_by_line_and_byte(run):
    with pytest.raises(
        DataError, match=r"input:2: expected UTF-8, found 0xff at byte 5"
    ):
        run(b"hot\na\xff\nb\n")


def test_bad_rows_are_rejected_where_that_is_asked_for(run, tmp_path):
    path, out = tmp_path / "t.jsonl", tmp_path / "out.tsv"
    path.write_text('{"x": "hot"}\n{"y": 1}\n{"x": 5}\n{"x": "wet"}\n')
    flags = {"input": str(path), "text_a": "x", "output": str(out)}
    with pytest.raises(DataError, match=r"t\.jsonl:2: no column 'x'"):
        run(**flags)
    run(**flags, on_bad_row=OnBadRow.REJECT)
    assert out.read_text() == run(b"hot\nwet\n")
    rejects = (tmp_path / "out.tsv.rejects.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in rejects] == [2, 3]


class Gone(io.RawIOBase):
    """A pipe whose reader leaves after the first chunk."""

    def __init__(self):
        self.writes = 0

    def write(self, data):
        self.writes += 1
        if self.writes > 1:
            raise BrokenPipeError
        return len(data)


def test_a_reader_that_has_gone_ends_it_quietly(predictor, texts):
    stdin, stdout = io.BytesIO(lines_of(texts * 9).encode()), Gone()
    prediction.run(PredictionSettings(model="m"), predictor, stdin=stdin, stdout=stdout)
    assert stdout.writes == 2
    assert stdin.read()  # the rest was not answered


class Killed:
    """A model whose process ends amid its work."""

    def __init__(self, predictor, *, after):
        self._predictor = predictor
        self._after = after

    def __getattr__(self, name):
        return getattr(self._predictor, name)

    def stream(self, texts):
        for number, answer in enumerate(self._predictor.stream(texts)):
            if number == self._after:
                raise KeyboardInterrupt
            yield answer


@pytest.fixture
def stopped(run, predictor, texts, tmp_path):
    """Flags of a work that was stopped in its second chunk, amid a line."""
    (tmp_path / "t.txt").write_text(lines_of(texts))
    flags = {"input": str(tmp_path / "t.txt"), "output": str(tmp_path / "out.tsv")}
    with pytest.raises(KeyboardInterrupt):
        run(model=Killed(predictor, after=2 * predictor.chunk + 5), **flags)
    with open(tmp_path / "out.tsv.unfinished", "ab") as file:
        file.write(b"a\t0.5\thalf a li")
    return flags


def test_stopped_work_is_gone_on_with(run, predictor, texts, stopped, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    assert not os.path.exists(stopped["output"])
    run(model=Counting(predictor), **stopped)
    assert f"after {2 * predictor.chunk} answers" in caplog.text
    assert (tmp_path / "out.tsv").read_text() == run(lines_of(texts).encode())
    assert sorted(os.listdir(tmp_path)) == ["out.tsv", "t.txt"]
    assert Counting.asked == len(texts) - 2 * predictor.chunk


class Counting(Killed):
    """Counts the answers that are asked for."""

    asked = 0

    def __init__(self, predictor):
        super().__init__(predictor, after=None)

    def stream(self, texts):
        for answer in super().stream(texts):
            type(self).asked += 1
            yield answer


def test_work_on_another_input_is_begun_anew(run, texts, stopped, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    (tmp_path / "t.txt").write_text(lines_of(texts[:3]))
    run(**stopped)
    assert "begun anew" in caplog.text
    assert (tmp_path / "out.tsv").read_text() == run(lines_of(texts[:3]).encode())


def test_texts_that_were_cut_are_told(run, caplog):
    caplog.set_level(logging.INFO)
    run(b"hot\n" + b"w1 " * 50 + b"\n")
    assert "texts are longer than the 16 tokens" in caplog.text


@pytest.mark.parametrize(
    ("flags", "problem"),
    [
        ({"model": None}, "--model is required"),
        ({"text_a": "x"}, "--text_a .* --input=FILE"),
        ({"text_a": "x", "input": "a.txt"}, r"ends in none of \.tsv"),
        ({"text_b": "x", "input": "a.tsv"}, "give --text_a as well"),
        ({"on_bad_row": OnBadRow.REJECT}, "give --output"),
        (
            {"text_a": "x", "input": "a.tsv", "header": False},
            "no header, so expected a position",
        ),
    ],
)
def test_flags_that_do_not_fit(flags, problem):
    with pytest.raises(SettingsError, match=problem):
        PredictionSettings(**{"model": "m", **flags})


def test_columns_of_the_other_form_are_refused(run, of_pairs, tmp_path):
    flags = {"input": str(tmp_path / "t.tsv"), "text_a": "x"}
    with pytest.raises(SettingsError, match="reads single texts"):
        run(**flags, text_b="y")
    with pytest.raises(SettingsError, match="reads pairs of texts: name"):
        run(**flags, model=of_pairs)
    with pytest.raises(DataError, match="input:1: expected two texts"):
        run(b"hot\n", model=of_pairs)
