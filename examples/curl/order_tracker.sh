#!/bin/bash
# What the examples share: requests that are sent again until they are answered for good. It is sourced, not run.
# Neither API keys nor what is sent become arguments of a program, which others on the same machine could read.

set -euo pipefail

api=${ORDER_TRACKER_URL:-http://localhost:8080}/api/v1
patience=300 # seconds: nobody waits longer for an answer
token=${API_KEY:-}

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

headers=$(mktemp) body=$(mktemp)
trap 'rm -f "$headers" "$body"' EXIT

# request METHOD PATH JSON [CURL OPTION...], where JSON may be ''. The answer is in $status, 000 if there was none, and in the
# files $headers and $body.
request() {
  local method=$1 path=$2 json=$3
  shift 3
  if [ -n "$json" ]; then set -- --json @- "$@"; fi
  : >"$headers"
  : >"$body"
  status=$(curl --silent --max-time 30 --request "$method" "$api$path" "$@" \
    --header @<(if [ -n "$token" ]; then printf 'Authorization: Bearer %s\n' "$token"; fi) \
    --dump-header "$headers" --output "$body" --write-out '%{http_code}' <<<"$json") || status=000
}

# The same, and again as long as no answer comes or the server says "not now". Only for what can be sent twice without harm:
# whatever reads, and what has an Idempotency-Key, which stays the same.
insist() {
  local failures=0 deadline=$((SECONDS + patience)) wait
  while true; do
    request "$@"
    case $status in
      000 | 429 | 502 | 503 | 504) ;; # nothing, or not now, says the server, or a proxy before it
      409) [ "$(field .code)" = idempotency_in_progress ] || return 0 ;;
      *) return 0 ;;
    esac
    # Milliseconds: what the server asks for, and at random up to 1, 2, 4, 8, 16, 32 seconds more.
    wait=$(header Retry-After)
    [[ $wait =~ ^[0-9]{1,6}$ ]] || wait=0
    wait=$((10#$wait * 1000 + RANDOM % (1000 << (failures < 5 ? failures : 5))))
    [ $((SECONDS + wait / 1000)) -le "$deadline" ] || die "$(problem)"
    say "$status; again in $wait ms"
    sleep "$((wait / 1000)).$(printf '%03d' $((wait % 1000)))"
    failures=$((failures + 1))
  done
}

# Of the last answer: a header; a field of the JSON, '' where there is none; what it says of a refusal.
header() { tr -d '\r' <"$headers" | sed -n "s/^$1: *//Ip" | tail -n 1; }
field() { jq -r "$1 // \"\"" "$body" 2>/dev/null || true; }
problem() { printf '%s %s: %s %s' "$status" "$(field .code)" "$(field .detail)" "$(field .errors)"; }
