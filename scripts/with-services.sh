#!/bin/bash
# Runs a command with the settings that `make run` gives to the server: with-services.sh COMMAND...

. "$(dirname "$0")/server.sh"
trap leave_services EXIT
scripts/packages.sh services
choose_address
write_env_file
join_services
"$@" 8>&-
