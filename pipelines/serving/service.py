"""The model of a server: loading, then available, in a thread of its own."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pipelines.serving import explanation
from pipelines.serving.answer import Answer, Input
from pipelines.serving.batching import Batching
from pipelines.serving.measurements import Measurements
from pipelines.serving.predictor import Predictor
from pipelines.serving.request import RequestError
from pipelines.serving.serve_settings import ServeSettings


class State(enum.Enum):
    """Of a model, by TensorFlow Serving's names."""

    LOADING = "LOADING"
    AVAILABLE = "AVAILABLE"
    UNLOADING = "UNLOADING"


class Service:
    """A model that answers many clients.

    Args:
        load: Opens the model; takes seconds.
        settings: How it is served.
    """

    def __init__(
        self, load: Callable[[], Predictor], *, settings: ServeSettings
    ) -> None:
        self.settings = settings
        self.is_ending = False
        self._load = load
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")
        self._predictor: Predictor | None = None
        self.measurements = Measurements(
            waiting=lambda: self._batching.waiting,
            is_available=lambda: self.state is State.AVAILABLE,
        )
        self._batching = Batching(
            self._predict,
            executor=self._thread,
            most_texts=settings.max_batch_texts,
            on_batch=self.measurements.add_batch,
        )

    @property
    def state(self) -> State:
        """Whether it can answer."""
        if self.is_ending:
            return State.UNLOADING
        return State.LOADING if self._predictor is None else State.AVAILABLE

    async def load(self) -> None:
        """Opens the model, and answers one text so that the first client need not wait.

        Raises:
            ToolkitError: It cannot be opened.
        """
        loop = asyncio.get_running_loop()
        predictor = await loop.run_in_executor(self._thread, self._load)
        example: Input = ("a", "b") if predictor.takes_pairs else "a"
        await loop.run_in_executor(self._thread, predictor.predict, [example])
        self._predictor = predictor

    @property
    def predictor(self) -> Predictor:
        """The model.

        Raises:
            RequestError: It is loading.
        """
        if self._predictor is None:
            raise RequestError("the model is loading: try again.", status=503)
        return self._predictor

    async def answer(self, inputs: Sequence[Input]) -> Sequence[Answer]:
        """The answers to a request's texts.

        Args:
            inputs: The texts.

        Raises:
            RequestError: More wait than may.
        """
        most = self.settings.max_waiting_texts
        if self._batching.waiting and self._batching.waiting + len(inputs) > most:
            raise RequestError(
                f"{self._batching.waiting} texts wait, and {most} may: try again.",
                status=503,
            )
        return await self._batching.answer(inputs)

    async def explain(self, text: Input) -> dict[str, Any]:
        """The answer to a text, its tokens, and what the answer leans on.

        Args:
            text: The text.

        Raises:
            RequestError: As `answer`.
        """
        loop = asyncio.get_running_loop()
        tokens = await loop.run_in_executor(self._thread, self.predictor.tokens, text)
        parts = explanation.parts_of(tokens)
        others = [explanation.without(text, part) for part in parts]
        return explanation.as_json(tokens, parts, await self.answer([text, *others]))

    def status(self) -> dict[str, Any]:
        """TensorFlow Serving's status of a model, and what it answers."""
        found: dict[str, Any] = {
            "version": "0",
            "state": self.state.value,
            "status": {"error_code": "OK", "error_message": ""},
        }
        about: dict[str, Any] = {}
        if self._predictor is not None:
            found["version"] = str(self._predictor.step)
            about = {
                "answers": self._predictor.targets.value,
                "labels": list(self._predictor.labels),
                "pairs": self._predictor.takes_pairs,
                "max_seq_length": self._predictor.max_seq_length,
            }
        return {
            "model_version_status": [found],
            "name": self.settings.name,
            **about,
        }

    def close(self) -> None:
        """Lets go of the thread."""
        self._thread.shutdown()

    def _predict(self, texts: Sequence[Input]) -> Sequence[Answer]:
        return self.predictor.predict(texts)
