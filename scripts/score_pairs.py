r"""Scores pairs of texts with a bi-encoder, each text encoded once.

    python scripts/score_pairs.py --init_checkpoint=RUN --texts_file=texts.json \
        --cache_dir=CACHE --pairs_file=pairs.json --output_file=scores.tsv
    python scripts/score_pairs.py --init_checkpoint=RUN --texts_file=texts.json \
        --cache_dir=CACHE --all_pairs --top_k=10 --label=1 --output_file=nearest.tsv

RUN is the folder of a run of `scripts/run_classifier.py --architecture=bi`.
"""

from __future__ import annotations

from collections.abc import Sequence

from scripts import console, flag_definitions
from tf_bert.pairs import scoring_run
from tf_bert.pairs.scoring_settings import ScoringSettings


def main(argv: Sequence[str]) -> None:
    """Scores what the flags describe."""
    del argv
    settings = flag_definitions.values(ScoringSettings, fill=scoring_run.fill)
    scoring_run.run(scoring_run.prepare(settings))


if __name__ == "__main__":
    flag_definitions.define(ScoringSettings)
    console.run(main)
