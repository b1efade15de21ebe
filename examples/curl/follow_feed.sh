#!/bin/bash
# Prints the events of all your orders, from where it was stopped: API_KEY=… ./follow_feed.sh CURSOR_FILE
# One line of JSON an event, until you stop it. The key needs the scope orders:read.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/order_tracker.sh"

file=$1
after=() # from the first event there is
if [ -e "$file" ]; then after=(--data-urlencode "after=$(cat "$file")"); fi

while true; do
  insist GET /events '' --get --data limit=100 "${after[@]}"
  [ "$status" = 200 ] || die "$(problem)"
  jq -c '.data[]' "$body"
  # After what was made of the events: who is stopped between the two gets them again.
  cursor=$(field .next_cursor)
  printf '%s\n' "$cursor" >"$file.new"
  mv "$file.new" "$file" # at once, or not at all
  after=(--data-urlencode "after=$cursor")
  if [ "$(field .has_more)" != true ]; then sleep "${PAUSE:-5}"; fi
done
