#!/bin/bash
# make run: installs what is missing, builds what has changed, and serves until Ctrl-C.

. "$(dirname "$0")/server.sh"
trap leave_services EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

scripts/packages.sh build services
choose_address
require_free_address
scripts/apps.sh build
cargo build --release --locked --bin order-tracker
binary=$(target_folder)/release/order-tracker
write_env_file
join_services

# A copy, so that a build for the tests does not change the apps under people who use them.
if [ -z "$(setting FRONTEND_DIR)" ]; then
  cp -a frontend/dist "$me/apps"
  export FRONTEND_DIR=$me/apps
fi
# No load balancer has to hear that we are going.
[ -n "$(setting DRAIN_NOTICE)" ] || export DRAIN_NOTICE=0
[ -n "$(setting DRAIN_TIMEOUT)" ] || export DRAIN_TIMEOUT=5

# In a session of its own, so that Ctrl-C reaches it once, through us; and it ends when we are killed.
setsid setpriv --pdeathsig TERM -- "$binary" serve 8>&- &
server=$!
# Twice in a row is one wish, which came to us by two ways; later it is impatience.
stop_server() {
  if [ -n "${signal:-}" ] && [ $((SECONDS - asked_at)) -lt 2 ]; then return; fi
  kill "-${signal:-TERM}" "$server" 2>/dev/null || true
  signal=KILL asked_at=$SECONDS
}
trap stop_server INT TERM HUP

is_running() { kill -0 "$server" 2>/dev/null; }
is_ready() { curl --noproxy '*' -sf -o /dev/null --max-time 2 "$base_url/readyz"; }
for _ in $(seq 600); do
  if ! is_running || is_ready; then break; fi
  sleep 0.1
done

if is_running && is_ready; then
  cat <<READY

  Users     $PUBLIC_URL/
  Movers    $PUBLIC_URL/movers/
  API       $PUBLIC_URL/docs/
READY
  link=$("$binary" invite --admin --if-none) || link=''
  if [ -n "$link" ]; then
    printf '\n  There is no admin yet. Who opens this link becomes one; it works once:\n  %s\n' "$link"
  fi
  printf '\n  Ctrl-C stops it; the data stays.\n\n'
elif is_running; then
  say "The server is not ready after 60 seconds."
  failed=yes
  stop_server
fi

# A signal that we have a trap for ends a wait early.
code=0
wait "$server" || code=$?
while is_running; do wait "$server" && code=0 || code=$?; done
if [ -n "${failed:-}" ]; then code=1
elif [ -n "${signal:-}" ]; then code=0; fi
exit "$code"
