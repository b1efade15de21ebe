#!/bin/bash
# make soak: a million events under every fault, ten minutes of anything at all on the live socket, and ten of anything at all
# over HTTP. As released.

. "$(dirname "$0")/test-services.sh"
scripts/packages.sh build services python
cargo test --release --locked --no-run --test api
start_test_services
cargo test --release --locked --test api -- --ignored ledger::soak:: --nocapture --test-threads 1
FUZZ_SECONDS=${FUZZ_SECONDS:-600} cargo test --release --locked --test api -- fuzz:: --nocapture
# For each of three roles.
SCHEMATHESIS_SECONDS=${SCHEMATHESIS_SECONDS:-200} \
  cargo test --release --locked --test api -- --ignored schemathesis:: --nocapture --test-threads 1
