#!/bin/bash
# make dev: the server (debug build) and Vite's, which reloads the apps as you write. Ctrl-C stops both.

. "$(dirname "$0")/server.sh"
trap leave_services EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

scripts/packages.sh build services
choose_address
require_free_address
scripts/apps.sh install
cargo build --locked
write_env_file
join_services
if [ "$PUBLIC_URL" = "http://localhost:${BIND_ADDR##*:}" ]; then export PUBLIC_URL=http://localhost:5173; fi
[ -n "$(setting DRAIN_NOTICE)" ] || export DRAIN_NOTICE=0

setsid setpriv --pdeathsig TERM -- "$(target_folder)/debug/order-tracker" serve 8>&- &
server=$!
setsid setpriv --pdeathsig TERM -- env API_URL="$base_url" npm --prefix frontend run dev 8>&- &
vite=$!
trap 'kill -- $server -$vite 2>/dev/null || true' INT TERM HUP

# Either one's end is the end of both.
wait -n || true
kill -- "$server" "-$vite" 2>/dev/null || true
wait
