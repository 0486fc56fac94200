from processors.corpora import livedoor
from processors.tasks import registry

ARTICLE = """http://news.livedoor.com/{0}
2014-02-09T00:00:00+0900
 {1} 題\t{0}\x20

  one\ttwo\x20
three
"""


def write_corpus(folder):
    for category in livedoor.CATEGORIES:
        for number in (3, 12):
            path = folder / "text" / category / f"{category}-{number}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(ARTICLE.format(number, category), encoding="utf-8")


def read(folder, task):
    processor = registry.create(task)
    return {
        split: getattr(processor, f"get_{split}_examples")(str(folder))
        for split in ("train", "dev", "test")
    }


def test_bodies_and_titles_are_the_articles_of_the_task_livedoor(tmp_path):
    write_corpus(tmp_path)
    titles, articles = read(tmp_path, "livedoor_titles"), read(tmp_path, "livedoor")
    for split, examples in titles.items():
        pairs = zip(examples, articles[split], strict=True)
        assert all(one.text_b + one.text_a == other.text_a for one, other in pairs)
    first = titles["test"][0]
    assert first.text_a == "one\u3000twothree"
    assert first.text_b.endswith(("題\u30003", "題\u300012"))
    assert (first.guid, first.label) == ("test-1", None)
