#!/usr/bin/env bash
# Write constraints.txt: the exact versions that stand in .venv, torch without its local label.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
{
    echo "# Exact versions of everything that \`make\` installs, from a clean install on Python 3.11. torch stands without a"
    echo "# local label, so that a GPU machine gets its own build. Written by \`make constraints\`."
    "$venv/bin/python" -m pip freeze --exclude-editable | sed -E 's/^(torch==[0-9.]+).*/\1/'
} >constraints.txt.tmp
mv constraints.txt.tmp constraints.txt
