"""Texts to words by MeCab, through fugashi."""

from __future__ import annotations

import importlib
import importlib.metadata
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

import fugashi

from processors.tokenization import mecab_copy
from processors.tokenization.alignment import Aligned, Lowered, Normalized, change_alone
from processors.tokenization.surrogates import refuse_surrogates
from processors.tokenization.words import Lone, Words
from runtime import storage
from runtime.errors import SettingsError

DICTIONARIES = ("unidic_lite", "unidic", "ipadic")
"""Dictionaries that are Python packages; unidic_lite comes with this toolkit."""

# Words with spaces between: MeCab's fastest output, for texts without white space.
_SPACED = "-O wakati"
_SPACE = re.compile(r"\s")
# Stands between words in others, since a word may contain any white space.
_MARK = "\x01"
_MARKED = f'-O "" -B "{_MARK}" -F "%m{_MARK}" -U "%m{_MARK}" -E ""'

# MeCab adds up the cost of a path, up to 2 * 32767 a word; when no sum is below 2**31
# it finds no path, and fugashi reads address 0: 200,000 times "a" ends the process.
_LONGEST_TEXT = 2**31 // (2 * 32767) - 2
_ENDS = ("\n", " ", "。")

# Characters from which on a copy of the dictionary is used. Making it takes about as
# long as MeCab takes for so many (2 seconds of a core), finding it a fifth of that.
_MANY = 1 << 21

# What decides the words, of a compiled dictionary's files.
_COMPILED = ("sys.dic", "matrix.bin", "char.bin", "unk.dic")


class MecabWords(Words):
    """The words of a text as MeCab segments it, normalised by NFKC before.

    White space between words vanishes. So does NUL, at which MeCab's own interface
    would drop the rest of the text; it ends a word here. A text of more than 32,000
    characters is segmented in parts, because MeCab can end the process on longer ones.

    From two million expected characters on, MeCab reads a copy of the dictionary that
    gives the same words faster. It is made once a machine, within seconds, and whoever
    asks for a few texts never waits for it.

    Args:
        dictionary: One of `DICTIONARIES`, or the folder of a compiled dictionary.
        normalize: Whether NFKC comes first, as in the Japanese BERTs of Hugging Face
            and Tohoku University. Without it words are parts of the text as it is.
        do_lower_case: Whether words are put into lower case once they are found.

    Attributes:
        dictionary: As given.
        version: Release of the dictionary's package, or the SHA-256 of its files.

    Raises:
        SettingsError: The dictionary is not there or not in UTF-8.
    """

    def __init__(
        self,
        *,
        dictionary: str = "unidic_lite",
        normalize: bool = True,
        do_lower_case: bool = False,
    ) -> None:
        self.dictionary = dictionary
        self._normalize = normalize
        self._do_lower_case = do_lower_case
        self._folder, self.version = _find(dictionary)
        self._expected, self._has_asked = 0, False
        self._read(self._folder)

    def expect(self, characters: int) -> None:
        """Reads a faster copy of the dictionary once there are many characters."""
        self._expected += characters
        if self._expected >= _MANY and not self._has_asked:
            self._has_asked = True
            settings = _settings_file(self._folder)
            self._read(mecab_copy.find_or_make(self._folder, settings=settings))

    def segment(self, text: str) -> list[str]:
        """Returns the words of `text`.

        Raises:
            DataError: Half of a surrogate pair is in the text.
        """
        words = self.find(text)
        return [word.lower() for word in words] if self._do_lower_case else words

    def find(self, text: str) -> list[str]:
        """Returns the words of `text`, their case as it is."""
        return self._parse(self._normalized(text))

    def shape(self, word: str) -> list[str]:
        """Returns the word, in lower case where asked for."""
        return [word.lower() if self._do_lower_case else word]

    def spaced(self, text: str) -> str | None:
        """Returns the words with spaces between; None where one may hold white space.

        Raises:
            DataError: Half of a surrogate pair is in the text.
        """
        text = self._normalized(text)
        refuse_surrogates(text)
        if _is_short(text) and not _SPACE.search(text):
            return self._spaced.parse(text)
        words = self._parse(text)
        return None if any(map(_SPACE.search, words)) else " ".join(words)

    def lone(self, character: str) -> Lone | None:
        """Returns the character, in lower case where asked for."""
        if character.isspace():
            return Lone("")
        lowered = (Lowered(),) if self._do_lower_case else ()
        text = change_alone(character, steps=lowered)
        return None if text is None or len(text) != 1 else Lone(text)

    def align(self, text: str) -> list[Aligned]:
        """Returns the words with the characters of `text` they stand for."""
        aligned = Aligned.of(text)
        if self._normalize:
            aligned = Normalized("NFKC").align(aligned)
        words = _located(self._parse(aligned.text), text=aligned)
        return [Lowered().align(w) for w in words] if self._do_lower_case else words

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which words a text gets."""
        name = self.dictionary if self.dictionary in DICTIONARIES else "folder"
        return {
            "dictionary": name,
            "dictionary_version": self.version,
            "nfkc": self._normalize,
            "do_lower_case": self._do_lower_case,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickles how it was made: MeCab's own memory stays in its process."""
        settings = (self.dictionary, self._normalize, self._do_lower_case)
        return _remade, (type(self), *settings)

    def _read(self, folder: str) -> None:
        arguments = f'-d "{folder}" -r "{_settings_file(self._folder)}"'
        self._spaced, self._marked = (
            _open(f"{arguments} {form}", folder=folder, dictionary=self.dictionary)
            for form in (_SPACED, _MARKED)
        )

    def _normalized(self, text: str) -> str:
        return unicodedata.normalize("NFKC", text) if self._normalize else text

    def _parse(self, text: str) -> list[str]:
        refuse_surrogates(text)
        if _is_short(text):
            return self._parse_block(text)
        return [word for block in _blocks(text) for word in self._parse_block(block)]

    def _parse_block(self, text: str) -> list[str]:
        if not _SPACE.search(text):
            return self._spaced.parse(text).split()
        if _MARK in text:  # several times slower, but it needs no mark
            return [node.surface for node in self._marked(text)]
        return self._marked.parse(text).split(_MARK)[1:-1]


def _is_short(text: str) -> bool:
    return len(text) <= _LONGEST_TEXT and "\0" not in text


def _blocks(text: str) -> Iterator[str]:
    """Parts without NUL that MeCab can take, cut between sentences or words at best."""
    for part in text.split("\0"):
        start = 0
        while len(part) - start > _LONGEST_TEXT:
            end = start + _LONGEST_TEXT
            found = max(part.rfind(mark, start, end) for mark in _ENDS) + 1
            yield part[start : found or end]
            start = found or end
        yield part[start:]


class MecabCharacters(MecabWords):
    """The words of MeCab for who spells them by character, and need not know them.

    All that MeCab does to the characters is to drop some: white space of its own kind,
    which char.def lists and which it passes over wherever a word may start.
    """

    def expect(self, characters: int) -> None:
        """Does nothing: hardly a text is given to MeCab."""

    def spaced(self, text: str) -> str | None:
        """Returns the normalised text, without MeCab; its words where it has spaces."""
        normalized = self._normalized(text)
        refuse_surrogates(normalized)
        is_simple = not _SPACE.search(normalized) and "\0" not in normalized
        return normalized if is_simple else super().spaced(text)

    def lone(self, character: str) -> Lone | None:
        """Returns the character, unless MeCab may drop it."""
        is_dropped = not character.isspace() and not self.find(character)
        return None if is_dropped else super().lone(character)


def _remade(
    words: type[MecabWords], dictionary: str, normalize: bool, do_lower_case: bool
) -> MecabWords:
    return words(
        dictionary=dictionary, normalize=normalize, do_lower_case=do_lower_case
    )


def _located(words: Sequence[str], *, text: Aligned) -> list[Aligned]:
    # Only white space and NUL lie between words, and no word starts with either.
    found, end = [], 0
    for word in words:
        start = text.text.index(word, end)
        end = start + len(word)
        found.append(text.part(start, end))
    return found


def _find(dictionary: str) -> tuple[str, str]:
    """Returns the dictionary's folder and its version.

    Raises:
        SettingsError: There is no such dictionary.
    """
    if dictionary in DICTIONARIES:
        return _find_package(dictionary)
    if not storage.exists(storage.join(dictionary, "sys.dic")):
        raise SettingsError(
            f"--mecab_dic: expected {', '.join(DICTIONARIES)} or the folder of a "
            f"compiled MeCab dictionary (with sys.dic in it), got {dictionary!r}."
        )
    files = [storage.join(dictionary, name) for name in _COMPILED]
    return dictionary, mecab_copy.hash_files(files)


def _find_package(name: str) -> tuple[str, str]:
    distribution = name.replace("_", "-")
    try:
        folder = importlib.import_module(name).DICDIR
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"The MeCab dictionary {name} is not installed: pip install {distribution}"
            + _DOWNLOAD.get(name, ".")
        ) from error
    version = importlib.metadata.version(distribution)
    if name not in _DOWNLOAD:
        return folder, version
    if not storage.exists(storage.join(folder, "sys.dic")):
        raise SettingsError(
            f"The package {distribution} is installed without its MeCab dictionary: "
            f"run{_DOWNLOAD[name].removeprefix(' and')}"
        )
    return folder, storage.read_text(storage.join(folder, "version")).strip()


# The package unidic fetches its dictionary by a command of its own.
_DOWNLOAD = {"unidic": " and python -m unidic download."}


def _open(arguments: str, *, folder: str, dictionary: str) -> fugashi.GenericTagger:
    try:
        tagger = fugashi.GenericTagger(arguments)
    except RuntimeError as error:
        raise SettingsError(
            f"MeCab cannot open its dictionary {dictionary} in {folder}; is it whole?"
        ) from error
    for part in tagger.dictionary_info:
        if part["charset"].lower().replace("-", "") != "utf8":
            raise SettingsError(
                f"--mecab_dic: expected a dictionary in UTF-8, but {part['filename']} "
                f"is in {part['charset']}; compile it again with -t utf8."
            )
    return tagger


def _settings_file(folder: str) -> str:
    own = storage.join(folder, "mecabrc")
    return own if storage.exists(own) else "/dev/null"
