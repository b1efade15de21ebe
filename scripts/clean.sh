#!/bin/bash
# make clean: stops, and removes what can be built again.
# make clean-data: stops, and deletes all accounts and orders of this clone; asks first, or CONFIRM=yes.

. "$(dirname "$0")/settings.sh"
cd "$clone"

case ${1:-} in
  builds)
    scripts/stop.sh
    for instance in test faults bench; do scripts/services.sh destroy "$instance"; done
    rm -rf frontend/dist frontend/node_modules frontend/shared/api/generated examples/typescript/node_modules .local/python .local/running
    cargo clean --quiet
    ;;
  data)
    if [ "${CONFIRM:-}" != yes ]; then
      [ -t 0 ] || die "this deletes all accounts and orders: CONFIRM=yes make clean-data"
      read -r -p "Delete all accounts and orders of this clone? Type yes: " answer
      [ "$answer" = yes ] || die "nothing was deleted"
    fi
    scripts/stop.sh
    scripts/services.sh destroy run
    ;;
  *) die "clean.sh builds or data" ;;
esac
