#!/bin/bash
# make check: what can be said about the code without running it.

. "$(dirname "$0")/server.sh"
scripts/packages.sh build
scripts/apps.sh install

cargo fmt --check
cargo clippy --all-targets --locked --quiet -- -D warnings
cargo fmt --check --manifest-path bench/Cargo.toml
cargo clippy --all-targets --locked --quiet --manifest-path bench/Cargo.toml --target-dir "$(target_folder)/bench" -- -D warnings
npm --prefix frontend run --silent lint
# It has much to say, of which only what is wrong matters.
contract=$(npm --prefix frontend run --silent contract 2>&1) || die "openapi.yaml: $contract"
npm --prefix frontend run --silent typecheck
frontend/node_modules/.bin/tsc -p tests/e2e --noEmit
if command -v shellcheck >/dev/null; then shellcheck -x -P scripts scripts/*.sh examples/curl/*.sh .ci/run; fi
say "make check: all well"
