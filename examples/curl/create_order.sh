#!/bin/bash
# Creates an order, once, however often this is run or has to ask: API_KEY=… ./create_order.sh REFERENCE TITLE
# Prints the order's ID. The key needs the scope orders:write.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/order_tracker.sh"

reference=$1 title=$2
order=$(jq -n --arg reference "$reference" --arg title "$title" '{$reference, $title}')
# Made of your own number, whatever letters that has: whoever starts again after a crash, not knowing how far it came, sends the
# same key.
key=order-$(printf '%s' "$reference" | openssl dgst -sha256 -r | cut -d ' ' -f 1)
insist POST /orders "$order" --header "Idempotency-Key: $key"
[ "$status" = 201 ] || die "$(problem)"
field .id
