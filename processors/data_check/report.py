"""What a run's data are like, as a page of text to read before believing a result."""

from __future__ import annotations

import itertools
import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from processors.batches.features import TokenSummary
from processors.data_check import leakage, near_copies, shared_passages, text_table
from processors.data_check.leakage import ComparedSplit, Overlap
from processors.example import InputExample
from runtime.errors import DataError, SettingsError

# Whose examples are looked for in whose.
_COMPARISONS = (("dev", "train"), ("test", "train"), ("test", "dev"))
_NONE_OF_THEM = "(none of them)"
_SHOWN = 5
_EXCERPT_CHARACTERS = 40
_GUID_CHARACTERS = 24
_LINE_CHARACTERS = 88

_ABOUT_TOKENS = (
    "Tokens of an example with {}: of the shortest, the middle one, the"
    " one that 95 % do not exceed, and the longest. Cut: longer than"
    " --{}={}. Unknown: tokens of the texts that the vocabulary lacks."
)
_ABOUT_TEXTS = (
    "Empty: with a text of nothing but spaces. Repeated: texts that an earlier example"
    " of the split has too"
)
_ABOUT_OVERLAP = (
    "Copies: equal texts. Near copies: equal but for case, width and spaces; or, from"
    f" {near_copies.MIN_SAME_CHARACTERS + 1} characters, for one put in, taken out or"
    f" replaced; or, from {shared_passages.MIN_CHARACTERS} characters, alike in"
    f" {shared_passages.MIN_SHARE:.0%} of all passages of {shared_passages.PASSAGE}."
)
_NO_TEXTS = (
    "The data are records without their texts: nothing is known of empty, repeated and"
    " shared ones."
)
_OTHER_LABEL = "other label"
_ABOUT_OTHER_LABELS = (
    "Other label: those of both that the other split has under another label."
)
_ABOUT_EMPTY_TEXTS = "Empty texts are not compared."
_ABOUT_SHARED_TEXTS = (
    "Shared texts: pairs of which a text is also in a pair of the other split. In a"
    " copy, the texts of a pair may have changed places."
)
_ABOUT_SHARED_GROUPS = (
    "Shared groups: examples of a group that the other split has examples of."
)


def report_file(*, trains: bool) -> str:
    """The report's name: one on an evaluation leaves a training's alone."""
    return "data_report.txt" if trains else "eval_data_report.txt"


@dataclass(frozen=True)
class SplitData:
    """One split, as a report needs it.

    Attributes:
        examples: Its examples.
        tokens: What tokenizing them found; None where the run does not tokenize them.
    """

    examples: Sequence[InputExample]
    tokens: TokenSummary | None = None


@dataclass(frozen=True)
class Subject:
    """What a report is on.

    Attributes:
        title: Its first line.
        limit: The flag to whose tokens examples are cut.
        special: The special tokens that an example has.
        has_labels: Whether examples are counted by label.
    """

    title: str = "Data report"
    limit: str = "max_seq_length"
    special: str = "[CLS] and [SEP]"
    has_labels: bool = True


class DataReport:
    """Counts of the splits of a run, and what they have in common.

    Args:
        splits: train, dev and test, those of them that there are.
        labels: The task's labels in order.
        max_seq_length: Tokens to which examples are cut.
        has_texts: Whether the examples have texts; records alone have none.
        notes: Sentences about how the splits were made, or why one is missing.
        subject: What it is on.
    """

    def __init__(
        self,
        splits: Mapping[str, SplitData],
        *,
        labels: Sequence[str],
        max_seq_length: int,
        has_texts: bool = True,
        notes: Sequence[str] = (),
        subject: Subject | None = None,
    ) -> None:
        self._subject = subject = subject or Subject()
        self._about_tokens = _ABOUT_TOKENS.format(
            subject.special, subject.limit, max_seq_length
        )
        self._splits = splits
        self._labels = labels
        self._notes = notes
        compared = {
            name: ComparedSplit(split.examples)
            for name, split in splits.items()
            if has_texts
        }
        self._sides = {name: split.sides for name, split in compared.items()}
        self.overlaps: dict[tuple[str, str], Overlap] = {
            (one, other): leakage.compare(compared[one], other=compared[other])
            for one, other in _COMPARISONS
            if one in compared and other in compared
        }

    def refuse_leakage(self, limit: float, *, path: str) -> None:
        """Keeps a model from being measured on what it was trained on.

        Args:
            limit: Share of the dev or test examples that may be copies or near copies
                of training examples.
            path: Where the report was written.

        Raises:
            DataError: A split has more.
            SettingsError: There is no training split to compare with.
        """
        if "train" not in self._splits:
            raise SettingsError(
                "--max_leakage compares with the training examples, and there are none:"
                f" {' '.join(self._notes)} Leave it out, or give --data_dir with them."
            )
        problems = [
            f"{round(overlap.share * overlap.compared)} of {overlap.compared} {one}"
            f" examples ({overlap.share:.2%}) are copies or near copies of {other}"
            f" examples; --max_leakage={limit:g} allows {limit:.2%}."
            for (one, other), overlap in self.overlaps.items()
            if other == "train" and overlap.share > limit
        ]
        if problems:
            raise DataError(
                f"{' '.join(problems)} {path} names some. Take them out, deal anew with"
                " --split, or allow more."
            )

    def copies_of_training(self) -> list[str]:
        """A sentence for each split that has copies of training examples."""
        return [
            f"{round(overlap.share * overlap.compared)} of {overlap.compared} {one} "
            f"examples ({overlap.share:.2%}) are copies or near copies of training "
            "examples."
            for (one, other), overlap in self.overlaps.items()
            if other == "train" and overlap.share > 0
        ]

    # -- as text ----------------------------------------------------------------------

    def text(self) -> str:
        """Returns the report."""
        sections = [
            f"{self._subject.title}\n",
            "".join(map(_filled, self._notes)),
            self._labels_section(),
            self._tokens_section(),
            *((self._texts_section(), self._overlap_section()) if self._sides else ()),
            "" if self._sides else _filled(_NO_TEXTS),
            *(self._witnesses(*names) for names in self.overlaps),
        ]
        return "\n".join(section for section in sections if section)

    def _labels_section(self) -> str:
        counts = {
            name: Counter(itertools.chain(*map(self._answers, split.examples)))
            for name, split in self._splits.items()
        }
        total = sum(counts.values(), Counter[str | None]())
        others = [answer for answer in (_NONE_OF_THEM, None) if answer in total]
        has_labels = self._subject.has_labels
        head = "examples of label" if has_labels else "examples"
        table = [[head, *counts, "total"]]
        for label in (*self._labels, *others) if has_labels else ():
            numbers = [found[label] for found in (*counts.values(), total)]
            table.append([_clean(label or "(no label)"), *map(str, numbers)])
        sizes = [len(split.examples) for split in self._splits.values()]
        table.append(["total", *map(str, (*sizes, sum(sizes)))])
        return text_table.aligned(table) + _filled(self._baseline(counts))

    def _answers(self, example: InputExample) -> Sequence[str | None]:
        """Rows of the table that an example counts in; of its labels, each."""
        if example.number is not None:
            return self._labels
        if example.labels is not None:
            return example.labels or (_NONE_OF_THEM,)
        return (example.label,)

    def _baseline(self, counts: Mapping[str, Counter[str | None]]) -> str:
        of_one = any(e.label for each in self._splits.values() for e in each.examples)
        if not (self._labels and of_one):
            return ""
        base = "train" if "train" in counts else next(iter(counts))
        label = max(self._labels, key=lambda label: counts[base][label])
        labelled = {name: found.total() - found[None] for name, found in counts.items()}
        accuracies = [
            f"{name} {found[label] / labelled[name]:.4f}"
            for name, found in counts.items()
            if labelled[name]
        ]
        if not accuracies:
            return ""
        return (
            f"Accuracy of always answering {_clean(label)!r}, the most frequent label"
            f" of {base}: {', '.join(accuracies)}."
        )

    def _tokens_section(self) -> str:
        table = [["tokens", "min", "median", "95 %", "max", "cut", "unknown"]]
        for name, split in self._splits.items():
            if split.tokens is not None:
                table.append([name, *self._token_cells(split.tokens)])
        about = _filled(self._about_tokens)
        return text_table.aligned(table) + about if len(table) > 1 else ""

    def _token_cells(self, tokens: TokenSummary) -> list[str]:
        ranks = (tokens.shortest, tokens.median, tokens.percentile_95, tokens.longest)
        return [
            *map(str, ranks),
            _of(tokens.cut, tokens.examples),
            _of(tokens.unknown, tokens.text_tokens),
        ]

    def _texts_section(self) -> str:
        has_labels = self._subject.has_labels
        head = ["texts", "examples", "empty", "repeated", _OTHER_LABEL]
        table = [head[: None if has_labels else -1]]
        for name, split in self._splits.items():
            examples = split.examples
            repeats = leakage.repeats(examples)
            relabelled = leakage.relabelled(repeats, examples=examples, others=examples)
            empty = sum(not all(sides) for sides in self._sides[name])
            total = len(examples)
            numbers = (empty, len(repeats), relabelled)[: None if has_labels else -1]
            table.append([name, str(total), *(_of(n, total) for n in numbers)])
        more = f"; {_OTHER_LABEL}: if under another label." if has_labels else "."
        return text_table.aligned(table) + _filled(_ABOUT_TEXTS + more)

    def _overlap_section(self) -> str:
        if not self.overlaps:
            return "Overlap of splits: only one was read, so none were compared.\n"
        columns: dict[str, Callable[[Overlap], int]] = {
            "copies": lambda overlap: len(overlap.copies),
            "near copies": lambda overlap: len(overlap.near_copies),
        }
        about = [_ABOUT_OVERLAP]
        if self._subject.has_labels:
            columns[_OTHER_LABEL] = lambda overlap: overlap.relabelled
            about.append(_ABOUT_OTHER_LABELS)
        about.append(_ABOUT_EMPTY_TEXTS)
        if any(len(sides) > 1 for split in self._sides.values() for sides in split):
            columns["shared texts"] = lambda overlap: overlap.shared_sides
            about.append(_ABOUT_SHARED_TEXTS)
        if any(row.group for split in self._splits.values() for row in split.examples):
            columns["shared groups"] = lambda overlap: overlap.shared_groups
            about.append(_ABOUT_SHARED_GROUPS)
        table = [["overlap", "examples", *columns]]
        for (one, other), overlap in self.overlaps.items():
            cells = [
                _of(count(overlap), overlap.compared) for count in columns.values()
            ]
            table.append([f"{one} in {other}", str(overlap.compared), *cells])
        return text_table.aligned(table) + _filled(" ".join(about))

    def _witnesses(self, one: str, other: str) -> str:
        overlap = self.overlaps[one, other]
        examples, others = self._splits[one].examples, self._splits[other].examples
        rows = []
        for kind, found in (
            ("copy", overlap.copies),
            ("near copy", overlap.near_copies),
        ):
            for place, witness in list(found.items())[:_SHOWN]:
                excerpt = _excerpt(examples[place])
                guids = _guid(examples[place]), _guid(others[witness])
                rows.append([kind, *guids, excerpt])
        if not rows:
            return ""
        head = ["kind", one, other, f"text in {one}"]
        return text_table.aligned([head, *rows], left=len(head))


def _of(count: int, total: int) -> str:
    return f"{count} ({count / total:.2%})" if count else "0"


def _filled(text: str) -> str:
    return f"{textwrap.fill(text, _LINE_CHARACTERS)}\n" if text else ""


def _guid(example: InputExample) -> str:
    return _clean(example.guid, longest=_GUID_CHARACTERS)


def _excerpt(example: InputExample) -> str:
    texts = " ||| ".join(leakage.texts_of(example))
    return _clean(texts, longest=_EXCERPT_CHARACTERS)


def _clean(text: str, *, longest: int = _LINE_CHARACTERS) -> str:
    """Returns the start of a text without what a terminal would obey or not show."""
    start = "".join(c if c.isprintable() else " " for c in text[: longest + 1])
    return start if len(start) <= longest else start[: longest - 1] + "…"
