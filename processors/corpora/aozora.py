"""Works of Aozora Bunko as plain paragraphs, from its archive of text files.

Source: https://www.aozora.gr.jp/annotation/ (ruby, notes, characters outside JIS) and
https://www.aozora.gr.jp/KOSAKU/MANUAL_2.html (order of title, author, body, colophon).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from processors.corpora.archives import read_tar
from runtime.errors import DataError

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
_OLD_KANA = re.compile(r"[ゐゑヰヱ]")
_OLD_DOUBLING = re.compile(r"つ[たてと]")
_OLD_KANA_SHARE = 3e-4


@dataclass(frozen=True, slots=True)
class Work:
    """One work, or one version of it.

    Attributes:
        person: Aozora's number of the author, six digits.
        id: Aozora's number of the work.
        title: As the first line has it.
        author: As the line above the body has it.
        body: The lines between heading and colophon as they are, by line number.
    """

    person: str
    id: str
    title: str
    author: str
    body: dict[int, str]

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


def read_works(path: str) -> Iterator[Work]:
    """Streams the works in a `.tar.xz` or `.tar.gz` of `cards/<person>/files/...`.

    Args:
        path: The archive.

    Yields:
        Each work whose heading, body and colophon can be told apart.

    Raises:
        DataError: the archive is damaged, or a file is not in CP932.
    """
    for name, content in read_tar(path, name=_MEMBER):
        try:
            text = content.decode("cp932")
        except UnicodeDecodeError as error:
            raise DataError(
                f"{name}: expected CP932: {error.reason}",
                path=path,
                offset=error.start,
            ) from error
        person, file = name.split("/")[1], name.split("/")[-1]
        work = parse_work(text, person=person, work_id=file.partition("_")[0])
        if work is not None:
            yield work


def parse_work(text: str, *, person: str, work_id: str) -> Work | None:
    """Takes a file apart; None when it does not follow Aozora's order.

    The heading ends at the first empty line; where the file uses signs, an explanation
    of them between two rules follows. The body goes on to the line of the colophon.

    Args:
        text: The decoded file.
        person: Aozora's number of the author.
        work_id: Aozora's number of the work.
    """
    lines = _LINE_END.split(text)
    rules = [place for place, line in enumerate(lines) if _RULE.fullmatch(line)]
    ends = [n for n, line in enumerate(lines) if line.startswith(_COLOPHON)]
    heading = lines[: lines.index("")] if "" in lines else []
    if len(heading) < 2 or len(rules) not in {0, 2} or len(ends) != 1:
        return None
    start = rules[1] + 1 if rules else len(heading)
    body = {n + 1: lines[n] for n in range(start, ends[0])}
    return Work(person, work_id, plain_text(heading[0]), heading[-1].strip(), body)


def plain_text(line: str) -> str:
    """Returns a line without ruby and notes; "" when that leaves it incomplete.

    Args:
        line: As Aozora writes it, such as `金魚｜藻《も》［＃「藻」に傍点］`.
    """
    if _KANBUN.search(line):
        return ""
    inner = ""
    while inner != line:  # notes stand inside notes
        inner, line = line, _NOTE.sub("", line)
    text = _RUBY.sub("", line).replace("｜", "").strip()
    return "" if _UNRESOLVED.search(text) else text
