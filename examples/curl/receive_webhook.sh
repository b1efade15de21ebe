#!/bin/bash
# Receives one webhook, verifies it, and logs its message. It is a CGI program (RFC 3875), as Apache, lighttpd, or nginx with
# fcgiwrap run them. In its environment, beside what the web server tells of the request:
#   WEBHOOK_SECRET  whsec_…, what POST /api/v1/webhooks has answered
#   SEEN_FOLDER     a folder in which it remembers what has come

set -euo pipefail
export LC_ALL=C # a byte is a byte

answer() {
  printf 'Status: %s\r\n\r\n' "$1"
  exit
}

# The HMAC-SHA256 of what is on stdin, in base64, as RFC 2104 makes it of two hashes. openssl does it by itself, but wants the
# key as an argument, which others on the same machine could read.
hmac() {
  local key inner='' outer='' hex i byte
  key=$(printf '%s' "${WEBHOOK_SECRET#whsec_}" | base64 -d | od -An -v -tx1 | tr -d ' \n')
  for ((i = 0; i < 64; i++)); do
    byte=${key:2 * i:2}
    printf -v hex '\\x%02x' $((16#${byte:-00} ^ 0x36))
    inner+=$hex
    printf -v hex '\\x%02x' $((16#${byte:-00} ^ 0x5c))
    outer+=$hex
  done
  {
    printf '%b' "$outer"
    { printf '%b' "$inner"; cat; } | openssl dgst -sha256 -binary
  } | openssl dgst -sha256 -binary | base64
}

id=${HTTP_WEBHOOK_ID:-} timestamp=${HTTP_WEBHOOK_TIMESTAMP:-} length=${CONTENT_LENGTH:-}
[[ $length =~ ^[0-9]{1,7}$ ]] || answer '413 Content Too Large' # no message has nearly 10 MB
[[ $timestamp =~ ^[0-9]{1,11}$ ]] || answer '401 Unauthorized'

# The bytes as they came: JSON that was read and written again is not what was signed.
body=$(mktemp)
trap 'rm -f "$body"' EXIT
head -c "$length" >"$body"

# Older than five minutes: somebody may have kept it and sends it again.
age=$(($(date +%s) - 10#$timestamp))
expected=v1,$({ printf '%s.%s.' "$id" "$timestamp"; cat "$body"; } | hmac)
verified=no
read -ra signatures <<<"${HTTP_WEBHOOK_SIGNATURE:-}" # two, while a secret is being replaced
for signature in "${signatures[@]}"; do
  if [ "$signature" = "$expected" ] && [ "${age#-}" -le 300 ]; then verified=yes; fi
done
if [ $verified = no ]; then
  echo "refused: no signature of ours" >&2
  answer '401 Unauthorized'
fi

# Each message comes at least once. And one that has failed comes later than those after it: of each order, keep the newest
# data.event.version.
# One at a time: two that come together may be the same.
exec 9<"$SEEN_FOLDER"
flock 9
seen=$SEEN_FOLDER/${id//[^A-Za-z0-9_-]/_}
if [ ! -e "$seen" ]; then
  jq -c . "$body" >&2 # yours: what you make of it
  touch "$seen"
fi
# Only now: what is not answered with 2xx comes again.
answer '204 No Content'
