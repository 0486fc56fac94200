r"""Serves a trained classifier: TensorFlow Serving's REST form, and a page to try it.

    python scripts/serve.py --model=runs/reviews
    curl -d '{"instances": ["a text"]}' http://127.0.0.1:8501/v1/models/reviews:predict

It needs `pip install -e '.[serve]'`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from pipelines.serving.serve_settings import ServeSettings
from runtime.devices.placement import Backend
from scripts import console, flag_definitions


def main(argv: Sequence[str]) -> None:
    """Serves the model that the flags name."""
    del argv
    settings = flag_definitions.values(ServeSettings)
    from pipelines.serving import server  # with what takes seconds to load
    from scripts import trained_models

    load = functools.partial(
        trained_models.load,
        str(settings.model),
        labels=settings.labels,
        accelerator=settings.accelerator.value,
        backend=None if settings.backend is Backend.AUTO else settings.backend.value,
    )
    server.run(load, settings=settings)


if __name__ == "__main__":
    flag_definitions.define(ServeSettings)
    console.run(main)
