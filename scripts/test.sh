#!/usr/bin/env bash
# Sets up an environment of its own and runs the tests.
#
#   bash scripts/test.sh [--all] [arguments of pytest]
#
# Without --all, tests marked `slow` are left out.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

select=()
if [[ "${1-}" == "--all" ]]; then
  select=(-m "not gpu and not tpu")
  shift
fi
make_environment "$ROOT/.venv-test" tensorflow-cpu,jax,test
cd "$ROOT"
python=.venv-test/bin/python

# Keras takes its backend once a process: what depends on it runs on JAX first.
if [[ $# -eq 0 ]]; then
  KERAS_BACKEND=jax "$python" -m pytest ${select[@]+"${select[@]}"} tests/runtime tests/tf_bert
fi
"$python" -m pytest ${select[@]+"${select[@]}"} "$@"
