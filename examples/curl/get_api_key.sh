#!/bin/bash
# Makes an API key and prints it: EMAIL=… PASSWORD=… ./get_api_key.sh NAME SCOPE...
# Log in as a person once, keep the key where you keep secrets, and give it to the programs. It is shown only now.

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/order_tracker.sh"

request POST /users/sessions "$(jq -n '{email: env.EMAIL, password: env.PASSWORD}')" # movers: /movers/sessions
[ "$status" = 200 ] || die "$(problem)"
token=$(field .access_token)
request POST /api-keys "$(jq -n '{name: $ARGS.positional[0], scopes: $ARGS.positional[1:]}' --args "$@")"
[ "$status" = 201 ] || die "$(problem)"
field .key
