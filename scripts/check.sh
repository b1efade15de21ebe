#!/bin/bash
# make check: what can be said about the code without running it.

. "$(dirname "$0")/settings.sh"
cd "$clone"
scripts/packages.sh build
scripts/apps.sh install

cargo fmt --check
cargo clippy --all-targets --locked --quiet -- -D warnings
npm --prefix frontend run --silent lint
npm --prefix frontend run --silent typecheck
frontend/node_modules/.bin/tsc -p tests/e2e --noEmit
if command -v shellcheck >/dev/null; then shellcheck -x -P scripts scripts/*.sh .ci/run; fi
say "make check: all well"
