#!/usr/bin/env bash
# Measures training steps on one GPU and writes benchmarks/reports/<date>-gpu.md.
#
#   bash benchmarks/gpu.sh [flags of benchmarks/gpu_step.py]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
mkdir -p benchmarks/reports
PYTHONPATH=. python benchmarks/gpu_step.py \
  --report="benchmarks/reports/$(date +%Y-%m-%d)-gpu.md" "$@"
