#!/bin/bash
# make test-full: make test, and then what takes longer.

. "$(dirname "$0")/server.sh"
. scripts/test-services.sh
scripts/packages.sh build services balancer
scripts/test.sh
start_test_services
# The longest is `make soak`.
cargo test --locked --test api -- --ignored --skip ledger::soak:: --skip schemathesis:: --nocapture
cargo test --locked --manifest-path bench/Cargo.toml --target-dir "$(target_folder)/bench"
