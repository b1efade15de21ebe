#!/bin/bash
# make test-full: make test, and then what takes longer.

. "$(dirname "$0")/test-services.sh"
scripts/packages.sh build services balancer
scripts/test.sh
start_test_services
# The longest is `make soak`.
cargo test --locked --test api -- --ignored --skip ledger::soak:: --nocapture
