"""The sentences of chABSA: securities reports with opinions on what they name.

Source: https://github.com/chakki-works/chABSA-dataset: a JSON file a company, with
`header` and `sentences`, each with its `opinions` and their `polarity`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from processors.corpora.archives import read_zip
from processors.readers import data_files
from runtime import storage
from runtime.errors import DataError, StorageError

ARCHIVE = "chABSA-dataset.zip"
FOLDER = "chABSA-dataset"
_REPORT = re.compile(r"(?:\./)?(?:chABSA-dataset/)?\w+_ann\.json")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a report.

    Attributes:
        company: Id of the company, which is that of the report.
        number: Place in the report.
        text: The sentence.
        polarities: Of the opinions in it; empty where it has none.
    """

    company: str
    number: int
    text: str
    polarities: frozenset[str]


def read(data_dir: str) -> Iterator[Sentence]:
    """Streams the sentences, sorted by company.

    Args:
        data_dir: The folder with the archive or with its unpacked folder.

    Raises:
        DataError: a report is not as described.
        StorageError: the folder holds no corpus.
    """
    for name, content in sorted(_files(data_dir)):
        place = f"{data_dir}: {name}"
        try:
            report = json.loads(content.decode("utf-8-sig"))
            yield from _sentences(report)
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"expected a report of chABSA: {error!r}", path=place
            ) from error


def _sentences(report: dict[str, Any]) -> Iterator[Sentence]:
    for sentence in report["sentences"]:
        yield Sentence(
            company=report["header"]["document_id"],
            number=sentence["sentence_id"],
            text=sentence["sentence"],
            polarities=frozenset(each["polarity"] for each in sentence["opinions"]),
        )


def _files(data_dir: str) -> Iterator[tuple[str, bytes]]:
    """Yields name and content of each report, in any order.

    Raises:
        StorageError: there is none.
    """
    data_files.refuse_no_folder(data_dir, wanted=f"{ARCHIVE} or {FOLDER}/")
    archive = storage.join(data_dir, ARCHIVE)
    for folder in (storage.join(data_dir, FOLDER), data_dir):
        names = storage.list_dir(folder) if storage.is_dir(folder) else []
        reports = [name for name in names if _REPORT.fullmatch(name)]
        if reports:
            for name in reports:
                yield name, storage.read_bytes(storage.join(folder, name))
            return
    if not storage.exists(archive):
        raise StorageError(
            f"{data_dir} holds no chABSA; expected {ARCHIVE} or its unpacked folder"
            f" {FOLDER}."
        )
    yield from read_zip(archive, name=_REPORT)
