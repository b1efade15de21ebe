#!/bin/bash
# Makes sure that the programs we need are there: packages.sh WHAT..., each of build, services, balancer, load, browser, python,
# examples.
# Installs what is missing through apt; where that cannot be, says what to install.

. "$(dirname "$0")/settings.sh"

require_plain_name
missing=()
need() { missing+=("$@"); }

at_least() { # at_least 1.89 1.95.0
  [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n1)" = "$1" ]
}

# What the build tools of the apps support: not the odd ones between.
is_node_understood() {
  case $1 in
    20.*) at_least 20.19 "$1" ;;
    22.*) at_least 22.12 "$1" ;;
    *) at_least 24 "$1" ;;
  esac
}

# Not through apt: what Debian has of these is too old.
check_toolchains() {
  local rust=1.89 problems=() found
  if ! command -v cargo >/dev/null; then
    problems+=("cargo $rust or newer, from https://rustup.rs")
  else
    found=$(cd "$clone" && cargo --version | cut -d' ' -f2)
    at_least "$rust" "$found" || problems+=("cargo $rust or newer (here: $found), from https://rustup.rs")
  fi
  if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
    problems+=("Node 20, 22 or 24 with npm, from https://nodejs.org")
  else
    found=$(node --version)
    is_node_understood "${found#v}" || problems+=("Node 20.19, 22.12, 24 or newer (here: $found), from https://nodejs.org")
  fi
  if [ ${#problems[@]} -gt 0 ]; then
    say "Please install first:"
    printf '  %s\n' "${problems[@]}" >&2
    exit 1
  fi
}

has_libpq() {
  pkg-config --exists libpq 2>/dev/null && return
  [ -e "$(pg_config --libdir 2>/dev/null)/libpq.so" ]
}

for what in "$@"; do
  case $what in
    build)
      check_toolchains
      command -v cc >/dev/null || need gcc libc6-dev
      has_libpq || need libpq-dev pkg-config
      pkg-config --exists openssl 2>/dev/null || need libssl-dev pkg-config
      ;;
    services)
      postgres_bin >/dev/null || need postgresql
      command -v redis-server >/dev/null || need redis-server
      command -v curl >/dev/null || need curl
      ;;
    balancer)
      # Debian has it where only root's PATH leads.
      PATH=$PATH:/usr/sbin command -v haproxy >/dev/null || need haproxy
      ;;
    load) command -v wrk >/dev/null || need wrk ;;
    browser)
      # Without a font, Chromium draws no letters. Ubuntu has it under another name, which brings a snap.
      if ! "$clone/scripts/chromium.sh" >/dev/null; then
        if grep -qs '^ID=ubuntu' /etc/os-release; then need chromium-browser; else need chromium; fi
        need fonts-liberation
      fi
      ;;
    python)
      # What it needs beside that, scripts/python.sh installs.
      "$clone/scripts/python.sh" --base >/dev/null || need python3 python3-venv
      ;;
    examples)
      for program in curl jq openssl; do
        command -v "$program" >/dev/null || need "$program"
      done
      ;;
    *) die "packages.sh: $what?" ;;
  esac
done
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
  die "please install first (these are Debian's names): ${missing[*]}"
fi
say "Installing: ${missing[*]}"
if [ "$(id -u)" = 0 ]; then
  as_root=()
elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
  as_root=(sudo)
else
  die "please install first: ${missing[*]} (as root: scripts/apt-install.sh ${missing[*]})"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "${as_root[@]}" "$clone/scripts/apt-install.sh" "${missing[@]}" >"$log"; then
  tail -n 30 "$log" >&2
  die "apt could not install: ${missing[*]}"
fi

case " ${missing[*]} " in *' postgresql '*)
  postgres_bin >/dev/null || die "this release's PostgreSQL is older than 15. For a newer one, as root:
  apt-get install postgresql-common && /usr/share/postgresql-common/pgdg/apt.postgresql.org.sh && apt-get install postgresql-17"
esac
