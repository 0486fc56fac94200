"""What an export is told; each field is a command-line flag."""

from __future__ import annotations

import dataclasses
import enum

from runtime.errors import SettingsError
from runtime.settings import missing, setting


class ExportFormat(enum.Enum):
    """What a model can be exported as."""

    SAVEDMODEL = "savedmodel"
    STABLEHLO = "stablehlo"
    HUGGING_FACE = "huggingface"
    ONNX = "onnx"
    LITERT = "litert"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportSettings:
    """Settings of an export.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    model: str | None = setting(
        None,
        path=True,
        help="A run's folder, one of its checkpoints, or a Hugging Face folder of a "
        "classifier.",
    )
    output: str | None = setting(None, path=True, help="Folder to make.")
    format_names: tuple[str, ...] = setting(
        ("savedmodel",),
        flag="formats",
        help="What to make, with commas between: savedmodel, stablehlo, huggingface, "
        "onnx, litert.",
    )
    labels: tuple[str, ...] = setting(
        (), help="Names of the model's outputs, where nothing beside it says them."
    )

    def __post_init__(self) -> None:
        problems = list(missing(self, "model", "output"))
        known = [each.value for each in ExportFormat]
        problems += [
            f"--formats: expected some of {', '.join(known)}; got {name!r}."
            for name in self.format_names
            if name not in known
        ]
        if not self.format_names:
            problems.append(f"--formats: expected some of {', '.join(known)}.")
        if problems:
            raise SettingsError(*problems)

    @property
    def formats(self) -> tuple[ExportFormat, ...]:
        """What to make, each once."""
        return tuple(map(ExportFormat, dict.fromkeys(self.format_names)))
