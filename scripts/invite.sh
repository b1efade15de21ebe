#!/bin/bash
# make invite: prints a one-time link for a new mover, or with ROLE=admin for an admin.

. "$(dirname "$0")/server.sh"
case ${1:-mover} in
  mover) role=() ;;
  admin) role=(--admin) ;;
  *) die "ROLE is mover or admin" ;;
esac
cargo build --release --locked --quiet --bin order-tracker
# As the server that runs here was told, unless we are told otherwise.
for pid in $(running); do
  if [ -z "${PUBLIC_URL:-}${BIND_ADDR:-}" ] && [ -s "$local_folder/running/$pid/public_url" ]; then
    PUBLIC_URL=$(cat "$local_folder/running/$pid/public_url")
    export PUBLIC_URL
  fi
done
scripts/with-services.sh "$(target_folder)/release/order-tracker" invite "${role[@]}"
