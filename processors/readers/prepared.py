"""Sets that TensorFlow Datasets has prepared.

Nothing is downloaded. tensorflow-datasets, and tensorflow, which reads its files, are
loaded when a set is opened.

Source: https://www.tensorflow.org/datasets/overview.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any

from processors.readers.row import BadRow, Row, unsound
from runtime.errors import SettingsError

_NO_LABEL = -1  # where labels are not public


class PreparedSet:
    """A set that TensorFlow Datasets has prepared.

    Args:
        name: Its name, with configuration and version where wanted.
        data_dir: The folder it was prepared in.

    Raises:
        SettingsError: what reads it is not installed, or it is not prepared.
    """

    def __init__(self, name: str, *, data_dir: str) -> None:
        self._name = name
        self._builder = _open(name, data_dir=data_dir)

    def class_names(self, feature: str) -> tuple[str, ...]:
        """Returns the names of a feature's classes; none where it has no names."""
        known = dict(self._builder.info.features)
        return tuple(getattr(known.get(feature), "names", None) or ())

    def rows(
        self, splits: Sequence[str], *, columns: Sequence[str], path: str
    ) -> Iterator[Row | BadRow]:
        """Streams the examples of a split.

        Args:
            splits: Names that the split may have.
            columns: The features that matter.
            path: What to call the set in errors.

        Yields:
            Rows of those columns: text, numbers, names of classes. One that is no text
            is a BadRow.

        Raises:
            SettingsError: there is no such split or feature.
        """
        split = self._split(splits)
        features = self._features(columns)
        for number, values in enumerate(_read(self._builder, split=split), 1):
            place = Row(path, number, tuple(columns), (), item=number)
            try:
                fields = [_field(values[name], features[name]) for name in columns]
            except ValueError as error:
                yield BadRow(path, place.error(str(error)), repr(values))
            else:
                yield dataclasses.replace(place, fields=tuple(fields))

    def _split(self, names: Sequence[str]) -> str:
        known = self._builder.info.splits
        for name in names:
            if name in known:
                return name
        raise SettingsError(
            f"{self._name} has no split {' or '.join(names)}; it has"
            f" {', '.join(known)}."
        )

    def _features(self, names: Sequence[str]) -> dict[str, Any]:
        known = dict(self._builder.info.features)
        if missing := [name for name in names if name not in known]:
            raise SettingsError(
                f"{self._name} has no feature {', '.join(missing)}; it has"
                f" {', '.join(known)}."
            )
        return {name: known[name] for name in names}


def _open(name: str, *, data_dir: str) -> Any:
    """Returns the builder of a prepared set.

    Raises:
        SettingsError: What reads it is not installed, or it is not prepared.
    """
    packages = {"tensorflow_datasets": "tfds", "tensorflow": "tensorflow"}
    for module, extra in packages.items():
        if importlib.util.find_spec(module) is None:
            raise SettingsError(
                f"The task tfds needs {module}, which is not installed: pip install -e"
                f" '.[{extra}]'."
            )
    import tensorflow_datasets

    try:
        made = tensorflow_datasets.builder(name, data_dir=data_dir)
    except ValueError as error:  # also its DatasetNotFoundError
        reason = str(error).partition("\n")[0]
        raise SettingsError(f"--tfds_name={name}: {reason}") from error
    if not made.info.splits:
        raise SettingsError(
            f"{name} is not prepared in {data_dir}: run `tfds build {name}"
            f" --data_dir={data_dir}`, or name its folder by --data_dir."
        )
    return made


def _read(made: Any, *, split: str) -> Iterator[dict[str, Any]]:
    import tensorflow_datasets

    in_order = tensorflow_datasets.ReadConfig(interleave_cycle_length=1)
    dataset = made.as_dataset(split=split, read_config=in_order)
    yield from tensorflow_datasets.as_numpy(dataset)


def _field(value: Any, feature: Any) -> object:
    """Returns a feature's value as text, a class name or a number; None is no label.

    Raises:
        ValueError: It is no text.
    """
    if isinstance(value, bytes):
        text = value.decode("utf-8")
        if problem := unsound(text):
            raise ValueError(problem)
        return text
    if getattr(feature, "names", None):
        return None if value == _NO_LABEL else feature.int2str(int(value))
    return value
