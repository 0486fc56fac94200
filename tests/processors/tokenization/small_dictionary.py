"""Dictionaries of a few hundred words, compiled by MeCab within milliseconds."""

import dataclasses
import os
import random
import shutil

import fugashi
import numpy as np


@dataclasses.dataclass(frozen=True)
class SmallDictionary:
    """The source of a dictionary.

    Attributes:
        words: Surface, left id, right id and cost of each.
        unknown: The same of a category of characters.
        costs: `[left ids, right ids]`.
    """

    words: list[tuple[str, int, int, int]]
    unknown: list[tuple[str, int, int, int]]
    costs: np.ndarray

    @classmethod
    def random(cls, seed: int, *, letters: str = "あいう山川a"):
        """Few different costs, so that many paths are equal."""
        rng, chance = random.Random(seed), np.random.default_rng(seed)
        sizes, span = (rng.randint(2, 7), rng.randint(2, 7)), rng.choice([1, 2, 3, 99])
        costs = chance.integers(-span, span + 1, sizes)
        costs[-1], costs[:, -1] = costs[rng.randrange(sizes[0])], costs[:, 0]
        ids = [(rng.randrange(sizes[0]), rng.randrange(sizes[1])) for _ in range(300)]
        words = [
            ("".join(rng.choices(letters, k=rng.randint(1, 3))), *pair, cost - span)
            for pair, cost in zip(ids, chance.integers(2 * span + 1, size=300))  # noqa: B905
        ]
        categories = ("DEFAULT", "SPACE", "KANJI", "KANJI", "KANA", "KANA", "KANA")
        unknown = [
            (name, *pair, rng.randint(0, 2 * span))
            for name, pair in zip(categories, ids)  # noqa: B905
        ]
        return cls(words, unknown=unknown, costs=costs)

    def compile(self, folder: str) -> str:
        """Compiles it with MeCab; returns the folder."""
        sources = f"{folder}/sources"
        os.makedirs(sources)
        matrix = [
            f"{right} {left} {cost}"
            for (left, right), cost in np.ndenumerate(self.costs)
        ]
        files = {
            "dicrc": ["cost-factor = 800", "bos-feature = BOS/EOS"],
            "char.def": [
                *("DEFAULT 0 1 0", "SPACE 0 1 0", "KANJI 0 0 2", "KANA 1 1 2"),
                *("0x0020 SPACE", "0x4E00..0x9FFF KANJI", "0x3041..0x309F KANA"),
            ],
            "matrix.def": ["{1} {0}".format(*self.costs.shape), *matrix],
            "unk.def": [f"{','.join(map(str, word))},*" for word in self.unknown],
            "words.csv": [f"{','.join(map(str, word))},*" for word in self.words],
        }
        for name, lines in files.items():
            with open(f"{sources}/{name}", "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
        fugashi.build_dictionary(f"- -d {sources} -o {folder} -f utf8 -t utf8")
        shutil.copy(f"{sources}/dicrc", folder)
        return folder
