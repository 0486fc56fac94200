"""Works of Aozora Bunko as plain paragraphs, from its archive of text files.

Source: https://www.aozora.gr.jp/annotation/ (ruby, notes, characters outside JIS) and
https://www.aozora.gr.jp/KOSAKU/MANUAL_2.html (order of title, author, body, colophon).
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from processors.corpora import aozora_marks
from processors.corpora.archives import read_tar

_log = logging.getLogger(__name__)

_MEMBER = re.compile(r"cards/[0-9]{6}/files/[^/]+/[0-9]+_[^/]+\.txt")
_LINE_END = re.compile(r"\r\n|\r|\n")
_RULE = re.compile(r"-{20,}")
_COLOPHON = "底本："
_NOTE = re.compile(r"［＃[^［］]*］")
_RUBY = re.compile(r"《[^《》]*》")
# Marks of Chinese read as Japanese; without them such a line is no Japanese sentence.
_KANBUN = re.compile(r"［＃(?:[レ一二三四上中下甲乙丙丁]+|（[^）]*）)］")
# Signs for what CP932 cannot write: a character outside JIS (※), an accented letter
# (〔〕), a repeated phrase (／＼). A line with one of them is no plain text.
_UNRESOLVED = re.compile(r"[《》｜［］※〔〕／＼\t]")
# What colophons say of works whose authors hold, or held, rights.
_RIGHTS = re.compile(
    r"著作権者(?:自ら)?の意思|著作権継承者の意思|著作権者に断りなく|著作権存続"
    r"|著作権の切れていない|著作権がきれる|許諾|無断転載|ライセンス|Copyright|©"
    r"|\(C\)|クリエイティブ・?コモンズ|Creative ?Commons",
    re.IGNORECASE,
)
_OLD_KANA = re.compile(r"[ゐゑヰヱ]")
_OLD_DOUBLING = re.compile(r"つ[たてと]")
_OLD_KANA_SHARE = 3e-4


@dataclass(frozen=True, slots=True)
class Work:
    """One work, or one version of it.

    Attributes:
        person: Aozora's number of the author, six digits.
        id: Aozora's number of the work.
        heading: The lines above the body: title, what stands below it, author.
        body: The lines between heading and colophon as they are, by line number.
        colophon: The lines below the body: edition, who typed it, whose the rights are.
    """

    person: str
    id: str
    heading: tuple[str, ...]
    body: dict[int, str]
    colophon: str = ""

    @property
    def title(self) -> str:
        """All of the heading above the author: parts of a series differ below."""
        return " ".join(map(readable_text, self.heading[:-1]))

    @property
    def author(self) -> str:
        """The line above the body, without ruby and notes."""
        return readable_text(self.heading[-1])

    @property
    def first_line(self) -> str:
        """The first line, by which data are dealt; "" where it has a mark.

        The tasks `authors` and `aozora_pair` take works of one first line for versions
        of one work, and their published numbers depend on it.
        """
        return plain_text(self.heading[0])

    @property
    def has_rights_reserved(self) -> bool:
        """Whether anything says that somebody holds rights in it."""
        body = "".join(self.body.values())
        return bool(
            _RIGHTS.search("".join(self.heading) + self.colophon)
            or "Creative Commons" in body
        )

    @property
    def has_modern_kana(self) -> bool:
        """Whether it is written in the spelling in use since 1946."""
        text = "".join(self.body.values())
        old_kana = len(_OLD_KANA.findall(text))
        return old_kana <= _OLD_KANA_SHARE * len(text) and text.count("っ") > len(
            _OLD_DOUBLING.findall(text)
        )

    def paragraphs(self) -> Iterator[tuple[int, str]]:
        """Yields line number and plain text of each line that can be had as such."""
        for number, line in self.body.items():
            text = plain_text(line)
            if text:
                yield number, text

    def readable_paragraphs(self) -> Iterator[tuple[int, str]]:
        """As `paragraphs`, with the lines in which a character is only described."""
        for number, line in self.body.items():
            text = readable_text(line)
            if text:
                yield number, text


class NoWorkError(ValueError):
    """A file that is no work as Aozora lays it out; says why."""


def read_works(path: str) -> Iterator[Work]:
    """Streams the works in a tar archive of `cards/<person>/files/...`.

    Files that are no such works are passed over; the log counts them by the reason and
    names one of each.

    Args:
        path: The archive.

    Yields:
        Each work whose heading, body and colophon can be told apart.

    Raises:
        DataError: the archive is damaged.
    """
    reasons: Counter[str] = Counter()
    first: dict[str, str] = {}
    for name, content in read_tar(path, name=_MEMBER):
        try:
            yield _read_work(name, content)
        except NoWorkError as error:
            reasons[str(error)] += 1
            first.setdefault(str(error), name)
    for reason, count in reasons.most_common():
        _log.warning(
            "%s: %d files passed over: %s, such as %s",
            *(path, count, reason, first[reason]),
        )


def _read_work(name: str, content: bytes) -> Work:
    person, file = name.split("/")[1], name.split("/")[-1]
    try:
        text = content.decode("cp932")
    except UnicodeDecodeError as error:
        raise NoWorkError("expected CP932, found other bytes") from error
    return parse_work(text, person=person, work_id=file.partition("_")[0])


def parse_work(text: str, *, person: str, work_id: str) -> Work:
    """Takes a file apart.

    The heading ends at the first empty line; where the file uses signs, an explanation
    of them between two rules follows. The body goes on to the line of the colophon.

    Args:
        text: The decoded file.
        person: Aozora's number of the author.
        work_id: Aozora's number of the work.

    Raises:
        NoWorkError: It does not follow Aozora's order.
    """
    lines = _LINE_END.split(text)
    rules = [place for place, line in enumerate(lines) if _RULE.fullmatch(line)]
    ends = [n for n, line in enumerate(lines) if line.startswith(_COLOPHON)]
    heading = lines[: lines.index("")] if "" in lines else []
    if len(heading) < 2:
        raise NoWorkError("expected title and author above an empty line")
    if len(rules) not in {0, 2}:
        raise NoWorkError("expected no rules or two around the signs")
    if len(ends) != 1:
        raise NoWorkError(f"expected one line that begins with {_COLOPHON}")
    start = rules[1] + 1 if rules else len(heading)
    body = {n + 1: lines[n] for n in range(start, ends[0])}
    colophon = "\n".join(lines[ends[0] :])
    return Work(person, work_id, tuple(heading), body, colophon)


def plain_text(line: str) -> str:
    """Returns a line without ruby and notes; "" when that leaves it incomplete.

    Args:
        line: As Aozora writes it, such as `金魚｜藻《も》［＃「藻」に傍点］`.
    """
    text = _without_notes(line)
    return "" if _UNRESOLVED.search(text) else text


def readable_text(line: str) -> str:
    """Returns a line as `plain_text`, with a character for what is only described.

    Args:
        line: As Aozora writes it, such as `※［＃「口＋世」、第3水準1-14-91］く`.
    """
    text = _without_notes(aozora_marks.resolve(line))
    return "" if _UNRESOLVED.search(text) else text


def _without_notes(line: str) -> str:
    """A line without ruby and notes; "" where it is Chinese to be read as Japanese."""
    if _KANBUN.search(line):
        return ""
    inner = ""
    while inner != line:  # notes stand inside notes
        inner, line = line, _NOTE.sub("", line)
    return _RUBY.sub("", line).replace("｜", "").strip()
