#!/usr/bin/env bash
# scripts/make_venv.sh EXTRAS STAMP: make or mend .venv, install the pinned dependencies, and write STAMP last.
# Run again it finds most of its work done; a .venv whose making was broken off is made anew.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=$1 stamp=$2 python=${PYTHON:-python3} venv=${VENV:-.venv}
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1

if ! seen=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))'); then
    echo "make: $python is Python ${seen:-(not found)}; expected 3.11 or newer; to mend it: make PYTHON=/path/to/python3.11" >&2
    exit 1
fi
if ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    echo "== $venv with Python $seen"
    "$python" -m venv --clear "$venv"
fi
rm -f "$venv"/.installed-*
torch=$(grep '^torch==' constraints.txt)
echo "== $torch"
# By itself and by its exact version: a range would admit a build that the rest was not tried with.
"$venv/bin/python" -m pip install --quiet -c constraints.txt "$torch"
echo "== aigc-data[$extras] with the versions of constraints.txt (a minute or two)"
"$venv/bin/python" -m pip install --quiet -c constraints.txt -e ".[$extras]"
"$venv/bin/python" -m pip check
touch "$stamp"
