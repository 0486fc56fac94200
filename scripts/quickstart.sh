#!/usr/bin/env bash
# From a fresh checkout to a trained and evaluated text classifier: makes .venv, installs
# the package with TensorFlow, and fine-tunes aozora-mini to tell six Japanese authors apart.
#
#   bash scripts/quickstart.sh [flags of scripts/run_classifier.py]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

make_environment "$ROOT/.venv" tensorflow-cpu
cd "$ROOT"
.venv/bin/python scripts/run_classifier.py --flagfile=recipes/quickstart.flags "$@"

cat <<'END'

The reports lie in runs/quickstart:
  compare.txt, compare.png                          beside simpler classifiers
  classification_report.txt, confusion_matrix.png   on the dev split
  test_classification_report.txt, predictions.tsv   on the test split
  learning_curve.png, eval_results.txt, run.json    how it was trained
END
