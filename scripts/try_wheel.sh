#!/usr/bin/env bash
# Builds the wheel of the last commit, installs it into an empty environment and runs the
# quickstart from it, in a folder without the checkout.
#
#   bash scripts/try_wheel.sh [flags of scripts/run_classifier.py]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

python="$(find_python)"
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
create "$python" "$folder/venv"
mkdir "$folder/source"
git -C "$ROOT" archive HEAD | tar -x -C "$folder/source"
"$folder/venv/bin/python" -m pip wheel --quiet --no-deps --wheel-dir "$folder" \
  "$folder/source"
rm -r "$folder/source"
wheels=("$folder"/*.whl)
"$folder/venv/bin/python" -m pip install --quiet --prefer-binary --constraint "$PINS" \
  "${wheels[0]}[tensorflow-cpu]"
cd "$folder"
venv/bin/tf-bert classify --flagfile=recipes:quickstart "$@"
mkdir -p "$ROOT/dist"
cp "${wheels[0]}" "$ROOT/dist"
echo "The wheel that was tried: $ROOT/dist/$(basename "${wheels[0]}")"
