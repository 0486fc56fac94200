#!/usr/bin/env bash
# From a fresh checkout to a trained and evaluated text classifier: makes .venv, installs
# the package with TensorFlow, and fine-tunes ja-mini to tell good from bad news about
# companies, three times, beside simpler classifiers.
#
#   bash scripts/quickstart.sh [flags of scripts/run_classifier.py]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

make_environment "$ROOT/.venv" tensorflow-cpu
cd "$ROOT"
.venv/bin/python scripts/run_classifier.py --flagfile=recipes/quickstart.flags "$@"

cat <<'END'

What it comes to, with one sentence on who won, lies in runs/quickstart/compare.txt, each
score of each seed in seeds.txt, and beside them seed-0, seed-1 and seed-2 with
  classification_report.txt, confusion_matrix.png   on the dev split
  test_classification_report.txt, predictions.tsv   on the test split
  learning_curve.png, eval_results.txt, run.json    how it was trained
END
