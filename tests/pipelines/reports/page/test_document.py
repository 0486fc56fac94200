"""The page of a run, opened as a browser would."""

import html.parser
import os

import pytest

from pipelines.reports.page import document, run_files
from runtime.errors import DataError
from tests.pipelines.reports.page.conftest import TEXTS


class Reader(html.parser.HTMLParser):
    """Takes a page apart."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.ids, self.said = [], [], [], []
        self.open = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.tags.append(tag)
        if tag not in {"meta"}:
            self.open.append(tag)
        self.links += [
            found[k] for k in ("href", "src", "data", "action") if k in found
        ]
        self.ids += [found["id"]] if "id" in found else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.said.append(data)


def page_of(folder):
    return document.of_run(run_files.read(folder))


def test_texts_are_inert_and_nothing_comes_from_elsewhere(make_run):
    folder, *_ = make_run()
    page = page_of(folder)
    found = Reader(page)
    assert found.open == []
    assert {"script", "iframe", "img", "link", "object", "i18n"}.isdisjoint(found.tags)
    assert all(link.startswith("#") for link in found.links)
    assert {link[1:] for link in found.links} <= set(found.ids)
    assert len(found.ids) == len(set(found.ids))
    assert "url(" not in page
    assert "@import" not in page
    assert TEXTS[0] in "".join(found.said)


def test_each_part_is_there(make_run):
    folder, *_ = make_run()
    said = "".join(Reader(page_of(folder)).said)
    for heading in (
        *("Scores", "Beside simple models", "Learning curve", "Answers, dev"),
        *("Answers, test", "Mistakes, test", "Data and leakage", "Settings"),
    ):
        assert heading in said
    assert "weather <i>" in said
    assert "<train> & <dev>" in said
    assert "this run, --train=full" in said


def test_pictures_have_words(make_run):
    folder, *_ = make_run()
    tags = Reader(page_of(folder)).tags
    assert tags.count("svg") == tags.count("desc") == 3


def test_a_long_text_is_folded_and_an_empty_one_named(make_run):
    folder, *_ = make_run(wrong=1)
    page = page_of(folder)
    assert "The rest of 10,000 characters" in page
    assert "(nothing to see: 0 characters)" in page
    assert len(page) < 1_000_000


def test_the_same_files_give_the_same_page_wherever_they_lie(make_run, tmp_path):
    folder, *_ = make_run()
    first = page_of(folder)
    os.makedirs(tmp_path / "elsewhere")
    os.rename(folder, tmp_path / "elsewhere/run")
    moved = f"{tmp_path}/elsewhere/run/"
    assert page_of(moved) == first
    assert str(tmp_path) not in first


def test_a_run_from_before_there_were_answers_to_dev_has_its_matrix(make_run):
    folder, *_ = make_run(dev=False)
    page = page_of(folder)
    assert "Answers, dev" in page
    assert "dev macro_f1" in page
    assert "Mistakes, dev" not in page


def test_several_labels(several_labels):
    path, *_ = several_labels
    page = page_of(os.path.dirname(path))
    assert "test micro_f1" in page
    assert "predicted only" in page


def test_numbers(numbers):
    path, *_ = numbers
    page = page_of(os.path.dirname(path))
    assert "test pearson" in page
    assert "off by" in page
    assert Reader(page).tags.count("circle") == 50


def test_a_language_model_has_what_applies(tmp_path):
    (tmp_path / "run.json").write_text('{"settings": {"objective": "mlm"}}')
    (tmp_path / "eval_results.txt").write_text("perplexity = 9.5\nglobal_step = 3\n")
    (tmp_path / "metrics.jsonl").write_text('{"step": 1, "loss": 2.5}\n')
    (tmp_path / "masked_words.txt").write_text("<s> a [MASK]\n")
    page = page_of(str(tmp_path))
    assert "perplexity" in page
    assert "&lt;s&gt; a [MASK]" in page
    assert "Learning curve" in page
    assert "Mistakes" not in page


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ([], "empty, or not there"),
        (["notes.txt"], "It holds other files"),
        (["seed-3", "seed-1", "seeds.txt"], "It holds runs: name one, as .*seed-1"),
    ],
)
def test_a_folder_of_no_run_is_refused(tmp_path, names, message):
    for name in names:
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=message):
        run_files.read(str(tmp_path))


def test_a_damaged_record_is_named(make_run):
    folder, *_ = make_run()
    with open(f"{folder}/run.json", "w", encoding="utf-8") as file:
        file.write("[1")
    with pytest.raises(DataError, match=r"run\.json.*expected JSON"):
        run_files.read(folder)


def test_a_run_in_a_bucket_has_the_same_page(make_run, fake_bucket):
    folder, *_ = make_run()
    for name in os.listdir(folder):
        with open(f"{folder}/{name}", "rb") as file:
            fake_bucket.put(f"runs/run/{name}", file.read())
    assert page_of("gs://my-bucket/runs/run") == page_of(folder)
