r"""Makes the six-author data set that the toolkit ships from Aozora Bunko's texts.

    python scripts/make_authors_data.py --archive=aozora-six-authors.tar.xz \
        --output_dir=processors/data/authors

The archive holds `cards/<person>/files/<file>/<file>.txt` as they are in
https://github.com/aozorahack/aozorabunko_text, in CP932. Same seed, same bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from processors.corpora import aozora, authors
from runtime import storage
from scripts import console

_ARCHIVE = flags.DEFINE_string(
    "archive", None, "The .tar.xz or .tar.gz of Aozora's text files.", required=True
)
_OUTPUT_DIR = flags.DEFINE_string(
    "output_dir", None, "Where train.tsv, dev.tsv and test.tsv go.", required=True
)
_TRAIN_SIZE = flags.DEFINE_integer(
    "train_size", 500, "Training paragraphs an author.", lower_bound=1
)
_TEST_SIZE = flags.DEFINE_integer(
    "test_size", 100, "Paragraphs an author in each of dev and test.", lower_bound=1
)
_SEED = flags.DEFINE_integer("seed", 23, "Seed of the draw and of the order of rows.")


def write_tsv(path: str, rows: Sequence[authors.Paragraph]) -> None:
    """Writes paragraphs as a TSV file with a header."""
    lines = ["\t".join(authors.COLUMNS)]
    lines += ["\t".join((row.id, row.author, row.work, row.text)) for row in rows]
    storage.write_text(path, "\n".join(lines) + "\n")


def main(_: Sequence[str]) -> None:
    """Reads the archive and writes the three splits."""
    works = authors.choose_works(aozora.read_works(_ARCHIVE.value))
    splits = authors.split_by_work(
        works,
        sizes={
            "test": _TEST_SIZE.value,
            "dev": _TEST_SIZE.value,
            "train": _TRAIN_SIZE.value,
        },
        seed=_SEED.value,
    )
    for split, rows in splits.items():
        path = storage.join(_OUTPUT_DIR.value, f"{split}.tsv")
        write_tsv(path, rows)
        print(f"{path}: {len(rows)} paragraphs of {len({r.work for r in rows})} works")


if __name__ == "__main__":
    console.run(main)
