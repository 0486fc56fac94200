#!/usr/bin/env bash
# Sets up an environment of its own and runs the tests.
#
#   bash scripts/test.sh [--all] [arguments of pytest]
#
# Without --all, tests marked `slow` are left out. With it, TensorFlow Datasets, Apache
# Beam, transformers and KerasHub are installed too, beside which others are skipped. Tests
# that compile for a TPU are skipped elsewhere than on x86-64 Linux, the only platform that
# the compiler is made for.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

quick=(--ignore=tests/tf_bert/{seq2seq,pairs} --ignore=tests/lstm_pretrain/experiment)
# Half the time to compile; with --all, programs are those of real runs.
export JAX_DISABLE_MOST_OPTIMIZATIONS=1
export XLA_FLAGS="--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
select=() folder=.venv-test extras=tensorflow-cpu,jax,test,docs
if [[ "${1-}" == "--all" ]]; then
  unset JAX_DISABLE_MOST_OPTIMIZATIONS XLA_FLAGS
  quick=() select=(-m "not gpu and not tpu")
  folder=.venv-test-all
  # The plain tensorflow: KerasHub brings it along, and both would fill one folder.
  extras=tensorflow,jax,test,docs,tfds,beam,test-parity,index
  if [[ "$(uname -sm)" == "Linux x86_64" ]]; then
    extras+=,tpu-check
  fi
  shift
fi
make_environment "$ROOT/$folder" "$extras"
cd "$ROOT"
python="$folder/bin/python"

tests=("$python" -m pytest ${select[@]+"${select[@]}"})
if [[ $# -gt 0 ]]; then
  exec "${tests[@]}" "$@"
fi

# Keras takes its backend once a process: what depends on it runs again, on JAX, in a
# second process, but for encoder-decoders and pairs, whose programs take JAX minutes to
# compile, and the LSTM's experiment: --all runs these on it, too. The tests of scripts
# and benchmarks, which start processes of their own, of the pipelines and of LSTMs
# follow there, so that both take about as long.
second=(tests/scripts tests/pipelines tests/lstm_pretrain tests/benchmarks)
beside() {
  local status=0
  KERAS_BACKEND=jax "${tests[@]}" --backend-tests ${quick[@]+"${quick[@]}"} \
    tests/runtime tests/tf_bert tests/lstm_pretrain tests/test_loss_traces.py || status=$?
  "${tests[@]}" "${second[@]}" || status=$?
  return "$status"
}
log="$(mktemp)"
set -m  # a process group of its own, to be ended as a whole
beside > "$log" 2>&1 &
pid=$!
set +m
trap 'rm -f "$log"; kill -- "-$pid" 2> /dev/null || true' EXIT
status=0
"${tests[@]}" "${second[@]/#/--ignore=}" || status=$?
wait "$pid" || status=$?
echo "On JAX, and of ${second[*]}:"
cat "$log"
exit "$status"
