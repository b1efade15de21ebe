#!/bin/bash
# Prints the path of a Chromium or Chrome that the browser tests can drive, or fails.

set -euo pipefail
for name in "${CHROMIUM_PATH:-}" chromium chromium-browser google-chrome-stable google-chrome; do
  if [ -n "$name" ] && command -v "$name"; then exit 0; fi
done
exit 1
