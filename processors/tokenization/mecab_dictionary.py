"""A compiled MeCab dictionary in arrays, and the least of it that gives the same words.

MeCab's path is the one whose words and neighbours cost least in sum; of equal paths it
takes the one that it meets first. What decides is, of a word, two context ids and a
cost, and a matrix of costs between the right id of a word and the left id of the next.

Source: MeCab 0.996, src/dictionary.cpp (sys.dic, unk.dic), src/darts.h (the double
array), src/connector.cpp (matrix.bin) and src/viterbi.cpp (the path).
"""

from __future__ import annotations

import dataclasses
import hashlib
import struct
from collections.abc import Sequence

import numpy as np

from runtime import storage
from runtime.errors import DataError

KNOWN, UNKNOWN, MATRIX = "sys.dic", "unk.dic", "matrix.bin"
"""The files that are read and written here."""

_MAGIC, _VERSION = 0xEF718F77, 102
_HEADER = struct.Struct("<10I32s")
_SIZES = struct.Struct("<2H")
_UNIT = np.dtype([("base", "<i4"), ("check", "<u4")])
_WORD = np.dtype(
    [
        *(("left", "<u2"), ("right", "<u2"), ("pos", "<u2"), ("cost", "<i2")),
        *(("feature", "<u4"), ("compound", "<u4")),
    ]
)
_NO_FEATURES = b"\0" * 4

# Context of the start and the end of a text.
_EDGE = 0

_PAIRS_AT_ONCE = 256


@dataclasses.dataclass(frozen=True)
class Lexicon:
    """The words of a file, those of one surface one after the other.

    Attributes:
        kind: MeCab's number for what it is: 0 of known words, 2 of unknown ones.
        charset: Name of the encoding, in 32 bytes.
        units: The double array of the surfaces, `_UNIT` `[units]`.
        leaves: The unit of each surface, which tells its words; int64 `[surfaces]`.
        counts: Words of each surface, int64 `[surfaces]`.
        words: Ids, costs and more, `_WORD` `[words]`.
    """

    kind: int
    charset: bytes
    units: np.ndarray
    leaves: np.ndarray
    counts: np.ndarray
    words: np.ndarray


@dataclasses.dataclass(frozen=True)
class Dictionary:
    """What decides the words of a text, but for char.bin and dicrc.

    Attributes:
        known: The words of sys.dic.
        unknown: Those of unk.dic; their surfaces are categories of characters.
        costs: Of a word of each left id after one of each right id, int16
            `[left ids, right ids]`.
    """

    known: Lexicon
    unknown: Lexicon
    costs: np.ndarray


@dataclasses.dataclass(frozen=True)
class ContextCounts:
    """How often MeCab meets the contexts of a dictionary.

    Attributes:
        left: Of words with each left id, int64 `[left ids]`.
        right: Of words with each right id, int64 `[right ids]`.
    """

    left: np.ndarray
    right: np.ndarray


def read(folder: str) -> Dictionary:
    """Reads a dictionary without its features.

    Args:
        folder: Where its files are.

    Raises:
        DataError: The files are not laid out as those of MeCab 0.996, or do not fit
            each other.
        StorageError: One of them cannot be read.
    """
    costs = _read_costs(storage.join(folder, MATRIX))
    known, unknown = (
        _read_lexicon(storage.join(folder, name), sizes=costs.shape)
        for name in (KNOWN, UNKNOWN)
    )
    return Dictionary(known, unknown=unknown, costs=costs)


def write(dictionary: Dictionary, folder: str) -> None:
    """Writes a dictionary whose words have no features.

    Args:
        dictionary: It.
        folder: Where to; it is made.

    Raises:
        StorageError: It cannot be written there.
    """
    sizes = dictionary.costs.shape
    _write(
        storage.join(folder, MATRIX),
        parts=[_SIZES.pack(*sizes[::-1]), dictionary.costs.tobytes()],
    )
    for name, lexicon in ((KNOWN, dictionary.known), (UNKNOWN, dictionary.unknown)):
        _write(storage.join(folder, name), parts=_parts(lexicon, sizes=sizes))


def prune(dictionary: Dictionary, *, counts: ContextCounts) -> Dictionary:
    """Returns a dictionary that is faster and gives every text the same words.

    Contexts that no word has are dropped, and those with equal costs beside all others
    are merged. Frequent ones come first, so that their costs are close in memory.

    A word is dropped where another one of the same surface is cheaper between any two
    neighbours. Every path through it is then dearer, by one at least, than that through
    the other, so MeCab takes none. The words left keep their order, which decides
    between equal paths.

    Args:
        dictionary: It.
        counts: How often MeCab meets its contexts.
    """
    merged = _merged(dictionary, counts=counts)
    known, unknown = (
        _without_dearer(lexicon, costs=merged.costs)
        for lexicon in (merged.known, merged.unknown)
    )
    return dataclasses.replace(merged, known=known, unknown=unknown)


# Files -------------------------------------------------------------------------------


def _read_costs(path: str) -> np.ndarray:
    content = storage.read_bytes(path)
    if len(content) < _SIZES.size:
        raise DataError("expected a matrix of MeCab, but it is empty", path=path)
    sizes = _SIZES.unpack_from(content)[::-1]
    expected = _SIZES.size + 2 * sizes[0] * sizes[1]
    if len(content) != expected:
        raise DataError(
            f"expected a matrix of {sizes[0]} x {sizes[1]} costs in {expected} bytes, "
            f"found {len(content)}",
            path=path,
        )
    return np.frombuffer(content, "<i2", offset=_SIZES.size).reshape(sizes)


def _read_lexicon(path: str, *, sizes: Sequence[int]) -> Lexicon:
    with storage.open_read(path) as file:
        header = file.read(_HEADER.size).ljust(_HEADER.size, b"\0")
        magic, version, kind, _, *context_ids, units, words, features, _, charset = (
            _HEADER.unpack(header)
        )
        size = _HEADER.size + units + words + features
        found = (magic ^ _MAGIC, version, *context_ids, storage.size(path))
        expected = (size, _VERSION, *sizes[::-1], size)
        if found != expected or units % _UNIT.itemsize or words % _WORD.itemsize:
            raise DataError(
                "expected size, version, left and right ids of a dictionary of MeCab "
                f"0.996 and its matrix, {expected[:-1]}, found {found[:-1]} in a file "
                f"of {found[-1]} bytes",
                path=path,
            )
        unit_array = np.frombuffer(file.read(units), _UNIT)
        word_array = np.frombuffer(file.read(words), _WORD)
    leaves, counts = _surfaces(unit_array, words=len(word_array), path=path)
    left, right = word_array["left"], word_array["right"]
    if left.max(initial=0) >= sizes[0] or right.max(initial=0) >= sizes[1]:
        raise DataError("has context ids that its matrix has not", path=path)
    return Lexicon(kind, charset, unit_array, leaves, counts, word_array)


def _surfaces(
    units: np.ndarray, *, words: int, path: str
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the leaves of a double array, by their first words, and their counts.

    Raises:
        DataError: They do not tell all words, each once.
    """
    is_leaf = (units["check"] == np.arange(len(units))) & (units["base"] < 0)
    leaves = np.flatnonzero(is_leaf)
    starts, counts = np.divmod(-units["base"][leaves].astype(np.int64) - 1, 256)
    order = np.argsort(starts, kind="stable")
    leaves, starts, counts = leaves[order], starts[order], counts[order]
    if not np.array_equal(np.append(starts, words), np.append(0, np.cumsum(counts))):
        raise DataError("expected every word to be of one surface", path=path)
    return leaves, counts


def _parts(lexicon: Lexicon, *, sizes: Sequence[int]) -> list[bytes]:
    units, words = lexicon.units.copy(), lexicon.words.copy()
    starts = np.cumsum(lexicon.counts) - lexicon.counts
    units["base"][lexicon.leaves] = -(starts * 256 + lexicon.counts) - 1
    words["feature"] = 0
    lengths = units.nbytes, words.nbytes, len(_NO_FEATURES)
    magic = _MAGIC ^ (_HEADER.size + sum(lengths))
    what = magic, _VERSION, lexicon.kind, len(words), *sizes[::-1]
    header = _HEADER.pack(*what, *lengths, 0, lexicon.charset)
    return [header, units.tobytes(), words.tobytes(), _NO_FEATURES]


def _write(path: str, *, parts: Sequence[bytes]) -> None:
    with storage.open_write(path) as file:
        for part in parts:
            file.write(part)


# Contexts ----------------------------------------------------------------------------


def _merged(dictionary: Dictionary, *, counts: ContextCounts) -> Dictionary:
    lexicons = dictionary.known, dictionary.unknown
    left = _in_order([lex.words["left"] for lex in lexicons], counts=counts.left)
    right = _in_order([lex.words["right"] for lex in lexicons], counts=counts.right)
    costs = dictionary.costs[np.ix_(left, right)]
    left_classes = _classes(costs)
    right_classes = _classes(np.ascontiguousarray(costs.T))
    new_left, new_right = (np.zeros(n, np.uint16) for n in dictionary.costs.shape)
    new_left[left], new_right[right] = left_classes, right_classes
    known, unknown = (
        _renumbered(lexicon, left=new_left, right=new_right) for lexicon in lexicons
    )
    return Dictionary(
        known,
        unknown=unknown,
        costs=costs[np.ix_(_firsts(left_classes), _firsts(right_classes))],
    )


def _in_order(ids: Sequence[np.ndarray], *, counts: np.ndarray) -> np.ndarray:
    """Returns the ids that occur: that of a text's edge, then the frequent ones."""
    used = np.unique(np.concatenate([[_EDGE], *ids]))
    return used[np.lexsort((-counts[used], used != _EDGE))]


def _classes(rows: np.ndarray) -> np.ndarray:
    """Numbers the rows, equal ones alike, in the order in which they are first met."""
    met: dict[bytes, int] = {}
    digests = (hashlib.sha256(row).digest() for row in rows)
    return np.array([met.setdefault(digest, len(met)) for digest in digests])


def _firsts(classes: np.ndarray) -> np.ndarray:
    return np.unique(classes, return_index=True)[1]


def _renumbered(lexicon: Lexicon, *, left: np.ndarray, right: np.ndarray) -> Lexicon:
    words = lexicon.words.copy()
    words["left"], words["right"] = left[words["left"]], right[words["right"]]
    return dataclasses.replace(lexicon, words=words)


# Words -------------------------------------------------------------------------------


def _without_dearer(lexicon: Lexicon, *, costs: np.ndarray) -> Lexicon:
    one, other = _homographs(lexicon.counts)
    left, right = (lexicon.words[side].astype(np.int64) for side in ("left", "right"))
    own = lexicon.words["cost"].astype(np.int64)
    at_most = (
        _most(costs, one=left[one], other=left[other])
        + _most(np.ascontiguousarray(costs.T), one=right[one], other=right[other])
        + (own[one] - own[other])
    )
    is_kept = np.ones(len(own), bool)
    is_kept[other[at_most < 0]] = False
    surfaces = np.repeat(np.arange(len(lexicon.counts)), lexicon.counts)
    counts = np.bincount(surfaces[is_kept], minlength=len(lexicon.counts))
    return dataclasses.replace(lexicon, counts=counts, words=lexicon.words[is_kept])


def _homographs(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns all pairs of two words of one surface, either way round."""
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    many = np.repeat(counts, counts)
    one = np.repeat(np.arange(len(many)), many)
    within = np.arange(len(one)) - np.repeat(np.cumsum(many) - many, many)
    other = starts[one] + within
    return one[one != other], other[one != other]


def _most(rows: np.ndarray, *, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Returns by how much a row is above another at most, for each pair of rows.

    Args:
        rows: int16 `[rows, columns]`.
        one: int64 `[pairs]`.
        other: int64 `[pairs]`.

    Returns:
        int64 `[pairs]`.
    """
    pairs, place = np.unique(one * len(rows) + other, return_inverse=True)
    one, other = np.divmod(pairs, len(rows))
    most = np.empty(len(pairs), np.int64)
    for start in range(0, len(pairs), _PAIRS_AT_ONCE):
        some = slice(start, start + _PAIRS_AT_ONCE)
        above = rows[one[some]].astype(np.int32) - rows[other[some]]
        most[some] = above.max(axis=1)
    return most[place]
