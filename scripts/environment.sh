# shellcheck shell=bash
# Sourced by the other shell scripts: makes a virtual environment with pinned packages.
#
#   make_environment FOLDER EXTRAS
#
# FOLDER is made, or used again while the pins are the same; EXTRAS are those of
# setup.cfg, joined by commas. PYTHON names the interpreter to use; by default the first
# suitable one on PATH is taken.

ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
PINS="$ROOT/requirements/cpu.txt"
readonly ROOT PINS

# Where it is set, as in many containers, each start compiles TensorFlow's Python anew: 6 s.
unset PYTHONDONTWRITEBYTECODE

make_environment() {
  local folder="$1" extras="$2" python stamp wanted
  python="$(find_python)"
  stamp="$folder/.made-by-scripts"
  wanted="$(fingerprint "$python" "$extras")"
  if [[ -e "$stamp" && "$(<"$stamp")" == "$wanted" ]]; then
    return
  fi
  if [[ -e "$folder" && ! -e "$stamp" ]]; then
    fail "$folder exists and was not made by this script. Move it away first."
  fi
  echo "Installing packages into $folder (once; several minutes on a slow network) ..."
  mkdir -p "$folder" && : > "$stamp"  # claims the folder; filled when all is installed
  create "$python" "$folder"
  install "$folder" "$extras"
  echo "$wanted" > "$stamp"
}

find_python() {
  local candidate tried=()
  for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
    if base_of_suitable "$candidate" 2> /dev/null; then
      return
    fi
    tried+=("$candidate: $("$candidate" --version 2> /dev/null || echo "not found")")
  done
  fail "Python 3.11, 3.12 or 3.13 is needed. Install one, or set PYTHON to its path." \
    "Looked at:" "${tried[@]/#/  }"
}

# Prints the path of a suitable interpreter. That of a virtual environment stands for the
# one it was made by: it could not make the environment anew that it lives in.
base_of_suitable() {
  "$1" -c 'import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13): sys.exit(1)
print(sys._base_executable)'
}

# What the environment depends on, as one line.
fingerprint() {
  "$1" - "$2" "$ROOT" "$PINS" <<'PYTHON'
import configparser, hashlib, sys

_, extras, root, pins = sys.argv
setup = configparser.ConfigParser()
setup.read(root + "/setup.cfg", encoding="utf-8")
required = [sorted(setup.items(name)) for name in ("options", "options.extras_require")]
parts = [extras, root, sys.version, sys.prefix, repr(required), open(pins).read()]
print(hashlib.sha256("\n".join(parts).encode()).hexdigest())
PYTHON
}

create() {
  "$1" -m venv --clear "$2" > /dev/null 2>&1 || fail \
    "$1 cannot make virtual environments ($1 -m venv $2 failed)." \
    "On Debian and Ubuntu: apt install python3-venv"
  : > "$2/.made-by-scripts"  # --clear took it away
}

install() {
  PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 "$1/bin/python" -m pip install \
    --quiet --prefer-binary --no-compile --constraint "$PINS" --editable "${ROOT}[$2]" \
    || fail "The packages could not be installed; pip says why above." \
    "This needs a network connection to the package index and about 3 GB of disk."
}

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}
