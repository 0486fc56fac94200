"""How a model is served; each field is a command-line flag."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator

from runtime import storage
from runtime.devices.placement import Accelerator, Backend
from runtime.errors import SettingsError
from runtime.settings import missing, setting

_NAME = re.compile(r"[\w.-]+")


@dataclasses.dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Which model is served, where, and what a request may ask for.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    model: str | None = setting(
        None, path=True, help="A run's folder, a checkpoint, or a Hugging Face folder."
    )
    labels: tuple[str, ...] = setting(
        (), help="The labels in the order of the outputs, where the model names none."
    )
    accelerator: Accelerator = setting(Accelerator.AUTO, help="What to run on.")
    backend: Backend = setting(
        Backend.AUTO, help="What to run with; auto takes the run's."
    )
    model_name: str | None = setting(
        None, help="Its name in addresses; by default that of its folder."
    )
    host: str = setting(
        "127.0.0.1",
        help="Address to listen on; 0.0.0.0 lets other machines ask, and anybody.",
    )
    port: int = setting(8501, help="Port to listen on; 0 for any that is free.")
    max_request_bytes: int = setting(4 << 20, help="Most bytes of a request.")
    max_request_texts: int = setting(1000, help="Most texts of a request.")
    max_text_characters: int = setting(100_000, help="Most characters of a text.")
    max_batch_texts: int = setting(
        256, help="Most texts of several requests that are answered together."
    )
    max_waiting_texts: int = setting(
        10_000, help="Texts that may wait; a request beyond is answered with 503."
    )

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        yield from missing(self, "model")
        if not 0 <= self.port < 2**16:
            yield f"--port must lie in [0, 65535]; got {self.port}."
        if self.model_name and not _NAME.fullmatch(self.model_name):
            yield (
                "--model_name: expected letters, digits, '.', '_' and '-'; got"
                f" {self.model_name!r}."
            )
        for field in dataclasses.fields(self):
            if field.name.startswith("max_") and getattr(self, field.name) < 1:
                value = getattr(self, field.name)
                yield f"--{field.name} must be at least 1; got {value}."

    @property
    def name(self) -> str:
        """What the model is called in addresses."""
        folder = storage.basename(str(self.model).rstrip("/"))
        return self.model_name or re.sub(r"[^\w.-]", "_", folder) or "model"
