r"""Trains a BERT2BERT that writes a text from each text, such as its title.

    python scripts/run_seq2seq.py --task_name=livedoor_titles --data_dir=FOLDER \
        --init_checkpoint=bundled:aozora-mini --model_file=... \
        --do_train --do_eval --do_predict --compare --output_dir=runs/titles

`--task_name=tsv`, `csv`, `json` or `jsonl` reads tables of your own, whose columns
`--source` and `--target` name.
"""

from __future__ import annotations

from collections.abc import Sequence

from runtime.training import trained_run
from scripts import console, flag_definitions
from tf_bert.seq2seq.preparation import prepare
from tf_bert.seq2seq.settings import Seq2SeqSettings


def main(argv: Sequence[str]) -> None:
    """Does the run that the flags describe."""
    del argv
    settings = flag_definitions.values(Seq2SeqSettings, fill=trained_run.fill)
    job = prepare(settings)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from tf_bert.seq2seq import run as generate

    generate.run(job, placement=placement)


if __name__ == "__main__":
    flag_definitions.define(Seq2SeqSettings)
    console.run(main)
