#!/usr/bin/env bash
# Prints the Python to make .venv with: $PYTHON, python3, or the newest beside it, if it is 3.11 or newer.
set -euo pipefail

for python in ${PYTHON:-python3 python3.13 python3.12 python3.11}; do
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        echo "$python cannot make virtual environments; install its venv module (Debian: python3-venv)" >&2
        exit 1
    fi
    echo "$python"
    exit 0
done
echo "Forestall needs Python 3.11 or newer; ${PYTHON:-python3} is $("${PYTHON:-python3}" --version 2>&1 || true)." >&2
echo "Install a newer one, or say where it is: make PYTHON=/path/to/python3.12" >&2
exit 1
