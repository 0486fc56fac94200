"""Deals the training examples of a task to train, dev and test.

Which split an example falls into is decided by the content of all examples and a seed,
never by the order of rows or by their names:

- What belongs together stays together: the examples of one group, or without groups
  those whose texts differ in nothing but case, width and spaces; the texts of a pair
  may also have changed places. With groups, a text
  that several of them have may be in several splits; `data_report.txt` shows it.
- Each split gets its share of all examples and of those of each label, as nearly as
  whole groups allow. Of a rare label the largest split, which as a rule is train, gets
  the first example; which splits have none of a label is logged.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from processors.base import SPLITS, DataProcessor
from processors.data_check.leakage import form_of, texts_of
from processors.example import InputExample
from processors.readers.sieve import Sieve
from runtime.errors import DataError, SettingsError

_LOG = logging.getLogger(__name__)
_EXPECTED = "expected shares as in --split=train:0.8,dev:0.1,test:0.1"
_TOLERANCE = 1e-6
# From so much more or less than its share on, a split is worth a warning.
_FAR_OFF = 0.25


@dataclass(frozen=True)
class SplitPlan:
    """How training examples are dealt.

    Args:
        shares: Split -> its share of the examples, train first among them; what is not
            named is read as ever.
        seed: Draws the splits.

    Raises:
        SettingsError: The shares do not make a plan.
    """

    shares: Mapping[str, float]
    seed: int

    def __post_init__(self) -> None:
        problems = [
            f"split: {name} must be above 0; got {share}."
            for name, share in self.shares.items()
            if not 0 < share < math.inf
        ]
        if not {"train"} < self.shares.keys() <= set(SPLITS):
            problems.append(
                f"split: {_EXPECTED}, with train and dev, test or both; got"
                f" {', '.join(self.shares) or 'nothing'}."
            )
        total = sum(self.shares.values())
        if not problems and abs(total - 1) > _TOLERANCE:
            problems.append(f"split: the shares must sum to 1; got {total:.6g}.")
        if problems:
            raise SettingsError(*problems)

    @classmethod
    def parse(cls, parts: Sequence[str], *, seed: int) -> SplitPlan:
        """Returns the plan that a flag describes.

        Args:
            parts: One `name:share` a split.
            seed: Draws the splits.

        Raises:
            SettingsError: A part is something else, or repeats a split.
        """
        shares: dict[str, float] = {}
        problems = []
        for part in parts:
            name, _, share = (text.strip() for text in part.partition(":"))
            try:
                value = float(share)
            except ValueError:
                problems.append(f"split: {_EXPECTED}; got {part!r}.")
                continue
            if name in shares:
                problems.append(f"split: {name} is named more than once.")
            shares[name] = value
        if problems:
            raise SettingsError(*problems)
        return cls({name: shares[name] for name in _ordered(shares)}, seed=seed)

    def __str__(self) -> str:
        """The flags that make this plan."""
        shares = ",".join(f"{name}:{share}" for name, share in self.shares.items())
        return f"--split={shares} --seed={self.seed}"


class SplitProcessor(DataProcessor):
    """A task whose training examples are dealt to several splits.

    Files that the task has for the dealt splits are not read. Guids stay those of the
    training examples, so that they name the row an example comes from.

    Args:
        task: The task.
        plan: The splits and their shares.
    """

    def __init__(self, task: DataProcessor, *, plan: SplitPlan) -> None:
        self._task = task
        self._plan = plan
        self._dealt: dict[str, list[InputExample]] = {}
        self._dealt_from: str | None = None
        self.default_data_dir = getattr(task, "default_data_dir", None)
        self.targets = task.targets

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return self._split("train", data_dir)

    def get_dev_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        if "dev" not in self._plan.shares:
            return self._task.get_dev_examples(data_dir)
        return self._split("dev", data_dir)

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        if "test" not in self._plan.shares:
            return self._task.get_test_examples(data_dir)
        return self._split("test", data_dir)

    def get_labels(self) -> list[str]:
        """See base class."""
        return self._task.get_labels()

    def has_split(self, split: str) -> bool:
        """See base class."""
        return split in self._plan.shares or self._task.has_split(split)

    def read_labels(self, data_dir: str) -> list[str]:
        """See base class."""
        return self._task.read_labels(data_dir)

    def refuse_missing(self, split: str, *, data_dir: str) -> None:
        """See base class."""
        self._task.refuse_missing(self.source_of(split), data_dir=data_dir)

    def source_of(self, split: str) -> str:
        """See base class; dealt rows are read once, by whichever split is first."""
        return "train" if split in self._plan.shares else self._task.source_of(split)

    @contextlib.contextmanager
    def sifted_by(self, sieve: Sieve) -> Iterator[None]:
        """See base class."""
        with self._task.sifted_by(sieve):
            yield

    def _split(self, name: str, data_dir: str) -> list[InputExample]:
        if self._dealt_from != data_dir:
            examples = self._task.get_train_examples(data_dir)
            self._dealt = deal(examples, plan=self._plan)
            self._dealt_from = data_dir
            _LOG.info(
                "--split deals %d training examples: %s",
                len(examples),
                ", ".join(f"{len(rows)} {name}" for name, rows in self._dealt.items()),
            )
        return self._dealt[name]


def deal(
    examples: Sequence[InputExample], *, plan: SplitPlan
) -> dict[str, list[InputExample]]:
    """Deals examples to the splits of a plan.

    Args:
        examples: All with a group or all without.
        plan: The splits and their shares.

    Returns:
        Split -> its examples, in an order drawn by the seed; equal content gives equal
        splits in equal order.

    Raises:
        DataError: Some examples lack a group, or a split would be empty.
    """
    _refuse_missing_groups(examples)
    units = _units(examples, seed=plan.seed)
    splits: dict[str, list[_Unit]] = {name: [] for name in plan.shares}
    balance = _Balance(examples, shares=plan.shares)
    for unit in sorted(units, key=lambda unit: (-len(unit.examples), unit.rank)):
        splits[balance.take(unit)].append(unit)
    dealt = {
        name: [
            example
            for unit in sorted(chosen, key=lambda unit: unit.rank)
            for example in unit.examples
        ]
        for name, chosen in splits.items()
    }
    _refuse_empty(dealt, units=len(units))
    _warn(dealt, plan=plan)
    return dealt


@dataclass(frozen=True)
class _Unit:
    """Examples that stay together.

    Attributes:
        rank: Place among all units, drawn by the seed.
        examples: Sorted by content.
        labels: Examples of each label; one of several labels counts for each.
    """

    rank: bytes
    examples: Sequence[InputExample]
    labels: Mapping[str | None, int]


class _Balance:
    """How full each split is, in all and by label.

    A unit goes where it brings the numbers nearest to the shares: where the sum over
    labels and the total of (examples - expected)**2 / expected rises least. For single
    examples this is the rule by which Sainte-Laguë deals seats to parties.

    Args:
        examples: All examples.
        shares: Split -> its share.
    """

    def __init__(
        self, examples: Sequence[InputExample], *, shares: Mapping[str, float]
    ) -> None:
        self._shares = shares
        self._labels = _count(examples)
        self._total = len(examples)
        self._held = {name: Counter[str | None]() for name in shares}
        self._sizes = dict.fromkeys(shares, 0)

    def take(self, unit: _Unit) -> str:
        """Adds a unit; returns its split."""
        chosen = min(self._shares, key=lambda name: self._rise(name, unit))
        self._held[chosen].update(unit.labels)
        self._sizes[chosen] += len(unit.examples)
        return chosen

    def _rise(self, name: str, unit: _Unit) -> float:
        share, held = self._shares[name], self._held[name]
        rises = [
            _rise(held[label], added=count, expected=share * self._labels[label])
            for label, count in unit.labels.items()
        ]
        added = len(unit.examples)
        total = _rise(self._sizes[name], added=added, expected=share * self._total)
        return sum(rises) + total


def _rise(held: int, *, added: int, expected: float) -> float:
    return added * (2 * (held - expected) + added) / expected


def _units(examples: Sequence[InputExample], *, seed: int) -> list[_Unit]:
    together: dict[tuple[str, ...], list[InputExample]] = {}
    names: dict[tuple[str, ...], str] = {}
    for example in examples:
        bond = _bond(example)
        key = tuple(sorted(bond))
        together.setdefault(key, []).append(example)
        # Of a pair and the same pair swapped, the one that sorts first is the name.
        name = json.dumps(bond) if example.group is None else example.group
        names[key] = min(names.get(key, name), name)
    return [
        _Unit(
            rank=_rank(names[key], seed=seed),
            examples=sorted(members, key=_content),
            labels=dict(sorted(_count(members).items(), key=str)),
        )
        for key, members in together.items()
    ]


def _rank(name: str, *, seed: int) -> bytes:
    # JSON from anywhere may hold half a surrogate pair, which UTF-8 cannot write.
    content = name.encode("utf-8", "surrogatepass")
    return hashlib.blake2b(content, key=str(seed).encode()).digest()


def _bond(example: InputExample) -> tuple[str, ...]:
    """Returns what an example has in common, in any order, with what it stays with."""
    if example.group is not None:
        return (example.group,)
    return tuple(form_of(text) for text in texts_of(example))


def _content(example: InputExample) -> tuple[str, ...]:
    number = () if example.number is None else (str(example.number),)
    target = (*(example.label_set or ()), *number)
    return (example.text_a, example.text_b or "", *target, "", example.guid)


def _count(examples: Sequence[InputExample]) -> Counter[str | None]:
    """Examples of each label, None for those without; numbers are not counted."""
    unlabelled = (None,)
    return Counter(
        label
        for example in examples
        for label in (example.label_set if example.is_labelled else unlabelled) or ()
    )


def _ordered(names: Mapping[str, float]) -> list[str]:
    return sorted(names, key=lambda name: [*SPLITS, name].index(name))


# -- what cannot be dealt, and what is dealt badly -------------------------------------


def _refuse_missing_groups(examples: Sequence[InputExample]) -> None:
    groups = {example.group for example in examples}
    if groups == {None} or not groups & {None, ""}:
        return
    without = [example.guid for example in examples if not example.group]
    raise DataError(
        f"{len(without)} of {len(examples)} examples have no group, so what they belong"
        f" to is not known: {', '.join(without[:5])}"
        f"{' and others' if len(without) > 5 else ''}. Give each a group, one of its"
        " own where it belongs to nothing."
    )


def _refuse_empty(dealt: Mapping[str, Sequence[InputExample]], *, units: int) -> None:
    empty = [name for name, examples in dealt.items() if not examples]
    if empty:
        raise DataError(
            f"{' and '.join(empty)} would be without examples: there are {units} texts"
            " or groups to deal, of which none is ever cut in two. Give more data,"
            " finer groups, larger shares or fewer splits."
        )


def _warn(dealt: Mapping[str, Sequence[InputExample]], *, plan: SplitPlan) -> None:
    total = sum(map(len, dealt.values()))
    for name, examples in dealt.items():
        share = len(examples) / total
        if abs(share - plan.shares[name]) > _FAR_OFF * plan.shares[name]:
            _LOG.warning(
                "--split: %s got %d of %d examples, %.1f %% where %.1f %% were asked"
                " for: groups are not cut in two.",
                name,
                len(examples),
                total,
                100 * share,
                100 * plan.shares[name],
            )
    labels = {name: _count(examples) for name, examples in dealt.items()}
    for label in sorted(set().union(*labels.values()), key=str):
        lacking = [name for name in dealt if not labels[name][label]]
        if lacking:
            _LOG.warning(
                "--split: no example of label %s in %s; there are only %d.",
                label,
                " and ".join(lacking),
                sum(counts[label] for counts in labels.values()),
            )
