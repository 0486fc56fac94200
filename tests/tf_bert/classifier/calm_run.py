"""scripts/run_classifier.py without the head's dropout, which no flag turns off."""

from runtime.devices.placement import place
from scripts import console, flag_definitions
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings


def main(argv):
    settings = flag_definitions.values(ClassifierSettings)
    job = prepare(settings)
    placement = place(
        settings.wanted_accelerator,
        backend=settings.backend,
        tpu=settings.tpu,
        group=settings.process_group,
    )
    from tf_bert.classifier import heads
    from tf_bert.classifier import run as classify

    heads._HEAD_DROPOUT = 0.0
    classify.run(job, placement=placement)


if __name__ == "__main__":
    flag_definitions.define(ClassifierSettings)
    console.run(main)
