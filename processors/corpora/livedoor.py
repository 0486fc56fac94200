"""The articles of the livedoor news corpus, from its archive or unpacked folder.

Source: README.txt of ldcc-20140209.tar.gz: `text/<category>/<category>-<id>.txt`, line
1 the URL, line 2 the date, line 3 the title, the article after it.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from processors.corpora.archives import read_tar
from processors.readers import data_files
from runtime import storage
from runtime.errors import DataError, StorageError

ARCHIVE = "ldcc-20140209.tar.gz"
CATEGORIES = (
    "dokujo-tsushin",
    "it-life-hack",
    "kaden-channel",
    "livedoor-homme",
    "movie-enter",
    "peachy",
    "smax",
    "sports-watch",
    "topic-news",
)
_LINES_BEFORE_TITLE = 2
_ARTICLE = re.compile(rf"(?:\./)?text/({'|'.join(CATEGORIES)})/(\1[^/]*\.txt)")
_SPLIT_SEED = 23


@dataclass(frozen=True, slots=True)
class Article:
    """One article: its category, and title and body as a line of text each."""

    category: str
    title: str
    body: str

    @property
    def text(self) -> str:
        """Title and body as one line."""
        return self.title + self.body


def read(data_dir: str) -> list[Article]:
    """Reads the corpus that a folder holds, sorted by category and file name.

    Args:
        data_dir: The folder with the archive, with `text/`, or with the categories.

    Raises:
        DataError: a category has no articles, or one is not UTF-8.
        StorageError: the folder holds no corpus.
    """
    files = sorted(_files(data_dir))
    missing = set(CATEGORIES) - {category for category, _, _ in files}
    if missing:
        raise DataError(f"no articles of {', '.join(sorted(missing))}", path=data_dir)
    return [
        Article(category, *_texts(content, place=f"{data_dir}: {category}/{name}"))
        for category, name, content in files
    ]


def deal(count: int) -> dict[str, np.ndarray]:
    """Returns the positions of each split's articles in the sorted corpus.

    pandas' `sample(frac=1, random_state=23)`, by which the original shuffled, is this
    permutation; a fifth each is for test and dev.

    Args:
        count: Number of articles.

    Source: bert-japanese, notebook/finetune-to-livedoor-corpus.ipynb.
    """
    order = np.random.RandomState(_SPLIT_SEED).permutation(count)
    fifth = count // 5
    return {
        "test": order[:fifth],
        "dev": order[fifth : 2 * fifth],
        "train": order[2 * fifth :],
    }


def _files(data_dir: str) -> Iterator[tuple[str, str, bytes]]:
    """Yields category, file name and content of each article, in any order.

    Raises:
        StorageError: the folder holds no corpus.
    """
    data_files.refuse_no_folder(data_dir, wanted=f"{ARCHIVE} or text/")
    archive = storage.join(data_dir, ARCHIVE)
    for folder in (storage.join(data_dir, "text"), data_dir):
        if storage.is_dir(storage.join(folder, CATEGORIES[0])):
            yield from _unpacked(folder)
            return
    if not storage.exists(archive):
        raise StorageError(
            f"{data_dir} holds no livedoor corpus; expected train.tsv, dev.tsv and"
            f" test.tsv, or {ARCHIVE}, or its unpacked folder text/."
        )
    for name, content in read_tar(archive, name=_ARTICLE):
        category, file = name.split("/")[-2:]
        yield category, file, content


def _unpacked(folder: str) -> Iterator[tuple[str, str, bytes]]:
    for category in CATEGORIES:
        shelf = storage.join(folder, category)
        for name in storage.list_dir(shelf):
            if name.startswith(category) and name.endswith(".txt"):
                yield category, name, storage.read_bytes(storage.join(shelf, name))


def _texts(content: bytes, *, place: str) -> tuple[str, str]:
    try:
        lines = io.StringIO(content.decode("utf-8"), newline=None).readlines()
    except UnicodeDecodeError as error:
        raise DataError(
            f"expected UTF-8: {error.reason}", path=place, offset=error.start
        ) from error
    first = _LINES_BEFORE_TITLE
    return _joined(lines[first : first + 1]), _joined(lines[first + 1 :])


def _joined(lines: Iterable[str]) -> str:
    return "".join(map(str.strip, lines)).replace("\t", "\N{IDEOGRAPHIC SPACE}")
