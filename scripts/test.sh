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
  select=(-m "not gpu and not tpu and not bucket")
  shift
fi
make_environment "$ROOT/.venv-test" tensorflow-cpu,jax,test
cd "$ROOT"
.venv-test/bin/python -m pytest "${select[@]}" "$@"
