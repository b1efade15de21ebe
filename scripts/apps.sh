#!/bin/bash
# The apps in frontend/:
#   apps.sh install   npm ci, when package-lock.json is newer than what is installed
#   apps.sh build     that, and builds frontend/dist, when a source has changed since

. "$(dirname "$0")/settings.sh"
cd "$clone/frontend"

make_local_folder
exec 9>"$local_folder/apps.lock"
flock 9

install() {
  # npm writes this file last.
  if [ node_modules/.package-lock.json -nt package-lock.json ]; then return; fi
  say "Installing the apps' packages"
  # swagger-ui-dist brings a package that would tell its makers of each installation.
  SCARF_ANALYTICS=false npm ci --no-audit --no-fund --loglevel=error >&2 9>&-
}

sources() {
  find . ../openapi.yaml ../docs ../examples \( -name node_modules -o -path ./dist -o -path ./shared/api/generated \) -prune \
    -o -type f ! -name '*.test.ts' ! -name '*.test.tsx' ! -name '*.tsbuildinfo' -print0 |
    LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum
}

build() {
  local stamp=dist/.built-from now
  now=$(sources)
  if [ "$(cat "$stamp" 2>/dev/null)" = "$now" ]; then return; fi
  install
  say "Building the apps"
  rm -rf dist
  # What it has to say matters only when it fails.
  local output
  output=$(npm run --silent build 2>&1 9>&-) || die "the apps do not build:"$'\n'"$output"
  printf '%s\n' "$now" >"$stamp"
}

case ${1:-} in
  install | build) "$1" ;;
  *) die "apps.sh install or build" ;;
esac
