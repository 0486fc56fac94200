"""Whether records hold what tokenizing some examples would give, and their tokens."""

from __future__ import annotations

import dataclasses
import glob as globbing
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from processors.batches.features import FEATURES, features_format
from processors.batches.long_texts import LongTexts
from processors.batches.texts_apart import FEATURES_APART
from processors.batches.token_dataset import UNLABELLED, TokenDataset
from processors.records import manifest as manifests
from processors.records import store
from processors.records.manifest import Manifest, Origin, Texts
from processors.tokenization import difference
from processors.tokenization.base import Tokenizer
from runtime import storage
from runtime.errors import DataError, StorageError


class MisfitError(Exception):
    """Records are not what was wanted; the message is a sentence that says why."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What records must be made of.

    Attributes:
        tokenizer: What the ids are of.
        origin: What else decides records.
        crc32c: Of the examples; see `processors.example.checksum`.
        label_ids: Of each example, int32 [examples]; UNLABELLED where it has none.
        targets: Of each example; see `TokenDataset.targets`.
    """

    tokenizer: Tokenizer
    origin: Origin
    crc32c: int
    label_ids: np.ndarray
    targets: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Records:
    """A data set that was read.

    Attributes:
        path: Where it lies.
        manifest: What it says of itself; None where it has no manifest.
        dataset: The data set.
    """

    path: str
    manifest: Manifest | None
    dataset: TokenDataset

    @property
    def texts(self) -> Texts | None:
        """What it was made of; None where it does not say that."""
        return None if self.manifest is None else self.manifest.texts


def are_there(path: str) -> bool:
    """Whether there is anything of the data set `path`, be it half written."""
    return any(map(storage.exists, (manifests.manifest_path(path), path))) or bool(
        _shards(path)
    )


def read(path: str) -> Records:
    """Reads a data set.

    Args:
        path: As for `processors.records.store.read_records`.

    Raises:
        DataError: A file is damaged, or writing them has not come to its end.
        StorageError: A file is not there.
    """
    manifest = manifests.find(path)
    if manifest is None and not storage.exists(path) and _shards(path):
        raise DataError(
            "there are shards without a manifest: writing them was not finished. Write"
            " the records again.",
            path=path,
        )
    return Records(path=path, manifest=manifest, dataset=store.read_records(path))


def take(path: str, wanted: Wanted, *, on_trust: bool) -> Records:
    """Reads records in place of tokenizing.

    Args:
        path: As for `processors.records.store.read_records`.
        wanted: What they must be.
        on_trust: Whether those will do that do not say which examples they are of, if
            nothing that can be seen speaks against it.

    Returns:
        The records; those that were taken on trust have the labels of the examples, and
        all have their targets.

    Raises:
        MisfitError: They are others, damaged, or only half there.
    """
    try:
        manifest = manifests.find(path)
        for reason in _differences(manifest, wanted, on_trust=on_trust):
            raise MisfitError(reason)
        found = read(path)
    except (DataError, StorageError) as error:
        raise MisfitError(str(error)) from error
    if found.texts is not None and wanted.targets is None:
        return found  # a language model's have more rows than examples
    for reason in _doubts(found.dataset, wanted):
        raise MisfitError(reason)
    dataset = dataclasses.replace(
        found.dataset, label_ids=wanted.label_ids, targets=wanted.targets
    )
    return dataclasses.replace(found, dataset=dataset)


def _shards(path: str) -> list[str]:
    return storage.glob(f"{globbing.escape(path)}-*-of-*")


def _differences(
    manifest: Manifest | None, wanted: Wanted, *, on_trust: bool
) -> Iterator[str]:
    """Yields a sentence for each difference that a manifest shows."""
    yield from origin_differences(manifest, wanted.origin)
    if manifest is not None:
        if manifest.max_seq_length != wanted.origin.max_seq_length:
            yield (
                f"they were cut at --max_seq_length={manifest.max_seq_length}, not at"
                f" {wanted.origin.max_seq_length}."
            )
        if (texts := manifest.texts) is not None and texts.crc32c != wanted.crc32c:
            yield (
                f"they were made of other texts or labels: {texts.examples} examples"
                f" there, {len(wanted.label_ids)} here."
            )
    if not on_trust and (manifest is None or manifest.texts is None):
        yield "they do not say which texts they were made of."


def origin_differences(manifest: Manifest | None, origin: Origin) -> Iterator[str]:
    """Yields a sentence for each reason why ids mean something else.

    Args:
        manifest: Of some records; None where they have none, as
            google-research/bert's.
        origin: What they should have been made by.
    """
    features = FEATURES  # of records that say nothing else
    if manifest is not None:
        yield from _other_names(manifest, origin)
        features = manifest.features or FEATURES
    if features != origin.features:
        yield f"texts are read as {features!r} there, as {origin.features!r} here."


def _other_names(manifest: Manifest, origin: Origin) -> Iterator[str]:
    name = "another tokenizer"
    if said := difference.in_words(name, manifest.tokenizer, origin.tokenizer):
        yield said
    if manifest.labels != origin.labels:
        yield (
            f"other labels: {', '.join(manifest.labels) or 'none'} there,"
            f" {', '.join(origin.labels) or 'none'} here."
        )


def _doubts(dataset: TokenDataset, wanted: Wanted) -> Iterator[str]:
    """Yields what speaks against records that do not say what they are of."""
    yield from unreadable(dataset, tokenizer=wanted.tokenizer, origin=wanted.origin)
    label_ids = wanted.label_ids
    if len(dataset) != len(label_ids):
        yield f"they hold {len(dataset)} examples, not {len(label_ids)}."
        return
    other = (label_ids != UNLABELLED) & (dataset.label_ids != label_ids)
    if other.any():
        place = int(other.argmax())
        yield (
            f"the label of their example {place} has the id {dataset.label_ids[place]},"
            f" not {label_ids[place]}."
        )
    elif not _are_same_targets(dataset, wanted):
        yield "they have other labels or numbers."


def _are_same_targets(dataset: TokenDataset, wanted: Wanted) -> bool:
    """Whether the labelled examples have what is wanted to be learned of them."""
    is_labelled = wanted.label_ids != UNLABELLED
    if dataset.targets is None or wanted.targets is None or not is_labelled.any():
        return dataset.targets is wanted.targets or not is_labelled.any()
    there = dataset.targets.reshape(len(dataset), -1)
    here = wanted.targets.reshape(len(dataset), -1)
    return np.array_equal(there[is_labelled], here[is_labelled])


def unreadable(
    dataset: TokenDataset, *, tokenizer: Tokenizer, origin: Origin
) -> Iterator[str]:
    """Yields what shows in the ids themselves that they are not a tokenizer's.

    Args:
        dataset: The ids.
        tokenizer: What they should be of.
        origin: What else should have decided them.
    """
    if dataset.ids.max(initial=0) >= tokenizer.vocab_size:
        yield (
            f"they have the token id {dataset.ids.max()}, and the vocabulary ends at"
            f" {tokenizer.vocab_size - 1}."
        )
    is_whole = origin.features == features_format(LongTexts.CHUNK)
    texts = 2 if origin.features.startswith(FEATURES_APART) else 1
    if not is_whole and dataset.lengths.max(initial=0) > texts * origin.max_seq_length:
        yield (
            f"they have an example of {dataset.lengths.max()} tokens, and"
            f" --max_seq_length is {origin.max_seq_length}."
        )
    firsts = dataset.ids[dataset.offsets[:-1]]
    begins_with_cls = origin.features in map(features_format, LongTexts)
    if begins_with_cls and (firsts != tokenizer.special.cls).any():
        place = int((firsts != tokenizer.special.cls).argmax())
        yield (
            f"their example {place} starts with the token id {firsts[place]}, and"
            f" [CLS] is {tokenizer.special.cls}."
        )
