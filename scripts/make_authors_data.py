r"""Makes the six-author data set that the toolkit ships from Aozora Bunko's texts.

    python scripts/make_authors_data.py --archive=aozora-six-authors.tar.xz \
        --output_dir=processors/data/authors

The archive holds `cards/<person>/files/<file>/<file>.txt` as they are in
https://github.com/aozorahack/aozorabunko_text, in CP932. Same seed, same bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

from processors.corpora import aozora, authors
from runtime import storage
from runtime.errors import SettingsError
from runtime.settings import missing, setting
from scripts import console, flag_definitions


@dataclasses.dataclass(frozen=True, kw_only=True)
class AuthorsSettings:
    """What the data set is made of.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    archive: str | None = setting(
        None, path=True, help="The tar archive of Aozora's text files."
    )
    output_dir: str | None = setting(
        None, path=True, help="Where train.tsv, dev.tsv and test.tsv go."
    )
    train_size: int = setting(500, help="Training paragraphs an author.")
    test_size: int = setting(100, help="Paragraphs an author in each of dev and test.")
    seed: int = setting(23, help="Seed of the draw and of the order of rows.")

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        yield from missing(self, "archive", "output_dir")
        for name in ("train_size", "test_size"):
            if getattr(self, name) < 1:
                yield f"--{name} must be at least 1; got {getattr(self, name)}."
        if not 0 <= self.seed < 2**32:
            yield f"--seed must lie in [0, 2**32); got {self.seed}."


def write_tsv(path: str, rows: Sequence[authors.Paragraph]) -> None:
    """Writes paragraphs as a TSV file with a header."""
    lines = ["\t".join(authors.COLUMNS)]
    lines += ["\t".join((row.id, row.author, row.work, row.text)) for row in rows]
    storage.write_text(path, "\n".join(lines) + "\n")


def main(argv: Sequence[str]) -> None:
    """Reads the archive and writes the three splits."""
    del argv
    settings = flag_definitions.values(AuthorsSettings)
    works = authors.choose_works(aozora.read_works(str(settings.archive)))
    splits = authors.split_by_work(
        works,
        sizes={
            "test": settings.test_size,
            "dev": settings.test_size,
            "train": settings.train_size,
        },
        seed=settings.seed,
    )
    for split, rows in splits.items():
        path = storage.join(str(settings.output_dir), f"{split}.tsv")
        write_tsv(path, rows)
        print(f"{path}: {len(rows)} paragraphs of {len({r.work for r in rows})} works")


if __name__ == "__main__":
    flag_definitions.define(AuthorsSettings)
    console.run(main)
