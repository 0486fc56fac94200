"""Two Japanese authors: is this paragraph Sakaguchi Ango's or Natsume Soseki's.

About 26,000 paragraphs of 60 to 240 characters, split by work. Source: Aozora Bunko,
https://www.aozora.gr.jp/, as the text files of
https://github.com/aozorahack/aozorabunko_text.
"""

from __future__ import annotations

import functools

from processors.base import DataProcessor
from processors.corpora import aozora, author_pair
from processors.corpora.authors import Paragraph
from processors.example import InputExample
from processors.readers import data_files
from runtime import storage
from runtime.errors import StorageError

_LABELS = {"001095": "sakaguchi", "000148": "natsume"}
_SEED = 23


class AozoraPairProcessor(DataProcessor):
    """The data folder holds one tar archive of `cards/<person>/files/...`.

    A paragraph's group is its work.
    """

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return _examples(data_dir, split="train")

    def get_dev_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return _examples(data_dir, split="dev")

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return _examples(data_dir, split="test")

    def get_labels(self) -> list[str]:
        """See base class."""
        return sorted(_LABELS.values())


def _examples(data_dir: str, *, split: str) -> list[InputExample]:
    return [
        InputExample(guid=row.id, text_a=row.text, label=row.author, group=row.work)
        for row in _splits(_archive(data_dir))[split]
    ]


@functools.lru_cache(maxsize=1)
def _splits(archive: str) -> dict[str, list[Paragraph]]:
    works = author_pair.read_pair(aozora.read_works(archive), labels=_LABELS)
    return author_pair.deal(works, seed=_SEED)


def _archive(data_dir: str) -> str:
    data_files.refuse_no_folder(data_dir, wanted="an archive of Aozora's text files")
    names = storage.list_dir(data_dir)
    archives = [name for name in names if name.endswith((".tar.xz", ".tar.gz", ".tar"))]
    if len(archives) != 1:
        raise StorageError(
            f"{data_dir}: expected one .tar.xz, .tar.gz or .tar of Aozora's text files,"
            f" found {', '.join(archives) or 'none'} among"
            f" {', '.join(names) or 'nothing'}."
        )
    return storage.join(data_dir, archives[0])
