r"""Makes the data of good and bad news that the toolkit ships from chABSA.

    python scripts/make_company_news.py --data_dir=FOLDER \
        --output_dir=processors/data/company_news

The folder holds chABSA-dataset.zip. Same seed, same bytes.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from processors.corpora import chabsa, company_news
from runtime import storage
from runtime.errors import SettingsError
from runtime.settings import missing, setting
from scripts import console, flag_definitions

# So many to judge by that an accuracy is known within three points, and so few to learn
# from that the quickstart is done in three minutes.
_SHARES = {"test": 0.275, "dev": 0.275, "train": 0.45}


@dataclasses.dataclass(frozen=True, kw_only=True)
class CompanyNewsSettings:
    """What the data set is made of; each field is a command-line flag.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    data_dir: str | None = setting(
        None, path=True, help="The folder with chABSA-dataset.zip."
    )
    output_dir: str | None = setting(
        None, path=True, help="Where train.tsv, dev.tsv and test.tsv go."
    )
    seed: int = setting(23, help="Seed of the draw and of the order of rows.")

    def __post_init__(self) -> None:
        problems = list(missing(self, "data_dir", "output_dir"))
        if not 0 <= self.seed < 2**32:
            problems.append(f"--seed must lie in [0, 2**32); got {self.seed}.")
        if problems:
            raise SettingsError(*problems)


def main(argv: Sequence[str]) -> None:
    """Reads the reports and writes the three splits."""
    del argv
    settings = flag_definitions.values(CompanyNewsSettings)
    companies = company_news.choose(chabsa.read(str(settings.data_dir)))
    splits = company_news.deal(companies, shares=_SHARES, seed=settings.seed)
    for split, rows in splits.items():
        path = storage.join(str(settings.output_dir), f"{split}.tsv")
        lines = [company_news.COLUMNS, *map(dataclasses.astuple, rows)]
        storage.write_text(path, "".join("\t".join(line) + "\n" for line in lines))
        companies_of = {row.company for row in rows}
        print(f"{path}: {len(rows)} sentences of {len(companies_of)} companies")


if __name__ == "__main__":
    flag_definitions.define(CompanyNewsSettings)
    console.run(main)
