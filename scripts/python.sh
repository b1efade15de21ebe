#!/bin/bash
# Prints the path of a Python that has the package websockets, for docs/live_client.py, or fails. A Python of one's own that
# goes first in PATH does not see what Debian has installed; then it is Debian's.

set -euo pipefail
for name in "${PYTHON:-}" python3 /usr/bin/python3; do
  if [ -n "$name" ] && "$name" -c 'import websockets' 2>/dev/null; then
    command -v "$name"
    exit 0
  fi
done
exit 1
