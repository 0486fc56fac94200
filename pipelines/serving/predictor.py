"""A trained model on its devices: texts in, answers out."""

from __future__ import annotations

import dataclasses
import itertools
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from pipelines.classification import outputs
from pipelines.classification.outputs import Outputs
from pipelines.classification.splits import Split
from pipelines.serving.answer import Answer, Input, Predictions
from pipelines.serving.served import Served
from processors.batches.features import TokenCounts, TokenTotals
from processors.batches.token_dataset import TokenDataset
from processors.example import InputExample
from processors.labels.targets import Targets
from processors.tokenization.base import Tokenizer
from runtime.devices.placement import (
    Accelerator,
    Backend,
    Placement,
    Precision,
    place,
)
from runtime.engine import engine as engines
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.errors import DataError, SettingsError

_TEXTS_A_CHUNK = 256  # tokenised together, and held until they are answered


@dataclasses.dataclass(frozen=True, kw_only=True)
class Token:
    """A token of a text, and where it stands there.

    Attributes:
        token: As it is in the vocabulary.
        id: Its id.
        start: The first character that it stands for.
        end: The one after the last.
        text: Which text of a pair it is of, 0 or 1.
    """

    token: str
    id: int
    start: int
    end: int
    text: int = 0


class Predictor:
    """A trained classifier that answers.

    It is made by `tf_bert.load` or `lstm_pretrain.load`. The batches are those of its
    run, so that it says of the run's test split what test_results.tsv says, to the last
    digit. Not to be called from two threads at once.

    Args:
        served: The model.
        placement: Its devices.
    """

    def __init__(self, served: Served, *, placement: Placement) -> None:
        from runtime.engine import objectives  # Keras is bound by now

        self._served = served
        self._placement = placement
        self._seen = TokenTotals()
        self._engine = engines.create(
            placement,
            build_model=lambda: served.build(placement),
            objective=objectives.of_targets(served.targets.value),
            optimizer=OptimizerSettings(num_train_steps=0),
            seed=0,
        )
        shapes = self._engine.weight_shapes()
        self._engine.load_weights(served.weights(shapes))

    @property
    def path(self) -> str:
        """Where the model lies."""
        return self._served.path

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of the outputs; of a regression the number's name."""
        return self._served.labels

    @property
    def targets(self) -> Targets:
        """What it answers: a label, any number of labels, or a number."""
        return self._served.targets

    @property
    def takes_pairs(self) -> bool | None:
        """Whether it reads pairs of texts; None where either is taken."""
        return self._served.pairs

    @property
    def tokenizer(self) -> Tokenizer:
        """Texts to ids."""
        return self._served.tokenizer

    @property
    def max_seq_length(self) -> int:
        """Tokens that it reads at once, special tokens included."""
        return self._served.reading.max_seq_length

    @property
    def step(self) -> int:
        """Updates that the weights are the outcome of; 0 where nothing says it."""
        return self._served.step

    @property
    def chunk(self) -> int:
        """Texts that `stream` asks for at once: some whole batches."""
        batch = self._served.reading.batch_size
        return math.ceil(_TEXTS_A_CHUNK / batch) * batch

    @property
    def seen(self) -> TokenTotals:
        """What tokenizing has found so far, before anything was cut off."""
        return self._seen

    def __repr__(self) -> str:
        """Returns what it is, in a line."""
        return (
            f"<{self._served.name} of {self.path}: {', '.join(self.labels)};"
            f" {self._placement.describe()}>"
        )

    def predict(self, inputs: Iterable[Input]) -> Predictions:
        """Answers texts.

        Args:
            inputs: Texts, or pairs of texts, any number; an empty text is one, too.

        Returns:
            An `Answer` for each, in their order.

        Raises:
            DataError: An input is neither, or a pair where the model reads single texts
                or the reverse; names its place.
        """
        if isinstance(inputs, str):
            raise DataError(
                f"expected a list of texts, found one text: write [{inputs!r:.40}]"
            )
        return Predictions(self.stream(inputs))

    def stream(self, inputs: Iterable[Input]) -> Iterator[Answer]:
        """Answers texts as `predict`, holding few at a time.

        Args:
            inputs: They are asked for as answers are.
        """
        numbered = enumerate(inputs)
        while chunk := list(itertools.islice(numbered, self.chunk)):
            texts = [self._checked(text, place=place) for place, text in chunk]
            yield from map(self._answer, texts, self._values(texts))

    def tokens(self, text: Input) -> list[Token]:
        """The tokens of a text or pair with their places, before any are cut off.

        Args:
            text: The text, or the two of a pair.
        """
        parts = (text,) if isinstance(text, str) else text
        return [
            Token(token=token, id=index, start=start, end=end, text=place)
            for place, part in enumerate(parts)
            for token, index, (start, end) in self._located(part)
        ]

    def _located(self, text: str) -> Iterator[tuple[str, int, tuple[int, int]]]:
        found = self.tokenizer.encode_with_offsets(text)
        return zip(found.tokens, found.ids, found.spans, strict=True)

    def _checked(self, text: Any, *, place: int) -> Input:
        """The input, if the model reads such ones.

        Raises:
            DataError: It does not.
        """
        is_pair = isinstance(text, (tuple, list)) and len(text) == 2
        parts = text if is_pair else (text,)
        if not all(isinstance(part, str) for part in parts):
            raise DataError(
                f"input {place}: expected a text, or a pair of texts, found"
                f" {text!r:.60}"
            )
        if self.takes_pairs not in {None, is_pair}:
            raise DataError(
                f"input {place}: expected {_FORMS[not is_pair]}, as the model in"
                f" {self.path} was trained on, found {_FORMS[is_pair]}: {text!r:.60}"
            )
        return (text[0], text[1]) if is_pair else text

    def _values(self, texts: Sequence[Input]) -> np.ndarray:
        """Probabilities, or numbers: float32 `[texts, outputs]`."""
        dataset = self._dataset(texts)
        found = outputs.compute(
            self._engine,
            Split(examples=(), dataset=dataset, labels=self.labels),
            losses_of=lambda _, logits: np.zeros(len(logits), np.float32),
            shape=self._served.reading.shape(self._placement, examples=len(texts)),
        )
        return _VALUES[self.targets](found)

    def _dataset(self, texts: Sequence[Input]) -> TokenDataset:
        counts = TokenCounts()
        features = self._served.features(map(example_of, texts), counts)
        dataset = TokenDataset.from_features(list(features))
        self._seen.add(counts)
        return dataset

    def _answer(self, text: Input, values: np.ndarray) -> Answer:
        # The shortest decimals that say the float32, as in test_results.tsv.
        numbers = [float(str(value)) for value in values]
        if self.targets is Targets.NUMBER:
            return Answer(text=text, number=numbers[0])
        probabilities = dict(zip(self.labels, numbers, strict=True))
        if self.targets is Targets.LABEL:
            best = int(values.argmax())
            return Answer(
                text=text,
                label=self.labels[best],
                probability=numbers[best],
                probabilities=probabilities,
            )
        reached = np.flatnonzero(values >= self._served.thresholds)
        labels = tuple(self.labels[place] for place in reached)
        return Answer(text=text, labels=labels, probabilities=probabilities)


_FORMS = {False: "a single text", True: "a pair of texts"}


def example_of(text: Input) -> InputExample:
    """A text or pair as processors have it."""
    return InputExample("", *((text,) if isinstance(text, str) else text))


def _probabilities_of_one(found: Outputs) -> np.ndarray:
    from scipy.special import softmax  # takes a second to load

    probabilities: np.ndarray = softmax(found.logits, axis=-1)
    return probabilities


def _probabilities_of_each(found: Outputs) -> np.ndarray:
    from scipy.special import expit

    probabilities: np.ndarray = expit(found.logits)
    return probabilities


_VALUES: dict[Targets, Callable[[Outputs], np.ndarray]] = {
    Targets.LABEL: _probabilities_of_one,
    Targets.LABELS: _probabilities_of_each,
    Targets.NUMBER: lambda found: found.logits,
}


def open_predictor(
    served: Served,
    *,
    accelerator: str = "auto",
    backend: str | None = None,
    precision: str | None = None,
) -> Predictor:
    """Puts a model on its devices.

    Args:
        served: The model.
        accelerator: What to run on, as --accelerator.
        backend: What to run with, as --backend; by default what Keras runs on already,
            else what the run was told.
        precision: Arithmetic, as --precision; by default the run's.

    Raises:
        SettingsError: There is no such thing.
        PlacementError: It is not there.
    """
    chosen = backend or _bound() or served.backend
    placement = place(
        _of(Accelerator, accelerator),
        backend=_of(Backend, chosen),
        precision=_of(Precision, precision or served.precision),
    )
    return Predictor(served, placement=placement)


def _bound() -> str | None:
    """The backend that Keras runs on, if it was imported."""
    keras = sys.modules.get("keras")
    return None if keras is None else str(keras.config.backend())


def _of(kind: Any, value: Any) -> Any:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(each.value for each in kind)
        raise SettingsError(
            f"{kind.__name__.lower()}: expected one of {known}; got {value!r}."
        ) from error
