#!/usr/bin/env bash
# Sets up an environment of its own and runs the tests.
#
#   bash scripts/test.sh [--all] [arguments of pytest]
#
# Without --all, tests marked `slow` are left out. Those that compile for a TPU are skipped
# elsewhere than on x86-64 Linux, the only platform that the compiler is made for.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

select=() folder=.venv-test extras=tensorflow-cpu,jax,test
if [[ "${1-}" == "--all" ]]; then
  select=(-m "not gpu and not tpu")
  folder=.venv-test-all
  if [[ "$(uname -sm)" == "Linux x86_64" ]]; then
    extras+=,tpu-check
  fi
  shift
fi
make_environment "$ROOT/$folder" "$extras"
cd "$ROOT"
python="$folder/bin/python"

# Keras takes its backend once a process: what depends on it runs on JAX beside the rest.
jax_log="$(mktemp)" jax_pid=
trap 'rm -f "$jax_log"; [[ -z "$jax_pid" ]] || kill "$jax_pid" 2> /dev/null || true' EXIT
if [[ $# -eq 0 ]]; then
  KERAS_BACKEND=jax "$python" -m pytest ${select[@]+"${select[@]}"} --backend-tests \
    tests/runtime tests/tf_bert tests/lstm_pretrain > "$jax_log" 2>&1 &
  jax_pid=$!
fi
status=0
"$python" -m pytest ${select[@]+"${select[@]}"} "$@" || status=$?
if [[ -n "$jax_pid" ]]; then
  wait "$jax_pid" || status=$?
  jax_pid=
  echo "On JAX:"
  cat "$jax_log"
fi
exit "$status"
