#!/bin/bash
# make stop: ends every `make run` and `make dev` of this clone, and its private services.

. "$(dirname "$0")/settings.sh"

[ -d "$local_folder" ] || exit 0
for pid in $(running); do kill -TERM "$pid" 2>/dev/null || true; done
for _ in $(seq 450); do
  [ -n "$(running)" ] || break
  sleep 0.1
done
"$clone/scripts/services.sh" stop run
# What a killed `make test` left; one that is at work keeps its own.
exec 8>"$local_folder/test.users"
if flock -n 8; then
  "$clone/scripts/services.sh" stop test 8>&-
  "$clone/scripts/services.sh" stop faults 8>&-
fi
exec 8>"$local_folder/bench.users"
if flock -n 8; then "$clone/scripts/services.sh" stop bench 8>&-; fi
