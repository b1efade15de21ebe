# shellcheck shell=bash
# Sourced by the other scripts: where this clone is, how to say something, and how to read .env.

set -euo pipefail

clone=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
# shellcheck disable=SC2034 # used by those who source this
local_folder=$clone/.local

# A rustup that was installed a minute ago is not yet in the PATH of the shell that installed it.
if ! command -v cargo >/dev/null && [ -x "${HOME:-/root}/.cargo/bin/cargo" ]; then
  PATH=${HOME:-/root}/.cargo/bin:$PATH
fi

# Progress goes to stderr: stdout is for results.
say() { printf '%s\n' "$*" >&2 || true; }
die() { say "order-tracker: $*"; exit 1; }

# Postgres' configuration and URLs can't hold every name of a folder.
require_plain_name() {
  case $clone in *[\"\'\\$'\n']*) die "the folder's name $clone has quotes, backslashes or line ends in it; those don't work" ;; esac
}

# Open for passing through, not for looking: when root runs this, the user "postgres" has to come by.
make_local_folder() {
  if [ ! -d "$local_folder" ]; then
    mkdir -p "$local_folder"
    chmod 711 "$local_folder"
  fi
  [ -w "$local_folder" ] || die "$local_folder belongs to $(stat -c %U "$local_folder"): run as that user"
}

# Prints the PIDs of this clone's `make run` and `make dev`, and forgets those that are no more.
running() {
  local place pid
  for place in "$local_folder"/running/*; do
    [ -d "$place" ] || continue
    pid=${place##*/}
    # The number alone proves nothing: it may be somebody else's by now.
    if [ "$(readlink "/proc/$pid/cwd")" = "$clone" ] && grep -qa 'scripts/' "/proc/$pid/cmdline" 2>/dev/null; then
      echo "$pid"
    else
      rm -rf "$place"
    fi
  done
}

# Prints the value of a setting: from the environment, else from .env, else nothing.
# .env is read, not sourced: a value may hold anything.
setting() {
  local name=$1 value
  if [ -n "${!name:-}" ]; then printf '%s' "${!name}"; return; fi
  [ -e "$clone/.env" ] || return 0
  [ -r "$clone/.env" ] || die ".env is not readable for $(id -un): run as the user who wrote it"
  value=$(sed -nE "/^[[:space:]]*(export[[:space:]]+)?${name}[[:space:]]*=/ { s/^[^=]*=[[:space:]]*//; p; q }" "$clone/.env")
  case $value in
    \"*) value=${value#\"}; value=${value%%\"*} ;;
    \'*) value=${value#\'}; value=${value%%\'*} ;;
    *) value=$(sed -E 's/(^|[[:space:]]+)#.*$//; s/[[:space:]]+$//' <<<"$value") ;;
  esac
  printf '%s' "$value"
}

# Percent-encodes what may not stand in a URL as it is; slashes stay.
url_path() {
  local hex
  for hex in $(printf '%s' "$1" | od -An -v -tx1); do
    case $hex in
      2[d-f] | 3[0-9] | 4[1-9a-f] | 5[0-9af] | 6[1-9a-f] | 7[0-9ae]) printf '%b' "\\x$hex" ;;
      *) printf '%%%s' "${hex^^}" ;;
    esac
  done
}

# The newest PostgreSQL from 15 on: prints the folder of its programs, or fails.
postgres_bin() {
  local folder
  # Debian keeps the server's programs out of PATH, one folder a version.
  for folder in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5,5nr) \
    "$(dirname "$(command -v initdb || echo /none/initdb)")"; do
    if [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] && [ "$(postgres_major "$folder")" -ge 15 ]; then
      printf '%s' "$folder"
      return
    fi
  done
  return 1
}
postgres_major() { "$1/postgres" --version | sed -E 's/[^0-9]*([0-9]+).*/\1/'; }
