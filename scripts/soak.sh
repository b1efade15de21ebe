#!/bin/bash
# make soak: a million events under every fault, and ten minutes of anything at all on the live socket. As released.

. "$(dirname "$0")/test-services.sh"
scripts/packages.sh build services
cargo test --release --locked --no-run --test api
start_test_services
cargo test --release --locked --test api -- --ignored ledger::soak:: --nocapture --test-threads 1
FUZZ_SECONDS=${FUZZ_SECONDS:-600} cargo test --release --locked --test api -- fuzz:: --nocapture
