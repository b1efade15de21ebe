#!/bin/bash
# make flake T=name N=200: runs one test of the server again and again, until it fails or has passed N times.

. "$(dirname "$0")/test-services.sh"
name=${1:-} times=$2
[ -n "$name" ] || die "which test? make flake T=live::order_is_seen N=200"

scripts/packages.sh build services
cargo build --locked --bin order-tracker
binary=$(cargo test --no-run --locked --test api 2>&1 | tee /dev/stderr | sed -nE 's/.*Executable tests.*\((.*)\)$/\1/p')
[ -x "$binary" ] || die "cargo did not say where the tests are"

mapfile -t matches < <("$binary" --list --format terse 2>/dev/null | sed -n 's/: test$//p' | grep -F -- "$name" || true)
for match in "${matches[@]}"; do
  if [ "$match" = "$name" ]; then matches=("$name"); fi
done
case ${#matches[@]} in
  0) die "no test has $name in its name" ;;
  1) name=${matches[0]} ;;
  *) say "Which one?"; printf '  %s\n' "${matches[@]}" >&2; exit 1 ;;
esac

start_test_services
log=$local_folder/flake.log
for ((run = 1; run <= times; run++)); do
  if ! "$binary" --exact "$name" >"$log" 2>&1; then
    cat "$log"
    say "$name: run $run failed, after $((run - 1)) that passed"
    exit 1
  fi
  if [ -t 2 ]; then printf '\r%s: %d of %d' "$name" "$run" "$times" >&2; fi
done
if [ -t 2 ]; then echo >&2; fi
echo "$name: $times runs, all passed"
