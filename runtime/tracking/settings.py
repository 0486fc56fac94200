"""Who is shown a run."""

from __future__ import annotations

import dataclasses
import enum
import importlib.util
from collections.abc import Iterator

from runtime.errors import SettingsError
from runtime.settings import setting


class Tracker(enum.Enum):
    """Programs that show runs, besides TensorBoard, whose events every run writes."""

    NONE = "none"
    MLFLOW = "mlflow"


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrackSettings:
    """Which program is shown a run; no part of the run, whose files stay the same.

    Raises:
        SettingsError: Its package is not installed.
    """

    track: Tracker = setting(
        Tracker.NONE,
        help="mlflow shows the run there, too: settings, metrics, reports; MLflow knows"
        " where by MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME.",
    )

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        is_asked = self.track is Tracker.MLFLOW
        if is_asked and importlib.util.find_spec("mlflow") is None:
            yield (
                "--track=mlflow needs the package mlflow, which is not installed. Run"
                " pip install -e '.[mlflow]'."
            )
