#!/bin/bash
# Runs README.md's commands of "Through the API" as they stand there: readme.sh http://localhost:8080
# Only the address is replaced, and the email addresses, which can be registered once.

. "$(dirname "$0")/settings.sh"
cd "$clone"
address=${1:?the address of a running server}
unique=$(od -An -v -tx1 -N4 /dev/urandom | tr -d ' \n')

commands=$(sed -n '/^## Through the API/,/^## Settings/p' README.md | awk '/^```/ { inside = /^```sh$/; next } inside' |
  sed -e "s,http://localhost:8080,$address,g" -e "s,ws://localhost:8080,ws${address#http},g" \
    -e "s,@\(shop\|movers\)\.example,+$unique&,g" -e "s,\"PO-1881\",\"PO-$unique\",")
[ -n "$commands" ] || die "README.md has no commands"
bash -euo pipefail -c "$commands" | tee >(cat >&2) | {
  out=$(cat)
  # The README says what they print in the end; a failing curl has ended them before.
  for expected in '"status": "completed"' '"code": "illegal_move"' '"type":"subscribed"'; do
    case $out in *"$expected"*) ;; *) die "README.md's commands did not print $expected" ;; esac
  done
}
say "README.md's commands work"
