#!/bin/bash
# Prints each event of an order: API_KEY=… ./watch_order.sh ORDER_ID [VERSION]
# One line of JSON an event, in their order and each once, until you stop it. VERSION is the newest one that you have. The
# key needs the scope orders:read.
# curl has no WebSocket, so this asks every five seconds, with the ETag of the answer before: as long as nothing has happened,
# all that comes is 304. To be told at once, see ../python/watch_order.py.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/order_tracker.sh"

order=$(jq -rn --arg id "$1" '$id | @uri') have=${2:-0} etag=''

print_new_events() {
  # Only a database that went back to an earlier state has less than we have seen.
  if [ "$(field .version)" -lt "$have" ]; then have=0; fi
  local next=$have
  while [ -n "$next" ]; do
    insist GET "/orders/$order/events" '' --get --data "after=$next" --data limit=100
    [ "$status" = 200 ] || die "$(problem)"
    jq -c '.data[]' "$body"
    have=$(jq --argjson have "$have" '.data[-1].version // $have' "$body")
    next=$(field .next_cursor)
  done
}

while true; do
  insist GET "/orders/$order" '' --header "If-None-Match: $etag"
  case $status in
    200)
      etag=$(header ETag)
      print_new_events
      ;;
    304) ;;
    *) die "$(problem)" ;;
  esac
  sleep "${PAUSE:-5}"
done
