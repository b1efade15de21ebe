#!/bin/bash
# Installs the packages of examples/typescript, when package-lock.json is newer than what is installed.

. "$(dirname "$0")/settings.sh"
cd "$clone/examples/typescript"

make_local_folder
exec 9>"$local_folder/examples.lock"
flock 9
# npm writes this file last.
if [ node_modules/.package-lock.json -nt package-lock.json ]; then exit; fi
say "Installing the examples' packages"
# None of them needs its scripts.
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 9>&-
