#!/bin/bash
# make flake T=name N=200: runs a test of the server again and again, alone, until it fails or has passed N times. A part of
# a name stands for all tests that have it: T=races:: runs one after the other.

. "$(dirname "$0")/test-services.sh"
name=${1:-} times=$2
[ -n "$name" ] || die "which test? make flake T=races:: N=200"

scripts/packages.sh build services
cargo build --locked --bin order-tracker
cargo test --no-run --locked --test api
binary=$(cargo test --no-run --locked --test api 2>&1 | sed -nE 's/.*Executable tests.*\((.*)\)$/\1/p')
[ -x "$binary" ] || die "cargo did not say where the tests are"
# A copy: who goes on working meanwhile builds anew.
make_local_folder
cp "$binary" "$local_folder/flake-tests"
binary=$local_folder/flake-tests

mapfile -t names < <("$binary" --list --format terse 2>/dev/null | sed -n 's/: test$//p' | grep -F -- "$name" || true)
[ ${#names[@]} -gt 0 ] || die "no test has $name in its name"
for match in "${names[@]}"; do
  if [ "$match" = "$name" ]; then names=("$name"); fi
done
say "${#names[@]} of the tests, $times times:"
printf '  %s\n' "${names[@]}" >&2

start_test_services
log=$local_folder/flake.log
for one in "${names[@]}"; do
  for ((run = 1; run <= times; run++)); do
    if ! "$binary" --exact "$one" >"$log" 2>&1; then
      cat "$log"
      say "$one: run $run failed, after $((run - 1)) that passed"
      exit 1
    fi
    if [ -t 2 ]; then printf '\r%s: %d of %d' "$one" "$run" "$times" >&2; fi
  done
  if [ -t 2 ]; then printf '\r' >&2; fi
  echo "$one: $times runs, all passed"
done
