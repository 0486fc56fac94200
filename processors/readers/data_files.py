"""Where the files of a data set are, and what to do when they are not there."""

from __future__ import annotations

import fnmatch
import re
import shlex
from collections.abc import Iterator, Sequence

from processors.readers import file_kinds
from runtime import storage
from runtime.errors import StorageError, StorageReason

_WORDS = {  # of a file's name -> the split it is
    "train": {"train", "training", "trn"},
    "dev": {"dev", "devel", "development", "val", "valid", "validation", "eval"},
    "test": {"test", "testing", "tst", "predict", "prediction"},
}
_TASKS = {  # of a file's name -> the task that reads such files
    "tsv": "tsv",
    "tab": "tsv",
    "csv": "csv",
    "json": "json",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
}
_SHOWN = 20


def find(file: str, *, data_dir: str, flag: str | None = None) -> str:
    """Returns the path of a file of a data set.

    Args:
        file: Its path below the data folder, or one of its own; the last name may be
            a pattern that one file fits. It may be there with `.gz` added.
        data_dir: The data folder; "" is the current one.
        flag: The flag that names the file, for errors.

    Raises:
        StorageError: There is no such folder or file, or several fit the pattern.
    """
    path = storage.resolve(file, folder=data_dir)
    if storage.stat(path) is not None:
        return path
    if storage.is_dir(path):
        raise StorageError(f"{path} is a folder; expected a file.")
    folder, name = storage.dirname(path) or ".", storage.basename(path)
    if storage.is_relative(file):
        refuse_no_folder(data_dir or ".", wanted=file, flag=flag)
    if not storage.is_dir(folder):
        raise StorageError(
            f"The folder {folder} does not exist; expected {name} there.",
            reason=StorageReason.MISSING,
        )
    names = storage.list_dir(folder)
    fitting = [each for each in names if fnmatch.fnmatchcase(each, name)]
    found = fitting or [each for each in names if each == f"{name}.gz"]
    if len(found) == 1:
        return storage.join(folder, found[0])
    if found:
        raise StorageError(
            f"{folder} holds several files that fit {name}: {', '.join(found)};"
            " expected one."
        )
    advice = _Advice(file, folder=folder, data_dir=data_dir, flag=flag)
    raise StorageError(
        " ".join([f"{path} does not exist.", *advice.sentences(names)]),
        reason=StorageReason.MISSING,
    )


def refuse_no_folder(data_dir: str, *, wanted: str, flag: str | None = None) -> None:
    """Checks that the data folder is a folder.

    Args:
        data_dir: What `--data_dir` named.
        wanted: What is expected in it.
        flag: The flag that names what is expected.

    Raises:
        StorageError: It is a file, or is not there.
    """
    if storage.is_dir(data_dir):
        return
    if storage.stat(data_dir) is None:
        raise StorageError(
            f"The data folder {data_dir} does not exist; expected {wanted} there: say"
            " --data_dir=FOLDER.",
            reason=StorageReason.MISSING,
        )
    folder, name = storage.dirname(data_dir) or ".", storage.basename(data_dir)
    with storage.open_read(data_dir) as file:
        kind = file_kinds.find(file)
    is_other = flag is not None and kind is None and name != wanted
    other = f" --{flag}={shlex.quote(name)}" if is_other else ""
    raise StorageError(
        f"--data_dir={data_dir} is a file; expected the folder that holds {wanted}: say"
        f" --data_dir={shlex.quote(folder)}{other}"
        + (
            f". It is {kind.describe(data_dir)}."
            if kind and name not in wanted
            else "."
        )
    )


class _Advice:
    """What to do about a file that is not in its folder.

    Args:
        file: The file as it was named.
        folder: Where it was looked for.
        data_dir: The data folder.
        flag: The flag that names it.
    """

    def __init__(
        self, file: str, *, folder: str, data_dir: str, flag: str | None
    ) -> None:
        self._file = file
        self._folder = folder
        self._data_dir = data_dir
        self._flag = flag
        named = (flag or storage.basename(file)).partition("_file")[0]
        self._split = next((s for s in _WORDS if named.startswith(s)), None)

    def sentences(self, names: Sequence[str]) -> Iterator[str]:
        """Yields what may help.

        Args:
            names: What the folder holds.
        """
        place = "The data folder" if storage.is_relative(self._file) else "Its folder"
        if not self._data_dir and storage.is_relative(self._file):
            place = "--data_dir was not given, and the current folder"
        yield f"{place} holds: {shown(names)}."
        if self._is_beside():
            yield (
                f"Relative names are looked for in --data_dir; {self._file} is there"
                f' from the current folder: say --{self._flag}="$PWD/{self._file}".'
            )
            return
        if candidates := [name for name in names if self._may_be(name)]:
            yield from self._choose(candidates)
        elif self._split in {"dev", "test"} and any(_says(n, "train") for n in names):
            yield (
                "Of one file, --split=train:0.8,dev:0.1,test:0.1 makes all three"
                " splits."
            )
        elif self._flag and names:
            yield f"If one of them is it, say --{self._flag}=NAME."

    def _is_beside(self) -> bool:
        is_elsewhere = storage.is_relative(self._file) and self._data_dir not in {
            "",
            ".",
        }
        return (
            self._flag is not None
            and is_elsewhere
            and storage.stat(self._file) is not None
        )

    def _may_be(self, name: str) -> bool:
        return self._split is not None and _says(name, self._split)

    def _choose(self, names: Sequence[str]) -> Iterator[str]:
        if self._flag is None:
            yield f"If {names[0]} is it, give it that name."
            return
        expected = _task_of(self._file)
        alike = [name for name in names if _task_of(name) in {expected, None}]
        files = [name for name in alike if self._is_text(name)]
        others = [name for name in names if _task_of(name) not in {expected, None}]
        if files:
            yield f"Say --{self._flag}={shlex.quote(files[0])}."
        elif others:
            yield f"Say --task_name={_task_of(others[0])}{self._also(others[0])}."
        for name in sorted(set(alike) - set(files)):
            yield from self._unreadable(name)

    def _also(self, name: str) -> str:
        """Returns the flag that a file needs beside its task, if any."""
        is_default = name in {f"{self._split}.{task}" for task in _TASKS.values()}
        return "" if is_default else f" --{self._flag}={shlex.quote(name)}"

    def _is_text(self, name: str) -> bool:
        return next(self._unreadable(name), None) is None

    def _unreadable(self, name: str) -> Iterator[str]:
        path = storage.join(self._folder, name)
        if storage.is_dir(path):
            yield f"{name} is a folder: --task_name=folder reads a folder for a class."
        elif not (storage.is_remote(path) or name.endswith(".gz")):
            with storage.open_read(path) as file:
                kind = file_kinds.find(file)
            if kind is not None:
                yield f"{name} is {kind.describe(path)}."


def _says(name: str, split: str) -> bool:
    """Returns whether a file is named after a split."""
    return not _WORDS[split].isdisjoint(re.findall("[a-z]+", name.lower()))


def _task_of(name: str) -> str | None:
    ending = name.lower().removesuffix(".gz").rpartition(".")[2]
    return _TASKS.get(ending)


def shown(names: Sequence[str]) -> str:
    """Returns the names of a folder's files for an error, the first of many."""
    more = len(names) - _SHOWN
    first = ", ".join(names[:_SHOWN]) or "nothing"
    return first + (f" and {more} more" if more > 0 else "")
