"""A text CNN's run, as far as no framework is needed."""

from __future__ import annotations

import dataclasses

from pipelines.classification import data_check
from pipelines.classification.preparation import TaskJob, TrainedRun, open_rows
from processors.tokenization import create as tokenizers
from runtime.training.job import refuse_nothing_trained, restore
from tests.pipelines.text_cnn.settings import CnnSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class CnnJob(TaskJob):
    """A text CNN's run whose settings fit each other."""

    settings: CnnSettings


def prepare(settings: CnnSettings) -> CnnJob:
    """Reads what the settings name and checks that it fits together."""
    restored = restore(settings, init_checkpoint=None)
    refuse_nothing_trained(settings, restored=restored, init_checkpoint=None)
    trained = TrainedRun.of_checkpoint(str(settings.output_dir), restored)
    return data_check.checked(
        CnnJob(
            settings=settings,
            tokenizer=tokenizers.create(settings),
            rows=open_rows(settings, trained=trained),
            output_dir=str(settings.output_dir),
            restored=restored,
        )
    )
