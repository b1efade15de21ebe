#!/bin/bash
# make invite: prints a one-time link for a new mover, or with ROLE=admin for an admin.

. "$(dirname "$0")/server.sh"
case ${1:-mover} in
  mover) role=() ;;
  admin) role=(--admin) ;;
  *) die "ROLE is mover or admin" ;;
esac
cargo build --release --locked --quiet --bin order-tracker
scripts/with-services.sh "$(target_folder)/release/order-tracker" invite "${role[@]}"
